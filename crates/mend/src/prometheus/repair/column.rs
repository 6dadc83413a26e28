//! A number for each series, held densely, since series are numbered one after the other.

use std::collections::HashMap;

const PER_PAGE: u64 = 4096;

/// 128 MiB: 32 million series with dense numbers. A hostile log with more of them is treated as if the rest were not
/// there, which leaves its records as they are.
const MAX_PAGES: usize = 8192;

/// A number for each series; 0 where none was set.
#[derive(Debug, Default)]
pub(super) struct Column {
    pages: HashMap<u64, Box<[u32]>>,
}

impl Column {
    /// The number of a series.
    pub(super) fn get(&self, series: u64) -> u32 {
        let page = self.pages.get(&(series / PER_PAGE));
        page.and_then(|page| page.get(place(series)?).copied()).unwrap_or(0)
    }

    /// Where the number of a series is kept, unless there are too many.
    pub(super) fn at(&mut self, series: u64) -> Option<&mut u32> {
        let number = series / PER_PAGE;
        if !self.pages.contains_key(&number) && self.pages.len() >= MAX_PAGES {
            return None;
        }
        let empty = || vec![0; usize::try_from(PER_PAGE).unwrap_or(0)].into_boxed_slice();
        self.pages.entry(number).or_insert_with(empty).get_mut(place(series)?)
    }

    /// Series that have a number, and their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let filled =
            self.pages.iter().flat_map(|(number, page)| (number * PER_PAGE..).zip(page.iter().copied()));
        filled.filter(|(_, value)| *value > 0)
    }
}

fn place(series: u64) -> Option<usize> {
    usize::try_from(series % PER_PAGE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_far_apart_are_kept_apart() {
        let mut column = Column::default();
        for series in [1, 4095, 4096, 1 << 39] {
            *column.at(series).unwrap() = 7;
        }
        assert_eq!((column.get(4096), column.get(4097)), (7, 0));
        assert_eq!(column.iter().count(), 4);
    }

    #[test]
    fn more_series_than_any_server_has_take_no_more_memory() {
        let mut column = Column::default();
        let kept = (0..20_000).filter(|page| column.at(page * PER_PAGE).is_some()).count();
        assert_eq!(kept, MAX_PAGES);
    }
}
