//! Records to fragments: the bytes of a segment, as the server writes them.

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

use super::fragment::{Compression, HEADER, PAGE};
use crate::sum::crc32c;

/// The bytes of one segment.
///
/// A record is split where a page ends; a page with less room than a fragment header is filled with zeros. With
/// room for exactly a header, the server writes a first fragment without data, and so does this.
#[derive(Default)]
pub struct Pages {
    bytes: Vec<u8>,
    packer: Packer,
    packed: Vec<u8>,
}

/// Zstandard's own default level, which is also the server's.
const ZSTD_LEVEL: i32 = 3;

/// Compresses records, reusing its memory.
pub struct Packer {
    snappy: snap::raw::Encoder,
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Default for Packer {
    fn default() -> Self {
        Self { snappy: snap::raw::Encoder::new(), zstd: None }
    }
}

impl Packer {
    /// Appends a record to `out`, compressed if that shrinks it, and says how it was stored.
    pub fn pack(&mut self, record: &[u8], compression: Compression, out: &mut Vec<u8>) -> Compression {
        let start = out.len();
        let packed = match compression {
            Compression::None => None,
            Compression::Snappy => self.snappy(record, out),
            Compression::Zstd => self.zstd(record, out),
        };
        if packed.is_some_and(|len| len < record.len()) {
            return compression;
        }
        out.truncate(start);
        out.extend_from_slice(record);
        Compression::None
    }

    fn snappy(&mut self, record: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let start = out.len();
        out.resize(start + snap::raw::max_compress_len(record.len()), 0);
        let len = self.snappy.compress(record, out.get_mut(start..)?).ok()?;
        out.truncate(start + len);
        Some(len)
    }

    fn zstd(&mut self, record: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if self.zstd.is_none() {
            self.zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL).ok();
        }
        let start = out.len();
        out.resize(start + zstd::zstd_safe::compress_bound(record.len()), 0);
        let len = self.zstd.as_mut()?.compress_to_buffer(record, out.get_mut(start..)?).ok()?;
        out.truncate(start + len);
        Some(len)
    }
}

impl Pages {
    /// Appends a record; one that compression does not shrink is stored as it is.
    pub fn log(&mut self, record: &[u8], compression: Compression) {
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        let stored = self.packer.pack(record, compression, &mut packed);
        self.log_packed(&packed, stored);
        self.packed = packed;
    }

    /// Appends a record that is compressed already, or is to stay as it is.
    pub fn log_packed(&mut self, packed: &[u8], compression: Compression) {
        self.split(packed, compression);
    }

    /// Takes out the pages that are full, so that a segment can be written while it grows.
    pub fn take_full(&mut self, out: &mut Vec<u8>) {
        let full = self.bytes.len() - self.bytes.len() % PAGE;
        out.extend(self.bytes.drain(..full));
    }

    /// Fills the last page, as closing a segment does.
    pub fn close(&mut self) {
        let full = self.bytes.len().next_multiple_of(PAGE);
        self.bytes.resize(full, 0);
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn room(&self) -> usize {
        PAGE - self.bytes.len() % PAGE
    }

    fn split(&mut self, packed: &[u8], compression: Compression) {
        if self.room() < HEADER {
            self.close();
        }
        let mut rest = packed;
        let mut kind = 2;
        loop {
            let fits = rest.len().min(self.room() - HEADER);
            let (data, behind) = rest.split_at_checked(fits).unwrap_or((rest, &[]));
            let ends = behind.is_empty();
            let kind_here = match (kind, ends) {
                (2, true) => 1,
                (_, true) => 4,
                (kind, false) => kind,
            };
            self.put(kind_here, compression, data);
            if ends {
                return;
            }
            (rest, kind) = (behind, 3);
        }
    }

    fn put(&mut self, kind: u8, compression: Compression, data: &[u8]) {
        let flag = match compression {
            Compression::None => 0,
            Compression::Snappy => 0x08,
            Compression::Zstd => 0x10,
        };
        self.bytes.push(kind | flag);
        // A fragment is never longer than a page.
        let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(&crc32c(data).to_be_bytes());
        self.bytes.extend_from_slice(data);
        if self.room() < HEADER {
            self.close();
        }
    }
}
