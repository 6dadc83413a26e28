//! What of a segment counts: which frames, which ranges are damage, and where the log ends. A pure function of what
//! the scan found.

use crate::Lsn;
use crate::format::{Bad, Found, Frame, Scan};

/// Frames of a segment, in order, with what lies between them.
pub(super) struct Judged<'a> {
    pub(super) frames: Vec<(u64, Frame<'a>)>,
    /// Ranges in which frames were that had been synced.
    pub(super) damage: Vec<Lost>,
    /// Where the log was cut, and where the last frame behind it ends.
    pub(super) cut: Option<(u64, u64)>,
    /// Behind the last frame that counts.
    pub(super) end: u64,
    /// The LSN behind it.
    pub(super) next: Lsn,
    /// The highest LSN that was known to be synced.
    pub(super) proven: Lsn,
}

/// A damaged range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) frames: u64,
}

/// What is known of a segment from outside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The LSN that its first frame has to have.
    pub(super) expected: Lsn,
    /// The first LSN of the next segment: what is not below it is void, and what is below was synced.
    pub(super) limit: Option<Lsn>,
}

/// Sorts out what a scan finds.
pub(super) fn judge(mut scan: Scan<'_>, bounds: Bounds) -> Judged<'_> {
    let found: Vec<Found<'_>> = scan.by_ref().collect();
    let begins = crate::format::HEADER_BYTES;
    let proven = found.iter().filter_map(|found| match found {
        Found::Frame(_, frame) => Some(frame.head().proves()),
        Found::Bad(_) => None,
    });
    // A segment begins once all frames before it are synced.
    let proven = proven.max().unwrap_or_default().max(bounds.expected.minus(1));
    let proven = bounds.limit.map_or(proven, |limit| limit.minus(1));
    let mut judged = Judged {
        frames: Vec::new(),
        damage: Vec::new(),
        cut: None,
        end: begins,
        next: bounds.expected,
        proven,
    };
    let mut bad: Option<Bad> = None;
    for found in found {
        match found {
            Found::Bad(range) => bad = Some(range),
            Found::Frame(offset, frame) => {
                let range = bad.take();
                if !judged.accept((offset, frame), range, bounds) {
                    return judged;
                }
            }
        }
    }
    judged.end_with(bad, bounds);
    judged
}

impl<'a> Judged<'a> {
    /// Takes a frame in, or says that the log has ended before it.
    fn accept(&mut self, (offset, frame): (u64, Frame<'a>), bad: Option<Bad>, bounds: Bounds) -> bool {
        let lsn = frame.head().lsn;
        if bounds.limit.is_some_and(|limit| lsn >= limit) {
            self.end_with(bad, bounds);
            return false;
        }
        let missing = self.next.until(lsn);
        if missing > 0 && self.next > self.proven {
            // Nobody was told that what is missing is safe, so it is a torn batch.
            self.cut = Some((self.end, offset + frame.bytes()));
            return false;
        }
        let start = bad.map_or(self.end, |bad| bad.start);
        if missing > 0 || bad.is_some() {
            self.damage.push(Lost { start, end: offset, frames: missing });
        }
        if lsn >= self.next {
            self.next = lsn.next();
            self.frames.push((offset, frame));
        }
        self.end = offset + frame.bytes();
        true
    }

    /// No frame follows.
    fn end_with(&mut self, bad: Option<Bad>, bounds: Bounds) {
        match bounds.limit {
            Some(limit) => {
                let missing = self.next.until(limit);
                if missing > 0 {
                    let end = bad.map_or(self.end, |bad| bad.end);
                    self.damage.push(Lost { start: self.end, end, frames: missing });
                    self.next = limit;
                }
            }
            None => self.cut = bad.map(|bad| (bad.start, bad.end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{HEADER_BYTES, Head, Identity, Record, put_frame};
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
        let bytes = segment(frames);
        let bounds = Bounds { expected: Lsn::FIRST, limit: limit.map(Lsn::new) };
        let judged = judge(Scan::new(identity(), &bytes), bounds);
        assert!(judged.end >= HEADER_BYTES);
        let lsns = judged.frames.iter().map(|(_, frame)| frame.head().lsn.get()).collect();
        (lsns, judged.damage.iter().map(|lost| lost.frames).sum(), judged.cut.is_some())
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
}
