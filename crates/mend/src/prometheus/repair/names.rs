//! Labels of series whose record is lost, from whatever else says them.

use std::ops::ControlFlow;

use formats::prometheus::record::{Labels, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Directory, Framing, RefSet, SnapshotSeries};
use formats::{Part, Progress, ReadError, Role};

use super::column::Column;
use super::segment::SegmentWriter;
use crate::MendError;

/// Series that are declared again, and where their labels stand.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// How many there are.
    pub(super) count: u64,
    /// The highest of their numbers.
    pub(super) highest: u64,
    series: RefSet,
    sources: Vec<Part>,
}

/// What a record in which series are declared may grow to.
const RECORD: usize = 64 * 1024;

impl Names {
    /// Looks for the series of `wanted` in `sources`, the best of them first.
    pub(super) fn find(
        directory: &Directory,
        wanted: &Column,
        sources: Vec<Part>,
        progress: &Progress,
    ) -> Result<Self, ReadError> {
        let mut names = Self::default();
        if wanted.iter().next().is_none() {
            return Ok(names);
        }
        for part in sources {
            let before = names.count;
            each_series(directory, &part, progress, &mut |series, _| {
                if wanted.get(series.0) > 0 && !names.series.contains(series.0) {
                    names.series.insert(series.0);
                    names.count += 1;
                    names.highest = names.highest.max(series.0);
                }
            })?;
            if names.count > before {
                names.sources.push(part);
            }
        }
        Ok(names)
    }

    /// Whether the labels of a series were found.
    pub(super) fn holds(&self, series: u64) -> bool {
        self.series.contains(series)
    }

    /// Bytes of the files in which they stand.
    pub(super) fn bytes(&self) -> u64 {
        self.sources.iter().map(|part| part.bytes).sum()
    }

    /// The files in which they stand.
    pub(super) fn sources(&self) -> &[Part] {
        &self.sources
    }

    /// Declares them.
    pub(super) fn write(
        &self,
        directory: &Directory,
        progress: &Progress,
        to: &mut SegmentWriter,
    ) -> Result<(), MendError> {
        let mut declared = RefSet::default();
        let mut record = Vec::new();
        let mut failed = None;
        for part in &self.sources {
            each_series(directory, part, progress, &mut |series, labels| {
                if !self.holds(series.0) || declared.contains(series.0) || failed.is_some() {
                    return;
                }
                declared.insert(series.0);
                let mut one = Vec::new();
                Record::Series(vec![Series { series, labels }]).encode(&mut one);
                // The type stands once, before all series of a record.
                record.extend_from_slice(if record.is_empty() { &one } else { one.get(1..).unwrap_or(&[]) });
                if record.len() >= RECORD {
                    failed = to.log(&record, Compression::None).err();
                    record.clear();
                }
            })?;
        }
        if !record.is_empty() {
            to.log(&record, Compression::None)?;
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Hands out every series that a file names.
fn each_series(
    directory: &Directory,
    part: &Part,
    progress: &Progress,
    visit: &mut dyn FnMut(SeriesRef, Labels<'_>),
) -> Result<(), ReadError> {
    directory.frames(part, progress, &mut |framing| {
        if let Framing::Record(frame) = framing
            && let Some((1, body)) = frame.record.split_first().map(|(kind, body)| (*kind, body))
        {
            if part.role == Role::HeadSnapshot {
                if let Ok(series) = SnapshotSeries::decode(body) {
                    visit(series.series, series.labels);
                }
            } else if let Ok(Record::Series(all)) = Record::decode(frame.record) {
                all.iter().for_each(|series| visit(series.series, series.labels));
            }
        }
        ControlFlow::Continue(())
    })
}
