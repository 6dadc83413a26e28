//! What is inside of an archive: ARWAL001, as `zstd -d` gives it back, and the trailer behind it.

use crate::Millis;
use crate::format::bytes::{Bytes, Malformed, Put};
use crate::format::{sum, sum_from};
use crate::read::Found;

/// What the log inside begins with: the magic, version 1, four reserved bytes.
pub(super) const HEADER: [u8; 16] = *b"ARWAL001\x01\0\0\0\0\0\0\0";

/// Bytes of a record besides the payload.
const OVERHEAD: usize = 32;

/// The longest payload that readers of ARWAL001 take: a record has at most 10 MiB.
pub const MOST_PAYLOAD: u64 = (10 << 20) - 32;

/// Every event is written as pending: whoever imports the archive decides anew.
const PENDING: u8 = 1;

/// Appends the record of an event.
///
/// It is no longer than [`MOST_PAYLOAD`], so its length fits.
pub(super) fn put_record(out: &mut Vec<u8>, event: Found<'_>) {
    let total = OVERHEAD + event.payload.len();
    out.reserve(total);
    out.put_u32(u32::try_from(total).unwrap_or(u32::MAX));
    out.put_u64(event.seq.get());
    let behind = out.len();
    out.put(&[PENDING, 0, 0, 0]);
    out.put_i64(event.time.get());
    out.put(event.payload);
    let sum = sum_from(!event.seq.get(), out.get(behind..).unwrap_or_default());
    out.put_u64(sum);
}

/// A frame that decompressors skip, at the end of the file.
const SKIPPABLE: u32 = 0x184d_2a5e;
const TRAILER_MAGIC: [u8; 8] = *b"SEAWALLA";
/// Bytes of the trailer with its frame.
pub(super) const TRAILER_BYTES: u64 = 40;

/// What the trailer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) made: Millis,
    pub(super) events: u64,
}

impl Trailer {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_u32(SKIPPABLE);
        bytes.put_u32(32);
        bytes.put(&TRAILER_MAGIC);
        bytes.put_i64(self.made.get());
        bytes.put_u64(self.events);
        let sum = sum(&bytes);
        bytes.put_u64(sum);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, stored) = bytes.split_at_checked(32)?;
        let read = || -> Result<(u64, Self), Malformed> {
            let mut fields = Bytes::new(covered);
            fields.take(16, "magic")?;
            let (made, events) = (Millis::new(fields.i64("time")?), fields.u64("events")?);
            Ok((Bytes::new(stored).u64("sum")?, Self { made, events }))
        };
        let (stored, trailer) = read().ok()?;
        (stored == sum(covered) && covered.get(8..16)? == TRAILER_MAGIC).then_some(trailer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seq;

    #[test]
    fn a_record_has_the_bytes_that_the_program_writes_whose_format_it_is() {
        let event =
            Found { seq: Seq::FIRST, time: Millis::new(1_704_067_200_000), payload: &[8, 1, 0x18, 7] };
        let mut bytes = HEADER.to_vec();
        put_record(&mut bytes, event);
        let golden: [u8; 52] = [
            0x41, 0x52, 0x57, 0x41, 0x4c, 0x30, 0x30, 0x31, 1, 0, 0, 0, 0, 0, 0, 0, 0x24, 0, 0, 0, 1, 0, 0,
            0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xf4, 0x51, 0xc2, 0x8c, 1, 0, 0, 8, 1, 0x18, 7, 0x3f, 0xc4, 0xec,
            0x18, 0x3e, 0x91, 0xfb, 0x3e,
        ];
        assert_eq!(bytes, golden);
    }

    #[test]
    fn a_trailer_comes_back_and_is_refused_when_a_byte_is_wrong() {
        let trailer = Trailer { made: Millis::new(-5), events: 7 };
        let bytes = trailer.encode();
        assert_eq!((bytes.len() as u64, Trailer::decode(&bytes)), (TRAILER_BYTES, Some(trailer)));
        for at in 8..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert_eq!(Trailer::decode(&wrong), None, "byte {at}");
        }
    }
}
