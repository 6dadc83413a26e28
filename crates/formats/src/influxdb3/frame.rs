//! The frame of a WAL file: magic, checksum, body.
//!
//! ```text
//! offset 0   8 bytes   "idb3.001"
//! offset 8   4 bytes   CRC-32 (IEEE) of everything behind it, big-endian
//! offset 12  the rest  one record, see `contents`
//! ```
//!
//! One file is one frame, written in one piece: whatever is wrong with it costs the whole file, and what lies
//! behind the flaw cannot be told from what lies before it. So a flaw reaches from where the first wrong byte can
//! be to the end of the file, in the order in which a server checks: the whole file when it is shorter than its
//! header or carries another magic, from the checksum on when that does not match (the sum or anything that it
//! covers may be wrong), from the body on when the checksum holds and the record does not decode.

use crate::sum::crc32_ieee;
use crate::{Bytes, Damage, Lost, Malformed};

/// How every WAL file of `InfluxDB` 3 Core begins.
pub(super) const MAGIC: &[u8; 8] = b"idb3.001";

/// What the magics of all engines of `InfluxDB` 3 have in common.
pub(super) const FAMILY: &[u8; 5] = b"idb3.";

/// Length of magic and checksum.
pub(super) const HEADER: usize = 12;

/// What is wrong with a WAL file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It ends within its header.
    #[error("file of {length} bytes is shorter than its header of 12")]
    TooShort {
        /// Its length.
        length: usize,
    },
    /// It begins with other bytes than a WAL file.
    #[error("wrong magic: begins with {} where idb3.001 belongs", found.escape_ascii())]
    WrongMagic {
        /// With these.
        found: [u8; 8],
    },
    /// The checksum does not match.
    #[error("checksum mismatch: {stored:08x} is stored, {computed:08x} computed")]
    Checksum {
        /// The sum in the header.
        stored: u32,
        /// The sum of the body.
        computed: u32,
    },
    /// The body is JSON text.
    #[error("body is JSON, as builds before December 2024 wrote it; no release of 3.x reads it")]
    JsonBody,
    /// The checksum matches and the body does not decode.
    #[error("body does not decode: {} at byte {}", .0.what, .0.at + HEADER)]
    Body(Malformed),
}

impl Flaw {
    /// Offset of the first byte that cannot be trusted.
    pub const fn start(&self) -> u64 {
        match self {
            Flaw::TooShort { .. } | Flaw::WrongMagic { .. } => 0,
            Flaw::Checksum { .. } => 8,
            Flaw::JsonBody | Flaw::Body(_) => 12,
        }
    }

    /// Whether a server of version 3.2 or later skips such a file with a warning; it does not start with others.
    pub const fn is_skipped(&self) -> bool {
        matches!(self, Flaw::TooShort { .. } | Flaw::WrongMagic { .. } | Flaw::Checksum { .. })
    }

    /// The damage of a file of `length` bytes that has this flaw.
    pub(super) fn damage(&self, file: &str, length: u64) -> Damage {
        Damage {
            file: file.to_owned(),
            start: self.start(),
            end: length,
            cause: self.to_string().into(),
            lost: Lost { records: None, bytes: length },
        }
    }
}

/// A body whose checksum matched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verified<'a>(&'a [u8]);

impl<'a> Verified<'a> {
    /// Its bytes.
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The checksum of a header that carries the right magic.
pub(super) fn header(bytes: &[u8]) -> Result<u32, Flaw> {
    let short = Flaw::TooShort { length: bytes.len() };
    if bytes.len() < HEADER {
        return Err(short);
    }
    let Some((magic, rest)) = bytes.split_first_chunk::<8>() else { return Err(short) };
    if magic != MAGIC {
        return Err(Flaw::WrongMagic { found: *magic });
    }
    Bytes::new(rest).u32_be("checksum").map_err(|_| short)
}

/// Checks the frame of a whole file.
pub(super) fn verify(file: &[u8]) -> Result<Verified<'_>, Flaw> {
    let stored = header(file)?;
    let body = file.get(HEADER..).unwrap_or_default();
    let computed = crc32_ieee(body);
    if computed != stored {
        return Err(Flaw::Checksum { stored, computed });
    }
    if body.first() == Some(&b'{') {
        return Err(Flaw::JsonBody);
    }
    Ok(Verified(body))
}
