//! From a series' number in the log to the series.

use std::collections::HashMap;

use super::roster::SeriesId;

/// Numbers in one page: numbers are given out one after the other, but of a server that has run for long only those of
/// living series are left.
const PAGE: usize = 256;

/// Pages that a table may have however few numbers are in it.
const FREE_PAGES: usize = 1024;

/// A page has to hold so many numbers on average; others go into a map of single ones.
const NUMBERS_PER_PAGE: usize = 16;

/// No series.
const NONE: u32 = u32::MAX;

/// A map from numbers to series: four bytes for each where they are dense, and not many more where they are not.
#[derive(Debug, Default)]
pub(super) struct Refs {
    index: HashMap<u64, u32>,
    pages: Vec<[u32; PAGE]>,
    single: HashMap<u64, u32>,
    len: usize,
}

impl Refs {
    /// The series of that number.
    #[inline]
    pub(super) fn get(&self, number: u64) -> Option<SeriesId> {
        let found = match self.index.get(&(page_of(number))) {
            Some(page) => {
                self.pages.get(*page as usize)?.get(place(number)).copied().filter(|id| *id != NONE)
            }
            None => self.single.get(&number).copied(),
        };
        found.map(SeriesId)
    }

    /// A reader that is quick where numbers lie close to those before.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { refs: self, page: u64::MAX, numbers: None }
    }

    /// Gives a number to a series.
    pub(super) fn insert(&mut self, number: u64, series: SeriesId) {
        self.len += 1;
        let page = page_of(number);
        if let Some(numbers) = self.page_mut(page) {
            if let Some(slot) = numbers.get_mut(place(number)) {
                *slot = series.0;
            }
            return;
        }
        if self.pages.len() >= FREE_PAGES + self.len / NUMBERS_PER_PAGE {
            self.single.insert(number, series.0);
            return;
        }
        let mut numbers = [NONE; PAGE];
        // A page takes over what came before it.
        if !self.single.is_empty() {
            for (number, slot) in (page * PAGE as u64..).zip(numbers.iter_mut()) {
                *slot = self.single.remove(&number).unwrap_or(NONE);
            }
        }
        if let Some(slot) = numbers.get_mut(place(number)) {
            *slot = series.0;
        }
        // Four billion pages do not fit into memory.
        self.index.insert(page, u32::try_from(self.pages.len()).unwrap_or(u32::MAX));
        self.pages.push(numbers);
    }

    /// Forgets a number.
    pub(super) fn remove(&mut self, number: u64) {
        if let Some(slot) = self.page_mut(page_of(number)).and_then(|numbers| numbers.get_mut(place(number)))
        {
            *slot = NONE;
        }
        self.single.remove(&number);
    }

    fn page_mut(&mut self, page: u64) -> Option<&mut [u32; PAGE]> {
        let at = *self.index.get(&page)?;
        self.pages.get_mut(at as usize)
    }
}

/// The page that a number is in.
const fn page_of(number: u64) -> u64 {
    number / PAGE as u64
}

/// Where in its page a number lies.
fn place(number: u64) -> usize {
    usize::try_from(number % PAGE as u64).unwrap_or(0)
}

/// Looks numbers up, and remembers the page of the last one.
pub(super) struct Reader<'a> {
    refs: &'a Refs,
    page: u64,
    numbers: Option<&'a [u32; PAGE]>,
}

impl Reader<'_> {
    /// The series of that number.
    #[inline]
    pub(super) fn get(&mut self, number: u64) -> Option<SeriesId> {
        let page = page_of(number);
        if page != self.page {
            self.turn(page);
        }
        match self.numbers {
            Some(numbers) => numbers.get(place(number)).copied().filter(|id| *id != NONE).map(SeriesId),
            None => self.refs.single.get(&number).copied().map(SeriesId),
        }
    }

    fn turn(&mut self, page: u64) {
        self.page = page;
        self.numbers = self.refs.index.get(&page).and_then(|at| self.refs.pages.get(*at as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_whether_numbers_are_dense_or_sparse() {
        let dense = (1..50_000u64).map(|number| number * 3);
        let sparse = (1..50_000u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let numbers: Vec<u64> = dense.chain(sparse).collect();
        let mut refs = Refs::default();
        for (series, number) in (0..).zip(&numbers) {
            refs.insert(*number, SeriesId(series));
        }
        let mut reader = refs.reader();
        for (series, number) in (0..).zip(&numbers) {
            assert_eq!(refs.get(*number), Some(SeriesId(series)));
            assert_eq!(reader.get(*number), Some(SeriesId(series)));
        }
        assert!(refs.pages.len() <= FREE_PAGES + numbers.len() / NUMBERS_PER_PAGE);
        assert_eq!((refs.get(2), reader.get(2)), (None, None));
    }

    #[test]
    fn a_forgotten_number_is_not_found_and_can_be_given_again() {
        let mut refs = Refs::default();
        refs.insert(7, SeriesId(1));
        refs.remove(7);
        assert_eq!(refs.get(7), None);
        refs.insert(7, SeriesId(2));
        assert_eq!(refs.get(7), Some(SeriesId(2)));
    }
}
