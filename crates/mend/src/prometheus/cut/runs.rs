//! Sorted runs of samples in a temporary file: what does not fit into memory at once.
//!
//! ```text
//! file:  run*                    a run for each batch, in the order of the log
//! run:   window*                 ascending
//! window: { series: how many further in the order ^, length of the group ^, group }*
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::batch::{Batch, Sorting, put, put_group, take};
use super::division::SeriesSet;
use super::roster::SeriesId;
use super::windows::Window;
use crate::MendError;

/// How much is written at once.
const BUFFER: usize = 1024 * 1024;

/// Where a piece of a run lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What runs hold of one window.
#[derive(Debug)]
pub(super) struct WindowRuns {
    /// One piece of each run that has something of it, in the order of the log.
    pub(super) extents: Vec<Extent>,
    /// Which series have something in it.
    pub(super) series: SeriesSet,
}

/// The temporary file.
#[derive(Debug)]
pub(super) struct Runs {
    path: PathBuf,
    file: File,
    at: u64,
    pub(super) windows: BTreeMap<Window, WindowRuns>,
}

/// Writes runs.
pub(super) struct RunWriter<'a> {
    runs: Runs,
    /// All series in their order.
    order: &'a [SeriesId],
    /// The place of each series in that order.
    ranks: Vec<u32>,
    sorting: Sorting,
    out: Vec<u8>,
    group: Vec<u8>,
}

impl<'a> RunWriter<'a> {
    /// Begins the temporary file at `path`.
    pub(super) fn create(path: PathBuf, order: &'a [SeriesId]) -> Result<Self, MendError> {
        let open = || File::options().read(true).write(true).create_new(true).open(&path);
        let file = open().map_err(MendError::io("create", &path))?;
        let mut ranks = vec![0; order.len()];
        for (rank, series) in (0..).zip(order) {
            if let Some(slot) = ranks.get_mut(series.index()) {
                *slot = rank;
            }
        }
        let runs = Runs { path, file, at: 0, windows: BTreeMap::new() };
        Ok(Self { runs, order, ranks, sorting: Sorting::default(), out: Vec::new(), group: Vec::new() })
    }

    /// Sorts a batch and writes it.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), MendError> {
        let order = self.sorting.order(batch, self.order);
        let window = |at: &u32| Window::of(batch.time(*at));
        for in_window in order.chunk_by(|one, next| window(one) == window(next)) {
            let Some(window) = in_window.first().map(window) else { continue };
            let start = self.runs.at;
            let count = self.order.len();
            let empty = || WindowRuns { extents: Vec::new(), series: SeriesSet::of_none(count) };
            let mut before = 0;
            for of_series in in_window.chunk_by(|one, next| batch.series(*one) == batch.series(*next)) {
                let Some(series) = of_series.first().map(|at| batch.series(*at)) else { continue };
                let rank = self.ranks.get(series.index()).copied().unwrap_or(0);
                self.group.clear();
                put_group(of_series.iter().map(|at| (batch.time(*at), batch.item(*at))), &mut self.group);
                put(u64::from(rank.wrapping_sub(before)), &mut self.out);
                put(self.group.len() as u64, &mut self.out);
                self.out.extend_from_slice(&self.group);
                before = rank;
                self.runs.windows.entry(window).or_insert_with(empty).series.insert(series);
                if self.out.len() >= BUFFER {
                    self.runs.append(&mut self.out)?;
                }
            }
            self.runs.append(&mut self.out)?;
            let extent = Extent { start, end: self.runs.at };
            self.runs.windows.entry(window).or_insert_with(empty).extents.push(extent);
        }
        Ok(())
    }

    /// Ends writing.
    pub(super) fn finish(self) -> Runs {
        self.runs
    }
}

impl Runs {
    /// Bytes of all runs.
    pub(super) fn bytes(&self) -> u64 {
        self.at
    }

    fn append(&mut self, out: &mut Vec<u8>) -> Result<(), MendError> {
        self.file.write_all(out).map_err(MendError::io("write", &self.path))?;
        self.at += out.len() as u64;
        out.clear();
        Ok(())
    }

    /// Reads a piece of a run, `buffer` bytes at a time.
    pub(super) fn read(&self, extent: Extent, buffer: usize) -> RunReader<'_> {
        RunReader { runs: self, extent, buffer, bytes: Vec::new(), at: 0, rank: 0 }
    }

    fn broken(&self) -> MendError {
        let cause = io::Error::new(io::ErrorKind::InvalidData, "it is not as it was written");
        MendError::io("read", &self.path)(cause)
    }
}

/// Reads a piece of a run group by group.
pub(super) struct RunReader<'a> {
    runs: &'a Runs,
    /// What is not yet read.
    extent: Extent,
    buffer: usize,
    bytes: Vec<u8>,
    at: usize,
    rank: u64,
}

impl RunReader<'_> {
    /// The series of the next group, by its place in the order of all; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<u32>, MendError> {
        // Two numbers of at most ten bytes each.
        self.demand(20)?;
        let mut rest = self.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        let before = rest.len();
        let further = take(&mut rest).ok_or_else(|| self.runs.broken())?;
        self.at += before - rest.len();
        self.rank += further;
        u32::try_from(self.rank).map(Some).map_err(|_| self.runs.broken())
    }

    /// The group itself. What is in it comes by [`each_of_group`](super::batch::each_of_group).
    pub(super) fn group(&mut self) -> Result<&[u8], MendError> {
        let mut rest = self.rest();
        let before = rest.len();
        let len =
            take(&mut rest).and_then(|len| usize::try_from(len).ok()).ok_or_else(|| self.runs.broken())?;
        self.at += before - rest.len();
        self.demand(len)?;
        let start = self.at;
        self.at += len;
        self.bytes.get(start..start + len).ok_or_else(|| self.runs.broken())
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Sees to it that so many bytes are there, if the piece has them.
    fn demand(&mut self, len: usize) -> Result<(), MendError> {
        let there = self.bytes.len().saturating_sub(self.at);
        if there >= len || self.extent.start >= self.extent.end {
            return Ok(());
        }
        self.bytes.drain(..self.at.min(self.bytes.len()));
        self.at = 0;
        let left = self.extent.end - self.extent.start;
        let wanted = (len - there).max(self.buffer).min(usize::try_from(left).unwrap_or(usize::MAX));
        self.bytes.resize(there + wanted, 0);
        let into = self.bytes.get_mut(there..).unwrap_or_default();
        self.runs
            .file
            .read_exact_at(into, self.extent.start)
            .map_err(MendError::io("read", &self.runs.path))?;
        self.extent.start += wanted as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Item, each_of_group};
    use super::super::windows::RANGE;
    use super::*;

    #[test]
    fn runs_are_read_as_they_were_written_with_a_buffer_of_any_size() {
        let dir = tempfile::tempdir().unwrap();
        let order: Vec<SeriesId> = (0..100).rev().map(SeriesId).collect();
        let mut writer = RunWriter::create(dir.path().join("runs"), &order).unwrap();
        for run in 0..3 {
            let mut batch = Batch::default();
            for step in 0..50 {
                for series in (0..100).filter(|series| series % (run + 2) == 0) {
                    let time = i64::from(run) * RANGE / 2 + i64::from(step) * 15_000;
                    batch.push(SeriesId(series), time, &Item::Float(u64::from(series)));
                }
            }
            writer.write(&batch).unwrap();
        }
        let runs = writer.finish();
        for buffer in [1, 100, 1 << 20] {
            let mut count = 0;
            for (window, in_window) in &runs.windows {
                for extent in &in_window.extents {
                    let mut reader = runs.read(*extent, buffer);
                    while let Some(rank) = reader.next().unwrap() {
                        let series = order[rank as usize];
                        assert!(in_window.series.contains(series));
                        let visit = |time, item| {
                            assert_eq!((Window::of(time), item), (*window, Item::Float(u64::from(series.0))));
                            count += 1;
                            Ok::<(), ()>(())
                        };
                        each_of_group(reader.group().unwrap(), visit).unwrap().unwrap();
                    }
                }
            }
            assert_eq!(count, 50 * (50 + 34 + 25));
        }
    }
}
