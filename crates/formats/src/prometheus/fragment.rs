//! One fragment: the unit that carries a checksum.
//!
//! ```text
//! +---------+------------+----------+----------------+
//! | type u8 | length u16 | crc u32  | data [length]  |   big endian, CRC-32C of the data alone
//! +---------+------------+----------+----------------+
//! type: bits 0-2 kind (0 page end, 1 full, 2 first, 3 middle, 4 last), bit 3 snappy, bit 4 zstd, bits 5-7 zero
//! ```

use crate::Bytes;
use crate::sum::{crc32c, crc32c_prefix};

/// A page: no fragment crosses its end.
pub(crate) const PAGE: usize = 32 * 1024;

/// The same for file offsets.
pub(crate) const PAGE_U64: u64 = PAGE as u64;

/// Bytes before the data of a fragment.
pub(crate) const HEADER: usize = 7;

/// How much searching in one page may checksum, in bytes.
///
/// Random bytes offer candidates worth about 3 MiB of checksums in a page, so this never cuts short an honest
/// search; a page made of nothing but plausible headers would cost half a GiB without it, and one with good fragments
/// between them a quarter of that again for each.
pub(super) const SEARCH_BUDGET: usize = 4 * 1024 * 1024;

/// How a record's bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Stored as they are.
    None,
    /// Snappy block format.
    Snappy,
    /// One Zstandard frame.
    Zstd,
}

/// A fragment's place in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole record.
    Full,
    /// The beginning of a record.
    First,
    /// A continuation that is not the end.
    Middle,
    /// The end of a record.
    Last,
}

/// A fragment header as it stands in the file: nothing in it is covered by a checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    kind: u8,
    length: usize,
    crc: u32,
}

impl Header {
    /// The header at the start of `bytes`, if they are long enough for one.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(bytes);
        let kind = bytes.u8("type").ok()?;
        let length = usize::from(bytes.u16_be("length").ok()?);
        Some(Self { kind, length, crc: bytes.u32_be("crc").ok()? })
    }

    /// The place in the record, if the type is one of the four.
    #[inline]
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self.kind & 7 {
            1 => Some(Kind::Full),
            2 => Some(Kind::First),
            3 => Some(Kind::Middle),
            4 => Some(Kind::Last),
            _ => None,
        }
    }

    /// The compression, if the two flags make sense together.
    #[inline]
    pub(crate) const fn compression(self) -> Option<Compression> {
        match self.kind & 0x18 {
            0 => Some(Compression::None),
            0x08 => Some(Compression::Snappy),
            0x10 => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// The compression as the server takes it, which looks at one flag after the other.
    pub(crate) const fn compression_as_read(self) -> Compression {
        match self.kind & 0x18 {
            0 => Compression::None,
            0x10 => Compression::Zstd,
            _ => Compression::Snappy,
        }
    }

    /// Whether bits are set that no writer sets.
    #[inline]
    pub(crate) const fn has_reserved_bits(self) -> bool {
        self.kind & 0xe0 != 0
    }

    /// Header and data together.
    #[inline]
    pub(crate) const fn len(self) -> usize {
        HEADER + self.length
    }

    /// Whether it announces no data and has the checksum of none.
    pub(crate) const fn is_empty(self) -> bool {
        self.length == 0 && self.crc == 0
    }

    /// The data, if all of it is in `bytes`, which begin with the header.
    #[inline]
    pub(crate) fn data(self, bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(HEADER..self.len())
    }

    /// Whether `data` is what the checksum was taken of.
    #[inline]
    pub(crate) fn vouches_for(self, data: &[u8]) -> bool {
        crc32c(data) == self.crc
    }

    /// How long the data would have to be for the checksum to be right: the length itself may be what is damaged.
    pub(crate) fn vouched_length(self, rest: &[u8]) -> Option<usize> {
        crc32c_prefix(rest.get(HEADER..)?, self.crc)
    }

    /// Whether the type is one that a writer writes.
    pub(crate) const fn is_plausible(self) -> bool {
        self.kind().is_some() && self.compression().is_some() && !self.has_reserved_bits()
    }
}

/// Whether every byte is zero.
pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// Whether `rest`, the rest of a page or file, begins with a fragment whose checksum is right.
pub(crate) fn begins_soundly(rest: &[u8]) -> bool {
    let header = Header::read(rest).filter(|header| header.is_plausible());
    header.is_some_and(|header| header.data(rest).is_some_and(|data| header.vouches_for(data)))
}

/// Where in `rest`, the rest of a page, the next fragment begins whose checksum is right.
///
/// A zero-length fragment is no anchor: its checksum is zero, so seven bytes of noise could be one.
///
/// `budget` is what may still be checksummed in this page.
pub(crate) fn resync(rest: &[u8], budget: &mut usize) -> Option<usize> {
    for at in 1..rest.len().saturating_sub(HEADER) {
        let tail = rest.get(at..)?;
        let Some(header) = Header::read(tail).filter(|header| header.is_plausible() && header.length > 0)
        else {
            continue;
        };
        let Some(data) = header.data(tail) else { continue };
        let Some(left) = budget.checked_sub(data.len()) else {
            *budget = 0;
            return None;
        };
        *budget = left;
        if header.vouches_for(data) {
            return Some(at);
        }
    }
    None
}
