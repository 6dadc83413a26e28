//! What a journal needs for events that nobody settles, as in an outage: reckoned by the rules by which segments are
//! filled.

use crate::Options;
use crate::format::{HEADER_BYTES, frame_bytes};
use crate::limits::RESERVED_SEGMENTS;
use crate::writer::GROWN;

/// The payload of a settlement of one event.
const SETTLEMENT: u64 = 25;

/// Segments that were begun before and are not gone yet: those of two indexes, and the one that is being written.
const BEFORE: u64 = 3;

/// Bytes of memory for each pending event: its place takes twelve, in a list that doubles.
const MEMORY: u64 = 24;

/// Segments in one answer; no disk has so many.
const MOST_SEGMENTS: u64 = 10_000_000;

/// Events that come and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pile {
    /// How many.
    pub events: u64,
    /// Bytes of each.
    pub bytes: u64,
    /// How many other consumers settle each of them.
    pub settled_by: u64,
}

/// What they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Bytes of an event's frame in the log, and of the frames of its settlements.
    pub each: u64,
    /// Segments that they fill.
    pub segments: u64,
    /// Bytes of all indexes that are written meanwhile.
    pub index_bytes: u64,
    /// The least budget with which none of them is refused, whatever the journal held before that was settled.
    pub max_bytes: u64,
    /// What the disk has to have for a journal of that budget: a file more, which is made ahead.
    pub disk_bytes: u64,
    /// Bytes of memory for knowing where they are, while an index is written.
    pub memory_bytes: u64,
}

impl Pile {
    /// What it needs; nothing if one of its events is larger than the options allow, or if no disk is so large.
    pub fn need(&self, options: &Options) -> Option<Need> {
        let size = options.segment_size;
        let each =
            frame_bytes(self.bytes).checked_add(self.settled_by.checked_mul(frame_bytes(SETTLEMENT))?)?;
        if self.bytes > options.max_event || each > size - HEADER_BYTES {
            return None;
        }
        let (mut left, mut segments, mut index_bytes) = (self.events, 0_u64, 0_u64);
        let (mut index, mut since, mut unwritten) = (0, 0, 0);
        while left > 0 || segments == 0 {
            if segments == MOST_SEGMENTS {
                return None;
            }
            if segments == 0 || since >= GROWN * index {
                index = (self.events - left) * self.place_bytes(segments, size);
                (since, unwritten) = (0, index);
                index_bytes += index;
            }
            segments += 1;
            // The parts of an index come along with the events, as many bytes of them.
            let room = size - HEADER_BYTES;
            let part = unwritten.min(room / 2);
            unwritten -= part;
            let fitting = ((room - part) / each).min(left);
            left -= fitting;
            since += part + fitting * each;
        }
        let max_bytes = (segments + BEFORE + RESERVED_SEGMENTS) * size + 2 * index;
        let max_bytes = max_bytes.max(2 * RESERVED_SEGMENTS * size);
        let place = self.place_bytes(segments, size);
        Some(Need {
            each,
            segments,
            index_bytes,
            max_bytes,
            disk_bytes: max_bytes + size,
            memory_bytes: self.events * (MEMORY + place),
        })
    }

    /// Bytes of an event's place in an index: the segment, the offset divided by eight, and the frame's length.
    fn place_bytes(&self, segments: u64, size: u64) -> u64 {
        varint_bytes(segments) + varint_bytes(size / 8) + varint_bytes(frame_bytes(self.bytes))
    }
}

/// Bytes of a number in LEB128.
fn varint_bytes(number: u64) -> u64 {
    u64::from((64 - number.leading_zeros()).div_ceil(7).max(1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::storage::{Memory, Storage};
    use crate::{Commit, CommitError, Journal, Millis, Outcome, Start, Stats};

    use super::*;

    fn options() -> Options {
        let segment_size = 64 << 10;
        let clock = Options::new(|| Millis::new(0));
        Options { segment_size, max_event: segment_size / 4, commit: Commit::Caller, ..clock }
    }

    /// Fills a real journal, whose other consumers settle at once, until it has all events or refuses one.
    fn fill(pile: Pile, options: Options) -> (u64, Stats) {
        let storage: Arc<dyn Storage> = Arc::new(Memory::default());
        let journal = Journal::open_in(&storage, options).unwrap();
        let stream = journal.stream("lane").unwrap();
        let others: Vec<_> = (0..pile.settled_by)
            .map(|number| journal.consumer(&format!("other-{number}"), Start::Oldest).unwrap())
            .collect();
        let gone = journal.consumer("gone", Start::Oldest).unwrap();
        let payload = vec![b'x'; usize::try_from(pile.bytes).unwrap()];
        let mut taken = 0;
        while taken < pile.events {
            let seq = match journal.append(&stream, &payload).wait() {
                Ok(seq) => seq,
                Err(CommitError::OverBudget { .. }) => break,
                Err(error) => panic!("{error}"),
            };
            others.iter().for_each(|other| other.settle(&stream, seq, Outcome::Delivered).wait().unwrap());
            taken += 1;
        }
        drop(gone);
        (taken, journal.stats())
    }

    #[test]
    fn a_real_journal_needs_what_is_reckoned_or_up_to_a_twelfth_less() {
        for (events, bytes, settled_by) in [
            (20_000, 64, 0),
            (20_000, 64, 1),
            (3_000, 1_000, 2),
            (1_000, 5_000, 1),
            (100, 16 << 10, 0),
            (1, 1, 1),
        ] {
            let pile = Pile { events, bytes, settled_by };
            let need = pile.need(&options()).unwrap();
            let (taken, stats) = fill(pile, Options { max_bytes: need.max_bytes, ..options() });
            assert_eq!(taken, events, "{pile:?} {need:?}");
            let more = need.segments.checked_sub(stats.segments);
            // Of tiny events, the index is a third of the log, and where it alone fills a segment that goes again.
            let margin = if bytes < 1000 { 7 } else { 12 };
            assert!(more.is_some_and(|more| more * margin <= need.segments), "{pile:?} {need:?} {stats:?}");
        }
    }

    #[test]
    fn with_half_the_budget_it_is_refused() {
        let pile = Pile { events: 2_000, bytes: 5_000, settled_by: 0 };
        let need = pile.need(&options()).unwrap();
        let (taken, _) = fill(pile, Options { max_bytes: need.max_bytes / 2, ..options() });
        assert!(taken < pile.events && taken > pile.events / 3, "{taken}");
    }

    #[test]
    fn what_no_journal_takes_needs_nothing_that_could_be_told() {
        assert_eq!(Pile { events: 1, bytes: 1 << 20, settled_by: 0 }.need(&options()), None);
        assert_eq!(Pile { events: u64::MAX / 100, bytes: 9, settled_by: 0 }.need(&options()), None);
    }
}
