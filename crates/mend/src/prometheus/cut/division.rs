//! Where a log is cut in two, and what the part that stays needs of the part that goes.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use formats::prometheus::record::{Record, SeriesRef, Type};
use formats::prometheus::{Directory, Frame, Framing, Relay};
use formats::{Malformed, Order, Part, Role};

use super::inventory::Inventory;
use super::points;
use super::roster::SeriesId;
use crate::MendError;

/// Where a log is cut in two.
#[derive(Debug)]
pub(super) struct Division {
    /// Samples from here on stay in the log.
    pub(super) keep_from: i64,
    /// How many files of the log, from the first one on, the new checkpoint takes the place of.
    pub(super) replaced: usize,
    /// The number of the new checkpoint.
    pub(super) checkpoint: u64,
    /// Series whose records have to stay.
    pub(super) needed: SeriesSet,
}

/// Which chunks of `chunks_head` still count afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// Those that end at the cut or later: others are in blocks.
    BehindTheCut,
    /// All.
    All,
}

impl Division {
    /// Cuts at `keep_from`; `None` if no sample of the log is older.
    ///
    /// The new checkpoint reaches to the last file that has one: so nothing older than the cut is left, and no sample is
    /// taken at the next start that would have been too late for its series before.
    pub(super) fn at(
        keep_from: i64,
        chunks: Chunks,
        (directory, inventory): (&Directory, &Inventory),
        order: &Order,
    ) -> Result<Option<Self>, MendError> {
        let is_older = |times: Option<(i64, i64)>| times.is_some_and(|(min, _)| min < keep_from);
        let Some(last) = inventory.parts.iter().rposition(|holding| is_older(holding.times)) else {
            return Ok(None);
        };
        let (replaced, checkpoint) = replaced(directory, inventory, last)?;
        let needed = SeriesSet::of_none(inventory.series.len());
        let count = u32::try_from(inventory.series.len()).unwrap_or(u32::MAX);
        for series in (0..count).map(SeriesId) {
            let end = inventory.mapped.end(series);
            let has_chunks = match chunks {
                Chunks::BehindTheCut => end >= keep_from,
                Chunks::All => end > i64::MIN,
            };
            if has_chunks {
                needed.insert(series);
            }
        }
        inventory.late.iter().for_each(|series| needed.insert(*series));
        let division = Self { keep_from, replaced, checkpoint, needed };
        division.mark_needed(directory, inventory, order)?;
        Ok(Some(division))
    }

    /// Whether the record of that number has to stay. The highest number that was given always stays: the server would
    /// give it again, and chunks of the old series would become those of a new one.
    pub(super) fn keeps(&self, inventory: &Inventory, number: SeriesRef) -> bool {
        inventory.series.highest() == Some(number)
            || inventory.series.refs().get(number.0).is_some_and(|series| self.needed.contains(series))
    }

    /// Marks the series of all samples and exemplars that stay.
    fn mark_needed(
        &self,
        directory: &Directory,
        inventory: &Inventory,
        order: &Order,
    ) -> Result<(), MendError> {
        let stays = |times: Option<(i64, i64)>| times.is_some_and(|(_, max)| max >= self.keep_from);
        let parts: Vec<&Part> = inventory
            .parts
            .iter()
            .filter(|holding| stays(holding.times))
            .map(|holding| &holding.part)
            .collect();
        let relay = Relay { parts: &parts, workers: order.workers, progress: &order.progress };
        let digest = |(): &mut (), _: usize, framing: Framing<'_>| {
            if let Framing::Record(frame) = framing {
                // It was checked before it was handed out.
                self.mark(inventory, &frame).unwrap_or(());
            }
        };
        directory.relay(&relay, digest, |(), _| ControlFlow::Continue(()))?;
        Ok(())
    }

    fn mark(&self, inventory: &Inventory, frame: &Frame<'_>) -> Result<(), Malformed> {
        let mut refs = inventory.series.refs().reader();
        let mut mark = |number: SeriesRef, time: i64| {
            if time >= self.keep_from
                && let Some(series) = refs.get(number.0)
            {
                self.needed.insert(series);
            }
        };
        match frame.gist.kind {
            Some(Type::Exemplars) => {
                if let Record::Exemplars(all) = Record::decode(frame.record)? {
                    all.iter().for_each(|exemplar| mark(exemplar.sample.series, exemplar.sample.time));
                }
                Ok(())
            }
            Some(kind) if frame.gist.times.is_some_and(|(_, max)| max >= self.keep_from) => {
                points::each(frame.record, kind, |number, time, _| mark(number, time))
            }
            _ => Ok(()),
        }
    }
}

/// How many files are replaced if that at `last` is the last one, and by the checkpoint of which number.
fn replaced(directory: &Directory, inventory: &Inventory, last: usize) -> Result<(usize, u64), MendError> {
    let is_segment = |holding: &super::inventory::Holding| holding.part.role == Role::Live;
    let first_segment = inventory.parts.iter().position(is_segment).unwrap_or(inventory.parts.len());
    // A checkpoint of the same number is there already, so at least one segment is replaced with it.
    let last = last.max(first_segment);
    let number = match inventory.parts.get(last) {
        Some(holding) => directory
            .segments()
            .find_map(|(number, name)| (name == holding.part.name).then_some(number))
            .unwrap_or(0),
        None => directory.checkpoint().unwrap_or(0).saturating_add(1),
    };
    if number == u64::MAX {
        return Err(MendError::Impossible {
            reason: "there is no number left for a segment".to_owned(),
            advice: "reset the log".to_owned(),
        });
    }
    Ok(((last + 1).min(inventory.parts.len()), number))
}

/// A set of series that several threads may add to.
#[derive(Debug)]
pub(super) struct SeriesSet(Vec<AtomicU64>);

impl SeriesSet {
    /// An empty set of so many series.
    pub(super) fn of_none(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds a series.
    #[inline]
    pub(super) fn insert(&self, series: SeriesId) {
        if let Some(word) = self.0.get(series.index() / 64) {
            let bit = 1 << (series.index() % 64);
            if word.load(Ordering::Relaxed) & bit == 0 {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    /// Whether a series is in it.
    #[inline]
    pub(super) fn contains(&self, series: SeriesId) -> bool {
        let word = self.0.get(series.index() / 64).map_or(0, |word| word.load(Ordering::Relaxed));
        word >> (series.index() % 64) & 1 == 1
    }
}
