//! Writing a segment while it grows, in bounded memory.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use formats::Progress;
use formats::prometheus::{Compression, Pages};

use crate::MendError;

/// How much is gathered before it is written.
const BLOCK: usize = 1024 * 1024;

/// A segment that is being written.
pub(super) struct SegmentWriter {
    path: PathBuf,
    file: File,
    pages: Pages,
    full: Vec<u8>,
    progress: Progress,
}

impl SegmentWriter {
    pub(super) fn create(path: &Path, progress: &Progress) -> Result<Self, MendError> {
        let file = File::create(path).map_err(MendError::io("create", path))?;
        let progress = progress.clone();
        Ok(Self { path: path.to_owned(), file, pages: Pages::default(), full: Vec::new(), progress })
    }

    /// Appends a record.
    pub(super) fn log(&mut self, record: &[u8], compression: Compression) -> Result<(), MendError> {
        self.pages.log(record, compression);
        self.write()
    }

    /// Appends a record as it was stored.
    pub(super) fn log_packed(&mut self, packed: &[u8], compression: Compression) -> Result<(), MendError> {
        self.pages.log_packed(packed, compression);
        self.write()
    }

    /// Pads the last page, as a stop of the server does, and ends.
    pub(super) fn finish(mut self) -> Result<(), MendError> {
        self.pages.close();
        self.flush()
    }

    fn write(&mut self) -> Result<(), MendError> {
        if self.pages.bytes().len() < BLOCK { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), MendError> {
        self.full.clear();
        self.pages.take_full(&mut self.full);
        self.progress.add(self.full.len() as u64);
        self.file.write_all(&self.full).map_err(MendError::io("write", &self.path))
    }
}
