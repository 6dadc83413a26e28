//! Seawall's own journal, read as any other log: without its lock, without a change, beside a process that writes it.
//!
//! The library of decoders does not know the journal, and the journal does not know logs; they meet here. What can be
//! wrong with a journal, and what a start makes of it, stands in `docs/journal-format.md`.
//!
//! | file | does |
//! |---|---|
//! | `mod.rs` | recognises a journal and lists its files |
//! | `reading.rs` | a segment as records, damage and notes |
//! | `record.rs` | what a frame says, field by field |
//! | `mending.rs` | repairs it, or takes it away |
//! | `facts.rs` | what only the whole shows: streams, consumers, what keeps segments, the next start |

mod facts;
pub(crate) mod mending;
mod reading;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use formats::{DetectError, Format, Liveness, Log, Order, Part, ReadError, Recognised, Recogniser, Role};
use formats::{Survey, UnixTime, Visit};
use journal::SegmentId;
use journal::reader::{ID_FILE, IdFile, Life, Reader, SPARE_FILE, SegmentFile, Standing, Summary};
use journal::storage::Fault;

use record::{Detail, Names};

/// How a journal is recognised.
const RECOGNISER: Recogniser = Recogniser {
    format: Format::Journal,
    looks_for: "a journal of Seawall (a directory with journal.id and .seg files, or one of these)",
    recognise,
};

/// Recognises what lies at `path`, journals with all other logs.
pub(crate) fn detect(path: &Path, forced: Option<Format>) -> Result<Box<dyn Log>, DetectError> {
    formats::detect_with(&[RECOGNISER], path, forced)
}

#[expect(clippy::unnecessary_wraps, reason = "what all recognisers answer with")]
fn recognise(path: &Path) -> Recognised {
    let log = if path.is_dir() { directory(path) } else { file(path) };
    Ok(log.map(|log| Box::new(log) as Box<dyn Log>))
}

/// A directory that cannot be listed is none of ours; those who look for the other formats say why.
fn directory(path: &Path) -> Option<JournalLog> {
    let reader = Reader::open(path).ok()?;
    let segments = reader.segments();
    let speaks = |file: &SegmentFile| !matches!(file.standing, Standing::Damaged | Standing::Unreadable(_));
    let is_journal = match reader.id_file() {
        IdFile::Sound(_) | IdFile::Newer(_) => true,
        // Damage must not make a journal unknown.
        IdFile::Damaged | IdFile::Unreadable(_) => !segments.is_empty(),
        IdFile::Missing => segments.iter().any(speaks),
    };
    let parts = parts(path, reader.names(), &segments);
    is_journal.then(|| JournalLog::new((path.to_owned(), Extent::Whole), reader, parts))
}

/// A segment is read with what its neighbours say about it.
fn file(path: &Path) -> Option<JournalLog> {
    let name = path.file_name()?.to_str()?.to_owned();
    let reader = Reader::open(beside(path)).ok()?;
    let segments = reader.segments();
    let file = of_name(&segments, &name)?;
    if reader.journal().is_none() && !matches!(file.standing, Standing::Newer(_)) {
        return None;
    }
    let part = part(name, path.to_owned(), Role::Live);
    Some(JournalLog::new((path.to_owned(), Extent::OneFile), reader, vec![part]))
}

fn beside(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `journal.id`, then the segments in their order, then all else.
fn parts(root: &Path, names: &[String], segments: &[SegmentFile]) -> Vec<Part> {
    let is_segment = |name: &&String| of_name(segments, name).is_some();
    let of = |name: &String, role: Role| part(name.clone(), root.join(name), role);
    let id = names.iter().filter(|name| *name == ID_FILE).map(|name| of(name, Role::Marker));
    let held = segments.iter().map(|file| of(&file.name, Role::Live));
    let others = names.iter().filter(|name| *name != ID_FILE && !is_segment(name));
    let role = |name: &str| if name == SPARE_FILE { Role::Retained } else { Role::Stray };
    id.chain(held).chain(others.map(|name| of(name, role(name)))).collect()
}

/// The segment with a file of that name. Their names are in the order of their numbers.
fn of_name<'a>(segments: &'a [SegmentFile], name: &str) -> Option<&'a SegmentFile> {
    let at = segments.binary_search_by(|file| file.name.as_str().cmp(name)).ok()?;
    segments.get(at)
}

fn part(name: String, path: PathBuf, role: Role) -> Part {
    let metadata = std::fs::metadata(&path).ok();
    let bytes = metadata.as_ref().map_or(0, std::fs::Metadata::len);
    let modified = metadata.and_then(|metadata| metadata.modified().ok()).map(UnixTime::from);
    Part { name, path, role, bytes, modified }
}

/// How much of a journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Whole,
    /// One segment.
    OneFile,
}

/// A journal, or a segment of one.
pub(crate) struct JournalLog {
    root: PathBuf,
    extent: Extent,
    parts: Vec<Part>,
    reader: Reader,
    segments: Vec<SegmentFile>,
    /// What it adds up to; read once, when it is needed.
    summary: OnceLock<Result<Option<Summary>, Fault>>,
    /// What streams and consumers are called, as far as that was read.
    names: Mutex<Names>,
    /// Events that somebody still has to get and that cannot be read, by segment.
    lost: Mutex<BTreeMap<SegmentId, u64>>,
}

/// A lock whose holder cannot have left anything half done.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a running journal is looked at anew, of which a segment was cleared away while it was added up.
const LOOKS: usize = 5;

impl JournalLog {
    fn new((root, extent): (PathBuf, Extent), reader: Reader, parts: Vec<Part>) -> Self {
        let segments = reader.segments();
        let (summary, names, lost) = (OnceLock::new(), Mutex::default(), Mutex::default());
        Self { root, extent, parts, reader, segments, summary, names, lost }
    }

    /// What it adds up to. Nothing for one segment, and where no header says which journal it is.
    fn summary(&self, life: Life) -> Result<Option<&Summary>, Fault> {
        if self.extent == Extent::OneFile {
            return Ok(None);
        }
        let summary = self.summary.get_or_init(|| self.add_up(life));
        summary.as_ref().map(Option::as_ref).map_err(Fault::clone)
    }

    fn add_up(&self, life: Life) -> Result<Option<Summary>, Fault> {
        let mut summary = self.reader.summary();
        for _ in 0..LOOKS {
            match &summary {
                Err(fault) if life == Life::Running && fault.kind() == std::io::ErrorKind::NotFound => {
                    summary = Reader::open(&self.root).and_then(|reader| reader.summary());
                }
                _ => break,
            }
        }
        if let Ok(Some(summary)) = &summary {
            held(&self.names).learn_all(summary);
        }
        summary
    }

    fn read_as(
        &self,
        part: &Part,
        order: &Order,
        (detail, visit): (Detail, &mut Visit<'_>),
    ) -> Result<(), ReadError> {
        if part.name == ID_FILE {
            return self.read_id(part, visit);
        }
        match of_name(&self.segments, &part.name) {
            Some(file) => self.read_segment((part, file), order, (detail, visit)),
            None => Ok(()),
        }
    }
}

const fn life(order: &Order) -> Life {
    match order.liveness {
        Liveness::Stopped => Life::Still,
        Liveness::Running => Life::Running,
    }
}

impl Log for JournalLog {
    fn format(&self) -> Format {
        Format::Journal
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        self.read_as(part, order, (Detail::Fields, visit))
    }

    fn conclude(&self, order: &Order, survey: &mut Survey) {
        facts::conclude(self, order, survey);
    }

    fn survey(&self, order: &Order) -> Survey {
        Counting(self).survey(order)
    }
}

/// The same log for those who count its records and look at none.
struct Counting<'a>(&'a JournalLog);

impl Log for Counting<'_> {
    fn format(&self) -> Format {
        self.0.format()
    }

    fn root(&self) -> &Path {
        self.0.root()
    }

    fn parts(&self) -> &[Part] {
        self.0.parts()
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        self.0.read_as(part, order, (Detail::Counts, visit))
    }

    fn conclude(&self, order: &Order, survey: &mut Survey) {
        self.0.conclude(order, survey);
    }
}
