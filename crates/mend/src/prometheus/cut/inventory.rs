//! What a log holds, as far as cutting it needs to know: read once, on several cores, before anything is decided.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use formats::prometheus::record::{Record, SeriesRef, Type};
use formats::prometheus::{Directory, Frame, Framing, Relay};
use formats::{Damage, Malformed, Order, Part, Role};

use super::mapped::Mapped;
use super::points;
use super::roster::{Roster, SeriesId, Sorted};
use super::windows::{Sizes, Windows};
use crate::MendError;

/// What a log holds.
#[derive(Debug)]
pub(super) struct Inventory {
    pub(super) series: Sorted,
    /// What each file of the log holds, in the order in which a start reads them.
    pub(super) parts: Vec<Holding>,
    /// What is deleted of which series, both ends included.
    pub(super) graves: HashMap<SeriesId, Vec<(i64, i64)>>,
    /// Series that have late samples.
    pub(super) late: HashSet<SeriesId>,
    /// Samples older than this are in blocks: a start drops them.
    pub(super) blocks_end: Option<i64>,
    /// Chunks of `chunks_head`.
    pub(super) mapped: Mapped,
    /// In which windows there are samples.
    pub(super) windows: Windows,
    /// Bytes of records with samples.
    pub(super) sizes: Sizes,
    /// Bytes of all other records.
    pub(super) other_bytes: u64,
    /// Samples with a start time, which blocks have no room for.
    pub(super) started: u64,
    /// Time of the oldest exemplar.
    pub(super) oldest_exemplar: Option<i64>,
}

/// What one file of the log holds.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) part: Part,
    pub(super) records: u64,
    pub(super) points: u64,
    /// First and last time of its points.
    pub(super) times: Option<(i64, i64)>,
}

impl Inventory {
    /// Reads a whole log. One that is damaged is refused: what is made of it would not be what replay makes.
    pub(super) fn of(directory: &Directory, order: &Order) -> Result<Self, MendError> {
        let blocks_end = directory.blocks_end();
        let mut reading = Reading::new(directory, blocks_end);
        reading.log(directory, order)?;
        let Reading { roster, parts, graves, findings, .. } = reading;
        let series = roster.sort(order.workers);
        let mut late = late_series(directory, order, &series)?;
        let mapped = Mapped::of(directory, order, &series, &mut late)?;
        let Findings { mut windows, sizes, other_bytes, started, oldest_exemplar, .. } = findings;
        windows.append(&mapped.windows);
        Ok(Self {
            series,
            parts,
            graves,
            late,
            blocks_end,
            mapped,
            windows,
            sizes,
            other_bytes,
            started,
            oldest_exemplar,
        })
    }

    /// Time of the newest sample that came in order.
    pub(super) fn newest(&self) -> Option<i64> {
        let log = self.parts.iter().filter_map(|holding| holding.times).map(|(_, max)| max);
        log.max().max(self.mapped.newest)
    }
}

/// The log as it is read.
struct Reading {
    roster: Roster,
    parts: Vec<Holding>,
    graves: HashMap<SeriesId, Vec<(i64, i64)>>,
    findings: Findings,
    blocks_end: i64,
    failed: Option<MendError>,
}

/// What a block of a file, or all of them, hold.
#[derive(Default)]
struct Findings {
    /// Records of series and tombstones, one after the other.
    kept: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    records: u64,
    points: u64,
    times: Option<(i64, i64)>,
    windows: Windows,
    sizes: Sizes,
    other_bytes: u64,
    started: u64,
    oldest_exemplar: Option<i64>,
    damage: Option<Damage>,
}

impl Reading {
    fn new(directory: &Directory, blocks_end: Option<i64>) -> Self {
        let parts =
            directory.parts().iter().filter(|part| matches!(part.role, Role::Checkpoint | Role::Live));
        let holding = |part: &Part| Holding { part: part.clone(), records: 0, points: 0, times: None };
        Self {
            roster: Roster::default(),
            parts: parts.map(holding).collect(),
            graves: HashMap::new(),
            findings: Findings::default(),
            blocks_end: blocks_end.unwrap_or(i64::MIN),
            failed: None,
        }
    }

    fn log(&mut self, directory: &Directory, order: &Order) -> Result<(), MendError> {
        let parts: Vec<Part> = self.parts.iter().map(|holding| holding.part.clone()).collect();
        let parts: Vec<&Part> = parts.iter().collect();
        let relay = Relay { parts: &parts, workers: order.workers, progress: &order.progress };
        let digest = |found: &mut Findings, _: usize, framing: Framing<'_>| found.add(&framing);
        directory.relay(&relay, digest, |found: &mut Findings, part| {
            self.failed = self.take(found, part).err();
            if self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        self.failed.take().map_or(Ok(()), Err)
    }

    fn take(&mut self, found: &mut Findings, part: usize) -> Result<(), MendError> {
        if let Some(damage) = &found.damage {
            return Err(damaged(damage));
        }
        let mut start = 0;
        for end in &found.ends {
            let record = found.kept.get(start..*end).unwrap_or_default();
            start = *end;
            // It was decoded before it was kept.
            match Record::decode(record) {
                Ok(Record::Series(all)) => {
                    all.iter().try_for_each(|one| self.roster.declare(one.series, one.labels))?;
                }
                Ok(Record::Tombstones(all)) => {
                    all.iter().for_each(|one| self.bury(one.series, (one.from, one.to)));
                }
                _ => {}
            }
        }
        if let Some(holding) = self.parts.get_mut(part) {
            holding.records += found.records;
            holding.points += found.points;
            holding.times = merged(holding.times, found.times);
        }
        self.findings.append(found);
        Ok(())
    }

    /// Notes a deletion of a series that is known; the server passes over others, and over what lies in blocks.
    fn bury(&mut self, number: SeriesRef, (from, to): (i64, i64)) {
        if (from, to) == (i64::MIN, i64::MAX) {
            if let Some(series) = self.roster.delete(number) {
                self.graves.remove(&series);
            }
        } else if to >= self.blocks_end
            && let Some(series) = self.roster.series(number)
        {
            self.graves.entry(series).or_default().push((from, to));
        }
    }
}

impl Findings {
    fn add(&mut self, framing: &Framing<'_>) {
        match framing {
            Framing::Record(frame) => {
                // It was checked before it was handed out.
                self.record(frame).unwrap_or(());
            }
            Framing::Damage(damage) => {
                self.damage.get_or_insert_with(|| damage.clone());
            }
            Framing::Note(_) => {}
        }
    }

    fn record(&mut self, frame: &Frame<'_>) -> Result<(), Malformed> {
        let bytes = frame.span.end - frame.span.start;
        self.records += 1;
        self.points += frame.gist.points;
        self.times = merged(self.times, frame.gist.times);
        match frame.gist.kind {
            Some(Type::Series | Type::Tombstones) => {
                self.kept.extend_from_slice(frame.record);
                self.ends.push(self.kept.len());
            }
            Some(Type::SamplesV2 | Type::HistogramsV2 | Type::FloatHistogramsV2) => {
                self.started += points::count_started(&Record::decode(frame.record)?);
            }
            Some(Type::Exemplars) => {
                if let Record::Exemplars(all) = Record::decode(frame.record)? {
                    let oldest = all.iter().map(|exemplar| exemplar.sample.time).min();
                    self.oldest_exemplar = earlier(self.oldest_exemplar, oldest);
                }
            }
            _ => {}
        }
        let Some((min, max)) = frame.gist.times else {
            self.other_bytes += bytes;
            return Ok(());
        };
        self.sizes.add(max, bytes);
        self.windows.add(max);
        if super::windows::Window::of(min) != super::windows::Window::of(max)
            && let Some(kind) = frame.gist.kind
        {
            points::each(frame.record, kind, |_, time, _| self.windows.add(time))?;
        }
        Ok(())
    }

    /// Adds what was found in a block, and empties it.
    fn append(&mut self, found: &mut Findings) {
        self.windows.append(&found.windows);
        self.sizes.append(&found.sizes);
        self.other_bytes += found.other_bytes;
        self.started += found.started;
        self.oldest_exemplar = earlier(self.oldest_exemplar, found.oldest_exemplar);
        let (mut kept, mut ends) = (std::mem::take(&mut found.kept), std::mem::take(&mut found.ends));
        kept.clear();
        ends.clear();
        *found = Findings { kept, ends, ..Findings::default() };
    }
}

/// Which series have late samples, in the log of those.
fn late_series(
    directory: &Directory,
    order: &Order,
    series: &Sorted,
) -> Result<HashSet<SeriesId>, MendError> {
    #[derive(Default)]
    struct Late {
        numbers: HashSet<u64>,
        damage: Option<Damage>,
    }
    let parts: Vec<&Part> = directory.parts().iter().filter(|part| part.role == Role::OutOfOrder).collect();
    let relay = Relay { parts: &parts, workers: order.workers, progress: &order.progress };
    let digest = |late: &mut Late, _: usize, framing: Framing<'_>| match framing {
        Framing::Record(frame) => match Record::decode(frame.record) {
            Ok(Record::Markers(all)) => late.numbers.extend(all.iter().map(|marker| marker.series.0)),
            _ => {
                let kind = frame.gist.kind.unwrap_or(Type::Empty);
                // It was checked before it was handed out.
                points::each(frame.record, kind, |number, _, _| {
                    late.numbers.insert(number.0);
                })
                .unwrap_or(());
            }
        },
        Framing::Damage(damage) => {
            late.damage.get_or_insert(damage);
        }
        Framing::Note(_) => {}
    };
    let (mut all, mut failed) = (HashSet::new(), None);
    directory.relay(&relay, digest, |late: &mut Late, _| {
        all.extend(late.numbers.drain().filter_map(|number| series.refs().get(number)));
        failed = late.damage.as_ref().map(damaged);
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(all), Err)
}

/// The log has to be whole: from here on nothing asks again whether a record can be trusted.
pub(super) fn damaged(damage: &Damage) -> MendError {
    MendError::Impossible {
        reason: format!("{} is damaged at byte {}: {}", damage.file, damage.start, damage.cause),
        advice: "repair the log first".to_owned(),
    }
}

fn merged(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
