//! Postings: which series have a label.
//!
//! They stand behind all series, sorted by label, while series come one by one. Only how many each label has is kept
//! meanwhile; then the series, which lie in the file by now, are read again as often as it takes for the postings of
//! some labels at a time to fit into memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use formats::Bytes;

use super::index::{SERIES_UNIT, length};
use super::output::{Output, SUM};
use super::{Label, Ordinal};
use crate::MendError;

/// How many series of postings are held at once: 32 MiB of them. A label that has more is held alone.
const MOST_HELD: u64 = 8 * 1024 * 1024;

/// How many are written at once.
const PIECE: usize = 16 * 1024;

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// The place of labels whose turn it is not.
const NOT_NOW: u32 = u32::MAX;

/// What is known of postings while series come.
#[derive(Debug, Default)]
pub(super) struct Postings {
    /// All series.
    all: Vec<u32>,
    /// How many series have a label; later where the next of them goes.
    labels: HashMap<Label, u32>,
}

impl Postings {
    /// Counts a series.
    pub(super) fn count(&mut self, id: u32, labels: &[Label]) {
        self.all.push(id);
        for &label in labels {
            *self.labels.entry(label).or_default() += 1;
        }
    }

    /// How many bytes postings of so many series are.
    pub(super) fn len(count: u32) -> u64 {
        4 + 4 + 4 * u64::from(count) + SUM
    }

    /// Appends all postings to the index; answers with how many series each has, in their order. No label stands for all
    /// series.
    pub(super) fn write(&mut self, index: &mut Output) -> Result<Vec<Listed>, MendError> {
        self.write_in_turns_of(MOST_HELD, index)
    }

    fn write_in_turns_of(&mut self, most: u64, index: &mut Output) -> Result<Vec<Listed>, MendError> {
        let mut lists: Vec<_> = self.labels.iter().map(|(&label, &count)| (Some(label), count)).collect();
        lists.sort_unstable();
        index.flush()?;
        put(&self.all, index)?;
        self.labels.values_mut().for_each(|place| *place = NOT_NOW);
        let mut rest = lists.as_slice();
        while !rest.is_empty() {
            let (turn, behind) = split(rest, most);
            self.write_turn(turn, index)?;
            rest = behind;
        }
        // Every series is in the list of all.
        lists.insert(0, (None, u32::try_from(self.all.len()).unwrap_or(u32::MAX)));
        Ok(lists)
    }

    /// Appends the postings of some labels.
    fn write_turn(&mut self, turn: &[Listed], index: &mut Output) -> Result<(), MendError> {
        let mut held = 0u32;
        for &(label, count) in turn {
            if let Some(place) = label.and_then(|label| self.labels.get_mut(&label)) {
                *place = held;
            }
            held += count;
        }
        let mut ids = vec![0; held as usize];
        let labels = &mut self.labels;
        let mut file = |id: u32, label: Label| {
            if let Some(place) = labels.get_mut(&label).filter(|place| **place != NOT_NOW)
                && let Some(free) = ids.get_mut(*place as usize)
            {
                *free = id;
                *place += 1;
            }
        };
        read_again(&self.all, index.path(), &mut file).map_err(MendError::io("read", index.path()))?;
        let mut rest = ids.as_slice();
        for &(label, count) in turn {
            let (list, behind) = rest.split_at_checked(count as usize).unwrap_or((rest, &[]));
            put(list, index)?;
            rest = behind;
            if let Some(place) = label.and_then(|label| self.labels.get_mut(&label)) {
                *place = NOT_NOW;
            }
        }
        Ok(())
    }
}

/// A label, or all series, and how many series they are.
pub(super) type Listed = (Option<Label>, u32);

/// Takes as many lists as can be held, at least one; answers also with those behind them.
fn split(lists: &[Listed], most: u64) -> (&[Listed], &[Listed]) {
    let mut held = 0;
    let fit = lists.iter().take_while(|(_, count)| {
        held += u64::from(*count);
        held <= most
    });
    lists.split_at_checked(fit.count().max(1)).unwrap_or((lists, &[]))
}

/// Appends postings.
fn put(ids: &[u32], index: &mut Output) -> Result<(), MendError> {
    index.put(&length(4 + 4 * ids.len() as u64)?)?;
    let mut body = index.summed();
    body.put(&length(ids.len() as u64)?)?;
    for piece in ids.chunks(PIECE) {
        let bytes: Vec<u8> = piece.iter().flat_map(|id| id.to_be_bytes()).collect();
        body.put(&bytes)?;
    }
    body.end()
}

/// Reads the labels of all series.
fn read_again(all: &[u32], index: &Path, visit: &mut impl FnMut(u32, Label)) -> io::Result<()> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(index)?);
    let mut at = 0;
    let mut body = Vec::new();
    for &id in all {
        let start = u64::from(id) * SERIES_UNIT;
        if at == 0 {
            file.seek(SeekFrom::Start(start))?;
        } else {
            // Series follow each other, with less than a unit of zeros between them.
            io::copy(&mut file.by_ref().take(start - at), &mut io::sink())?;
        }
        let (len, prefix) = read_length(&mut file)?;
        body.resize(len, 0);
        file.read_exact(&mut body)?;
        at = start + prefix + len as u64;
        let mut bytes = Bytes::new(&body);
        let mut number = || {
            bytes
                .uvarint("labels")
                .ok()
                .and_then(|it| u32::try_from(it).ok())
                .ok_or(io::ErrorKind::InvalidData)
        };
        for _ in 0..number()? {
            let label = Label { name: Ordinal(number()?), value: Ordinal(number()?) };
            visit(id, label);
        }
    }
    Ok(())
}

/// Reads the length of a series; answers also with how many bytes it took.
fn read_length(file: &mut impl Read) -> io::Result<(usize, u64)> {
    let mut len = 0;
    for (group, read) in (0..u32::BITS).step_by(7).zip(1..) {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        let [byte] = byte;
        len |= usize::from(byte & 0x7f) << group;
        if byte < 0x80 {
            return Ok((len, read));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
