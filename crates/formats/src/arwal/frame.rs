//! One record of a job log: its length under either rule, its checksum, its fields.

use crate::sum::crc64_nvme;
use crate::{Bytes, UnixTime};

/// Bytes of the file header.
pub(super) const HEADER: usize = 16;
/// The smallest record: its payload is empty.
pub(super) const MIN_TOTAL: usize = 32;
/// The largest value of the length field that the program itself reads.
pub(super) const MAX_LENGTH: u32 = 10 * 1024 * 1024;
/// The largest record under either rule.
pub(super) const MAX_TOTAL: usize = MAX_LENGTH as usize + 4;
/// How many bytes tell whether a record may begin here.
pub(super) const HEAD: usize = 16;

/// What the length field counts.
///
/// The program writes [`Whole`](LengthRule::Whole); its specification says [`Rest`](LengthRule::Rest), and
/// others have implemented that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LengthRule {
    /// The whole record with the field itself.
    Whole,
    /// What follows the field.
    Rest,
}

impl LengthRule {
    /// The size of a record whose length field holds `length`, when that is a legal one.
    pub(super) fn total(self, length: u32) -> Option<usize> {
        if length > MAX_LENGTH {
            return None;
        }
        let total = match self {
            LengthRule::Whole => length as usize,
            LengthRule::Rest => length as usize + 4,
        };
        (total >= MIN_TOTAL).then_some(total)
    }

    /// The other rule.
    pub(super) fn other(self) -> Self {
        match self {
            LengthRule::Whole => LengthRule::Rest,
            LengthRule::Rest => LengthRule::Whole,
        }
    }
}

/// A record whose checksum holds; there is no other way to make one than [`Frame::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    total: usize,
    sequence: i64,
    status: u8,
    time: UnixTime,
}

impl Frame {
    /// Reads `bytes` as one whole record if the checksum at their end holds.
    ///
    /// The length field is not looked at: the checksum does not cover it, so it may be wrong while all the
    /// rest is sound.
    pub(super) fn verify(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        let covered = body.get(4..)?;
        if Bytes::new(sum).u64_le("checksum").ok()? != crc64_nvme(covered) {
            return None;
        }
        let mut fields = Bytes::new(covered);
        let sequence = fields.i64_le("sequence").ok()?;
        let status = fields.u8("status").ok()?;
        fields.take(3, "reserved").ok()?;
        let time = UnixTime::from_millis(fields.i64_le("time").ok()?);
        Some(Self { total: bytes.len(), sequence, status, time })
    }

    /// Bytes of the record.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// The number of the event in its job.
    pub(super) fn sequence(&self) -> i64 {
        self.sequence
    }

    /// 1 pending, 2 sent, 3 failed.
    pub(super) fn status(&self) -> u8 {
        self.status
    }

    /// When it was appended.
    pub(super) fn time(&self) -> UnixTime {
        self.time
    }

    /// The payload in the `bytes` that were verified.
    pub(super) fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(24..self.total.saturating_sub(8)).unwrap_or_default()
    }
}

/// The length field at the start of `bytes`.
pub(super) fn length_field(bytes: &[u8]) -> Option<u32> {
    Bytes::new(bytes).u32_le("length").ok()
}

/// Whether a record may begin at the start of `bytes`, of which fewer than [`HEAD`] may be there.
///
/// The status byte and the three zero bytes behind it refuse all but one position in a billion of other data,
/// so that hardly any checksum is computed in vain.
pub(super) fn plausible(bytes: &[u8]) -> bool {
    let length_fits = length_field(bytes).is_some_and(|length| LengthRule::Rest.total(length).is_some());
    let status_fits = bytes.get(12).is_none_or(|status| (1..=3).contains(status));
    let reserved_fits = bytes.get(13..).is_none_or(|rest| rest.iter().take(3).all(|&byte| byte == 0));
    length_fits && status_fits && reserved_fits
}

/// Where in `bytes` a record may begin; the last bytes, too few for a whole [`HEAD`], are not searched.
pub(super) fn next_plausible(bytes: &[u8]) -> Option<usize> {
    bytes.windows(HEAD).position(plausible)
}
