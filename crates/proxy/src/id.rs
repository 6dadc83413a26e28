//! The name of a write: enough to find it, and to tell it from a write of another journal.

use std::fmt;
use std::str::FromStr;

use journal::{JournalId, Seq};

use crate::lane::LaneNumber;

/// The name of a write: `1f0c22ab-17-4` is the fourth write of lane 17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriteId {
    pub(crate) journal: JournalId,
    pub(crate) lane: LaneNumber,
    pub(crate) seq: Seq,
}

/// The part of a journal's id that is shown.
fn mark(journal: JournalId) -> u32 {
    u32::try_from(journal.get() >> 96).unwrap_or_default()
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}-{}", mark(self.journal), self.lane.get(), self.seq)
    }
}

/// A name as it was asked for; of which journal is to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskedId {
    mark: u32,
    pub(crate) lane: LaneNumber,
    pub(crate) seq: Seq,
}

impl AskedId {
    /// Whether it may be a write of this journal.
    pub(crate) fn is_of(self, journal: JournalId) -> bool {
        self.mark == mark(journal)
    }
}

impl FromStr for AskedId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let (Some(mark), Some(lane), Some(seq), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let lane = lane.parse().ok().and_then(LaneNumber::new).ok_or(())?;
        let seq = seq.parse().map(Seq::new).map_err(|_| ())?;
        Ok(Self { mark: u32::from_str_radix(mark, 16).map_err(|_| ())?, lane, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_belongs_to_its_journal() {
        let journal = JournalId::new(0x1f0c_22ab_0000_0000_0000_0000_0000_0001);
        let id = WriteId { journal, lane: LaneNumber::new(17).unwrap(), seq: Seq::new(4) };
        assert_eq!(id.to_string(), "1f0c22ab-17-4");
        let asked: AskedId = "1f0c22ab-17-4".parse().unwrap();
        assert_eq!((asked.lane, asked.seq), (id.lane, id.seq));
        assert!(asked.is_of(journal) && !asked.is_of(JournalId::new(1)));
        for bad in ["", "-", "1-2", "1-2-3-4", "x-1-1", "1-1024-1", "1-1-x", "1-1--1"] {
            assert!(bad.parse::<AskedId>().is_err(), "{bad}");
        }
    }
}
