//! One frame of an etcd log: its length field, its record, and the checksum that chains the records.

use crate::protobuf::{Wire, next_field};
use crate::sum::Crc32c;
use crate::{Bytes, Malformed};

/// Bytes of the length field.
pub(super) const LENGTH_FIELD: usize = 8;
/// Bytes of the record that opens every file, with its length field.
pub(super) const OPENING: usize = 16;
/// Frames are padded to this.
pub(super) const ALIGNMENT: usize = 8;
/// The longest record that is read.
///
/// etcd up to 3.4 refuses 10 MiB; later versions have no limit but the file. A request is at most 1.5 MiB unless
/// somebody raised that, so no honest record comes near.
pub(super) const MAX_RECORD: usize = 32 * 1024 * 1024;
/// The largest frame.
pub(super) const MAX_FRAME: usize = LENGTH_FIELD + MAX_RECORD + ALIGNMENT;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Metadata,
    Entry,
    State,
    Crc,
    Snapshot,
}

impl Kind {
    fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Kind::Metadata,
            2 => Kind::Entry,
            3 => Kind::State,
            4 => Kind::Crc,
            5 => Kind::Snapshot,
            _ => return None,
        })
    }

    /// The name of a record of this kind.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Metadata => "metadata",
            Kind::Entry => "entry",
            Kind::State => "state",
            Kind::Crc => "crc",
            Kind::Snapshot => "snapshot",
        }
    }
}

/// What the length field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    /// Bytes of the record.
    pub(super) record: usize,
    /// Bytes of zero behind it.
    pub(super) padding: usize,
}

impl Length {
    /// Reads the length field at the start of `bytes`; `None` when it cannot be that of a record.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let field = Bytes::new(bytes).u64_le("length").ok()?;
        let record =
            usize::try_from(record_bytes(field)).ok().filter(|record| (1..=MAX_RECORD).contains(record))?;
        let length = Self { record, padding: usize::try_from(padding_bytes(field)).ok()? };
        let is_old = field >> 56 == 0;
        (is_old || length.total().is_multiple_of(ALIGNMENT)).then_some(length)
    }

    /// How many bytes the field claims for the record and its padding, believable or not.
    pub(super) fn claimed(bytes: &[u8]) -> u64 {
        Bytes::new(bytes).u64_le("length").map_or(0, |field| record_bytes(field) + padding_bytes(field))
    }

    /// Bytes of the whole frame.
    pub(super) fn total(self) -> usize {
        LENGTH_FIELD + self.record + self.padding
    }
}

fn record_bytes(field: u64) -> u64 {
    field & !(0xff << 56)
}

/// The top bit says that the padding lies in the three lowest bits of its byte; etcd ignores the others.
fn padding_bytes(field: u64) -> u64 {
    if field >> 63 == 0 { 0 } else { field >> 56 & 7 }
}

/// A record as it lies there: nothing of it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unverified<'a> {
    pub(super) kind: Kind,
    pub(super) crc: u32,
    pub(super) data: &'a [u8],
}

impl<'a> Unverified<'a> {
    /// Takes all of `bytes` as one record.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Bytes::new(bytes);
        let (mut kind, mut crc, mut data) = (None, None, &[][..]);
        while let Some(field) = next_field(&mut fields)? {
            match (field.number, field.value) {
                (1, Wire::Varint(number)) => kind = Kind::from_number(number),
                (2, Wire::Varint(number)) => crc = u32::try_from(number).ok(),
                (3, Wire::Bytes(bytes)) => data = bytes,
                _ => return Err(fields.malformed("record: unknown field")),
            }
        }
        let kind = kind.ok_or(fields.malformed("record: unknown type"))?;
        let crc = crc.ok_or(fields.malformed("record: no checksum"))?;
        Ok(Self { kind, crc, data })
    }

    /// The checksum of all data up to and with this record, when it was `before` before.
    pub(super) fn sum(&self, before: u32) -> u32 {
        sum(before, self.data)
    }

    /// Whether the record goes on from the checksum `before`.
    pub(super) fn follows(&self, before: u32) -> bool {
        match self.kind {
            Kind::Crc => self.crc == before,
            _ => self.crc == self.sum(before),
        }
    }
}

fn sum(before: u32, data: &[u8]) -> u32 {
    let mut sum = Crc32c::after(before);
    sum.update(data);
    sum.finish()
}

/// The record of the frame at the start of `bytes`, if all of it is there and well-formed.
pub(super) fn parse_frame(bytes: &[u8]) -> Option<(Unverified<'_>, Length)> {
    let length = Length::read(bytes)?;
    let record = bytes.get(LENGTH_FIELD..LENGTH_FIELD + length.record)?;
    let parsed = Unverified::parse(record).ok()?;
    (bytes.len() >= length.total()).then_some((parsed, length))
}

/// The record of a frame whose length field is wrong: the record itself says where its data end.
///
/// Answers the length that the field should name.
pub(super) fn parse_without_length(bytes: &[u8]) -> Option<(Unverified<'_>, Length)> {
    let body = bytes.get(LENGTH_FIELD..)?;
    let mut fields = Bytes::new(body);
    let mut record = 0;
    for expected in 1..=3 {
        let mut ahead = fields;
        match next_field(&mut ahead) {
            Ok(Some(field)) if field.number == expected => record = ahead.position(),
            _ => break,
        }
        fields = ahead;
    }
    let parsed = Unverified::parse(body.get(..record)?).ok()?;
    let padding = record.next_multiple_of(ALIGNMENT) - record;
    (record <= MAX_RECORD && bytes.len() >= LENGTH_FIELD + record + padding)
        .then_some((parsed, Length { record, padding }))
}

/// Whether a frame may begin at the start of `bytes`, of which the first [`OPENING`] are enough to tell.
pub(super) fn plausible(bytes: &[u8]) -> bool {
    // Most that is searched is zero, which this refuses at once.
    matches!(bytes.get(8..11), Some([0x08, 1..=5, 0x10]))
        && Length::read(bytes).is_some_and(|length| length.total().is_multiple_of(ALIGNMENT))
}

/// The checksums that the record in `body` may have left behind, when it was `before` before and something in it
/// is wrong.
///
/// Either its stored checksum is right and its data wrong, or the other way round. The data are the end of the record;
/// where they begin depends on the size of the checksum before them alone, so they are found even when the
/// bytes between cannot be read.
pub(super) fn possible_sums(body: &[u8], before: Option<u32>) -> Vec<u32> {
    let mut sums = Vec::new();
    if let Ok(record) = Unverified::parse(body) {
        sums.push(record.crc);
    }
    let Some(before) = before else { return sums };
    // Tag and type, tag and checksum of one to five bytes, tag and length of one to four bytes.
    for front in 3 + 1 + 1 + 1..=3 + 5 + 1 + 4 {
        if let Some(data) = body.get(front..) {
            sums.push(sum(before, data));
        }
    }
    sums
}

/// Whether etcd takes a record that does not verify for one that was not written to its end: a sector of it is all
/// zero. `at` is where `data`, the record with its padding, lies in the file.
pub(super) fn has_unwritten_sector(at: u64, data: &[u8]) -> bool {
    const SECTOR: u64 = 512;
    let first = usize::try_from(SECTOR - at % SECTOR).unwrap_or(usize::MAX).min(data.len());
    let (front, rest) = data.split_at(first);
    let is_zero = |sector: &[u8]| sector.iter().all(|&byte| byte == 0);
    std::iter::once(front).chain(rest.chunks(512)).any(|sector| !sector.is_empty() && is_zero(sector))
}
