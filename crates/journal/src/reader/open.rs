//! The file of a segment as it was opened. A running journal clears segments away, and makes new ones of their files.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::format::{HEADER_BYTES, Identity, SegmentHeader};
use crate::log::Frames;
use crate::log::names::segment_name;
use crate::storage::{Fault, Storage, StoredFile, read_range};
use crate::{JournalId, SegmentId};

/// A segment's file, and its first block as it was then.
pub(super) struct Opened {
    file: Arc<dyn StoredFile>,
    segment: SegmentId,
    head: Vec<u8>,
}

impl Opened {
    /// Opens the file of a segment. One that is another's by now is a fault of the kind [`ErrorKind::NotFound`].
    pub(super) fn of(storage: &dyn Storage, segment: SegmentId) -> Result<Self, Fault> {
        let name = segment_name(segment);
        let file = storage.open(&name).map_err(Fault::on("open", &name))?;
        let head = read_head(&*file, segment)?;
        match SegmentHeader::decode(&head) {
            Ok(header) if header.segment != segment => Err(gone(segment)),
            _ => Ok(Self { file, segment, head }),
        }
    }

    /// Its first block.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Its frames.
    pub(super) fn frames(&self, journal: JournalId) -> Result<Frames<'_>, Fault> {
        Frames::of(Identity::new(journal, self.segment), &*self.file)
    }

    /// Fails as if the file were gone if it has become another segment since. A header is written before any frame of its
    /// segment, so what was read before this was not mixed up with another's.
    pub(super) fn demand_same(&self) -> Result<(), Fault> {
        if read_head(&*self.file, self.segment)? == self.head { Ok(()) } else { Err(gone(self.segment)) }
    }
}

fn read_head(file: &dyn StoredFile, segment: SegmentId) -> Result<Vec<u8>, Fault> {
    read_range(file, 0, HEADER_BYTES).map_err(Fault::on("read", &segment_name(segment)))
}

fn gone(segment: SegmentId) -> Fault {
    Fault::on("read", &segment_name(segment))(ErrorKind::NotFound.into())
}
