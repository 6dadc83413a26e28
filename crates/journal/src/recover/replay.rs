//! Loads the newest complete index and takes in the frames behind it.

use std::ops::ControlFlow;

use super::judge::{Bounds, Limit, Lost, Ruling, judge};
use super::survey::{Begins, Known, Surveyed};
use crate::format::{Frame, HEADER_BYTES, Identity, LostTo, More, Place, Record};
use crate::index::Index;
use crate::log::{Frames, Segments, quarantine};
use crate::storage::{Fault, Storage, StoredFile};
use crate::{Cause, Cut, Damage, JournalId, Lsn, Millis, Recovery, SegmentId, Span};

/// What becomes of bytes that cannot be trusted.
#[derive(Clone, Copy)]
pub(crate) enum Keep<'s> {
    /// They are copied to the quarantine in this storage.
    In(&'s dyn Storage),
    /// Nothing: whoever looks changes nothing.
    Nothing,
}

impl Keep<'_> {
    fn keep(self, segment: SegmentId, file: &dyn StoredFile, range: (u64, u64)) -> Option<String> {
        match self {
            Self::In(storage) => quarantine::keep(storage, segment, file, range),
            Self::Nothing => None,
        }
    }
}

/// What the frames add up to.
pub(crate) struct Replayed {
    pub(crate) index: Index,
    /// The LSN that the next frame gets.
    pub(crate) next: Lsn,
    /// Where in the last segment it goes.
    pub(crate) end: u64,
    /// Where frames begin in the last segment that nothing proves to be synced.
    pub(crate) unproven: u64,
    /// Behind the mark that the last segment ends with, if its last frame is one.
    pub(crate) marked: Option<u64>,
    pub(crate) indexes: Vec<SegmentId>,
    pub(crate) index_bytes: u64,
    pub(crate) since_index: u64,
    pub(crate) recovery: Recovery,
}

/// A complete index, and what lies before and behind it.
struct Loaded {
    index: Index,
    begins: usize,
    /// The LSN of its first part.
    first: Lsn,
    bytes: u64,
}

pub(crate) fn replay(
    surveyed: &Surveyed,
    segments: &mut Segments,
    keep: Keep<'_>,
) -> Result<Replayed, Fault> {
    let loaded = newest_index(surveyed, segments)?;
    let oldest = surveyed.segments.first();
    let (begins, expected) = match &loaded {
        Some(loaded) => (loaded.begins, loaded.first),
        // Without an index, the log has to be there from its first frame on.
        None => (0, Lsn::FIRST),
    };
    let indexes: Vec<SegmentId> = loaded
        .iter()
        .filter_map(|found| surveyed.segments.get(found.begins))
        .map(|known| known.segment)
        .collect();
    let is_from_index = loaded.is_some();
    let index_bytes = loaded.as_ref().map_or(0, |loaded| loaded.bytes);
    let mut replay = Replay {
        id: surveyed.id,
        keep,
        out: Replayed {
            index: loaded.map(|loaded| loaded.index).unwrap_or_default(),
            next: expected,
            end: HEADER_BYTES,
            unproven: HEADER_BYTES,
            marked: None,
            indexes,
            index_bytes,
            since_index: 0,
            recovery: Recovery::default(),
        },
    };
    if let Some(oldest) = oldest.filter(|_| !is_from_index) {
        replay.miss_before(oldest);
    }
    let rest = surveyed.segments.get(begins..).unwrap_or_default();
    for (at, known) in rest.iter().enumerate() {
        replay.segment(known, limit_of(rest.get(at..).unwrap_or_default()), segments)?;
    }
    let lost: u64 = replay.out.recovery.damage.iter().map(|damage| damage.lost_frames).sum();
    replay.out.index.skip(lost);
    Ok(replay.out)
}

/// Where the first of these segments ends, as far as those behind it say.
pub(crate) fn limit_of(segments: &[Known]) -> Limit {
    let Some((this, behind)) = segments.split_first() else { return Limit::Open };
    let Some(next) = behind.iter().find(|next| next.begins != Begins::Unknown) else { return Limit::Open };
    match next.begins {
        Begins::Stated(first) if next.segment == this.segment.next() => Limit::Next(first),
        Begins::Stated(first) | Begins::Seen(first) => Limit::Later(first),
        Begins::Unknown => Limit::Open,
    }
}

/// The newest index of which all parts are there.
fn newest_index(surveyed: &Surveyed, segments: &mut Segments) -> Result<Option<Loaded>, Fault> {
    for begins in (0..surveyed.segments.len()).rev() {
        if let Some(loaded) = load_index(surveyed, begins, segments)? {
            return Ok(Some(loaded));
        }
    }
    Ok(None)
}

/// The index that begins with the first frame of a segment. Its parts are in order, and other frames stand between them,
/// which say what came later: they are taken in once the index is there.
fn load_index(surveyed: &Surveyed, begins: usize, segments: &mut Segments) -> Result<Option<Loaded>, Fault> {
    let rest = surveyed.segments.get(begins..).unwrap_or_default();
    let (mut loading, mut next) = (Loading::default(), Lsn::FIRST);
    for (at, known) in rest.iter().enumerate() {
        let identity = Identity::new(surveyed.id, known.segment);
        // Most segments do not begin with an index: one frame is looked at before the whole is read.
        if at == 0 && !begins_with_index(&identity, known.segment, segments)? {
            return Ok(None);
        }
        let file = segments.file(known.segment)?;
        let expected = known.first().map_or(next, |first| first.max(next));
        let bounds = Bounds { expected, limit: limit_of(rest.get(at..).unwrap_or_default()) };
        let mut step = Step::Goes;
        // What is void or behind a cut may not have reached the medium, so no index is complete by it.
        let judged = judge(&mut Frames::of(identity, &*file)?, bounds, &mut |ruling| {
            if let Ruling::Counts(_, frame) = ruling {
                step = loading.take(&frame);
            }
            Ok(if matches!(step, Step::Goes) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        next = judged.next;
        match step {
            Step::Goes => {}
            Step::Fails => return Ok(None),
            Step::Ends(first) => {
                let (index, bytes) = (loading.index, loading.bytes);
                return Ok(Some(Loaded { index, begins, first, bytes }));
            }
        }
    }
    Ok(None)
}

/// An index of which some parts were found.
#[derive(Default)]
struct Loading {
    index: Index,
    /// The LSN of its first part.
    first: Option<Lsn>,
    /// The number of the part that has to come next.
    next: u32,
    bytes: u64,
}

/// What a frame means to an index that is being loaded.
enum Step {
    Goes,
    Fails,
    /// It is complete, and this is the LSN of its first part.
    Ends(Lsn),
}

impl Loading {
    fn take(&mut self, frame: &Frame<'_>) -> Step {
        let record = Record::decode(frame.head(), frame.payload());
        let Ok(Record::Index { part, more, entries }) = record else {
            // Before its first part, it does not begin here.
            return if self.first.is_some() { Step::Goes } else { Step::Fails };
        };
        if part != self.next || self.index.load(entries).is_err() {
            return Step::Fails;
        }
        let first = *self.first.get_or_insert(frame.head().lsn);
        self.next += 1;
        self.bytes += entries.len() as u64;
        if more == More::Ends { Step::Ends(first) } else { Step::Goes }
    }
}

/// Whether the head of the first frame says that it is the first part of an index. It is verified once it is read.
fn begins_with_index(
    identity: &Identity,
    segment: SegmentId,
    segments: &mut Segments,
) -> Result<bool, Fault> {
    let name = crate::log::names::segment_name(segment);
    let file = segments.file(segment)?;
    let head = crate::storage::read_range(&*file, HEADER_BYTES, 64).map_err(Fault::on("read", &name))?;
    Ok(crate::format::claims_kind(identity, &head) == Some(Record::INDEX_KIND))
}

struct Replay<'s> {
    id: JournalId,
    keep: Keep<'s>,
    out: Replayed,
}

impl Replay<'_> {
    fn segment(&mut self, known: &Known, limit: Limit, segments: &mut Segments) -> Result<(), Fault> {
        let file = &*segments.file(known.segment)?;
        let mut frames = Frames::of(Identity::new(self.id, known.segment), file)?;
        self.out.recovery.bytes += frames.file_bytes();
        self.out.marked = None;
        self.miss_between(known);
        if known.first().is_none() {
            let range = Lost { start: 0, end: HEADER_BYTES, frames: 0 };
            self.damage((known.segment, file), range, Cause::Header);
        }
        let bounds = Bounds { expected: self.out.next, limit };
        let judged = judge(&mut frames, bounds, &mut |ruling| {
            match ruling {
                Ruling::Counts(offset, frame) => self.take((known.segment, file), offset, &frame),
                Ruling::Lost(lost) => self.damage((known.segment, file), lost, Cause::Frames),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.out.unproven = judged.unproven;
        self.out.end = judged.end;
        self.out.next = judged.next;
        if let Some((start, end)) = judged.cut {
            let kept = self.keep.keep(known.segment, file, (start, end));
            self.out.recovery.cut = Some(Cut { segment: known.segment, start, end, kept });
        }
        Ok(())
    }

    fn take(&mut self, (segment, file): (SegmentId, &dyn StoredFile), offset: u64, frame: &Frame<'_>) {
        self.out.recovery.frames += 1;
        let place = Place::new(segment, offset, frame.bytes());
        let record = Record::decode(frame.head(), frame.payload());
        self.out.marked = matches!(record, Ok(Record::Mark)).then_some(offset + frame.bytes());
        if !matches!(record, Ok(Record::Index { .. })) {
            self.out.since_index += frame.bytes();
        }
        let taken = record.and_then(|record| self.out.index.apply(&record, place, frame.head().time));
        if taken.is_err() {
            let lost = Lost { start: offset, end: offset + frame.bytes(), frames: 1 };
            self.damage((segment, file), lost, Cause::Contents);
        }
    }

    /// Frames before the oldest segment are missing if it does not begin with the first of all.
    fn miss_before(&mut self, oldest: &Known) {
        let first = oldest.first().unwrap_or(Lsn::FIRST);
        self.miss(oldest.segment, first);
    }

    /// Frames between two segments are missing if the numbers do not meet.
    fn miss_between(&mut self, known: &Known) {
        if let Some(first) = known.first() {
            self.miss(known.segment, first);
        }
    }

    fn miss(&mut self, segment: SegmentId, first: Lsn) {
        let frames = self.out.next.until(first);
        if frames > 0 {
            let lost = Lost { start: 0, end: 0, frames };
            self.note(segment, lost, (Cause::Missing, None));
            self.out.next = first;
        }
    }

    fn damage(&mut self, (segment, file): (SegmentId, &dyn StoredFile), lost: Lost, cause: Cause) {
        let kept = self.keep.keep(segment, file, (lost.start, lost.end));
        self.note(segment, lost, (cause, kept));
    }

    fn note(&mut self, segment: SegmentId, lost: Lost, (cause, kept): (Cause, Option<String>)) {
        let (start, end) = (lost.start, lost.end);
        self.out.recovery.damage.push(Damage { segment, start, end, cause, lost_frames: lost.frames, kept });
    }
}

/// Finds live events in segments that are not there, and gives them up.
pub(crate) fn miss_segments(replayed: &mut Replayed, segments: &Segments) {
    for segment in replayed.index.used_segments() {
        if segments.contains(segment) {
            continue;
        }
        for (stream, spans) in replayed.index.events_in(segment) {
            let lost = spans.iter().map(|span: &Span| span.count()).sum();
            let record = Record::Lost { stream, to: LostTo::Damage, spans };
            replayed.index.apply(&record, None, Millis::default()).ok();
            let (cause, kept) = (Cause::Missing, None);
            let damage = Damage { segment, start: 0, end: 0, cause, lost_frames: lost, kept };
            replayed.recovery.damage.push(damage);
        }
    }
}
