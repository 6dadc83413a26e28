//! Which samples of the log a start would take.
//!
//! * A record of a series empties it: what a replay serves comes behind the last one.
//! * A sample counts if its number was declared, and if it is later than the one before it and than the chunks that
//!   `chunks_head` has of its series. So of samples of one time the first counts, and what came out of order does not.
//! * Samples that are in blocks and those that were deleted are left out by who calls.

use super::inventory::Inventory;
use super::roster::SeriesId;

/// The state of a replay.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    /// Time of the newest sample of each series; the end of time for one of which none counts, or none yet.
    newest: Vec<i64>,
    /// Declarations so far.
    records: u64,
    inventory: &'a Inventory,
}

/// No sample is later.
const CLOSED: i64 = i64::MAX;

/// What becomes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is served.
    Served,
    /// It was taken, and deleted.
    Deleted,
    /// It is not taken.
    Refused,
}

impl<'a> Replay<'a> {
    /// A start that has read the chunks, and nothing of the log.
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        Self { newest: vec![CLOSED; inventory.series.len()], records: 0, inventory }
    }

    /// A series is declared, if its number still means one. With the last time, it begins where its chunks end.
    pub(super) fn declare(&mut self, series: Option<SeriesId>) {
        self.records += 1;
        let Some(series) = series else { return };
        let known = &self.inventory.series;
        let is_last = known.last_records().get(&series).is_none_or(|last| *last == self.records);
        if let Some(newest) = self.newest.get_mut(series.index())
            && is_last
            && !known.deleted().contains(&series)
        {
            *newest = self.inventory.mapped.end(series);
        }
    }

    /// A sample comes.
    #[inline]
    pub(super) fn sample(&mut self, series: SeriesId, time: i64) -> Fate {
        let Some(newest) = self.newest.get_mut(series.index()) else { return Fate::Refused };
        if time <= *newest {
            return Fate::Refused;
        }
        *newest = time;
        if self.is_deleted(series, time) { Fate::Deleted } else { Fate::Served }
    }

    /// Whether a sample of that time was deleted.
    #[inline]
    pub(super) fn is_deleted(&self, series: SeriesId, time: i64) -> bool {
        !self.inventory.graves.is_empty()
            && self
                .inventory
                .graves
                .get(&series)
                .is_some_and(|all| all.iter().any(|(from, to)| (*from..=*to).contains(&time)))
    }

    /// Whether anything was deleted between two times, both included.
    pub(super) fn has_graves(&self, series: SeriesId, (min, max): (i64, i64)) -> bool {
        self.inventory
            .graves
            .get(&series)
            .is_some_and(|all| all.iter().any(|(from, to)| *from <= max && *to >= min))
    }
}
