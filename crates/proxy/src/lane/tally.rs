//! Sums over all lanes, so that a read need not look at each of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::course::Course;

/// What one track of one lane adds to the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    backlog: u64,
    /// 1 if it lacks something of which a client was told.
    behind: u64,
}

impl Share {
    pub(crate) fn of(course: &Course, track: usize) -> Self {
        Self { backlog: course.backlog(track), behind: u64::from(!course.is_current(track)) }
    }
}

/// The sums of one track over all lanes.
#[derive(Default)]
struct Tally {
    backlog: AtomicU64,
    behind: AtomicU64,
}

pub(crate) struct Tallies {
    tracks: Vec<Tally>,
    start: Instant,
    /// Milliseconds from the start to the last write.
    touched: AtomicU64,
}

impl Tallies {
    pub(crate) fn new(tracks: usize) -> Self {
        let tracks = (0..tracks).map(|_| Tally::default()).collect();
        Self { tracks, start: Instant::now(), touched: AtomicU64::new(0) }
    }

    pub(crate) fn count(&self, track: usize, before: &mut Share, now: Share) {
        let Some(tally) = self.tracks.get(track) else { return };
        // Wrapping addition of a difference: the sum is never seen below zero, since shares are changed under their lock.
        if before.backlog != now.backlog {
            tally.backlog.fetch_add(now.backlog.wrapping_sub(before.backlog), Ordering::AcqRel);
        }
        if before.behind != now.behind {
            tally.behind.fetch_add(now.behind.wrapping_sub(before.behind), Ordering::AcqRel);
        }
        *before = now;
    }

    /// Writes that a track has not sent, at most.
    pub(crate) fn backlog(&self, track: usize) -> u64 {
        self.tracks.get(track).map_or(0, |tally| tally.backlog.load(Ordering::Acquire))
    }

    /// Whether a track has everything of which a client was told.
    pub(crate) fn is_current(&self, track: usize) -> bool {
        self.tracks.get(track).is_some_and(|tally| tally.behind.load(Ordering::Acquire) == 0)
    }

    pub(crate) fn touch(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.touched.fetch_max(elapsed.max(1), Ordering::AcqRel);
    }

    /// When the last write came; nothing if there was none.
    pub(crate) fn touched(&self) -> Option<Instant> {
        let millis = Some(self.touched.load(Ordering::Acquire)).filter(|millis| *millis > 0)?;
        self.start.checked_add(Duration::from_millis(millis))
    }
}
