//! The two headers: of the directory (`journal.id`) and of a segment.

use super::bytes::{Bytes, Malformed, Put};
use super::sum::sum;
use crate::number::MOST;
use crate::{JournalId, Lsn, Millis, SegmentId};

const ID_MAGIC: [u8; 8] = *b"SEAWALLI";
const SEGMENT_MAGIC: [u8; 8] = *b"SEAWALLJ";

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The block at the start of a segment that holds its header alone.
pub const HEADER_BYTES: u64 = 4096;

/// Bytes of a segment's header that mean something.
const SEGMENT_FIELDS: usize = 72;
const ID_FIELDS: usize = 64;

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// The magic or the sum is wrong, or bytes are missing.
    #[error("its header is damaged")]
    Damaged,
    /// A newer Seawall wrote it.
    #[error("it has version {0}, and this Seawall reads version {VERSION}")]
    Newer(u32),
}

impl From<Malformed> for BadHeader {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

/// What `journal.id` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryHeader {
    /// The journal whose directory it is.
    pub journal: JournalId,
    /// When the journal was made.
    pub made: Millis,
}

impl DirectoryHeader {
    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = begin(ID_MAGIC, 0);
        bytes.put_u128(self.journal.get());
        bytes.put_i64(self.made.get());
        bytes.put(&[0; 16]);
        seal(bytes)
    }

    /// Reads the bytes of the file.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let (mut fields, _) = open(bytes, ID_MAGIC, ID_FIELDS)?;
        Ok(Self { journal: JournalId::new(fields.u128("journal")?), made: Millis::new(fields.i64("time")?) })
    }
}

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The journal that it belongs to.
    pub journal: JournalId,
    /// Its number.
    pub segment: SegmentId,
    /// The LSN of its first frame; frames of older segments from here on are void.
    pub first: Lsn,
    /// When it was made.
    pub made: Millis,
    /// The size of the file.
    pub size: u64,
}

impl SegmentHeader {
    /// The first block of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = begin(SEGMENT_MAGIC, 4096);
        bytes.put_u128(self.journal.get());
        bytes.put_u64(self.segment.get());
        bytes.put_u64(self.first.get());
        bytes.put_i64(self.made.get());
        bytes.put_u64(self.size);
        let mut bytes = seal(bytes);
        bytes.resize(4096, 0);
        bytes
    }

    /// Reads the first block of a file.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let (mut fields, header_bytes) = open(bytes, SEGMENT_MAGIC, SEGMENT_FIELDS)?;
        let header = Self {
            journal: JournalId::new(fields.u128("journal")?),
            segment: SegmentId::new(fields.u64("segment")?),
            first: Lsn::new(fields.u64("first LSN")?),
            made: Millis::new(fields.i64("time")?),
            size: fields.u64("size")?,
        };
        if header_bytes == 4096 && header.first.get() <= MOST { Ok(header) } else { Err(BadHeader::Damaged) }
    }
}

fn begin(magic: [u8; 8], bytes_of_header: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4096);
    bytes.put(&magic);
    bytes.put_u32(VERSION);
    bytes.put_u32(bytes_of_header);
    bytes
}

fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = sum(&bytes);
    bytes.put_u64(sum);
    bytes
}

/// The fields behind the version, once the sum at the end of `len` bytes holds.
fn open(bytes: &[u8], magic: [u8; 8], len: usize) -> Result<(Bytes<'_>, u32), BadHeader> {
    let header = bytes.get(..len).ok_or(BadHeader::Damaged)?;
    let (covered, stored) = header.split_at_checked(len.saturating_sub(8)).ok_or(BadHeader::Damaged)?;
    let mut fields = Bytes::new(covered);
    if fields.take(8, "magic")? != magic {
        return Err(BadHeader::Damaged);
    }
    let version = fields.u32("version")?;
    let header_bytes = fields.u32("size of the header")?;
    // Another version may keep its sum elsewhere. A flipped bit of the version is one case in which this is wrong,
    // and it is wrong on the safe side: nothing is touched.
    if version > VERSION {
        return Err(BadHeader::Newer(version));
    }
    if Bytes::new(stored).u64("sum")? != sum(covered) || version == 0 {
        return Err(BadHeader::Damaged);
    }
    Ok((fields, header_bytes))
}
