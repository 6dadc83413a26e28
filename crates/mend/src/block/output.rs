//! Files of a block while they are written: buffered, summed, synced.

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crc_fast::{CrcAlgorithm, Digest};

use crate::MendError;

/// How much is written at once.
const BUFFER: usize = 256 * 1024;

/// The bytes of a sum.
pub(super) const SUM: u64 = 4;

/// A file that is being written from its beginning to its end.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
}

impl Output {
    /// Makes a file that is not there yet.
    pub(super) fn create(path: PathBuf) -> Result<Self, MendError> {
        let file = File::create_new(&path).map_err(MendError::io("make", &path))?;
        Ok(Self { path, file: BufWriter::with_capacity(BUFFER, file), at: 0 })
    }

    /// How many bytes it has.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), MendError> {
        self.file.write_all(bytes).map_err(MendError::io("write", &self.path))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Appends zeros up to a multiple of `unit`, at most 16.
    pub(super) fn align(&mut self, unit: u64) -> Result<(), MendError> {
        let missing = self.at.next_multiple_of(unit) - self.at;
        let zeros = [0; 16];
        self.put(zeros.get(..usize::try_from(missing).unwrap_or(0)).unwrap_or_default())
    }

    /// Hands everything to the system, so that it can be read again.
    pub(super) fn flush(&mut self) -> Result<(), MendError> {
        self.file.flush().map_err(MendError::io("write", &self.path))
    }

    /// Writes everything and makes it last; answers with its length.
    pub(super) fn finish(mut self) -> Result<u64, MendError> {
        self.flush()?;
        self.file.get_ref().sync_all().map_err(MendError::io("sync", &self.path))?;
        Ok(self.at)
    }

    /// Begins bytes that end with their sum.
    pub(super) fn summed(&mut self) -> Summed<'_> {
        Summed { output: self, digest: Digest::new(CrcAlgorithm::Crc32Iscsi) }
    }
}

/// Bytes that end with their sum.
pub(super) struct Summed<'o> {
    output: &'o mut Output,
    digest: Digest,
}

impl Summed<'_> {
    /// Appends bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), MendError> {
        self.digest.update(bytes);
        self.output.put(bytes)
    }

    /// Appends the sum.
    pub(super) fn end(self) -> Result<(), MendError> {
        // The algorithm has 32 bits.
        let sum = u32::try_from(self.digest.finalize()).unwrap_or(0);
        self.output.put(&sum.to_be_bytes())
    }
}

/// The CRC-32C of bytes.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    // The algorithm has 32 bits.
    u32::try_from(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes)).unwrap_or(0)
}

/// Writes a file whole.
pub(super) fn write(path: PathBuf, bytes: &[u8]) -> Result<u64, MendError> {
    let mut output = Output::create(path)?;
    output.put(bytes)?;
    output.finish()
}

/// Makes the names in a directory last.
pub(super) fn sync_dir(path: &Path) -> Result<(), MendError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(MendError::io("sync", path))
}

/// Appends a number in groups of seven bits, the lowest first.
#[inline]
pub(super) fn put_uvarint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Appends a signed number, its sign in the lowest bit.
pub(super) fn put_varint(value: i64, out: &mut Vec<u8>) {
    put_uvarint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

/// Appends a text behind its length.
pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    put_uvarint(text.len() as u64, out);
    out.extend_from_slice(text);
}
