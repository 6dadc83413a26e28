//! How a segment begins: a spare file, its header, its name, an index; and what may be cleared away after that.

use std::sync::{Arc, Mutex};

use super::Writer;
use super::batch::{Active, NoRoom};
use crate::format::{HEADER_BYTES, Identity, More, Record, SegmentHeader};
use crate::limits::{INDEX_PART, RESERVED_SEGMENTS};
use crate::log::names::{SPARE, SPARE_ASIDE, segment_name};
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

/// The file that will be the next segment.
pub(super) enum Spare {
    /// There is none.
    None,
    /// It is being filled with zeros, and this far.
    Making(Arc<dyn StoredFile>, u64),
    /// It is there, and every block of it was written before.
    Ready,
}

/// How much of a spare file is written at once: little enough that those who wait for the next sync hardly notice.
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

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

    /// Whether segments of `bytes` leave no room for another one of events and the reserve.
    pub(super) fn exceeds_budget(&self, bytes: u64) -> bool {
        let wanted = bytes + (1 + RESERVED_SEGMENTS) * self.options.segment_size + 2 * self.index_bytes;
        wanted > self.options.max_bytes
    }

    fn try_begin(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        self.open_segment(state)?;
        let is_due =
            self.indexes.is_empty() || !self.suspects.is_empty() || self.since_index >= 2 * self.index_bytes;
        if is_due {
            self.write_index(state)?;
        }
        self.carry_suspects(state)?;
        self.carry_scattered(state)
    }

    /// Turns the spare file into the next segment, step by step as the format demands.
    pub(super) fn open_segment(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        while !matches!(self.spare, Spare::Ready) {
            self.make_spare()?;
        }
        let segment = self.next_segment;
        self.next_segment = segment.next();
        let name = segment_name(segment);
        // Whatever fails from here on, the file is not trusted again.
        self.spare = Spare::None;
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

    /// Writes the next zeros of a spare file, until it is whole.
    fn make_spare(&mut self) -> Result<(), Fault> {
        let (file, at) = match &self.spare {
            Spare::Ready => return Ok(()),
            Spare::Making(file, at) => (Arc::clone(file), *at),
            Spare::None => {
                // One that could not be finished.
                self.storage.remove(SPARE_ASIDE).ok();
                (self.storage.create(SPARE_ASIDE).map_err(Fault::on("create", SPARE_ASIDE))?, 0)
            }
        };
        self.spare = Spare::None;
        let size = self.options.segment_size;
        let len = usize::try_from(size - at).unwrap_or(usize::MAX).min(ZEROS.len());
        let zeros = ZEROS.get(..len).unwrap_or(&ZEROS);
        let written = write_all(&*file, at, zeros).and_then(|()| file.sync());
        if let Err(fault) = written.map_err(Fault::on("write zeros to", SPARE_ASIDE)) {
            if fault.lacks_room() {
                // What is there stays, so that trying again on a full disk costs one write and not a whole file.
                self.spare = Spare::Making(file, at);
            } else {
                self.storage.remove(SPARE_ASIDE).ok();
            }
            return Err(fault);
        }
        let at = at + zeros.len() as u64;
        if at < size {
            self.spare = Spare::Making(file, at);
            return Ok(());
        }
        self.storage.rename(SPARE_ASIDE, SPARE).map_err(Fault::on("rename", SPARE_ASIDE))?;
        self.storage.sync_names().map_err(Fault::on("sync the names after making", SPARE))?;
        self.spare = Spare::Ready;
        Ok(())
    }

    /// Writes all that the index knows, from the first frame of the active segment on.
    fn write_index(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        let Some(begins) = self.active.as_ref().map(|active| active.segment) else { return Ok(()) };
        let enough = usize::try_from(INDEX_PART.min(self.options.segment_size / 8)).unwrap_or(usize::MAX);
        let parts = hold(state).index.parts(enough);
        let now = self.now();
        let mut batch = self.batch();
        for (number, entries) in (0u32..).zip(&parts) {
            let more = if number as usize + 1 == parts.len() { More::Ends } else { More::Follows };
            let record = Record::Index { part: number, more, entries };
            while let Some(active) = &self.active {
                match batch.put(active, record.clone(), now) {
                    Ok(()) => break,
                    Err(NoRoom) => {
                        self.flush(state, batch)?;
                        self.open_segment(state)?;
                        batch = self.batch();
                    }
                }
            }
        }
        self.flush(state, batch)?;
        self.indexes.push(begins);
        let older = self.indexes.len().saturating_sub(2);
        self.indexes.drain(..older);
        self.index_bytes = parts.iter().map(|part| part.len() as u64).sum();
        self.since_index = 0;
        Ok(())
    }

    /// What need not be done before those who wait are told. What fails here is done when it has to be.
    pub(crate) fn tidy(&mut self, state: &Mutex<State>) {
        self.retire(state).ok();
        let is_half_full = self.active.as_ref().is_some_and(|active| active.at > active.size / 4);
        if is_half_full && self.health == Health::Well && !self.is_over_budget(state) {
            self.make_spare().ok();
        }
    }

    /// Removes the segments that hold nothing live and are older than two indexes, or makes one of them the spare file.
    fn retire(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        let &[oldest_needed, _] = self.indexes.as_slice() else { return Ok(()) };
        loop {
            let gone = {
                let state = hold(state);
                let mut old = state.segments.iter().take_while(|(segment, _)| *segment < oldest_needed);
                old.find(|(segment, _)| state.index.usage(*segment).events == 0)
            };
            let Some((segment, size)) = gone else { return Ok(()) };
            // Before the file: who reads looks the segment up under this lock.
            hold(state).segments.remove(segment);
            hold(state).counters.segments_retired += 1;
            self.clear_away(segment, size)?;
        }
    }

    fn clear_away(&mut self, segment: SegmentId, size: u64) -> Result<(), Fault> {
        let name = segment_name(segment);
        if matches!(self.spare, Spare::None) && size == self.options.segment_size {
            self.storage.rename(&name, SPARE).map_err(Fault::on("rename", &name))?;
            // The name has to be safe before the header is another's: else the old name would lead to it.
            self.storage.sync_names().map_err(Fault::on("sync the names after renaming", &name))?;
            self.spare = Spare::Ready;
            return Ok(());
        }
        self.storage.remove(&name).map_err(Fault::on("remove", &name))?;
        self.storage.sync_names().map_err(Fault::on("sync the names after removing", &name))
    }
}
