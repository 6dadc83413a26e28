//! A place where no sound record lies: what is known of it, and what etcd does when it comes there.

use std::borrow::Cow;

use super::frame::{ALIGNMENT, LENGTH_FIELD, Length, MAX_FRAME, has_unwritten_sector, possible_sums};
use super::tally::Fate;
use crate::Bytes;

/// The longest record that etcd up to 3.4 reads; at a longer one it stops even at the end of the log.
const OLD_LIMIT: u64 = 10 * 1024 * 1024;

/// Which file of the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Others follow.
    Inner,
    /// The newest: only here etcd expects a torn end.
    Last,
    /// The newest, and a server may be in the middle of writing its last record.
    Growing,
}

/// What is known of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) len: u64,
    pub(super) place: Place,
}

/// A place where no sound record lies.
pub(super) struct Broken {
    pub(super) start: u64,
    /// Bytes that the record claims to have, believable or not; 0 when not even that is there.
    claimed: u64,
    /// The length, when it is believable.
    pub(super) length: Option<Length>,
    /// Whether a sector of the record is all zero: to etcd that is one that was never written.
    has_unwritten_sector: bool,
    /// Checksums that it may have left behind.
    pub(super) sums: Vec<u32>,
    before: Option<u32>,
}

impl Broken {
    /// How many checksums are computed at most when it is looked at.
    pub(super) const SUMS: usize = 10;

    /// A place at `start` with this length field, where the checksum was `before`.
    pub(super) fn new(start: u64, field: &[u8], before: Option<u32>) -> Self {
        let (claimed, length) = (Length::claimed(field), Length::read(field));
        Self { start, claimed, length, has_unwritten_sector: false, sums: Vec::from_iter(before), before }
    }

    /// Looks at its frame; says whether all of it is there.
    pub(super) fn look_at(&mut self, frame: &[u8]) -> bool {
        let Some(length) = self.length.filter(|length| frame.len() >= length.total()) else { return false };
        let data = frame.get(LENGTH_FIELD..).unwrap_or_default();
        self.has_unwritten_sector = has_unwritten_sector(self.start + LENGTH_FIELD as u64, data);
        self.sums.extend(possible_sums(data.get(..length.record).unwrap_or_default(), self.before));
        true
    }

    /// What etcd does when it comes here.
    pub(super) fn fate(&self, extent: Extent) -> Fate {
        if extent.place == Place::Inner {
            return Fate::Stops;
        }
        let runs_out = self.start.saturating_add(LENGTH_FIELD as u64 + self.claimed) > extent.len;
        match self.claimed {
            0 => Fate::Cuts,
            _ if self.has_unwritten_sector => Fate::Cuts,
            OLD_LIMIT.. if runs_out => Fate::Differs,
            _ if runs_out => Fate::Cuts,
            _ => Fate::Stops,
        }
    }

    /// Why there is no sound record.
    pub(super) fn cause(&self) -> Cow<'static, str> {
        match self.length {
            None => "length field is wrong".into(),
            Some(_) if self.sums.len() < 2 => "record is cut off".into(),
            Some(_) => "checksum mismatch".into(),
        }
    }
}

/// How many bytes a frame with a wrong length field takes, as the first bytes of its record tell.
pub(super) fn reach_without_length(front: &[u8]) -> usize {
    let body = front.get(LENGTH_FIELD..).unwrap_or_default();
    // Tag and type, tag and checksum, tag and length of the data.
    let mut fields = Bytes::new(body);
    let mut data = 0;
    for _ in 0..3 {
        let Ok(tag) = fields.uvarint("tag") else { break };
        let Ok(number) = fields.uvarint("number") else { break };
        data = if tag == 0x1a { usize::try_from(number).unwrap_or(usize::MAX) } else { 0 };
    }
    (LENGTH_FIELD + fields.position() + ALIGNMENT).saturating_add(data).min(MAX_FRAME)
}
