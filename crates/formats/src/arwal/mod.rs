//! ARWAL001: the log that a CI worker keeps for each job, and its archives.
//!
//! A worker appends every event of a job to `<job>.wal`, one synced write per event, and sends them to its
//! server. A finished log may be kept as `<job>.wal.zst`: the same bytes in one zstd stream. A directory of such
//! files is a log too; each file is one part of it.
//!
//! # Layout
//!
//! All numbers are little-endian; nothing is aligned or padded.
//!
//! | at | size | file header |
//! |---|---|---|
//! | 0 | 8 | `ARWAL001` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | reserved, 0; nothing reads it |
//!
//! | at | size | record, the first at 16 |
//! |---|---|---|
//! | 0 | 4 | length |
//! | 4 | 8 | sequence, signed |
//! | 12 | 1 | status: 1 pending, 2 sent, 3 failed |
//! | 13 | 3 | reserved, 0 |
//! | 16 | 8 | time of the append in milliseconds since 1970, signed |
//! | 24 | N | payload: a protobuf `JobEvent` (1 sequence, 2 time, 3 type, then one content) |
//! | 24+N | 8 | CRC-64/NVME of everything between the length and here |
//!
//! The length counts the whole record, 32+N. The specification that goes with the program says that it counts what
//! follows the field, 28+N, and other writers believed that: both are read, and the one that the checksum confirms
//! is right. A length of more than 10 MiB is illegal: the program itself cuts the file there. The status is
//! always 1 in files that the program wrote; it never updates a record.
//!
//! # What can be wrong
//!
//! * **Torn tail**: the last record is shorter than its length says. A crash while appending leaves that; nothing
//!   was acknowledged. A note.
//! * **Damage in the middle**: a checksum that does not hold, an illegal length, a cut record that later appends
//!   were written behind. The next sound record is searched byte by byte. What lies between is the damage.
//! * **A wrong length field** is not covered by the checksum; when the checksum holds over all bytes up to the next
//!   record (or the end), the four bytes are the damage and the record is sound.
//! * **A file header** that is cut off or wrong is damage; records are read from byte 16 all the same.
//! * **An archive** whose compressed data break off is damaged from where decompression stopped. Its compressed
//!   rest is of unknown length, so the damage ends where the decompressed bytes end.
//! * **A length by the other rule** than the record before it: both are read, but the program stops there. A note.
//!
//! The program stops at the first damage and cuts the file there, losing everything behind.
//!
//! Positions in an archive are those of the decompressed log. It is decompressed as a stream: in memory are the
//! window that the frame asks for (at most 128 MiB, the bound of `zstd -d`; more is refused) and at most two records. The
//! search for sound records is bounded as [`Effort`](crate::effort::Effort) says; reaching the bound is a note.

mod event;
mod frame;
mod reader;
mod salvage;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use salvage::{Salvaged, file_header, length_before, salvage};

use crate::detect::Recognised;
use crate::files::{self, list_files};
use crate::survey::lock;
use crate::window::{Counted, Window};
use crate::{Format, Log, Order, Part, ReadError, Role, Survey, Value, Verdict, Visit};
use frame::{Frame, HEADER, LengthRule, length_field};
use reader::Reader;
use tally::{Header, Tally};

const MAGIC: &[u8] = b"ARWAL001";
const VERSION: u32 = 1;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window of a zstd frame, as a power of two: 128 MiB.
///
/// `zstd -d` has the same bound, so everything that it opens is opened. A frame of a few bytes may ask for the
/// largest window, but only what is decompressed into it becomes memory in use.
const MAX_WINDOW_LOG: u32 = 27;

/// How many files of a directory are looked at to find out what it holds.
const PROBES: usize = 64;

/// How much of a file is looked at to recognise it by its first record when its header is wrong.
const PROBED_BYTES: usize = 64 * 1024;

/// Recognises a job log, an archive of one, or a directory of them.
pub(crate) fn recognise(path: &Path) -> Recognised {
    if path.is_dir() {
        return recognise_directory(path);
    }
    if !holds_log(path) && !was_log(path) {
        return Ok(None);
    }
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(None) };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Some(Box::new(ArwalLog::new(path, vec![part(name, path.to_owned(), &metadata)]))))
}

fn recognise_directory(path: &Path) -> Recognised {
    let listed = list_files(path)?;
    let mut candidates = listed.iter().filter(|(name, _, _)| is_named_as_log(name)).take(PROBES);
    if !candidates.any(|(_, file, _)| holds_log(file)) {
        return Ok(None);
    }
    let parts = listed.into_iter().map(|(name, file, metadata)| part(name, file, &metadata)).collect();
    Ok(Some(Box::new(ArwalLog::new(path, parts))))
}

fn part(name: String, path: PathBuf, metadata: &Metadata) -> Part {
    let role = if is_named_as_log(&name) || holds_log(&path) { Role::Live } else { Role::Stray };
    files::part(name, path, metadata, role)
}

fn is_named_as_log(name: &str) -> bool {
    is_named_as_raw(name) || is_named_as_archive(name)
}

fn is_named_as_raw(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "wal")
}

fn is_named_as_archive(name: &str) -> bool {
    name.ends_with(".wal.zst")
}

/// Whether the file begins with the magic bytes, compressed or not.
fn holds_log(path: &Path) -> bool {
    opened(path).is_some_and(|mut window| window.peek(MAGIC.len()) == MAGIC)
}

fn opened(path: &Path) -> Option<Window<Box<dyn Read>>> {
    let file = files::open(path).ok()?;
    raw(&file_name(path), file).ok().map(Window::new)
}

/// Whether an archive decompresses without fault to something that is no log.
fn holds_other(path: &Path) -> bool {
    opened(path).is_some_and(|mut window| {
        let differs = agreement(window.peek(PROBED_BYTES), MAGIC) < MAGIC.len() / 2;
        differs && window.failure().is_none()
    })
}

/// Whether a file that does not begin with the magic bytes once did: damage must not make a log unknown.
fn was_log(path: &Path) -> bool {
    let name = file_name(path);
    let Ok(head) = files::read_head(path, PROBED_BYTES) else { return false };
    if is_named_as_archive(&name) {
        return agreement(&head, &ZSTD_MAGIC) >= ZSTD_MAGIC.len() / 2 && !holds_other(path);
    }
    if head.len() < HEADER {
        // A file with a number for a name is left to `InfluxDB` 3, which leaves empty ones behind.
        let is_numbered = name.trim_end_matches(".wal").bytes().all(|byte| byte.is_ascii_digit());
        let is_beginning = MAGIC.starts_with(head.get(..MAGIC.len()).unwrap_or(&head));
        return is_named_as_raw(&name) && is_beginning && !is_numbered;
    }
    agreement(&head, MAGIC) >= MAGIC.len() / 2 || first_record_is_sound(&head)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How many bytes are equal at the same place.
fn agreement(head: &[u8], magic: &[u8]) -> usize {
    head.iter().zip(magic).filter(|(a, b)| a == b).count()
}

fn first_record_is_sound(head: &[u8]) -> bool {
    let record = head.get(HEADER..).unwrap_or_default();
    let Some(length) = length_field(record) else { return false };
    let totals = [LengthRule::Whole, LengthRule::Rest].map(|rule| rule.total(length));
    totals.into_iter().flatten().any(|total| record.get(..total).and_then(Frame::verify).is_some())
}

/// The raw log in a file of that name, decompressed on the way if it is an archive.
fn raw<'r>(name: &str, source: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut source = BufReader::new(source);
    if is_compressed(name, source.fill_buf()?) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        return Ok(Box::new(decoder));
    }
    Ok(Box::new(source))
}

/// Whether a file of that name that begins with `head` is compressed.
fn is_compressed(name: &str, head: &[u8]) -> bool {
    head.starts_with(&ZSTD_MAGIC) || is_named_as_archive(name) && !head.starts_with(MAGIC)
}

/// Reads a log or an archive that lies in memory, as fuzzing does.
pub fn scan(bytes: &[u8], visit: &mut Visit<'_>) -> io::Result<()> {
    Reader::new("memory", raw("memory", bytes)?, visit).read().1
}

/// One job log, or a directory of them.
pub struct ArwalLog {
    root: PathBuf,
    parts: Vec<Part>,
    /// What reading found, by part, for the conclusion.
    tallies: Mutex<BTreeMap<String, Tally>>,
}

impl ArwalLog {
    fn new(root: &Path, parts: Vec<Part>) -> Self {
        Self { root: root.to_owned(), parts, tallies: Mutex::default() }
    }
}

impl Log for ArwalLog {
    fn format(&self) -> Format {
        Format::Arwal
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        if part.role == Role::Stray {
            return Ok(());
        }
        let Some(file) = files::open_part(part, visit)? else { return Ok(()) };
        let failed = |source| ReadError::new(part, source);
        let source = raw(&part.name, Counted::new(file, &order.progress)).map_err(failed)?;
        let (tally, read) = Reader::new(&part.name, source, visit).read();
        lock(&self.tallies).insert(part.name.clone(), tally);
        read.map_err(failed)
    }

    fn conclude(&self, _order: &Order, survey: &mut Survey) {
        let tallies = lock(&self.tallies);
        if tallies.is_empty() {
            return;
        }
        facts(&tallies, survey);
        for (name, tally) in tallies.iter().filter(|(name, _)| !is_named_as_archive(name)) {
            survey.verdict.worsen(verdict(name, tally));
        }
    }
}

/// What a worker does with one file when its job is started again.
fn verdict(name: &str, tally: &Tally) -> Verdict {
    if tally.header == Header::Damaged {
        return Verdict::Refuses {
            what: format!("the worker cannot open {name}, so the job fails each time"),
        };
    }
    let all = tally.records;
    if tally.rest_lengths > 0 && tally.rest_lengths == all {
        // The program itself would refuse such a file, but then another one wrote it and reads it.
        return Verdict::Unknown;
    }
    let Some(kept) = tally.readable else { return Verdict::Starts };
    Verdict::StartsWithLoss {
        what: format!(
            "the worker cuts {name} where it stops understanding it: it keeps {kept} records and loses {} sound ones",
            all - kept
        ),
    }
}

fn facts(tallies: &BTreeMap<String, Tally>, survey: &mut Survey) {
    let sum = |of: fn(&Tally) -> u64| tallies.values().map(of).sum::<u64>();
    survey.fact("pending", sum(|tally| tally.pending));
    survey.fact("sent", sum(|tally| tally.sent));
    survey.fact("failed", sum(|tally| tally.failed));
    let ranges = || tallies.values().filter_map(|tally| tally.sequences);
    let or_null = |number: Option<i64>| number.map_or(Value::Null, Value::from);
    survey.fact("first_sequence", or_null(ranges().map(|(low, _)| low).min()));
    survey.fact("last_sequence", or_null(ranges().map(|(_, high)| high).max()));
    survey.fact("sequence_backward", sum(|tally| tally.backward));
    let duplicates: Option<u64> = tallies.values().map(Tally::duplicates).sum();
    survey.fact("sequence_duplicates", duplicates.map_or(Value::Null, Value::from));
    let (rest, all) = (sum(|tally| tally.rest_lengths), sum(|tally| tally.records));
    let rule = match (rest, all) {
        (_, 0) => Value::Null,
        (0, _) => Value::from("whole-record"),
        (rest, all) if rest == all => Value::from("without-itself"),
        _ => Value::from("mixed"),
    };
    survey.fact("length_field", rule);
}
