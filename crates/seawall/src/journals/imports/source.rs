//! Where records come from: job logs in ARWAL001, their archives, directories of them, and what `parked export` writes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use formats::{
    Body, Bytes, Damage, DamageList, DetectError, Entry, Format, Lost, Part, Progress, Role, UnixTime, detect,
};
use journal::archive::{MOST_PAYLOAD, file_stem};
use serde_json::{Map, Value};

use crate::failure::{Failure, JournalFailure};
use crate::journals::payloads;
use crate::times::Moment;

/// A line of an export at most: an event of ten million bytes, each of which takes six as JSON.
const LONGEST_LINE: u64 = 64 << 20;

/// A sound record on its way in.
pub(crate) struct Incoming<'r> {
    pub(crate) payload: &'r [u8],
    /// What it is recognised by.
    pub(crate) mark: &'r [u8],
    /// When it was appended first, where that is told.
    pub(crate) time: Option<UnixTime>,
}

/// Gets one record after the other.
pub(crate) type Take<'t> = dyn FnMut(&Incoming<'_>) -> ControlFlow<()> + 't;

/// A record of a job log, without its length.
pub(crate) struct Raw<'r>(pub(crate) &'r [u8]);

impl<'r> Raw<'r> {
    /// Where the parts of it lie.
    const STATUS: usize = 8;
    const TIME: usize = 12;
    const PAYLOAD: usize = 20;
    const SUM_BYTES: usize = 8;

    fn number(&self, at: usize) -> i64 {
        // It verified, so it is long enough.
        Bytes::new(self.0.get(at..).unwrap_or_default()).i64_le("number").unwrap_or_default()
    }

    pub(crate) fn sequence(&self) -> i64 {
        self.number(0)
    }

    /// Milliseconds since 1970.
    pub(crate) fn time(&self) -> i64 {
        self.number(Self::TIME)
    }

    /// Whether it says that it is pending.
    fn is_pending(&self) -> bool {
        self.0.get(Self::STATUS) == Some(&1)
    }

    fn parts(&self) -> (&'r [u8], &'r [u8]) {
        self.0.split_at(self.0.len().saturating_sub(Self::SUM_BYTES))
    }

    pub(crate) fn payload(&self) -> &'r [u8] {
        self.parts().0.get(Self::PAYLOAD..).unwrap_or_default()
    }

    fn sum(&self) -> &'r [u8] {
        self.parts().1
    }
}

/// A file, or what a file holds of one stream.
pub(crate) struct Source {
    /// The file.
    pub(crate) path: PathBuf,
    /// The stream that its records go to.
    pub(crate) stream: String,
    /// The name of the ledger.
    pub(crate) ledger: String,
    /// Bytes to read.
    pub(crate) bytes: u64,
    kind: Kind,
}

enum Kind {
    /// A job log.
    Log(Part),
    /// Lines of an export, and lines of it that are none.
    Lines { spans: Vec<Range<u64>>, damage: DamageList },
}

/// What was found beside sound records.
#[derive(Default)]
pub(crate) struct Remarks {
    pub(crate) damage: DamageList,
    /// Whether the last record was not written to its end.
    pub(crate) is_torn: bool,
    /// Records that say that they were sent, or that this failed.
    pub(crate) tried: u64,
}

/// Every source at a path.
pub(crate) fn find(path: &Path) -> Result<Vec<Source>, Failure> {
    let is_export = path.is_file() && path.extension().is_some_and(|extension| extension == "ndjson");
    if is_export {
        return exported(path);
    }
    match detect(path, Some(Format::Arwal)) {
        Ok(log) => Ok(log.parts().iter().filter(|part| part.role != Role::Stray).map(of_part).collect()),
        // A worker's own directory has its logs in one and its archives in another.
        Err(DetectError::Several { names, .. }) => {
            let inner = names.iter().map(|name| find(&path.join(name))).collect::<Result<Vec<_>, _>>()?;
            Ok(inner.into_iter().flatten().collect())
        }
        Err(DetectError::Unknown { path, .. }) => Err(JournalFailure::NoEvents { path }.into()),
        Err(error) => Err(error.into()),
    }
}

/// The stream that a file is named after.
pub(crate) fn stream_of(name: &str) -> String {
    let name = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name);
    let stem = name.strip_suffix(".wal.zst").map(decoded);
    stem.unwrap_or_else(|| name.strip_suffix(".wal").unwrap_or(name).to_owned())
}

fn of_part(part: &Part) -> Source {
    let stream = stream_of(&part.name);
    Source {
        path: part.path.clone(),
        ledger: file_stem(&stream),
        stream,
        bytes: part.bytes,
        kind: Kind::Log(part.clone()),
    }
}

/// A name of a stream as the archiver writes it into the name of a file; anything else stays as it is.
fn decoded(stem: &str) -> String {
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem;
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = digits else { return stem.to_owned() };
        bytes.push(byte);
        rest = behind.get(2..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| stem.to_owned())
}

impl Source {
    /// The same with its records going to another stream.
    pub(crate) fn into_stream(self, stream: &str) -> Self {
        Self { stream: stream.to_owned(), ledger: file_stem(stream), ..self }
    }

    /// Whether one of its records may have more bytes than so many, as far as its size tells: no event is longer than its file.
    pub(crate) fn may_hold_more_than(&self, bytes: u64) -> bool {
        let is_compressed = self.path.extension().is_some_and(|ending| ending == "zst");
        bytes < MOST_PAYLOAD && (is_compressed || self.bytes > bytes)
    }

    /// Hands out every sound record in the order of the file.
    pub(crate) fn each(&self, progress: &Progress, take: &mut Take<'_>) -> Result<Remarks, Failure> {
        match &self.kind {
            Kind::Log(part) => log(part, progress, take),
            Kind::Lines { spans, damage } => {
                let read = lines(&self.path, spans, progress, take);
                read.map_err(|source| JournalFailure::Source { path: self.path.clone(), source })?;
                Ok(Remarks { damage: damage.clone(), ..Remarks::default() })
            }
        }
    }
}

/// Hands out every sound record of a job log, in the order of the file.
pub(crate) fn records(
    part: &Part,
    progress: &Progress,
    take: &mut dyn FnMut(&Raw<'_>) -> ControlFlow<()>,
) -> Result<Remarks, Failure> {
    let mut remarks = Remarks::default();
    let record: RefCell<Vec<u8>> = RefCell::default();
    let mut keep = |behind: &[u8]| {
        let mut record = record.borrow_mut();
        record.clear();
        record.extend_from_slice(behind);
    };
    let mut visit = |entry: Entry| {
        match entry.body {
            Body::Record(_) => {
                let record = record.borrow();
                let raw = Raw(&record);
                remarks.tried += u64::from(!raw.is_pending());
                return take(&raw);
            }
            Body::Damage(damage) => remarks.damage.push(damage),
            Body::Note(note) => remarks.is_torn |= note.code == "torn-tail",
        }
        ControlFlow::Continue(())
    };
    formats::arwal::salvage(part, progress, &mut keep, &mut visit)
        .map_err(|error| JournalFailure::Source { path: part.path.clone(), source: error.source })?;
    Ok(remarks)
}

fn log(part: &Part, progress: &Progress, take: &mut Take<'_>) -> Result<Remarks, Failure> {
    records(part, progress, &mut |raw| {
        let time = Some(UnixTime::from_millis(raw.time()));
        take(&Incoming { payload: raw.payload(), mark: raw.sum(), time })
    })
}

/// An event of an export.
struct Exported {
    stream: String,
    payload: Vec<u8>,
    time: Option<UnixTime>,
}

fn parsed(line: &[u8]) -> Option<Exported> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let time = text("time").and_then(|time| match time.parse::<Moment>() {
        Ok(Moment::At(time)) => Some(time),
        _ => None,
    });
    Some(Exported { stream: text("stream")?.to_owned(), payload: payloads::read(&object)?, time })
}

/// The streams of an export, each with its lines.
fn exported(path: &Path) -> Result<Vec<Source>, Failure> {
    let failed = |source| JournalFailure::Source { path: path.to_owned(), source };
    let mut streams: BTreeMap<String, (Vec<Range<u64>>, u64)> = BTreeMap::new();
    let mut damage = DamageList::default();
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let (mut line, mut at) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)? as u64;
        if read == 0 {
            break;
        }
        let span = at..at + read;
        at = span.end;
        match parsed(&line) {
            Some(Exported { stream, .. }) => {
                let (spans, sum) = streams.entry(stream).or_default();
                *sum = if spans.is_empty() { super::mixed(0, &line) } else { *sum };
                spans.push(span);
            }
            None => damage.push(Damage {
                file: path.display().to_string(),
                start: span.start,
                end: span.end,
                cause: "no line of an export".into(),
                lost: Lost { records: None, bytes: read },
            }),
        }
    }
    if streams.is_empty() {
        return Err(JournalFailure::NoEvents { path: path.to_owned() }.into());
    }
    let source = |(stream, (spans, sum)): (String, (Vec<Range<u64>>, u64))| Source {
        path: path.to_owned(),
        // Exports of one stream are many, and each is told from others by its first line.
        ledger: format!("{}~{sum:016x}", file_stem(&stream)),
        stream,
        bytes: spans.iter().map(|span| span.end - span.start).sum(),
        kind: Kind::Lines { spans, damage: std::mem::take(&mut damage) },
    };
    Ok(streams.into_iter().map(source).collect())
}

fn lines(path: &Path, spans: &[Range<u64>], progress: &Progress, take: &mut Take<'_>) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    for span in spans {
        file.seek(SeekFrom::Start(span.start))?;
        let mut line = Vec::new();
        file.by_ref().take(span.end - span.start).read_to_end(&mut line)?;
        progress.add(line.len() as u64);
        let gone = || io::Error::new(io::ErrorKind::InvalidData, "it has changed while it was read");
        let Exported { payload, time, .. } = parsed(&line).ok_or_else(gone)?;
        if take(&Incoming { payload: &payload, mark: &line, time }).is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_archive_is_that_of_its_stream() {
        for name in ["job-1", "../a b\u{e4}", "100%"] {
            assert_eq!(decoded(&file_stem(name)), name);
        }
        for other in ["50%", "a%zz", "%ff"] {
            assert_eq!(decoded(other), other);
        }
    }
}
