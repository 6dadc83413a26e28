//! Who fills the log: samples by metric and by job, and samples whose series nobody declared.
//!
//! Memory is bounded: counters for at most [`MAX_PAGES`] pages of series numbers and [`MAX_NAMES`] names per label
//! and thread. What goes beyond is left out of the tables, never out of the totals.

use std::collections::HashMap;

use super::record::{Base, Record, Series, SeriesRef, Type};
use crate::{Bytes, Malformed, TopRow, TopTable, UnixTime};

/// Series numbers in one page.
const PAGE: usize = 4096;

/// Pages of numbers: 16 Mi series, 64 MiB per table when all of them are used.
const MAX_PAGES: usize = 4096;

/// Distinct values of one label.
const MAX_NAMES: usize = 200_000;

/// The labels that tables are made by, and what the tables are called.
const LABELS: [(&[u8], &str); 2] = [(b"__name__", "metric"), (b"job", "job")];

/// A number per series.
#[derive(Default)]
struct Counters {
    /// Where in `pages` a page of series numbers lies.
    index: HashMap<u64, usize>,
    pages: Vec<(u64, Box<[u32; PAGE]>)>,
    /// The page that was used last: samples of one scrape have neighbouring numbers.
    last: usize,
}

impl Counters {
    /// The series' number; `None` when it lies beyond the bound.
    #[inline]
    fn at(&mut self, series: u64) -> Option<&mut u32> {
        let page = series / PAGE as u64;
        if self.pages.get(self.last).is_none_or(|(last, _)| *last != page) {
            self.last = self.find(page)?;
        }
        let (_, numbers) = self.pages.get_mut(self.last)?;
        numbers.get_mut(usize::try_from(series % PAGE as u64).ok()?)
    }

    #[cold]
    fn find(&mut self, page: u64) -> Option<usize> {
        if let Some(at) = self.index.get(&page) {
            return Some(*at);
        }
        if self.pages.len() >= MAX_PAGES {
            return None;
        }
        self.pages.push((page, Box::new([0; PAGE])));
        self.index.insert(page, self.pages.len() - 1);
        Some(self.pages.len() - 1)
    }

    fn get(&self, series: u64) -> u32 {
        let page = self.index.get(&(series / PAGE as u64)).and_then(|at| self.pages.get(*at));
        let at = usize::try_from(series % PAGE as u64).unwrap_or(0);
        page.and_then(|(_, numbers)| numbers.get(at)).copied().unwrap_or(0)
    }

    /// Series with a number that is not zero.
    fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        self.pages.iter().flat_map(|(page, numbers)| {
            let first = page * PAGE as u64;
            let all = numbers.iter().enumerate().map(move |(at, number)| (first + at as u64, *number));
            all.filter(|(_, number)| *number > 0)
        })
    }
}

/// Which value of one label each series has.
#[derive(Default)]
struct Values {
    /// Number of the value, counted from 1.
    of_series: Counters,
    names: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Values {
    fn set(&mut self, series: u64, value: &[u8]) {
        let number = match self.numbers.get(value) {
            Some(number) => *number,
            None if self.names.len() >= MAX_NAMES => return,
            None => {
                self.names.push(value.to_vec());
                let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                self.numbers.insert(value.to_vec(), number);
                number
            }
        };
        if let Some(of_series) = self.of_series.at(series) {
            *of_series = number;
        }
    }
}

/// What one thread learned about series.
#[derive(Default)]
pub(super) struct Contents {
    samples: Counters,
    /// Samples of times that are in blocks, and which a start passes over for that.
    in_blocks: Counters,
    /// Where the blocks end.
    blocks_end: Option<i64>,
    labels: [Values; LABELS.len()],
    declared: super::refs::RefSet,
}

impl Contents {
    /// Nothing yet, of a log whose blocks end there.
    pub(super) fn behind(blocks_end: Option<UnixTime>) -> Self {
        // A time beyond what samples can have is as good as the last that they can.
        let millis = |end: UnixTime| i64::try_from(end.nanos() / 1_000_000).unwrap_or(i64::MAX);
        Self { blocks_end: blocks_end.map(millis), ..Self::default() }
    }

    /// Notes a series that a record declares.
    pub(super) fn declare(&mut self, series: Series<'_>) {
        self.declared.insert(series.series.0);
        for ((label, _), values) in LABELS.iter().zip(&mut self.labels) {
            if let Some(value) = series.labels.get(label) {
                values.set(series.series.0, value);
            }
        }
    }

    /// Counts the samples of a record that was checked.
    pub(super) fn count(&mut self, record: &[u8]) -> Result<(), Malformed> {
        let mut bytes = Bytes::new(record);
        if Type::read(&mut bytes)? == Type::Samples {
            let Some(base) = Base::read(&mut bytes)? else { return Ok(()) };
            while !bytes.is_empty() {
                let (series, time) = base.place(&mut bytes)?;
                bytes.take(8, "value")?;
                self.add(series, time);
            }
            return Ok(());
        }
        match Record::decode(record)? {
            Record::Histograms(_, _, all) => all.iter().for_each(|point| self.add(point.series, point.time)),
            Record::SamplesV2(all) => all.iter().for_each(|(point, _)| self.add(point.series, point.time)),
            Record::HistogramsV2(_, all) => {
                all.iter().for_each(|(point, _)| self.add(point.series, point.time));
            }
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn add(&mut self, series: SeriesRef, time: i64) {
        if let Some(count) = self.samples.at(series.0) {
            *count = count.saturating_add(1);
        }
        if self.blocks_end.is_some_and(|end| time < end)
            && let Some(count) = self.in_blocks.at(series.0)
        {
            *count = count.saturating_add(1);
        }
    }
}

/// Samples that belong to no series and that a start would otherwise take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Series numbers that samples name and no record declares.
    pub(super) series: u64,
    /// Their samples.
    pub(super) samples: u64,
}

/// Puts together what the threads learned.
pub(super) fn conclude(threads: &[Contents], top: usize) -> (Vec<TopTable>, Unknown) {
    let tables = LABELS.iter().enumerate().map(|(at, (_, by))| table(threads, at, by, top));
    let mut unknown = Unknown::default();
    let declared = |series| threads.iter().any(|thread| thread.declared.contains(series));
    let mut seen = super::refs::RefSet::default();
    for thread in threads {
        let taken =
            |(series, count): (u64, u32)| (series, count.saturating_sub(thread.in_blocks.get(series)));
        let taken = thread.samples.iter().filter(|(series, _)| !declared(*series)).map(taken);
        for (series, count) in taken.filter(|(_, count)| *count > 0) {
            unknown.samples += u64::from(count);
            unknown.series += u64::from(!seen.contains(series));
            seen.insert(series);
        }
    }
    (tables.collect(), unknown)
}

fn table(threads: &[Contents], label: usize, by: &'static str, top: usize) -> TopTable {
    let mut rows: HashMap<&[u8], TopRow> = HashMap::new();
    for (rank, thread) in threads.iter().enumerate() {
        let Some(values) = thread.labels.get(label) else { continue };
        // A series is declared again by checkpoints and later segments, which other threads may have read: it counts
        // once, for the first thread that knows its label.
        let known = |series| {
            let before = threads.iter().take(rank).filter_map(|thread| thread.labels.get(label));
            before.into_iter().any(|values| values.of_series.get(series) > 0)
        };
        for (series, number) in values.of_series.iter().filter(|(series, _)| !known(*series)) {
            let Some(name) = values.names.get(number as usize - 1) else { continue };
            let row = rows.entry(name.as_slice()).or_insert_with(|| TopRow {
                name: String::from_utf8_lossy(name).into_owned(),
                series: 0,
                samples: 0,
            });
            row.series += 1;
            row.samples += threads.iter().map(|other| u64::from(other.samples.get(series))).sum::<u64>();
        }
    }
    let mut rows: Vec<TopRow> = rows.into_values().collect();
    rows.sort_by(|a, b| b.samples.cmp(&a.samples).then(b.series.cmp(&a.series)).then(a.name.cmp(&b.name)));
    rows.truncate(top);
    TopTable { by, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus::record::Labels;

    #[test]
    fn a_series_that_several_threads_met_counts_once() {
        let pairs = Labels::write_pairs([(&b"__name__"[..], &b"up"[..])]);
        let labels = Labels::of_pairs(&pairs).unwrap();
        let thread = || {
            let mut contents = Contents::default();
            contents.declare(Series { series: SeriesRef(7), labels });
            contents.add(SeriesRef(7), 0);
            contents
        };
        let (tables, _) = conclude(&[thread(), thread()], 10);
        let rows: Vec<(u64, u64)> = tables[0].rows.iter().map(|row| (row.series, row.samples)).collect();
        assert_eq!(rows, [(1, 2)]);
    }

    #[test]
    fn samples_of_an_undeclared_series_count_only_where_no_block_has_them() {
        let end = UnixTime::from_millis(100);
        let contents = |times: &[i64]| {
            let mut contents = Contents::behind(Some(end));
            times.iter().for_each(|time| contents.add(SeriesRef(7), *time));
            contents
        };
        let unknown = |times: &[i64]| conclude(&[contents(times)], 10).1;
        assert_eq!(unknown(&[98, 99]), Unknown::default());
        assert_eq!(unknown(&[99, 100, 101]), Unknown { series: 1, samples: 2 });
    }
}
