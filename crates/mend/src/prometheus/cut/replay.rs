//! Which samples of the log a start would take.
//!
//! * A record of a series empties it: what a replay serves comes behind the last one.
//! * A sample counts if its number was declared, and if it is later than the one before it and than the chunks that
//!   `chunks_head` has of its series. So of samples of one time the first counts, and what came out of order does not.
//! * Samples that are in blocks and those that were deleted are left out by who calls.

use std::collections::HashMap;

use super::inventory::Inventory;
use super::roster::SeriesId;

/// The state of a replay: two numbers for each series.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    /// Time of the newest sample.
    newest: Vec<i64>,
    /// Records of the series that are still to come.
    to_come: Vec<u32>,
    graves: &'a HashMap<SeriesId, Vec<(i64, i64)>>,
}

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
        let series = &inventory.series;
        let count = u32::try_from(series.len()).unwrap_or(u32::MAX);
        let to_come = (0..count).map(SeriesId).map(|one| match series.is_deleted(one) {
            // Nothing ever declares it again.
            true => u32::MAX,
            false => series.declared(one),
        });
        let newest = match inventory.mapped.ends.is_empty() {
            true => vec![i64::MIN; series.len()],
            false => inventory.mapped.ends.clone(),
        };
        Self { newest, to_come: to_come.collect(), graves: &inventory.graves }
    }

    /// A record declares a series.
    pub(super) fn declare(&mut self, series: SeriesId) {
        if let Some(to_come) = self.to_come.get_mut(series.index()).filter(|to_come| **to_come < u32::MAX) {
            *to_come = to_come.saturating_sub(1);
        }
    }

    /// A sample comes.
    #[inline]
    pub(super) fn sample(&mut self, series: SeriesId, time: i64) -> Fate {
        let at = series.index();
        let (Some(newest), Some(0)) = (self.newest.get_mut(at), self.to_come.get(at)) else {
            return Fate::Refused;
        };
        if time <= *newest {
            return Fate::Refused;
        }
        *newest = time;
        if self.is_deleted(series, time) { Fate::Deleted } else { Fate::Served }
    }

    /// Whether a sample of that time was deleted.
    #[inline]
    pub(super) fn is_deleted(&self, series: SeriesId, time: i64) -> bool {
        !self.graves.is_empty()
            && self.graves.get(&series).is_some_and(|all| all.iter().any(|(from, to)| (*from..=*to).contains(&time)))
    }

    /// Whether anything was deleted between two times, both included.
    pub(super) fn has_graves(&self, series: SeriesId, (min, max): (i64, i64)) -> bool {
        self.graves.get(&series).is_some_and(|all| all.iter().any(|(from, to)| *from <= max && *to >= min))
    }
}
