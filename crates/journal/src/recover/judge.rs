//! What of a segment counts: which frames, which ranges are damage, and where the log ends. A function of what is found
//! in the file, and of nothing else. A start and a reader judge alike.

use std::ops::ControlFlow;

use crate::Lsn;
use crate::format::{Bad, Found, Frame, HEADER_BYTES};
use crate::log::{Frames, Going};
use crate::storage::Fault;

/// What became of a segment, once all of it was looked at, or whoever was told broke off.
pub(crate) struct Judged {
    /// Where the log was cut, and where the last frame behind it ends.
    pub(crate) cut: Option<(u64, u64)>,
    /// Behind the last frame that counts.
    pub(crate) end: u64,
    /// The LSN behind it.
    pub(crate) next: Lsn,
    /// Where frames begin that nothing proves to be synced.
    pub(crate) unproven: u64,
}

/// What is found on the way, in the order of the file.
#[derive(Clone, Copy)]
pub(crate) enum Ruling<'a> {
    /// A frame that counts, and where.
    Counts(u64, Frame<'a>),
    /// A range in which frames were that had been synced.
    Lost(Lost),
}

/// A damaged range.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) frames: u64,
}

/// What is known of a segment from outside of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The LSN that its first frame has to have.
    pub(crate) expected: Lsn,
    /// Where it ends.
    pub(crate) limit: Limit,
}

/// What is known of the end of a segment. Frames from a limit on are void, whatever their sums say, and what is below
/// was synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It is the newest.
    Open,
    /// The first LSN of the segment that follows it.
    Next(Lsn),
    /// The first LSN of a later segment: frames below it may be in segments between, of which nothing is known.
    Later(Lsn),
}

impl Limit {
    fn lsn(self) -> Option<Lsn> {
        match self {
            Self::Open => None,
            Self::Next(lsn) | Self::Later(lsn) => Some(lsn),
        }
    }
}

/// What is told of what is found; it may break off.
pub(crate) type Rule<'r> = dyn FnMut(Ruling<'_>) -> Going + 'r;

/// Sorts out what is found, and hands it out on the way.
pub(crate) fn judge(frames: &mut Frames<'_>, bounds: Bounds, rule: &mut Rule<'_>) -> Result<Judged, Fault> {
    let proven = proven(frames, bounds)?;
    judge_by((frames, proven), bounds, rule)
}

/// The same, where it is known which frames are proven to be synced.
pub(crate) fn judge_by(
    (frames, proven): (&mut Frames<'_>, Lsn),
    bounds: Bounds,
    rule: &mut Rule<'_>,
) -> Result<Judged, Fault> {
    let mut judge = Judge { bounds, end: HEADER_BYTES, next: bounds.expected, proven, unproven: None, rule };
    let mut bad: Option<Bad> = None;
    let mut stop = None;
    frames.each(&mut |found| {
        let step = match found {
            Found::Bad(range) => {
                bad = Some(range);
                Step::On
            }
            Found::Frame(offset, frame) => judge.accept((offset, frame), bad.take())?,
        };
        if matches!(step, Step::On) {
            return Ok(ControlFlow::Continue(()));
        }
        stop = Some(step);
        Ok(ControlFlow::Break(()))
    })?;
    let cut = match stop {
        Some(Step::Cut(range)) => Some(range),
        Some(Step::Void(bad)) => {
            judge.end_with(bad)?;
            None
        }
        Some(Step::Left) => None,
        Some(Step::On) | None => judge.end_with(bad)?,
    };
    Ok(judge.over(cut))
}

/// The highest LSN that is known to be synced.
///
/// Of a segment that is being written, this is asked before it is judged: what is proven now was written before now, and is
/// seen when the file is read again.
pub(crate) fn proven(frames: &mut Frames<'_>, bounds: Bounds) -> Result<Lsn, Fault> {
    if let Some(limit) = bounds.limit.lsn() {
        return Ok(limit.minus(1));
    }
    // A segment begins once all frames before it are synced.
    let mut proven = bounds.expected.minus(1);
    frames.each(&mut |found| {
        if let Found::Frame(_, frame) = found {
            proven = proven.max(frame.head().proves());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(proven)
}

struct Judge<'r, 's> {
    bounds: Bounds,
    end: u64,
    next: Lsn,
    proven: Lsn,
    unproven: Option<u64>,
    rule: &'r mut Rule<'s>,
}

/// How it goes on after a frame.
enum Step {
    /// With the next one.
    On,
    /// The log was cut before it.
    Cut((u64, u64)),
    /// It is void, and so is what follows; a bad range may have been before it.
    Void(Option<Bad>),
    /// Whoever was told wants no more.
    Left,
}

impl Judge<'_, '_> {
    /// Takes a frame in, or says that the log has ended before it.
    fn accept(&mut self, (offset, frame): (u64, Frame<'_>), bad: Option<Bad>) -> Result<Step, Fault> {
        let lsn = frame.head().lsn;
        if self.bounds.limit.lsn().is_some_and(|limit| lsn >= limit) {
            return Ok(Step::Void(bad));
        }
        let missing = self.next.until(lsn);
        if missing > 0 && self.next > self.proven {
            // Nobody was told that what is missing is safe, so it is a torn batch.
            return Ok(Step::Cut((self.end, offset + frame.bytes())));
        }
        let start = bad.map_or(self.end, |bad| bad.start);
        if (missing > 0 || bad.is_some())
            && (self.rule)(Ruling::Lost(Lost { start, end: offset, frames: missing }))?.is_break()
        {
            return Ok(Step::Left);
        }
        if lsn >= self.next {
            self.next = lsn.next();
            if lsn > self.proven {
                self.unproven.get_or_insert(offset);
            }
            if (self.rule)(Ruling::Counts(offset, frame))?.is_break() {
                return Ok(Step::Left);
            }
        }
        self.end = offset + frame.bytes();
        Ok(Step::On)
    }

    /// No frame follows. Says where the log is cut, if it is.
    fn end_with(&mut self, bad: Option<Bad>) -> Result<Option<(u64, u64)>, Fault> {
        match self.bounds.limit {
            Limit::Open => return Ok(bad.map(|bad| (bad.start, bad.end))),
            Limit::Next(limit) => {
                let missing = self.next.until(limit);
                if missing > 0 {
                    let end = bad.map_or(self.end, |bad| bad.end);
                    // Nothing follows, so breaking off changes nothing.
                    let _last = (self.rule)(Ruling::Lost(Lost { start: self.end, end, frames: missing }))?;
                    self.next = limit;
                }
            }
            // Whether frames are missing shows at the next one that is found.
            Limit::Later(_) => {}
        }
        Ok(None)
    }

    fn over(self, cut: Option<(u64, u64)>) -> Judged {
        Judged { cut, end: self.end, next: self.next, unproven: self.unproven.unwrap_or(self.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Head, Identity, Record, put_frame};
    use crate::storage::{Memory, Storage, write_all};
    use crate::{JournalId, Millis, SegmentId, Seq, StreamNumber};

    fn identity() -> Identity {
        Identity::new(JournalId::new(1), SegmentId::FIRST)
    }

    /// A segment with a frame for each pair: its LSN, and how far behind it the last synced one is. Where there is no
    /// pair, there is a hole of a frame's size.
    fn segment(frames: &[Option<(u64, u32)>]) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        for frame in frames {
            let offset = bytes.len() as u64;
            let (lsn, behind) = frame.unwrap_or((1, 1));
            let head = Head {
                kind: Record::Mark.kind(),
                behind,
                lsn: Lsn::new(lsn),
                time: Millis::new(0),
                stream: StreamNumber::NONE,
                seq: Seq::default(),
            };
            put_frame(&mut bytes, &identity(), offset, &head, b"");
            if frame.is_none() {
                bytes[usize::try_from(offset).unwrap()..].fill(0);
            }
        }
        bytes.resize(8192, 0);
        bytes
    }

    /// The LSNs that count, damaged frames, and whether it was cut.
    fn judged(frames: &[Option<(u64, u32)>], limit: Option<u64>) -> (Vec<u64>, u64, bool) {
        judged_within(frames, limit.map_or(Limit::Open, |limit| Limit::Next(Lsn::new(limit))))
    }

    fn judged_within(frames: &[Option<(u64, u32)>], limit: Limit) -> (Vec<u64>, u64, bool) {
        let bytes = segment(frames);
        let (mut lsns, mut lost) = (Vec::new(), 0);
        let mut rule = |ruling: Ruling<'_>| {
            match ruling {
                Ruling::Counts(_, frame) => lsns.push(frame.head().lsn.get()),
                Ruling::Lost(range) => lost += range.frames,
            }
            Ok(ControlFlow::Continue(()))
        };
        let bounds = Bounds { expected: Lsn::FIRST, limit };
        let file = Memory::default().create("segment").unwrap();
        write_all(&*file, 0, &bytes).unwrap();
        let mut frames = Frames::of(identity(), &*file).unwrap();
        let judged = judge(&mut frames, bounds, &mut rule).unwrap();
        assert!(judged.end >= HEADER_BYTES);
        (lsns, lost, judged.cut.is_some())
    }

    #[test]
    fn frames_in_a_row_count_to_the_last() {
        assert_eq!(judged(&[Some((1, 1)), Some((2, 1)), Some((3, 2))], None), (vec![1, 2, 3], 0, false));
        assert_eq!(judged(&[], None), (vec![], 0, false));
    }

    #[test]
    fn a_hole_in_a_batch_that_nothing_proves_cuts_the_log_there() {
        assert_eq!(judged(&[Some((1, 1)), None, Some((3, 2))], None), (vec![1], 0, true));
        assert_eq!(judged(&[None, Some((2, 2))], None), (vec![], 0, true));
    }

    #[test]
    fn a_hole_that_a_later_frame_proves_to_have_been_synced_is_damage() {
        assert_eq!(judged(&[Some((1, 1)), None, Some((3, 1))], None), (vec![1, 3], 1, false));
        assert_eq!(judged(&[None, Some((2, 2)), Some((3, 1))], None), (vec![2, 3], 1, false));
    }

    #[test]
    fn damage_and_a_torn_end_are_told_apart_in_one_segment() {
        let frames = [Some((1, 1)), None, Some((3, 1)), None, Some((5, 2))];
        assert_eq!(judged(&frames, None), (vec![1, 3], 1, true));
    }

    #[test]
    fn frames_that_the_next_segment_makes_void_do_not_count() {
        assert_eq!(judged(&[Some((1, 1)), Some((2, 1)), Some((3, 2))], Some(2)), (vec![1], 0, false));
        assert_eq!(judged(&[Some((1, 1)), None, Some((3, 2))], Some(2)), (vec![1], 0, false));
    }

    #[test]
    fn what_is_missing_before_the_next_segment_is_damage_since_that_one_began() {
        assert_eq!(judged(&[Some((1, 1))], Some(4)), (vec![1], 2, false));
        assert_eq!(judged(&[Some((1, 1)), None], Some(3)), (vec![1], 1, false));
    }

    #[test]
    fn the_header_of_a_later_segment_makes_frames_void_and_misses_none() {
        let later = |limit| Limit::Later(Lsn::new(limit));
        assert_eq!(judged_within(&[Some((1, 1)), Some((2, 1))], later(9)), (vec![1, 2], 0, false));
        assert_eq!(judged_within(&[Some((1, 1)), Some((2, 1))], later(2)), (vec![1], 0, false));
        assert_eq!(judged_within(&[Some((1, 1)), None, Some((3, 2))], later(9)), (vec![1, 3], 1, false));
    }
}
