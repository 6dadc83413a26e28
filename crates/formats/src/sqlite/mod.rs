//! SQLite: the write-ahead log of a database, `<database>-wal`, and its index, `<database>-shm`.
//!
//! Changed pages are appended to the log as frames; a checkpoint copies them into the database; once all are copied and
//! no reader needs them, the next writer starts over at the front of the file, which does not shrink. So the size of
//! the file is the largest that it ever had, and how much of it counts is known to its checksums alone.
//!
//! # Layout of `-wal`
//!
//! All numbers are big-endian, 32 bits wide.
//!
//! | at | file header |
//! |---|---|
//! | 0 | magic: 0x377f0682 (checksums take words as little-endian) or 0x377f0683 (as big-endian) |
//! | 4 | version, 3007000 |
//! | 8 | page size, a power of two from 512 to 65536 |
//! | 12 | checkpoint sequence |
//! | 16, 20 | salts: new ones each time the log starts over |
//! | 24, 28 | checksum of the 24 bytes before |
//!
//! | at | frame, the first at 32 |
//! |---|---|
//! | 0 | page number |
//! | 4 | pages of the database if this frame ends a transaction, else 0 |
//! | 8, 12 | salts of the file header |
//! | 16, 20 | checksum: goes on from the frame before (or the file header) over bytes 0 to 7 and the page |
//! | 24 | the page |
//!
//! The checksum is two words: for each pair of words, `a += first + b; b += second + a`.
//!
//! # Layout of `-shm`
//!
//! Numbers are those of the machine that made it. A header of 48 bytes lies there twice (0 and 48): version @0,
//! initialised @12, last committed frame @16, salts @32 (bytes as in the log), checksum @40 of the 40 bytes before. Then:
//! frames copied into the database @96, five reader marks @100 (0xffffffff: unused; the first is always 0). The two
//! headers differ while someone writes; then nothing is known.
//!
//! # What can be wrong
//!
//! SQLite reads frames up to the first that has other salts or another checksum, and of those the finished
//! transactions. Behind that may lie:
//!
//! * **Frames of earlier generations** (other salts): normal. The note `stale-frames`.
//! * **Frames of a transaction that was rolled back or not finished**: they have the salts of the log, and none of
//!   them ends a transaction. A crash of the machine may also leave a last frame whose checksum is wrong. The note
//!   `torn-tail`; `uncommitted-frames` when their checksums hold.
//! * **Part of a frame**: a torn write, `torn-tail`.
//! * **Sound frames of this generation that end a transaction**: then the frame where reading stopped is damaged, and
//!   all of these are lost. A frame behind damage is sound if its checksum goes on from the frame before it; such frames
//!   are handed out with `ignored`. When the machine crashes with `synchronous=NORMAL`, the file system may also
//!   leave such a hole: transactions are lost then too, so it is reported as damage.
//! * **A frame that the index knows to be committed**, unsound or missing: damage as well.
//!
//! * **The file header** is wrong: SQLite takes the log for empty, and overwrites it. Its frames are looked at
//!   all the same.
//!
//! In memory are one frame and a buffer.

mod frame;
mod index;
mod reader;
#[cfg(test)]
mod tests;

use std::io::{self, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::detect::Recognised;
use crate::survey::lock;
use crate::window::Counted;
use crate::{Format, ListError, Log, Order, Part, ReadError, Role, Survey, Value, Verdict, Visit, files};
use frame::{FILE_HEADER, FileHeader, HeaderFault};
use index::Index;
use reader::{Reader, Tally};

const DATABASE_MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the database header says how it is written and read; 2 stands for a write-ahead log.
const JOURNAL_MODE: std::ops::Range<usize> = 18..20;

/// Recognises a database with its log, the log, or the index.
pub(crate) fn recognise(path: &Path) -> Recognised {
    if !path.is_file() {
        return Ok(None);
    }
    let database = database_of(path);
    let parts = parts(&database)?;
    let head = files::read_head(&database, 100).unwrap_or_default();
    let is_database = head.starts_with(DATABASE_MAGIC);
    let keeps_log = is_database && head.get(JOURNAL_MODE) == Some(&[2, 2]);
    // Beside a database the name says enough: an empty or cut-off log says nothing itself.
    let is_log = parts.iter().any(|part| is_database && part.role == Role::Live || is_ours(part));
    if is_log || keeps_log && path == database {
        let root = database.parent().unwrap_or(Path::new("")).to_owned();
        return Ok(Some(Box::new(SqliteLog { root, database, parts, tally: Mutex::default() })));
    }
    Ok(None)
}

/// The database that a file belongs to, which may be the file itself.
fn database_of(path: &Path) -> PathBuf {
    let name = path.to_string_lossy();
    let database = name.strip_suffix("-wal").or_else(|| name.strip_suffix("-shm"));
    database.map_or_else(|| path.to_owned(), PathBuf::from)
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn parts(database: &Path) -> Result<Vec<Part>, ListError> {
    let mut parts = Vec::new();
    for (suffix, role) in [("-wal", Role::Live), ("-shm", Role::Marker)] {
        let path = beside(database, suffix);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                parts.push(files::part(name, path, &metadata, role));
            }
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(ListError::Io { path, source });
            }
            _ => {}
        }
    }
    Ok(parts)
}

/// Whether the bytes alone say what the file is.
fn is_ours(part: &Part) -> bool {
    if part.role == Role::Marker {
        return files::read_head(&part.path, index::HEAD).is_ok_and(|head| index::is_similar(&head));
    }
    let Ok(head) = files::read_head(&part.path, FILE_HEADER) else { return false };
    FileHeader::read(&head).is_ok_and(|header| header.is_similar())
}

/// Reads a `-wal` file that lies in memory, as fuzzing does.
pub fn scan(bytes: &[u8], visit: &mut Visit<'_>) -> io::Result<()> {
    Reader::new("memory", Cursor::new(bytes), None, visit).read().1
}

/// The same beside an index of which the first bytes lie in memory.
pub fn scan_with_index(bytes: &[u8], index: &[u8], visit: &mut Visit<'_>) -> io::Result<()> {
    Reader::new("memory", Cursor::new(bytes), Index::read(index), visit).read().1
}

/// Reads the first bytes of a `-shm` file that lie in memory, as fuzzing does; says whether they are sound.
pub fn scan_index(bytes: &[u8]) -> bool {
    Index::read(bytes).is_some()
}

/// The log of one database.
pub struct SqliteLog {
    root: PathBuf,
    database: PathBuf,
    parts: Vec<Part>,
    /// What reading found, for the conclusion.
    tally: Mutex<Option<Tally>>,
}

impl SqliteLog {
    fn index(&self) -> Option<Index> {
        let part = self.parts.iter().find(|part| part.role == Role::Marker)?;
        Index::read(&files::read_head(&part.path, index::HEAD).ok()?)
    }

    /// The index, if it speaks of the log that lies there now.
    fn index_of_log(&self) -> Option<Index> {
        let log = self.parts.iter().find(|part| part.role == Role::Live)?;
        let header = FileHeader::read(&files::read_head(&log.path, FILE_HEADER).ok()?).ok()?;
        self.index().filter(|index| index.is_of(header.salts))
    }
}

impl Log for SqliteLog {
    fn format(&self) -> Format {
        Format::Sqlite
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        if part.role != Role::Live {
            return Ok(());
        }
        // Before the log: whatever the index knows by now has been written there.
        let index = self.index();
        let Some(file) = files::open_part(part, visit)? else { return Ok(()) };
        let source = BufReader::with_capacity(256 * 1024, Counted::new(file, &order.progress));
        let (tally, read) = Reader::new(&part.name, source, index, visit).read();
        *lock(&self.tally) = Some(tally);
        read.map_err(|source| ReadError::new(part, source))
    }

    fn conclude(&self, _order: &Order, survey: &mut Survey) {
        survey.samples = None;
        let tally = lock(&self.tally).clone();
        let index = self.index_of_log();
        facts(tally.as_ref(), index.as_ref(), survey);
        if survey.parts.iter().all(|part| part.part.role != Role::Live) {
            survey.verdict.worsen(Verdict::Starts);
        } else if let Some(tally) = tally {
            survey.verdict.worsen(self.verdict(&tally));
        }
    }
}

impl SqliteLog {
    /// What SQLite does when the database is opened for the first time after all connections are gone.
    fn verdict(&self, tally: &Tally) -> Verdict {
        let loss = |what: String| Verdict::StartsWithLoss { what };
        let is_without_database =
            std::fs::metadata(&self.database).map_or(true, |database| database.len() == 0);
        if is_without_database && tally.frames > 0 {
            return loss("the database is missing or empty, so SQLite deletes the log unread".to_owned());
        }
        match &tally.header_fault {
            Some(HeaderFault::Version(_)) => Verdict::Refuses {
                what: "SQLite says that it is unable to open the database file".to_owned(),
            },
            Some(HeaderFault::Invalid(_)) if tally.lost > 0 => loss(format!(
                "SQLite takes the log for empty and ignores its {} committed frames",
                tally.lost
            )),
            None if tally.lost > 0 => loss(format!(
                "SQLite reads the first {} frames and ignores the {} behind the damage",
                tally.committed, tally.lost
            )),
            _ => Verdict::Starts,
        }
    }
}

fn facts(tally: Option<&Tally>, index: Option<&Index>, survey: &mut Survey) {
    let or_null = |number: Option<u64>| number.map_or(Value::Null, Value::from);
    let committed = tally.map(|tally| tally.committed).or(index.map(|index| index.last_frame));
    if let Some(tally) = tally {
        survey.fact("page_size", or_null(tally.page_size));
        survey.fact("checkpoint_sequence", or_null(tally.checkpoint.map(u64::from)));
        survey.fact("frames", tally.frames);
        survey.fact("database_pages", or_null(tally.database_pages));
        survey.fact("stale_frames", tally.stale);
        survey.fact("lost_frames", tally.lost);
        survey.fact("live_bytes", or_null(tally.live_bytes()));
    }
    survey.fact("committed_frames", or_null(committed));
    // Without a sound index the next connection makes a new one, for which nothing has been copied yet.
    survey.fact("uncheckpointed_frames", or_null(index.map(Index::uncopied).or(committed)));
    survey.fact("checkpointed_frames", or_null(index.map(|index| index.copied)));
    let marks =
        index.map(|index| index.reader_marks.iter().map(|&mark| Value::from(mark)).collect::<Vec<_>>());
    survey.fact("reader_marks", marks.map_or(Value::Null, Value::from));
    survey.fact("blocker", index.and_then(blocker).map_or(Value::Null, Value::from));
}

/// Why the log is not reclaimed, as far as the index tells.
fn blocker(index: &Index) -> Option<String> {
    let mark = index.lowest_mark()?;
    let last = index.last_frame;
    // A checkpoint clears the marks of readers that are gone, so one it stopped at belongs to a reader that is not.
    if index.copied == mark {
        return Some(format!(
            "a reader sees the log up to frame {mark} of {last}: no checkpoint gets past it"
        ));
    }
    Some(format!("a reader may see the log up to frame {mark} of {last}: no checkpoint would get past it"))
}
