//! Spans of time that a block may cover.

use std::collections::{BTreeMap, BTreeSet};

/// The server's own: a block of the head covers two hours.
pub(super) const RANGE: i64 = 2 * 60 * 60 * 1000;

/// A span of two hours, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Window(i64);

impl Window {
    /// That which a time lies in.
    #[inline]
    pub(super) const fn of(time: i64) -> Self {
        Self(time.div_euclid(RANGE))
    }

    /// The last boundary that is not after a time.
    pub(super) const fn boundary(time: i64) -> i64 {
        Window::of(time).start()
    }

    /// Its first millisecond.
    pub(super) const fn start(self) -> i64 {
        self.0.saturating_mul(RANGE)
    }

    /// Its last millisecond.
    pub(super) const fn last(self) -> i64 {
        self.start().saturating_add(RANGE - 1)
    }
}

/// More blocks than that are more than two years: a log that needs them holds times that nobody meant.
pub(super) const MAX_BLOCKS: usize = 10_000;

/// In which windows there is something.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    all: BTreeSet<Window>,
    newest: Option<Window>,
}

impl Windows {
    /// Adds that of a time. Beyond the limit what is added is only counted as one too many.
    #[inline]
    pub(super) fn add(&mut self, time: i64) {
        let window = Window::of(time);
        if self.newest == Some(window) {
            return;
        }
        self.newest = Some(window);
        if self.all.len() <= MAX_BLOCKS {
            self.all.insert(window);
        }
    }

    /// Adds all of another.
    pub(super) fn append(&mut self, other: &Windows) {
        other.all.iter().for_each(|window| self.add(window.start()));
    }

    /// Those that overlap a span of time, of which the end is behind the last.
    pub(super) fn between(&self, from: i64, until: i64) -> impl Iterator<Item = Window> {
        self.all.iter().copied().filter(move |window| window.last() >= from && window.start() < until)
    }
}

/// Granules of a table of sizes: a week by minutes has fewer.
const MAX_GRANULES: usize = 16_384;

/// How many bytes hold samples of which age.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    granule: i64,
    bytes: BTreeMap<i64, u64>,
}

impl Default for Sizes {
    /// By the minute, as long as that does not make a table that is too long.
    fn default() -> Self {
        Self { granule: 60_000, bytes: BTreeMap::new() }
    }
}

impl Sizes {
    /// Counts a record by its newest sample.
    pub(super) fn add(&mut self, newest: i64, bytes: u64) {
        *self.bytes.entry(newest.div_euclid(self.granule)).or_default() += bytes;
        while self.bytes.len() > MAX_GRANULES {
            self.granule = self.granule.saturating_mul(2);
            let finer = std::mem::take(&mut self.bytes);
            for (granule, bytes) in finer {
                *self.bytes.entry(granule.div_euclid(2)).or_default() += bytes;
            }
        }
    }

    /// Adds all of another.
    pub(super) fn append(&mut self, other: &Sizes) {
        // Of each granule the last moment: too late is too much, which is the safe side of a limit.
        for (granule, bytes) in &other.bytes {
            let last = granule.saturating_add(1).saturating_mul(other.granule).saturating_sub(1);
            self.add(last, *bytes);
        }
    }

    /// The earliest time from which on records have no more than `most` bytes.
    pub(super) fn earliest_within(&self, most: u64) -> i64 {
        let mut sum = 0u64;
        for (granule, bytes) in self.bytes.iter().rev() {
            sum = sum.saturating_add(*bytes);
            if sum > most {
                return granule.saturating_add(1).saturating_mul(self.granule);
            }
        }
        i64::MIN
    }

    /// Bytes of records that hold something of `from` or later.
    pub(super) fn since(&self, from: i64) -> u64 {
        self.bytes.range(from.div_euclid(self.granule)..).map(|(_, bytes)| bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_first_and_last_millisecond_and_not_the_next() {
        for time in [0, 1, -1, RANGE - 1, RANGE, -RANGE, -RANGE - 1, i64::MAX, i64::MIN + RANGE] {
            let window = Window::of(time);
            assert!((window.start()..=window.last()).contains(&time), "{time}");
            assert_eq!(Window::of(window.start()), window);
        }
        assert_eq!(Window::boundary(-1), -RANGE);
    }

    #[test]
    fn what_stays_within_a_size_is_the_newest_and_no_more() {
        let mut sizes = Sizes::default();
        (0..100).for_each(|minute| sizes.add(minute * 60_000 + 30_000, 10));
        assert_eq!(sizes.earliest_within(100), 90 * 60_000);
        assert_eq!(sizes.earliest_within(99), 91 * 60_000);
        assert_eq!(sizes.earliest_within(5000), i64::MIN);
        assert_eq!(sizes.since(90 * 60_000), 100);
    }

    #[test]
    fn sizes_of_any_times_take_bounded_memory_and_lose_nothing() {
        let mut sizes = Sizes::default();
        (0..100_000i64).for_each(|number| sizes.add(number.wrapping_mul(0x1234_5678_9abc), 1));
        assert!(sizes.bytes.len() <= MAX_GRANULES);
        assert_eq!(sizes.since(i64::MIN), 100_000);
    }
}
