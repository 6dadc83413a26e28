//! What each file of a log still holds, and which series it names.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use formats::prometheus::record::{Record, Series, SeriesRef};
use formats::prometheus::{Directory, Frame, Framing, RefSet};
use formats::{Damage, Part, Progress, ReadError, Role};

use super::column::Column;
use super::lost_chunks::LostChunks;
use crate::Span;

/// A file of a row of numbered files; several where one number stands on more than one.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) parts: Vec<Part>,
}

/// What was found at one place.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) place: Place,
    /// Records that verify.
    pub(super) records: u64,
    /// Samples in them.
    pub(super) samples: u64,
    /// Damages, torn ends not counted.
    pub(super) damages: u64,
    /// Records lost; `None` when nothing tells.
    pub(super) lost_records: Option<u64>,
    /// Bytes lost.
    pub(super) lost_bytes: u64,
    /// How many files end inside a record as after a crash.
    pub(super) torn: u64,
    /// Series that were declared before, in another file, by the same labels.
    pub(super) repeated: RefSet,
    /// How many declarations repeat one that was there.
    pub(super) repeats: u64,
    /// Markers of late samples that name a chunk which is lost.
    pub(super) bad_markers: u64,
    /// Samples of series that nobody has declared by then.
    pub(super) unnamed: u64,
    /// What the records are, to tell a copy.
    pub(super) digest: u64,
    /// Times of the samples.
    pub(super) times: Option<Span>,
}

impl Sheet {
    fn new(place: Place) -> Self {
        Self {
            place,
            records: 0,
            samples: 0,
            damages: 0,
            lost_records: Some(0),
            lost_bytes: 0,
            torn: 0,
            repeated: RefSet::default(),
            repeats: 0,
            bad_markers: 0,
            unnamed: 0,
            digest: 0,
            times: None,
        }
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.place.parts.iter().map(|part| part.bytes).sum()
    }

    /// Whether it has bytes and none of them is a record: no file of the log, or nothing of one that is left.
    pub(super) fn is_void(&self) -> bool {
        self.records == 0 && self.damages > 0
    }

    /// Whether records are lost, as far as that can be told.
    pub(super) fn lost_any(&self) -> bool {
        self.lost_records != Some(0)
    }

    /// Whether its file cannot stay as it is.
    pub(super) fn needs_rewriting(&self) -> bool {
        self.damages + self.torn + self.repeats + self.bad_markers > 0
    }

    fn lose(&mut self, damage: &Damage) {
        self.lost_bytes += damage.lost.bytes;
        self.lost_records = self.lost_records.zip(damage.lost.records).map(|(all, more)| all + more);
    }
}

/// What is learned of series while files are read in the order of a start.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// A hash of the labels of each series that was declared.
    declared: Column,
    /// Samples of series that were not, by series.
    pub(super) unnamed: Column,
    /// Series declared in the file that is being read.
    here: RefSet,
    /// The highest number that was declared.
    pub(super) highest_declared: u64,
    /// The highest number that anything names.
    pub(super) highest: u64,
    /// Series declared under two label sets.
    pub(super) two_names: u64,
    /// How many series are declared.
    pub(super) series: u64,
    /// A start drops older samples of the log, which blocks hold.
    blocks_end: Option<i64>,
    /// Between which times something is lost.
    pub(super) lost_times: Option<Span>,
    newest: Option<i64>,
    losing: Losing,
}

/// Which log a sample stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// The log.
    InOrder,
    /// The log of late samples.
    Late,
}

/// Whether something was lost since the last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Losing {
    #[default]
    No,
    Yes,
}

/// What a file ends with.
#[derive(Clone, Copy, Default)]
enum Ending {
    /// A record, or nothing.
    #[default]
    Record,
    /// Damage up to there.
    Damage(u64),
}

/// A file is padded to whole pages when it is finished.
const PAGE: u64 = 32 * 1024;

impl Ending {
    /// Whether there may have been more than what is seen to be lost: the file is shorter than it was, or pages at
    /// its end are empty.
    fn hides_more(self, bytes: u64) -> bool {
        let Ending::Damage(end) = self else { return false };
        (end == bytes && !bytes.is_multiple_of(PAGE)) || end.next_multiple_of(PAGE) < bytes
    }
}

/// No head gives a higher number: they have 40 bits.
const MAX_SERIES: u64 = (1 << 40) - 1;

impl Ledger {
    pub(super) fn new(blocks_end: Option<i64>) -> Self {
        Self { blocks_end, ..Self::default() }
    }

    /// Whether a series has been declared.
    pub(super) fn knows(&self, series: u64) -> bool {
        self.declared.get(series) > 0
    }

    /// Whether a start takes a chunk of `chunks_head` that ends at `time`.
    pub(super) fn takes_until(&self, time: i64) -> bool {
        self.blocks_end.is_none_or(|end| time >= end)
    }

    /// Notes that a number was given to a series.
    pub(super) fn note(&mut self, series: u64) {
        if series < MAX_SERIES {
            self.highest = self.highest.max(series);
        }
    }

    /// Notes that something between what was read last and what is read next is lost.
    pub(super) fn lose(&mut self) {
        self.losing = Losing::Yes;
        if let Some(newest) = self.newest {
            self.lost_times = Span::merge(self.lost_times, Some(Span::at(newest)));
        }
    }

    /// Reads one place.
    pub(super) fn read(
        &mut self,
        directory: &Directory,
        place: Place,
        lost: &LostChunks,
        progress: &Progress,
    ) -> Result<Sheet, ReadError> {
        let mut sheet = Sheet::new(place);
        self.here = RefSet::default();
        let mut digest = DefaultHasher::new();
        for part in sheet.place.parts.clone() {
            let mut ending = Ending::default();
            directory.frames(&part, progress, &mut |framing| {
                match framing {
                    Framing::Record(frame) => {
                        sheet.records += 1;
                        ending = Ending::Record;
                        frame.packed.hash(&mut digest);
                        self.take(&frame, &part, lost, &mut sheet);
                    }
                    Framing::Damage(damage) => {
                        sheet.damages += 1;
                        ending = Ending::Damage(damage.end);
                        sheet.lose(&damage);
                        if damage.lost.records != Some(0) {
                            self.lose();
                        }
                    }
                    Framing::Note(note) if note.code == "torn-tail" => sheet.torn += 1,
                    Framing::Note(_) => {}
                }
                ControlFlow::Continue(())
            })?;
            if ending.hides_more(part.bytes) {
                sheet.lost_records = None;
            }
        }
        sheet.digest = digest.finish();
        Ok(sheet)
    }

    fn take(&mut self, frame: &Frame<'_>, part: &Part, lost: &LostChunks, sheet: &mut Sheet) {
        // It was decoded before, when it was checked.
        let Ok(record) = Record::decode(frame.record) else { return };
        let late = if part.role == Role::OutOfOrder { Arrival::Late } else { Arrival::InOrder };
        match record {
            Record::Series(all) => all.iter().for_each(|series| self.declare(series, sheet)),
            Record::Samples(all) => {
                all.iter().for_each(|point| self.measure(point.series, point.time, late, sheet));
            }
            Record::Histograms(_, _, all) => {
                all.iter().for_each(|point| self.measure(point.series, point.time, late, sheet));
            }
            Record::SamplesV2(all) => {
                all.iter().for_each(|(point, _)| self.measure(point.series, point.time, late, sheet));
            }
            Record::HistogramsV2(_, all) => {
                all.iter().for_each(|(point, _)| self.measure(point.series, point.time, late, sheet));
            }
            Record::Tombstones(all) => all.iter().for_each(|one| self.note(one.series.0)),
            Record::Markers(all) => {
                all.iter().for_each(|marker| self.note(marker.series.0));
                sheet.bad_markers += all.iter().filter(|marker| lost.holds(marker.chunk)).count() as u64;
            }
            Record::Exemplars(_) | Record::Metadata(_) | Record::Unknown(_) | Record::Empty => {}
        }
    }

    fn declare(&mut self, series: &Series<'_>, sheet: &mut Sheet) {
        let number = series.series.0;
        self.note(number);
        self.highest_declared = self.highest_declared.max(number);
        let hash = label_hash(series);
        let before = self.declared.get(number);
        if before == hash {
            sheet.repeats += 1;
            if !self.here.contains(number) {
                sheet.repeated.insert(number);
            }
            return;
        }
        self.here.insert(number);
        self.two_names += u64::from(before > 0);
        self.series += u64::from(before == 0);
        if let Some(place) = self.declared.at(number) {
            *place = hash;
        }
    }

    fn measure(&mut self, series: SeriesRef, time: i64, arrival: Arrival, sheet: &mut Sheet) {
        sheet.samples += 1;
        sheet.times = Span::merge(sheet.times, Some(Span::at(time)));
        if arrival == Arrival::InOrder {
            if std::mem::take(&mut self.losing) == Losing::Yes {
                self.lost_times = Span::merge(self.lost_times, Some(Span::at(time)));
            }
            self.newest = self.newest.max(Some(time));
        }
        if self.knows(series.0) || (arrival == Arrival::InOrder && !self.takes_until(time)) {
            return;
        }
        self.note(series.0);
        sheet.unnamed += u64::from(arrival == Arrival::InOrder);
        if let Some(count) = self.unnamed.at(series.0) {
            *count = count.saturating_add(1);
        }
    }
}

/// A hash of a series' labels that is never 0.
pub(super) fn label_hash(series: &Series<'_>) -> u32 {
    let mut hasher = DefaultHasher::new();
    series.labels.hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap_or(0).max(1)
}
