//! The series that a log declares: by their numbers, and in the order of their labels.
//!
//! Memory is what a log with millions of series makes this room's concern: a series is a row of numbers of label pairs,
//! each distinct pair once.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;

use formats::prometheus::record::{Labels, SeriesRef};

use super::refs::Refs;
use crate::MendError;
use crate::block::{Pool, Slots, Symbols, TextId};

/// A series, by when it was first declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeriesId(pub(super) u32);

impl SeriesId {
    /// Its place in a table of all series.
    #[inline]
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A label pair: when it came, and once the roster is sorted, its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Pair(u32);

/// All series that a log declares.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pool: Pool,
    pairs: Vec<(TextId, TextId)>,
    numbers: HashMap<(TextId, TextId), Pair>,
    labels: Vec<Pair>,
    /// Where the labels of each series end; they begin where those of the one before do.
    ends: Vec<u32>,
    slots: Slots,
    refs: Refs,
    /// The number that each series had in its last record.
    last: Vec<SeriesRef>,
    /// How many times a series was declared, of all.
    records: u64,
    /// Which of those was the last one of a series that was declared more than once.
    last_records: HashMap<SeriesId, u64>,
    /// Numbers of series that have more than one.
    aliases: HashMap<SeriesId, Vec<SeriesRef>>,
    /// Series that were deleted as a whole after their last record.
    deleted: HashSet<SeriesId>,
    highest: Option<SeriesRef>,
    /// The labels of the record before, which are mostly those of this one.
    previous: Vec<Pair>,
    spare: Vec<Pair>,
}

impl Roster {
    /// Notes a record of a series.
    pub(super) fn declare(&mut self, number: SeriesRef, labels: Labels<'_>) -> Result<(), MendError> {
        self.records += 1;
        let known = self.ends.len();
        let series = self.series_of(labels)?;
        match self.refs.get(number.0) {
            None => self.refs.insert(number.0, series),
            Some(same) if same == series => {}
            Some(_) => return Err(two_faced(number)),
        }
        self.highest = self.highest.max(Some(number));
        self.deleted.remove(&series);
        let Some(last) = self.last.get_mut(series.index()) else { return Ok(()) };
        let before = std::mem::replace(last, number);
        if series.index() < known {
            self.last_records.insert(series, self.records);
            if before != number {
                self.aliases.entry(series).or_insert_with(|| vec![before]).push(number);
            }
        }
        Ok(())
    }

    /// Notes that the series of that number was deleted as a whole: its numbers mean nothing from there on.
    pub(super) fn delete(&mut self, number: SeriesRef) -> Option<SeriesId> {
        let series = self.refs.get(number.0)?;
        self.deleted.insert(series);
        let aliases = self.aliases.remove(&series).unwrap_or_default();
        let last = self.last.get(series.index()).copied();
        for number in aliases.into_iter().chain(last) {
            self.refs.remove(number.0);
        }
        Some(series)
    }

    /// The series of that number, as far as declared.
    pub(super) fn series(&self, number: SeriesRef) -> Option<SeriesId> {
        self.refs.get(number.0)
    }

    /// Sorts all series by their labels, and gives up what only declaring needs.
    pub(super) fn sort(mut self, workers: NonZeroUsize) -> Sorted {
        (self.slots, self.numbers) = (Slots::default(), HashMap::new());
        self.labels.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.last.shrink_to_fit();
        self.pool.shrink();
        let places = self.sort_pairs();
        for pair in &mut self.labels {
            *pair = places.get(pair.0 as usize).copied().unwrap_or(*pair);
        }
        drop(places);
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let mut order: Vec<SeriesId> = (0..count).map(SeriesId).collect();
        let part = order.len().div_ceil(workers.get()).max(1);
        let roster = &self;
        std::thread::scope(|scope| {
            for part in order.chunks_mut(part) {
                scope.spawn(|| {
                    part.sort_unstable_by(|one, other| roster.pairs_of(*one).cmp(roster.pairs_of(*other)));
                });
            }
        });
        // This sort finds the sorted parts and merges them.
        order.sort_by(|one, other| roster.pairs_of(*one).cmp(roster.pairs_of(*other)));
        Sorted { roster: self, order }
    }

    /// Sorts the pairs, and answers with the new number of each.
    fn sort_pairs(&mut self) -> Vec<Pair> {
        let symbols = Symbols::of(&self.pool, self.pairs.iter().flat_map(|(name, value)| [*name, *value]));
        let key = |pair: &(TextId, TextId)| (symbols.ordinal(pair.0), symbols.ordinal(pair.1));
        let count = u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|at| self.pairs.get(*at as usize).map(key));
        let mut places = vec![Pair(0); self.pairs.len()];
        for (place, at) in (0..).zip(&order) {
            if let Some(slot) = places.get_mut(*at as usize) {
                *slot = Pair(place);
            }
        }
        let sorted = order.iter().filter_map(|at| self.pairs.get(*at as usize)).copied().collect();
        self.pairs = sorted;
        places
    }

    fn pairs_of(&self, series: SeriesId) -> &[Pair] {
        pairs_of(&self.labels, &self.ends, series.0)
    }

    /// The series of these labels, which is new if there was none.
    fn series_of(&mut self, labels: Labels<'_>) -> Result<SeriesId, MendError> {
        let mut pairs = std::mem::take(&mut self.spare);
        pairs.clear();
        // A label without a value is none.
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            let like_before =
                self.previous.get(pairs.len()).copied().filter(|pair| self.is(*pair, name, value));
            pairs.push(match like_before {
                Some(pair) => pair,
                None => self.pair(name, value)?,
            });
        }
        // The server writes them sorted; what is not is sorted here, since blocks have to be.
        let name =
            |pair: &Pair| self.pairs.get(pair.0 as usize).map_or(&[][..], |(name, _)| self.pool.text(*name));
        if !pairs.is_sorted_by_key(name) {
            pairs.sort_by_key(|pair| name(pair).to_vec());
        }
        let found = self.find_or_add(&pairs);
        self.spare = std::mem::replace(&mut self.previous, pairs);
        found
    }

    fn is(&self, pair: Pair, name: &[u8], value: &[u8]) -> bool {
        let texts = self.pairs.get(pair.0 as usize);
        texts.is_some_and(|texts| self.pool.text(texts.1) == value && self.pool.text(texts.0) == name)
    }

    fn pair(&mut self, name: &[u8], value: &[u8]) -> Result<Pair, MendError> {
        let texts = (self.pool.intern(name)?, self.pool.intern(value)?);
        let next = Pair(u32::try_from(self.pairs.len()).map_err(|_| too_many())?);
        let pair = *self.numbers.entry(texts).or_insert(next);
        if pair == next {
            self.pairs.push(texts);
        }
        Ok(pair)
    }

    fn find_or_add(&mut self, pairs: &[Pair]) -> Result<SeriesId, MendError> {
        let Self { labels, ends, slots, .. } = self;
        let vacancy = match slots.find(pairs, ends.len(), |number| pairs_of(labels, ends, number)) {
            Ok(number) => return Ok(SeriesId(number)),
            Err(vacancy) => vacancy,
        };
        let id = u32::try_from(self.ends.len()).ok().filter(|id| *id < MAX_SERIES).ok_or_else(too_many)?;
        self.labels.extend_from_slice(pairs);
        self.ends.push(u32::try_from(self.labels.len()).map_err(|_| too_many())?);
        self.last.push(SeriesRef(0));
        self.slots.enter(vacancy, id);
        Ok(SeriesId(id))
    }
}

fn pairs_of<'a>(labels: &'a [Pair], ends: &[u32], number: u32) -> &'a [Pair] {
    let end = |at: Option<usize>| at.and_then(|at| ends.get(at)).map_or(0, |end| *end as usize);
    let number = number as usize;
    labels.get(end(number.checked_sub(1))..end(Some(number))).unwrap_or_default()
}

/// One bit of a series' number is used otherwise where samples are sorted.
pub(super) const MAX_SERIES: u32 = 1 << 31;

fn too_many() -> MendError {
    MendError::Impossible {
        reason: "the log has more series or labels than this can hold".to_owned(),
        advice: "reset the log, which keeps it in quarantine".to_owned(),
    }
}

/// No server writes this on purpose. Whose the samples are nothing can tell, so nothing is made of them.
fn two_faced(number: SeriesRef) -> MendError {
    MendError::Impossible {
        reason: format!("the log gives the number {} to two different series", number.0),
        advice: "start the server on it as it is; it keeps the samples of one of them".to_owned(),
    }
}

/// All series of a log in the order of their labels.
#[derive(Debug)]
pub(super) struct Sorted {
    roster: Roster,
    order: Vec<SeriesId>,
}

impl Sorted {
    /// All series in the order of their labels.
    pub(super) fn order(&self) -> &[SeriesId] {
        &self.order
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// From numbers to series.
    pub(super) fn refs(&self) -> &Refs {
        &self.roster.refs
    }

    /// Texts of all labels.
    pub(super) fn pool(&self) -> &Pool {
        &self.roster.pool
    }

    /// Names and values of a series' labels, sorted by name.
    pub(super) fn labels(&self, series: SeriesId) -> impl Iterator<Item = (TextId, TextId)> {
        let pairs = self.roster.pairs_of(series).iter();
        pairs.filter_map(|pair| self.roster.pairs.get(pair.0 as usize)).copied()
    }

    /// Of all declarations in the log, counted from 1, the last one of each series that has several. What a replay
    /// serves of a series comes behind it.
    pub(super) fn last_records(&self) -> &HashMap<SeriesId, u64> {
        &self.roster.last_records
    }

    /// Series that were deleted as a whole and not declared again.
    pub(super) fn deleted(&self) -> &HashSet<SeriesId> {
        &self.roster.deleted
    }

    /// The number whose chunks of `chunks_head` a replay gives to it: that of its last record.
    pub(super) fn last_ref(&self, series: SeriesId) -> Option<SeriesRef> {
        self.roster.last.get(series.index()).copied()
    }

    /// The highest number that was declared.
    pub(super) fn highest(&self) -> Option<SeriesRef> {
        self.roster.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(all: &[(u64, &[(&str, &str)])]) -> Sorted {
        let mut roster = Roster::default();
        for (number, labels) in all {
            let pairs =
                Labels::write_pairs(labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
            roster.declare(SeriesRef(*number), Labels::of_pairs(&pairs).unwrap()).unwrap();
        }
        roster.sort(NonZeroUsize::MIN)
    }

    #[test]
    fn series_are_sorted_pair_by_pair_and_a_shorter_one_comes_first() {
        let all: [(u64, &[(&str, &str)]); 5] = [
            (1, &[("a", "2"), ("b", "1")]),
            (2, &[("b", "0")]),
            (3, &[("a", "2")]),
            (4, &[("a", "10"), ("b", "1")]),
            (5, &[("aa", "")]),
        ];
        let sorted = sorted(&all);
        let numbers: Vec<u64> =
            sorted.order().iter().map(|series| sorted.last_ref(*series).unwrap().0).collect();
        assert_eq!(numbers, [5, 4, 3, 1, 2]);
    }

    #[test]
    fn labels_in_another_order_are_the_same_series() {
        let sorted = sorted(&[(1, &[("a", "1"), ("b", "2")]), (2, &[("b", "2"), ("a", "1")])]);
        assert_eq!(sorted.len(), 1);
        assert_eq!(sorted.refs().get(1), sorted.refs().get(2));
        assert_eq!(sorted.last_records().get(&SeriesId(0)), Some(&2));
        assert_eq!(sorted.last_ref(SeriesId(0)), Some(SeriesRef(2)));
    }

    #[test]
    fn a_deleted_series_loses_all_its_numbers_and_comes_back_with_the_next() {
        let mut roster = Roster::default();
        let pairs = Labels::write_pairs([(&b"a"[..], &b"1"[..])]);
        let labels = Labels::of_pairs(&pairs).unwrap();
        roster.declare(SeriesRef(1), labels).unwrap();
        roster.declare(SeriesRef(2), labels).unwrap();
        let series = roster.delete(SeriesRef(1)).unwrap();
        assert!(roster.deleted.contains(&series));
        assert_eq!((roster.refs.get(1), roster.refs.get(2)), (None, None));
        roster.declare(SeriesRef(3), labels).unwrap();
        let sorted = roster.sort(NonZeroUsize::MIN);
        assert_eq!(sorted.refs().get(3), Some(series));
        assert!(!sorted.deleted().contains(&series));
    }

    #[test]
    fn one_number_for_two_series_is_refused() {
        let mut roster = Roster::default();
        let labels = |value: &[u8]| Labels::write_pairs([(&b"a"[..], value)]);
        let (one, other) = (labels(b"1"), labels(b"2"));
        roster.declare(SeriesRef(1), Labels::of_pairs(&one).unwrap()).unwrap();
        roster.declare(SeriesRef(1), Labels::of_pairs(&other).unwrap()).unwrap_err();
    }
}
