//! Postings: which series have a label.
//!
//! They stand behind all series, sorted by label, while series come one by one. Only how many each label has is kept
//! meanwhile; then the series, which lie in the file by now, are read again as often as it takes for the postings of
//! some labels at a time to fit into memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::Path;

use formats::Bytes;

use super::index::{SERIES_UNIT, length};
use super::output::{Output, SUM};
use super::{Label, Ordinal};
use crate::MendError;

/// How many series of postings are held at once: 16 MiB of them. A label that has more is held alone.
const MOST_HELD: u64 = 4 * 1024 * 1024;

/// How many are written at once.
const PIECE: usize = 16 * 1024;

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// A label, and how many series have it.
pub(super) type Listed = (Label, u32);

/// What is known of postings while series come.
#[derive(Debug)]
pub(super) struct Postings {
    /// All series.
    all: Vec<u32>,
    /// How many series have a label; later where the next of them goes.
    labels: HashMap<Label, u32>,
    /// How many are held at once.
    most: u64,
}

impl Default for Postings {
    fn default() -> Self {
        Self { all: Vec::new(), labels: HashMap::new(), most: MOST_HELD }
    }
}

impl Postings {
    /// Counts a series.
    pub(super) fn count(&mut self, id: u32, labels: &[Label]) {
        self.all.push(id);
        for &label in labels {
            *self.labels.entry(label).or_default() += 1;
        }
    }

    /// How many series there are.
    pub(super) fn series(&self) -> u64 {
        self.all.len() as u64
    }

    /// How many bytes postings of so many series are.
    pub(super) fn len(count: u64) -> u64 {
        4 + 4 + 4 * count + SUM
    }

    /// Appends the postings of all series, then those of each label, to the index; answers with the labels in order.
    pub(super) fn write(&mut self, index: &mut Output) -> Result<Vec<Listed>, MendError> {
        let mut lists: Vec<Listed> = self.labels.iter().map(|(&label, &count)| (label, count)).collect();
        lists.sort_unstable();
        index.flush()?;
        put(&self.all, index)?;
        let mut rest = lists.as_slice();
        while let Some((first, _)) = rest.first() {
            let (turn, behind) = split(rest, self.most);
            let last = turn.last().map_or(first, |(last, _)| last);
            self.write_turn(turn, *first..=*last, index)?;
            rest = behind;
        }
        Ok(lists)
    }

    /// Appends the postings of some labels, which are all of a range.
    fn write_turn(
        &mut self,
        turn: &[Listed],
        range: RangeInclusive<Label>,
        index: &mut Output,
    ) -> Result<(), MendError> {
        let mut held = 0;
        for (label, count) in turn {
            if let Some(place) = self.labels.get_mut(label) {
                *place = held;
            }
            held += count;
        }
        let mut ids = vec![0; held as usize];
        let mut file = |id: u32, label: Label| {
            if range.contains(&label)
                && let Some(place) = self.labels.get_mut(&label)
                && let Some(free) = ids.get_mut(*place as usize)
            {
                *free = id;
                *place += 1;
            }
        };
        read_again(&self.all, index.path(), &mut file).map_err(MendError::io("read", index.path()))?;
        let mut rest = ids.as_slice();
        for &(_, count) in turn {
            let (list, behind) = rest.split_at_checked(count as usize).unwrap_or((rest, &[]));
            put(list, index)?;
            rest = behind;
        }
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use super::super::output::put_uvarint;
    use super::*;

    fn label(name: u32, value: u32) -> Label {
        Label { name: Ordinal(name), value: Ordinal(value) }
    }

    /// An index of nothing but series with labels, and its postings.
    fn written(most: u64) -> (Vec<Listed>, Vec<u8>) {
        let home = tempfile::TempDir::new().unwrap();
        let mut index = Output::create(home.path().join("index")).unwrap();
        let mut postings = Postings { most, ..Postings::default() };
        for series in 0..500u32 {
            index.align(SERIES_UNIT).unwrap();
            let labels = [label(0, series % 7), label(200, series / 3), label(300, 70_000)];
            postings.count(u32::try_from(index.at() / SERIES_UNIT).unwrap(), &labels);
            let mut body = vec![3];
            for label in labels {
                put_uvarint(u64::from(label.name.0), &mut body);
                put_uvarint(u64::from(label.value.0), &mut body);
            }
            // What stands behind the labels; sometimes a series needs two bytes for its length.
            body.resize(body.len() + if series % 5 == 0 { 200 } else { 3 }, 0xff);
            let mut len = Vec::new();
            put_uvarint(body.len() as u64, &mut len);
            index.put(&len).unwrap();
            index.put(&body).unwrap();
            index.put(&[0xff; 4]).unwrap();
        }
        let lists = postings.write(&mut index).unwrap();
        let path = index.path().to_owned();
        index.finish().unwrap();
        (lists, std::fs::read(path).unwrap())
    }

    #[test]
    fn postings_do_not_depend_on_how_many_are_held_at_once() {
        let all_at_once = written(MOST_HELD);
        assert_eq!(all_at_once.0.len(), 7 + 167 + 1);
        assert!(
            all_at_once.0.contains(&(label(0, 0), 72)) && all_at_once.0.contains(&(label(300, 70_000), 500))
        );
        for most in [0, 1, 4, 100, 499, 600] {
            assert!(written(most) == all_at_once, "{most}");
        }
    }
}
