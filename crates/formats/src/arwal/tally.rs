//! What one file adds up to: the facts about its sequence and its states.

use std::collections::HashSet;

use super::frame::{Frame, LengthRule};

/// How many sequence numbers are remembered to find duplicates; above that their number is unknown.
const MAX_REMEMBERED: usize = 100_000;

/// What is known of a file after it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Whether the file header is what it should be.
    pub(super) header: Header,
    /// Sound records before the first place where the program stops reading; `None` when there is no such place.
    pub(super) readable: Option<u64>,
    /// Where the last damage ends.
    pub(super) damage_end: Option<u64>,
    /// Sound records.
    pub(super) records: u64,
    /// Records whose length field leaves itself out.
    pub(super) rest_lengths: u64,
    /// Records per state: pending, sent, failed, anything else.
    pub(super) pending: u64,
    pub(super) sent: u64,
    pub(super) failed: u64,
    /// The lowest and the highest sequence number.
    pub(super) sequences: Option<(i64, i64)>,
    /// How often a number was lower than the one before it.
    pub(super) backward: u64,
    duplicates: u64,
    seen: HashSet<i64>,
    forgetful: bool,
    previous: Option<i64>,
}

/// The state of a file header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Header {
    /// Not seen.
    #[default]
    Unread,
    /// As it should be.
    Sound,
    /// Cut off or with wrong content.
    Damaged,
}

impl Tally {
    /// Remembers that the program reads no further than the records so far.
    pub(super) fn stop(&mut self) {
        self.readable.get_or_insert(self.records);
    }

    /// Adds a record whose length follows `rule`, when it follows any; answers the number before it when this
    /// one is lower.
    pub(super) fn add(&mut self, frame: &Frame, rule: Option<LengthRule>) -> Option<i64> {
        if rule == Some(LengthRule::Rest) {
            self.stop();
            self.rest_lengths += 1;
        }
        self.records += 1;
        match frame.status() {
            1 => self.pending += 1,
            2 => self.sent += 1,
            3 => self.failed += 1,
            _ => {}
        }
        let number = frame.sequence();
        self.sequences =
            Some(self.sequences.map_or((number, number), |(low, high)| (low.min(number), high.max(number))));
        self.remember(number);
        let before = self.previous.replace(number).filter(|&before| number < before);
        self.backward += u64::from(before.is_some());
        before
    }

    fn remember(&mut self, number: i64) {
        if self.seen.contains(&number) {
            self.duplicates += 1;
        } else if self.seen.len() < MAX_REMEMBERED {
            self.seen.insert(number);
        } else {
            self.forgetful = true;
        }
    }

    /// How many records repeat a number; `None` when there were too many numbers to remember.
    pub(super) fn duplicates(&self) -> Option<u64> {
        (!self.forgetful).then_some(self.duplicates)
    }

    /// Forgets what is only needed while reading.
    pub(super) fn finish(mut self) -> Self {
        self.seen = HashSet::new();
        self
    }
}
