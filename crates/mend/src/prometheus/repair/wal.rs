//! The files of the log itself, as read: which are copies of others, which hold nothing, what is missing.

use std::collections::{BTreeMap, HashMap};

use formats::prometheus::Directory;
use formats::{Part, Progress, ReadError, Role};

use super::checkpoints::Base;
use super::lost_chunks::LostChunks;
use super::number_of;
use super::reading::{Ledger, Place, Sheet};

/// A row of numbered files.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// In the order of their numbers.
    pub(super) sheets: Vec<Sheet>,
    /// Those behind them that hold nothing: files that do not belong there, or nothing of one that is left.
    pub(super) behind: Vec<Sheet>,
}

/// Reads the files of the checkpoint on which the log stands.
pub(super) fn read_base(
    directory: &Directory,
    base: &Base,
    ledger: &mut Ledger,
    progress: &Progress,
) -> Result<Vec<Sheet>, ReadError> {
    let parts = base.checkpoint.iter().flat_map(|checkpoint| &checkpoint.parts);
    read_all(directory, group(parts), &LostChunks::default(), ledger, progress)
}

/// Reads the segments behind it.
pub(super) fn read_segments(
    directory: &Directory,
    prefix: &str,
    base: &Base,
    ledger: &mut Ledger,
    progress: &Progress,
) -> Result<Row, ReadError> {
    let after = base.checkpoint.as_ref().map(|checkpoint| checkpoint.number);
    let is_segment = |part: &&Part| {
        let name = part.name.strip_prefix(prefix).filter(|name| !name.contains('/'));
        matches!(part.role, Role::Live | Role::Retained)
            && name.and_then(number_of).is_some_and(|number| after.is_none_or(|after| number > after))
    };
    let places = group(directory.parts().iter().filter(is_segment));
    Ok(Row::of(read_all(directory, places, &LostChunks::default(), ledger, progress)?))
}

/// Reads the log of late samples.
pub(super) fn read_late(
    directory: &Directory,
    lost: &LostChunks,
    ledger: &mut Ledger,
    progress: &Progress,
) -> Result<Row, ReadError> {
    let places = group(directory.parts().iter().filter(|part| part.role == Role::OutOfOrder));
    Ok(Row::of(read_all(directory, places, lost, ledger, progress)?))
}

fn group<'a>(parts: impl Iterator<Item = &'a Part>) -> Vec<Place> {
    let mut places: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
    for part in parts {
        if let Some(number) = number_of(&part.name) {
            places.entry(number).or_default().push(part.clone());
        }
    }
    places.into_iter().map(|(number, parts)| Place { number, parts }).collect()
}

fn read_all(
    directory: &Directory,
    places: Vec<Place>,
    lost: &LostChunks,
    ledger: &mut Ledger,
    progress: &Progress,
) -> Result<Vec<Sheet>, ReadError> {
    let mut expected = None;
    let mut sheets = Vec::new();
    for place in places {
        if expected.is_some_and(|expected| place.number != expected) {
            ledger.lose();
        }
        expected = Some(place.number.saturating_add(1));
        sheets.push(ledger.read(directory, place, lost, progress)?);
    }
    Ok(sheets)
}

impl Row {
    fn of(mut sheets: Vec<Sheet>) -> Self {
        let last = sheets.iter().rposition(|sheet| !sheet.is_void());
        let behind = sheets.split_off(last.map_or(0, |last| last + 1));
        Self { sheets, behind }
    }

    /// The numbers of the files.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.sheets.iter().map(|sheet| sheet.place.number).collect()
    }

    /// All sheets.
    pub(super) fn all(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().chain(&self.behind)
    }

    /// Files that hold the records of another, and which of the two is out of place.
    pub(super) fn copies(&self) -> Copies {
        let mut copies = Copies::default();
        let mut firsts: HashMap<u64, usize> = HashMap::new();
        for (at, sheet) in self.sheets.iter().enumerate().filter(|(_, sheet)| sheet.records > 0) {
            let Some(first) = firsts.insert(sheet.digest, at) else { continue };
            let between = self.sheets.get(first + 1..at).unwrap_or_default();
            let earliest = between.iter().filter_map(|sheet| sheet.times.map(|times| times.from)).min();
            let starts = sheet.times.map(|times| times.from);
            if starts.zip(earliest).is_some_and(|(starts, earliest)| starts > earliest) {
                copies.too_early.push(first);
            } else {
                copies.too_late.push(at);
                firsts.insert(sheet.digest, first);
            }
        }
        copies
    }
}

/// Files that hold the records of another, by their place in the row.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Their samples would hide those of files behind them.
    pub(super) too_early: Vec<usize>,
    /// All that they hold has been read.
    pub(super) too_late: Vec<usize>,
}

impl Copies {
    /// Whether one of them lies where another file must have been: anywhere but at the end of a row of `len`.
    pub(super) fn took_a_place(&self, len: usize) -> bool {
        !self.too_early.is_empty() || self.too_late.iter().any(|at| at + 1 < len)
    }
}
