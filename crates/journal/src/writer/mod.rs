//! The writer: the only one who writes into segments.
//!
//! | file | does |
//! |---|---|
//! | `mod.rs` | takes requests batch by batch; writes and syncs each |
//! | `batch.rs` | frames that one write and one sync cover |
//! | `fill.rs` | requests to frames, and what is refused |
//! | `segment.rs` | begins segments, from the header to the index |
//! | `spare.rs` | makes the spare file and clears segments away, while others write |
//! | `unfinished.rs` | an index that is being written |
//! | `carry.rs` | moves live events out of segments that are nearly empty, drops the oldest, retires segments |
//!
//! After a failed write or sync, the segment is sealed: nothing is written to that file again, since the kernel may
//! take what it could not write for written. The next segment's header makes the failed batch void, its index repeats
//! what is known, and live events that share a block with the failed batch are carried over.

mod batch;
mod carry;
mod fill;
mod segment;
mod spare;
mod unfinished;

use std::sync::{Arc, Mutex};

use crate::commit::{Became, Taken};
use crate::format::{Openness, Record};
use crate::index::Naming;
use crate::log::{State, hold};
use crate::recover::Spot;
use crate::storage::{Fault, Storage, write_all_pieces};
use crate::{CommitError, Health, JournalId, Lsn, Millis, Options, SegmentId};
use batch::{Active, Batch};
use fill::{Fill, Halted, Stop};
pub(crate) use segment::GROWN;
use spare::Keeper;
use unfinished::Unfinished;

/// The only one who writes into segments.
pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    options: Options,
    id: JournalId,
    /// The segment that is written, unless it had to be sealed and no other could be begun.
    active: Option<Active>,
    /// Behind the mark that the start has found at the end of that segment: what comes before it is proven already.
    marked: Option<(SegmentId, u64)>,
    /// Sealed after a fault: from this block on, bytes of the segment are suspect.
    suspects: Vec<(SegmentId, u64)>,
    next_segment: SegmentId,
    /// The LSN of the next frame.
    next: Lsn,
    files: Keeper,
    /// The index that is being written.
    unfinished: Option<Unfinished>,
    /// The segments in which the last two complete indexes begin.
    indexes: Vec<SegmentId>,
    /// Bytes of the last index.
    index_bytes: u64,
    /// Bytes that were written since.
    since_index: u64,
    health: Health,
    /// Memory of the last batch, to be used again.
    out: Vec<u8>,
}

/// What a writer begins with.
pub(crate) struct Begin {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) options: Options,
    pub(crate) id: JournalId,
    pub(crate) spot: Spot,
}

/// So many bytes since the last index mean that one is due before anything else is written.
pub(crate) const AFTER_DAMAGE: u64 = u64::MAX / 2;

/// Memory that is kept from one batch to the next.
const KEPT_BYTES: usize = 4 << 20;

impl Writer {
    pub(crate) fn new(begin: Begin) -> Self {
        let spot = begin.spot;
        let files = Keeper::new(&begin.storage, &begin.options, &spot);
        let marked = spot.active.as_ref().zip(spot.marked).map(|((open, _), end)| (open.segment, end));
        let active = spot.active.map(|(open, at)| Active {
            name: crate::log::names::segment_name(open.segment),
            identity: crate::format::Identity::new(begin.id, open.segment),
            segment: open.segment,
            file: open.file,
            size: open.size,
            at,
        });
        Self {
            storage: begin.storage,
            options: begin.options,
            id: begin.id,
            active,
            marked,
            suspects: spot.suspects,
            next_segment: spot.next_segment,
            next: spot.next,
            files,
            unfinished: None,
            indexes: spot.indexes,
            index_bytes: spot.index_bytes,
            since_index: spot.since_index,
            health: Health::Well,
            out: Vec::new(),
        }
    }

    /// Begins the first segment, or the one after damage. A journal that has segments can be read on a full disk, too.
    pub(crate) fn start(&mut self, state: &Mutex<State>) -> Result<(), CommitError> {
        match self.be_able(state) {
            Err(CommitError::DiskFull(_)) if hold(state).segments.bytes() > 0 => Ok(()),
            other => other,
        }
    }

    /// Whether it takes events. A disk that was full is so until it has room for what is needed, whoever has tried again.
    pub(crate) fn health(&self, state: &Mutex<State>) -> Health {
        let is_full = || self.storage.free().is_err() || !self.leaves_room();
        match &self.health {
            Health::Full if is_full() => Health::Full,
            Health::Stopped(why) => Health::Stopped(why.clone()),
            _ if self.lacks_budget(state) => Health::OverBudget,
            _ => Health::Well,
        }
    }

    fn now(&self) -> Millis {
        (self.options.clock)()
    }

    /// Writes all requests, and says what became of each.
    pub(crate) fn commit(&mut self, state: &Mutex<State>, taken: &mut Taken) -> Vec<Became> {
        let (requests, laid) = taken.split();
        let mut outcomes: Vec<Became> = Vec::with_capacity(requests.all.len());
        // Segments that were begun for the request at hand, which a sound journal needs one of.
        let mut begun = 0;
        let mut halted = Halted::default();
        while outcomes.len() < requests.all.len() {
            if let Err(error) = self.be_able(state) {
                halted.note(requests, requests.all.get(outcomes.len()));
                outcomes.push(Err(error.into()));
                continue;
            }
            let start = outcomes.len();
            let parts = self.parts();
            let mut batch = self.batch();
            let stop = self.fill(&mut Fill {
                state,
                requests,
                laid,
                batch: &mut batch,
                outcomes: &mut outcomes,
                halted: &mut halted,
            });
            let put = self.put_parts(&mut batch, &parts);
            let (is_idle, flushed) = (outcomes.len() == start, self.flush(state, (batch, laid)));
            self.go_on_with_index(parts, put);
            if let Err(fault) = flushed {
                for (outcome, request) in outcomes.iter_mut().zip(requests.all).skip(start) {
                    if outcome.is_ok() {
                        halted.note(requests, Some(request));
                        *outcome = Err(CommitError::Unknown(fault.clone()).into());
                    }
                }
                // At once, and not with the next request: acknowledged events may share a block with what failed. If
                // it cannot be, the next request is told so.
                self.be_able(state).ok();
                continue;
            }
            begun = if is_idle { begun } else { 0 };
            if let Stop::Full(purpose) = stop {
                begun += 1;
                if let Err(error) = self.begin_segment(state, purpose, begun) {
                    halted.note(requests, requests.all.get(outcomes.len()));
                    outcomes.push(Err(error.into()));
                }
            }
        }
        outcomes
    }

    fn batch<'r>(&mut self) -> Batch<'r> {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        out.shrink_to(KEPT_BYTES);
        Batch::new(out, self.next)
    }

    /// Makes sure that there is a segment to write into, or says why not.
    fn be_able(&mut self, state: &Mutex<State>) -> Result<(), CommitError> {
        if let Health::Stopped(_) = self.health {
            return Err(self.stopped());
        }
        if self.active.is_none() {
            self.begin_segment(state, segment::Purpose::Upkeep, 1)?;
        }
        Ok(())
    }

    fn stopped(&self) -> CommitError {
        let reason = match &self.health {
            Health::Stopped(reason) => reason.clone(),
            _ => String::new(),
        };
        CommitError::Stopped(Fault::on("write", "the journal")(std::io::Error::other(reason)))
    }

    /// Writes and syncs a batch, with what the queue has laid out for it, and enters it in the index once it is safe. After a
    /// fault, the segment is sealed.
    fn flush(&mut self, state: &Mutex<State>, (batch, laid): (Batch<'_>, &[u8])) -> Result<(), Fault> {
        let Some(active) = self.active.as_mut().filter(|_| !batch.is_empty()) else {
            self.out = batch.out;
            return Ok(());
        };
        let written =
            batch.pieces(laid).and_then(|mut all| write_all_pieces(&*active.file, active.at, &mut all));
        let written = written.map_err(Fault::on("write to", &active.name));
        let synced = written.and_then(|()| active.file.sync().map_err(Fault::on("sync", &active.name)));
        let mut state = hold(state);
        if let Err(fault) = synced {
            state.counters.faults += 1;
            discard_drafts(&mut state, &batch);
            self.suspects.push((active.segment, active.at / 4096 * 4096));
            self.active = None;
            self.unfinished = None;
            return Err(fault);
        }
        let bytes = batch.bytes();
        active.at += bytes;
        self.since_index += bytes;
        self.next = batch.end();
        state.durable = self.next.minus(1);
        state.counters.syncs += 1;
        for entry in &batch.entries {
            if let Record::Event { .. } = entry.record {
                state.counters.appended += 1;
                state.counters.appended_bytes += entry.payload;
            }
            let applied = state.index.apply(&entry.record, entry.place, entry.time);
            debug_assert!(applied.is_ok(), "a frame that cannot be: {:?}", entry.record);
        }
        self.out = batch.out;
        Ok(())
    }

    /// Writes the mark that proves that all before it was synced, unless that stands there already: who only looks writes
    /// nothing. If it fails, acknowledged events that share its block are carried over as after any fault.
    pub(crate) fn close(&mut self, state: &Mutex<State>) {
        let mut batch = self.batch();
        let now = self.now();
        if let Some(active) = &self.active
            && self.health == Health::Well
            && self.marked != Some((active.segment, active.at))
            && batch.put(active, Record::Mark, now).is_ok()
            && self.flush(state, (batch, &[])).is_err()
        {
            self.be_able(state).ok();
        }
    }
}

fn discard_drafts(state: &mut State, batch: &Batch<'_>) {
    for entry in &batch.entries {
        if let Some(stream) = state.index.stream_mut(entry.record.stream()) {
            stream.discard_draft();
        }
    }
}

/// Whether events may come into a stream, and with what before them.
fn is_taking(openness: Openness, naming: Naming) -> Option<Naming> {
    (openness == Openness::Open).then_some(naming)
}
