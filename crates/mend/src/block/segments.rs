//! `chunks/`: the samples, in files of limited size.
//!
//! ```text
//! file:  magic 0x85BD40DD u32 | version u8 = 1 | 0 0 0 | chunk*
//! chunk: length uvarint | encoding u8 | data | crc u32 (encoding and data)
//! ```
//! Big endian; CRC-32C. Files are called `000001`, `000002`, .. Chunks are referred to by the place of their file, from 0
//! on, in the upper and of their first byte in the lower 32 bits; so references grow.

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

use std::path::PathBuf;

use super::chunk::EncodedChunk;
use super::output::{Output, crc32c, put_uvarint, sync_dir};
use crate::MendError;

/// Magic, version, and zeros.
const HEADER: [u8; 8] = [0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0];

/// How large the files of chunks may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Bytes that a file does not exceed, unless its only chunk does.
    pub bytes: u32,
}

impl Default for Segments {
    /// 512 MiB, as the server has it.
    fn default() -> Self {
        Self { bytes: 512 * 1024 * 1024 }
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkRef(pub(super) u64);

/// The files of chunks.
#[derive(Debug)]
pub(super) struct ChunkFiles {
    dir: PathBuf,
    most: Segments,
    /// The one that is being written.
    open: Option<Output>,
    /// How many there are.
    files: u32,
    /// Bytes of those that are finished.
    bytes: u64,
    scratch: Vec<u8>,
}

impl ChunkFiles {
    /// Begins in a directory, which is made.
    pub(super) fn create(dir: PathBuf, most: Segments) -> Result<Self, MendError> {
        std::fs::create_dir(&dir).map_err(MendError::io("make the directory", &dir))?;
        Ok(Self { dir, most, open: None, files: 0, bytes: 0, scratch: Vec::new() })
    }

    /// Appends a chunk; answers with where it lies.
    pub(super) fn put(&mut self, chunk: &EncodedChunk<'_>) -> Result<ChunkRef, MendError> {
        self.scratch.clear();
        put_uvarint(chunk.data.len() as u64, &mut self.scratch);
        let summed = self.scratch.len();
        self.scratch.push(chunk.encoding);
        self.scratch.extend_from_slice(&chunk.data);
        let sum = crc32c(self.scratch.get(summed..).unwrap_or_default());
        self.scratch.extend_from_slice(&sum.to_be_bytes());

        let most = u64::from(self.most.bytes);
        let full = self.open.as_ref().is_some_and(|file| {
            file.at() > HEADER.len() as u64 && file.at() + self.scratch.len() as u64 > most
        });
        if full {
            self.end()?;
        }
        let file = match &mut self.open {
            Some(file) => file,
            None => {
                self.files += 1;
                let mut file = Output::create(self.dir.join(format!("{:06}", self.files)))?;
                file.put(&HEADER)?;
                self.open.insert(file)
            }
        };
        // A file is longer than its limit of 32 bits only by its last chunk.
        let place = ChunkRef(u64::from(self.files - 1) << 32 | file.at());
        file.put(&self.scratch)?;
        Ok(place)
    }

    /// Makes everything last; answers with how many bytes it is.
    pub(super) fn finish(mut self) -> Result<u64, MendError> {
        self.end()?;
        sync_dir(&self.dir)?;
        Ok(self.bytes)
    }

    fn end(&mut self) -> Result<(), MendError> {
        if let Some(file) = self.open.take() {
            self.bytes += file.finish()?;
        }
        Ok(())
    }
}
