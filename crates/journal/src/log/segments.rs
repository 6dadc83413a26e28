//! The segments that are there, and their files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::segment_name;
use crate::SegmentId;
use crate::limits::{LARGEST_SEGMENT, OPEN_FILES};
use crate::storage::{Fault, Storage, StoredFile, read_range};

/// The segments that are there.
pub(crate) struct Segments {
    storage: Arc<dyn Storage>,
    /// The size of each file.
    sizes: BTreeMap<SegmentId, u64>,
    /// Some of them, open.
    open: BTreeMap<SegmentId, Arc<dyn StoredFile>>,
}

impl Segments {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, sizes: BTreeMap::new(), open: BTreeMap::new() }
    }

    pub(crate) fn insert(&mut self, segment: SegmentId, size: u64) {
        self.sizes.insert(segment, size);
    }

    pub(crate) fn remove(&mut self, segment: SegmentId) {
        self.sizes.remove(&segment);
        self.open.remove(&segment);
    }

    pub(crate) fn contains(&self, segment: SegmentId) -> bool {
        self.sizes.contains_key(&segment)
    }

    /// Each with its size, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (SegmentId, u64)> + '_ {
        self.sizes.iter().map(|(&segment, &size)| (segment, size))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.sizes.values().sum()
    }

    /// The file of a segment, opened if it is not.
    pub(crate) fn file(&mut self, segment: SegmentId) -> Result<Arc<dyn StoredFile>, Fault> {
        if let Some(file) = self.open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let name = segment_name(segment);
        let file = self.storage.open(&name).map_err(Fault::on("open", &name))?;
        while self.open.len() >= OPEN_FILES {
            self.open.pop_first();
        }
        self.open.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// All bytes of a segment.
    pub(crate) fn read(&mut self, segment: SegmentId) -> Result<Vec<u8>, Fault> {
        read_all(&*self.file(segment)?, &segment_name(segment))
    }
}

/// All bytes of a segment, from a file that is not kept open.
pub(crate) fn read_segment(storage: &dyn Storage, segment: SegmentId) -> Result<Vec<u8>, Fault> {
    let name = segment_name(segment);
    let file = storage.open(&name).map_err(Fault::on("open", &name))?;
    read_all(&*file, &name)
}

/// All bytes of a segment's file. One that is larger than any segment is not read: nobody knows how large it may be.
pub(crate) fn read_all(file: &dyn StoredFile, name: &str) -> Result<Vec<u8>, Fault> {
    let size = file.size().map_err(Fault::on("measure", name))?;
    if size > LARGEST_SEGMENT {
        let cause = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is larger than any segment");
        return Err(Fault::on("read", name)(cause));
    }
    read_range(file, 0, size).map_err(Fault::on("read", name))
}
