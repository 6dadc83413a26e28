//! The new checkpoint: what stays of the files that it takes the place of.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use formats::prometheus::{Compression, Pages};

use crate::MendError;

/// How long a file of a checkpoint becomes, as the server has it.
const SEGMENT: u64 = 128 * 1024 * 1024;

/// How much is written at once.
const BUFFER: usize = 256 * 1024;

/// A checkpoint that is being written.
pub(super) struct Checkpoint {
    dir: PathBuf,
    number: u64,
    file: Option<(File, PathBuf)>,
    pages: Pages,
    /// Full pages that are not yet written.
    full: Vec<u8>,
    /// Bytes of the file so far.
    bytes: u64,
}

impl Checkpoint {
    /// Begins a checkpoint in a directory, which is made.
    pub(super) fn create(dir: PathBuf) -> Result<Self, MendError> {
        fs::create_dir_all(&dir).map_err(MendError::io("make the directory", &dir))?;
        let mut new =
            Self { dir, number: 0, file: None, pages: Pages::default(), full: Vec::new(), bytes: 0 };
        new.open()?;
        Ok(new)
    }

    /// Appends a record.
    pub(super) fn log(&mut self, packed: &[u8], compression: Compression) -> Result<(), MendError> {
        if self.bytes >= SEGMENT {
            self.close()?;
            self.number += 1;
            self.open()?;
        }
        let before = self.pages.bytes().len();
        self.pages.log_packed(packed, compression);
        self.bytes += (self.pages.bytes().len() - before) as u64;
        if self.pages.bytes().len() >= BUFFER {
            self.pages.take_full(&mut self.full);
            self.write()?;
        }
        Ok(())
    }

    /// Writes what is still missing.
    pub(super) fn finish(mut self) -> Result<(), MendError> {
        self.close()
    }

    fn open(&mut self) -> Result<(), MendError> {
        let path = self.dir.join(format!("{:08}", self.number));
        let file = File::create_new(&path).map_err(MendError::io("create", &path))?;
        (self.file, self.bytes) = (Some((file, path)), 0);
        Ok(())
    }

    fn close(&mut self) -> Result<(), MendError> {
        self.pages.close();
        self.pages.take_full(&mut self.full);
        self.write()
    }

    fn write(&mut self) -> Result<(), MendError> {
        if let Some((file, path)) = &mut self.file {
            file.write_all(&self.full).map_err(MendError::io("write", path))?;
        }
        self.full.clear();
        Ok(())
    }
}

/// Makes an empty segment.
pub(super) fn empty_segment(path: &Path) -> Result<(), MendError> {
    File::create_new(path).map(drop).map_err(MendError::io("create", path))
}
