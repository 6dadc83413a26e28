//! How a segment begins: a spare file, its header, its name, an index; and what may be cleared away after that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::batch::{Active, Batch};
use super::spare::{Chores, Wish};
use super::unfinished::{Part, Unfinished};
use super::{AFTER_DAMAGE, Writer};
use crate::format::{HEADER_BYTES, Identity, SegmentHeader, frame_bytes};
use crate::limits::{INDEX_PART, RESERVED_SEGMENTS};
use crate::log::names::{SPARE, segment_name};
use crate::log::{State, hold};
use crate::storage::{Fault, StoredFile, write_all};
use crate::{CommitError, Health, SegmentId, WhenFull};

/// What a segment is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For events, which the budget bounds.
    Events,
    /// For all else, which has its reserve: only settlements and carrying make room.
    Upkeep,
}

/// An index is written when the log has grown to so many times the last one. It costs at most a fifth of all that is
/// written then, and a start reads little more than four times the index.
pub(crate) const GROWN: u64 = 4;

/// How an index is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// All of it before anything else.
    AtOnce,
    /// Its first part now, and the others with the batches that follow.
    Along,
}

/// Segments that are begun for one request before it is given up. A sound journal needs one, or two after an index
/// that fills most of a segment.
const MOST_BEGUN: u32 = 4;

/// A segment is begun again after a fault, with another file, so often in all.
const ATTEMPTS: usize = 2;

impl Writer {
    /// Begins another segment, or says why that cannot be.
    pub(super) fn begin_segment(
        &mut self,
        state: &Mutex<State>,
        purpose: Purpose,
        begun: u32,
    ) -> Result<(), CommitError> {
        if begun > MOST_BEGUN {
            let limit = self.options.segment_size;
            return Err(CommitError::OverBudget { limit });
        }
        let is_over = purpose == Purpose::Events && self.is_over_budget(state);
        if is_over && self.options.when_full == WhenFull::Reject {
            return Err(CommitError::OverBudget { limit: self.options.max_bytes });
        }
        if purpose == Purpose::Events && !self.leaves_room() {
            self.health = Health::Full;
            let cause = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(CommitError::DiskFull(Fault::on("make", "another segment")(cause)));
        }
        self.begin_safely(state)?;
        if is_over {
            self.drop_oldest(state).map_err(|fault| self.stop(&fault))?;
        }
        Ok(())
    }

    fn begin_safely(&mut self, state: &Mutex<State>) -> Result<(), CommitError> {
        let mut failed = None;
        for _ in 0..ATTEMPTS {
            match self.try_begin(state) {
                Ok(()) => {
                    self.health = Health::Well;
                    return Ok(());
                }
                Err(fault) if fault.lacks_room() => {
                    self.health = Health::Full;
                    return Err(CommitError::DiskFull(fault));
                }
                Err(fault) => failed = Some(fault),
            }
            hold(state).counters.faults += 1;
        }
        Err(match failed {
            Some(fault) => self.stop(&fault),
            None => self.stopped(),
        })
    }

    /// Takes nothing any more.
    fn stop(&mut self, fault: &Fault) -> CommitError {
        self.health = Health::Stopped(fault.to_string());
        CommitError::Stopped(fault.clone())
    }

    /// Whether another segment of events would leave less than the reserve.
    pub(super) fn is_over_budget(&self, state: &Mutex<State>) -> bool {
        self.exceeds_budget(hold(state).segments.bytes())
    }

    /// Whether the disk has room for a segment of events and another one: what is settled has to be written down before its
    /// room comes back. Where nobody knows, the disk says so by itself.
    pub(super) fn leaves_room(&self) -> bool {
        let needed = self.files.lacking() + self.options.segment_size;
        self.storage.free().map_or(true, |free| free >= needed)
    }

    /// Whether the largest event that is allowed would be refused: neither this segment has room for it, nor the budget for
    /// another one.
    pub(super) fn lacks_budget(&self, state: &Mutex<State>) -> bool {
        let left = self.active.as_ref().map_or(0, |active| active.size.saturating_sub(active.at));
        self.options.when_full == WhenFull::Reject
            && left < frame_bytes(self.options.max_event)
            && self.is_over_budget(state)
    }

    /// Whether segments of `bytes` leave no room for another one of events and the reserve.
    pub(super) fn exceeds_budget(&self, bytes: u64) -> bool {
        let wanted = bytes + (1 + RESERVED_SEGMENTS) * self.options.segment_size + 2 * self.index_bytes;
        wanted > self.options.max_bytes
    }

    fn try_begin(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        self.open_segment(state)?;
        if self.indexes.is_empty() || !self.suspects.is_empty() || self.since_index >= AFTER_DAMAGE {
            self.write_index(state, Pace::AtOnce)?;
        } else if self.unfinished.is_none() && self.since_index >= GROWN * self.index_bytes {
            self.write_index(state, Pace::Along)?;
        }
        self.carry_suspects(state)?;
        self.carry_scattered(state)
    }

    /// Turns the spare file into the next segment, step by step as the format demands.
    pub(super) fn open_segment(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        self.files.take()?;
        let segment = self.next_segment;
        self.next_segment = segment.next();
        let name = segment_name(segment);
        let begun = self.name_spare(segment, &name);
        if begun.is_err() {
            self.storage.remove(&name).ok();
            self.storage.remove(SPARE).ok();
        }
        let file = begun?;
        let mut state = hold(state);
        let size = self.options.segment_size;
        state.segments.insert(segment, size);
        state.counters.segments_begun += 1;
        let identity = Identity::new(self.id, segment);
        self.active = Some(Active { segment, name, file, identity, at: HEADER_BYTES, size });
        Ok(())
    }

    fn name_spare(&self, segment: SegmentId, name: &str) -> Result<Arc<dyn StoredFile>, Fault> {
        let header = SegmentHeader {
            journal: self.id,
            segment,
            first: self.next,
            made: self.now(),
            size: self.options.segment_size,
        };
        let file = self.storage.open(SPARE).map_err(Fault::on("open", SPARE))?;
        write_all(&*file, 0, &header.encode()).map_err(Fault::on("write to", SPARE))?;
        file.sync().map_err(Fault::on("sync", SPARE))?;
        self.storage.rename(SPARE, name).map_err(Fault::on("rename the spare file to", name))?;
        self.storage.sync_names().map_err(Fault::on("sync the names after making", name))?;
        Ok(file)
    }

    /// Begins to write all that the index knows with the first frame of the active segment. The rest of it comes along
    /// with the batches that follow, so that none of them waits for all of it; after a fault, nothing comes before it.
    fn write_index(&mut self, state: &Mutex<State>, pace: Pace) -> Result<(), Fault> {
        let Some(begins) = self.active.as_ref().map(|active| active.segment) else { return Ok(()) };
        let enough = usize::try_from(INDEX_PART.min(self.options.segment_size / 256)).unwrap_or(usize::MAX);
        let parts = hold(state).index.parts(enough);
        self.unfinished = Some(Unfinished::new(begins, parts));
        self.since_index = 0;
        while self.unfinished.is_some() {
            let parts = self.parts();
            let mut batch = self.batch();
            let put = self.put_parts(&mut batch, &parts);
            self.flush(state, (batch, &[]))?;
            self.go_on_with_index(parts, put);
            if put == 0 {
                self.open_segment(state)?;
            }
            if pace == Pace::Along {
                break;
            }
        }
        Ok(())
    }

    /// The parts of the index that are still to be written.
    pub(super) fn parts(&mut self) -> VecDeque<Part> {
        self.unfinished.as_mut().map(Unfinished::take).unwrap_or_default()
    }

    /// Adds parts to a batch, as many bytes as of all else in it and one at least, and says how many they are.
    pub(super) fn put_parts<'r>(&self, batch: &mut Batch<'r>, parts: &'r VecDeque<Part>) -> usize {
        let Some(active) = &self.active else { return 0 };
        let (most, mut bytes, mut put) = (batch.bytes(), 0, 0);
        for part in parts {
            if put > 0 && bytes >= most || batch.put(active, part.record(), self.now()).is_err() {
                break;
            }
            bytes += part.bytes() as u64;
            put += 1;
        }
        put
    }

    /// Keeps the parts that were not written. Once there are none, and the last one is synced, the index counts.
    pub(super) fn go_on_with_index(&mut self, mut parts: VecDeque<Part>, put: usize) {
        // After a fault there is none, and the next segment begins with all of another.
        let Some(unfinished) = &mut self.unfinished else { return };
        parts.drain(..put);
        unfinished.give_back(parts);
        self.end_index();
    }

    fn end_index(&mut self) {
        let Some(finished) = self.unfinished.as_ref().and_then(Unfinished::finished) else { return };
        self.unfinished = None;
        self.indexes.push(finished.begins);
        let older = self.indexes.len().saturating_sub(2);
        self.indexes.drain(..older);
        self.index_bytes = finished.bytes;
        self.since_index = self.since_index.saturating_sub(finished.bytes);
    }

    /// What need not be done before those who wait are told. What fails here is done when it has to be.
    pub(crate) fn tidy(&mut self, state: &Mutex<State>) {
        if self.files.is_busy() {
            return;
        }
        let gone = self.retire(state);
        let is_under_way = self.active.as_ref().is_some_and(|active| active.at > active.size / 4);
        let is_wanted = is_under_way && self.health == Health::Well && !self.is_over_budget(state);
        self.files.work(Chores { gone, spare: if is_wanted { Wish::Soon } else { Wish::Later } });
    }

    /// Strikes the segments off that hold nothing live and are older than two indexes, and says which they are.
    fn retire(&self, state: &Mutex<State>) -> Vec<(String, u64)> {
        let &[oldest_needed, _] = self.indexes.as_slice() else { return Vec::new() };
        let mut state = hold(state);
        let old = state.segments.iter().take_while(|(segment, _)| *segment < oldest_needed);
        let gone: Vec<_> = old.filter(|(segment, _)| state.index.usage(*segment).events == 0).collect();
        // Before the files: who reads looks the segment up under this lock.
        for (segment, _) in &gone {
            state.segments.remove(*segment);
            state.counters.segments_retired += 1;
        }
        gone.into_iter().map(|(segment, size)| (segment_name(segment), size)).collect()
    }
}
