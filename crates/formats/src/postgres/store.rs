//! Reading pages by their place in the stream, from the files that hold them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::lsn::{Geometry, Lsn, SegmentName};
use crate::Progress;
use crate::files;

/// How much is read at once.
const CHUNK: u64 = 128 * 1024;

/// Where the bytes of the stream come from.
pub(super) enum Source<'a> {
    /// Segments in a directory; a record may go on in the next file.
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Where reading is counted.
        progress: Progress,
    },
    /// One segment in memory.
    Memory(&'a [u8]),
}

/// The pages of one timeline, from one segment on.
pub(super) struct Store<'a> {
    source: Source<'a>,
    timeline: u32,
    geometry: Geometry,
    /// The first byte of the segment that is read.
    start: Lsn,
    open: Option<(SegmentName, File)>,
    held: Vec<u8>,
    held_at: Lsn,
}

impl<'a> Store<'a> {
    /// A store that reads from `start` on.
    pub(super) fn new(source: Source<'a>, timeline: u32, geometry: Geometry, start: Lsn) -> Self {
        let (open, held, held_at) = (None, Vec::new(), start);
        Self { source, timeline, geometry, start, open, held, held_at }
    }

    /// The page at `at`; shorter where the file ends, empty where there is none.
    pub(super) fn page(&mut self, at: Lsn) -> io::Result<&[u8]> {
        let is_held = |held_at: Lsn, held: u64| at >= held_at && at.since(held_at) < held;
        if !is_held(self.held_at, self.held.len() as u64) {
            self.load(at)?;
        }
        let from = usize::try_from(at.since(self.held_at)).unwrap_or(usize::MAX);
        let page = usize::try_from(self.geometry.page).unwrap_or(usize::MAX);
        let rest = self.held.get(from..).unwrap_or_default();
        Ok(rest.get(..page).unwrap_or(rest))
    }

    /// Forgets what was read, so that the next look sees what a server has written or renamed since.
    pub(super) fn forget(&mut self) {
        self.open = None;
        self.held.clear();
    }

    /// Whether the file of the segment that is read still lies where it lay: a server renames old ones to new numbers.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        let Source::Directory { dir, .. } = &self.source else { return Ok(true) };
        let name = SegmentName::holding(self.timeline, self.start, self.geometry);
        match std::fs::metadata(dir.join(name.to_string())) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn load(&mut self, at: Lsn) -> io::Result<()> {
        let (geometry, within) = (self.geometry, at.within(self.geometry.segment));
        let from = within - within % CHUNK.max(geometry.page);
        self.held_at = Lsn::new(at.get() - (within - from));
        let limit = CHUNK.max(geometry.page).min(geometry.segment - from);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if let Source::Memory(bytes) = self.source {
            let from = usize::try_from(self.held_at.since(self.start)).unwrap_or(usize::MAX);
            let rest = bytes.get(from..).unwrap_or_default();
            self.held = rest.get(..limit).unwrap_or(rest).to_vec();
            return Ok(());
        }
        self.held.clear();
        self.open_segment(at)?;
        let Some((_, file)) = &self.open else { return Ok(()) };
        self.held.resize(limit, 0);
        let read = read_at_most(file, &mut self.held, from)?;
        self.held.truncate(read);
        if let Source::Directory { progress, .. } = &self.source {
            progress.add(read as u64);
        }
        Ok(())
    }

    fn open_segment(&mut self, at: Lsn) -> io::Result<()> {
        let name = SegmentName::holding(self.timeline, at, self.geometry);
        if self.open.as_ref().is_some_and(|(open, _)| *open == name) {
            return Ok(());
        }
        let Source::Directory { dir, .. } = &self.source else { return Ok(()) };
        self.open = match files::open(&dir.join(name.to_string())) {
            Ok(file) => Some((name, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

fn read_at_most(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = into.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
