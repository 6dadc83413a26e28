//! A block, written series by series.

use std::path::Path;

use super::chunk::EncodedChunk;
use super::{Description, Label, Stats, Symbols};
use crate::MendError;

/// How large the files of chunks may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Bytes after which a new file begins. A chunk that is larger has a file of its own.
    pub bytes: u32,
}

impl Default for Segments {
    /// 512 MiB, as the server has it.
    fn default() -> Self {
        Self { bytes: 512 * 1024 * 1024 }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// What the block holds.
    pub stats: Stats,
    /// The time of its first sample.
    pub min_time: i64,
    /// The millisecond behind its last sample.
    pub max_time: i64,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// A block that is being written.
#[derive(Debug)]
pub struct BlockWriter<'s> {
    symbols: &'s Symbols<'s>,
}

impl<'s> BlockWriter<'s> {
    /// Begins a block in `dir`, which is made, or is there and empty. Series may use only these symbols.
    pub fn create(_dir: &Path, _symbols: &'s Symbols<'s>, _segments: Segments) -> Result<Self, MendError> {
        Err(MendError::Impossible { reason: "not yet".to_owned(), advice: String::new() })
    }

    /// Appends a series with its chunks.
    ///
    /// Series come in the order of their labels, each once; labels in the order of their names, none without a value;
    /// chunks in the order of time, each beginning after the one before it has ended. Anything else is an error.
    pub fn series(&mut self, _labels: &[Label], _chunks: &[EncodedChunk<'_>]) -> Result<(), MendError> {
        Err(MendError::Impossible { reason: format!("{}", self.symbols.len()), advice: String::new() })
    }

    /// Writes what is still missing and syncs everything. A block without series is an error.
    pub fn finish(self, _description: &Description) -> Result<Written, MendError> {
        Err(MendError::Impossible { reason: String::new(), advice: String::new() })
    }
}
