//! Moves live events forward, so that a slow stream does not keep segments, and gives up the oldest where that was
//! asked for.

use std::sync::{Arc, Mutex};

use super::batch::{Batch, NoRoom};
use super::{AFTER_DAMAGE, Writer};
use crate::format::{Bad, Found, Frame, Identity, LostTo, Place, Record, Scan};
use crate::log::{State, hold, quarantine};
use crate::storage::{Fault, StoredFile};
use crate::{Cause, Damage, SegmentId};

/// A segment is worth carrying when at most one of so many of its bytes is live: carrying then costs at most a third of
/// what it frees.
const SCATTERED: u64 = 4;

/// Segments that are left alone: their events are new, and will be settled by themselves.
const YOUNG: usize = 3;

impl Writer {
    /// Carries the events that share a block with a batch whose write or sync failed.
    pub(super) fn carry_suspects(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        while let Some(&(segment, from)) = self.suspects.last() {
            // Its own bytes are in the page cache still. What does not verify there is lost already, and is found when
            // it is read. What cannot be read now may be there, and nothing else is written before it is carried.
            let (_, bytes) = read(state, segment)?;
            self.carry(state, (segment, &bytes), from)?;
            self.suspects.pop();
        }
        Ok(())
    }

    /// Carries what is left in segments that are nearly empty, as long as there is room in a quarter of the active one.
    pub(super) fn carry_scattered(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        let mut room = self.options.segment_size / SCATTERED;
        for segment in scattered(state) {
            let live = hold(state).index.usage(segment).bytes;
            if live > room {
                continue;
            }
            room -= live;
            // A segment that cannot be read stays: it may be readable later.
            let Ok((file, bytes)) = read(state, segment) else { continue };
            if self.carry(state, (segment, &bytes), 0)? == Carried::AsFarAsThereWasRoom {
                return Ok(());
            }
            if hold(state).index.usage(segment).events > 0 {
                self.give_up(state, (segment, &bytes), &*file)?;
            }
        }
        Ok(())
    }

    /// Writes the live events of a segment, from an offset on, once more.
    fn carry(
        &mut self,
        state: &Mutex<State>,
        (segment, bytes): (SegmentId, &[u8]),
        from: u64,
    ) -> Result<Carried, Fault> {
        let mut batch = self.batch();
        let mut carried = Carried::All;
        for found in Scan::new(Identity::new(self.id, segment), bytes) {
            let Found::Frame(offset, frame) = found else { continue };
            if offset + frame.bytes() <= from {
                continue;
            }
            let Some(record) = live_event(&hold(state), segment, offset, &frame) else { continue };
            let Some(active) = &self.active else { break };
            if let Err(NoRoom) = batch.put(active, record, frame.head().time) {
                carried = Carried::AsFarAsThereWasRoom;
                break;
            }
        }
        let count = batch.entries.len() as u64;
        self.flush(state, (batch, &[]))?;
        hold(state).counters.carried += count;
        Ok(carried)
    }

    /// Says of the live events of a segment that they are lost: all others were carried, and these were not there.
    fn give_up(
        &mut self,
        state: &Mutex<State>,
        (segment, bytes): (SegmentId, &[u8]),
        file: &dyn StoredFile,
    ) -> Result<(), Fault> {
        let bad = Scan::new(Identity::new(self.id, segment), bytes).filter_map(|found| match found {
            Found::Bad(bad) => Some(bad),
            Found::Frame(..) => None,
        });
        let damage: Vec<Damage> = bad.map(|bad| self.damage(segment, bad, file)).collect();
        self.lose(state, segment, LostTo::Damage)?;
        hold(state).damage.extend(damage);
        Ok(())
    }

    fn damage(&self, segment: SegmentId, bad: Bad, file: &dyn StoredFile) -> Damage {
        let Bad { start, end, .. } = bad;
        let kept = quarantine::keep(&*self.storage, segment, file, (start, end));
        Damage { segment, start, end, cause: Cause::Frames, lost_frames: 0, kept }
    }

    /// Gives up the oldest events until there is room for a segment of new ones, or nothing old is left.
    ///
    /// What counts is which segments still hold live events: the others go once two newer indexes are there, and the
    /// next segment begins with one.
    pub(super) fn drop_oldest(&mut self, state: &Mutex<State>) -> Result<(), Fault> {
        let active = self.active.as_ref().map(|active| active.segment);
        loop {
            let mut used = hold(state).index.used_segments();
            used.retain(|segment| Some(*segment) != active);
            let bytes = (used.len() as u64 + 1) * self.options.segment_size;
            let Some(&oldest) = used.first().filter(|_| self.exceeds_budget(bytes)) else { return Ok(()) };
            self.lose(state, oldest, LostTo::Budget)?;
            self.since_index = AFTER_DAMAGE;
        }
    }

    fn lose(&mut self, state: &Mutex<State>, segment: SegmentId, to: LostTo) -> Result<(), Fault> {
        let gone = hold(state).index.events_in(segment);
        let now = self.now();
        let mut batch = self.batch();
        for (stream, spans) in &gone {
            for spans in spans.chunks(crate::limits::SPANS) {
                let record = Record::Lost { stream: *stream, to, spans: spans.to_vec() };
                batch = self.put_or_begin(state, batch, record, now)?;
            }
        }
        self.flush(state, (batch, &[]))
    }

    fn put_or_begin<'r>(
        &mut self,
        state: &Mutex<State>,
        mut batch: Batch<'r>,
        record: Record<'r>,
        now: crate::Millis,
    ) -> Result<Batch<'r>, Fault> {
        let Some(active) = &self.active else { return Ok(batch) };
        if let Err(NoRoom) = batch.put(active, record.clone(), now) {
            self.flush(state, (batch, &[]))?;
            self.open_segment(state)?;
            batch = self.batch();
            if let Some(active) = &self.active {
                batch.put(active, record, now).ok();
            }
        }
        Ok(batch)
    }
}

/// How far carrying came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    All,
    AsFarAsThereWasRoom,
}

/// The segments that are nearly empty, oldest first.
fn scattered(state: &Mutex<State>) -> Vec<SegmentId> {
    let state = hold(state);
    let old = state.segments.iter().rev().skip(YOUNG + 1);
    let is_scattered = |&(segment, size): &(SegmentId, u64)| {
        let usage = state.index.usage(segment);
        usage.events > 0 && usage.bytes.saturating_mul(SCATTERED) <= size
    };
    let mut found: Vec<SegmentId> = old.filter(is_scattered).map(|(segment, _)| segment).collect();
    found.sort_unstable();
    found
}

fn read(state: &Mutex<State>, segment: SegmentId) -> Result<(Arc<dyn StoredFile>, Vec<u8>), Fault> {
    let mut state = hold(state);
    Ok((state.segments.file(segment)?, state.segments.read(segment)?))
}

/// The event in a frame, if this is the place where it is live.
fn live_event<'r>(state: &State, segment: SegmentId, offset: u64, frame: &Frame<'r>) -> Option<Record<'r>> {
    let record = Record::decode(frame.head(), frame.payload()).ok()?;
    let (Record::Event { stream, seq, payload } | Record::Carried { stream, seq, payload }) = record else {
        return None;
    };
    let place = Place::new(segment, offset, frame.bytes())?;
    (state.index.stream(stream)?.place(seq) == Some(place)).then_some(Record::Carried {
        stream,
        seq,
        payload,
    })
}
