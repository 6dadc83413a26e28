//! etcd: the write-ahead log of a member, `<data>/member/wal/`.
//!
//! Raft entries, states and snapshot marks in files of 64 MB that are allocated ahead, so that the size of the newest
//! file says nothing: what counts ends with its last record. A new file is begun when one is full; old ones are
//! removed once snapshots cover them and there are more than five.
//!
//! # Layout
//!
//! A file is named `<sequence>-<index>.wal`, both as 16 hexadecimal digits: its number, and the raft index of its first entry. It holds
//! frames, each a multiple of 8 bytes long:
//!
//! | at | size | frame |
//! |---|---|---|
//! | 0 | 8 | little-endian: bytes of the record in the lower 56 bits; the top byte is 0, or 0x80 plus the padding |
//! | 8 | n | record, protobuf: 1 type, 2 checksum, 3 data |
//! | 8+n | 0 to 7 | zero |
//!
//! Types: 1 metadata, 2 entry, 3 state, 4 checksum, 5 snapshot. The checksum is a CRC-32C over the data of all
//! records so far, going on from file to file: each file opens with a record of type 4 (16 bytes), which holds the
//! checksum at the end of the file before it (0 in the first). A frame length of 0 is the end.
//!
//! The checksum covers neither the type nor the padding. Data: metadata (1 member, 2 cluster), entry (1 type, 2 term, 3 index, 4 data), state (1 term, 2 vote,
//! 3 commit), snapshot (1 index, 2 term).
//!
//! # What can be wrong, and what etcd does
//!
//! * **Torn tail**: in the newest file, a last record that runs past the end of the file, or whose checksum does not
//!   hold while one of its 512-byte sectors is all zero. etcd cuts it off. The note `torn-tail`. Bytes behind a length
//!   of zero are also that: etcd overwrites them.
//! * **A checksum that does not hold** anywhere else: etcd stops, at every start. Damage. When such a record looks torn
//!   (see above) but has sound ones behind it, etcd cuts all of those off.
//! * **Zero where a length should be**, with records behind: etcd takes it for the end and overwrites them.
//! * **A wrong length field**: the record says itself where it ends; when its checksum holds, the field alone is the damage.
//! * **A type that changed**: the checksum holds, but the data are not of that type. Damage, where it can be told.
//! * **A file that does not go on from the one before it**, or is missing: etcd stops.
//!
//! Since checksums are chained, a record behind damage is sound when it goes on from the checksum stored in the damaged
//! record, or from the one computed over its data; where neither can be had, when it goes on from the record before
//! it, which itself then stays unverified and counts to the damage. Files written without padding (etcd 2) are read, but in
//! them no record is found behind damage.
//!
//! In memory are at most two records, of at most 32 MiB. The search is bounded as
//! [`Effort`](crate::effort::Effort) says.

mod broken;
mod content;
mod frame;
mod reader;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::detect::Recognised;
use crate::files::{self, list_files};
use crate::survey::lock;
use crate::window::Counted;
use crate::{
    Damage, Format, Liveness, Log, Lost, Note, Order, Part, ReadError, Role, Survey, Value, Verdict, Visit,
};
use broken::{Extent, Place};
use frame::{Kind, OPENING, parse_frame};
use reader::Reader;
use tally::{Fate, Tally};

/// Where the files of a log lie below the directory that people name.
const BELOW: [&str; 3] = ["member/wal", "wal", ""];

/// Recognises a data directory, its `member` or `wal` directory, or one file.
pub(crate) fn recognise(path: &Path) -> Recognised {
    if path.is_file() {
        return Ok(recognise_file(path));
    }
    for below in BELOW {
        let parts = parts(path, below)?;
        if parts.iter().any(|part| part.role == Role::Live && part.path.is_file()) {
            return Ok(Some(Box::new(EtcdLog::new(path, parts))));
        }
    }
    Ok(None)
}

fn recognise_file(path: &Path) -> Option<Box<dyn Log>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let opens_as_log = || {
        let head = files::read_head(path, OPENING).unwrap_or_default();
        parse_frame(&head).is_some_and(|(record, _)| record.kind == Kind::Crc)
    };
    if sequence(&name).is_none() && !opens_as_log() {
        return None;
    }
    let metadata = std::fs::metadata(path).ok()?;
    let part = files::part(name, path.to_owned(), &metadata, Role::Live);
    Some(Box::new(EtcdLog::new(path, vec![part])))
}

fn parts(root: &Path, below: &str) -> Result<Vec<Part>, crate::ListError> {
    let listed = list_files(&root.join(below))?.into_iter().map(|(name, path, metadata)| {
        let role = match sequence(&name) {
            Some(_) => Role::Live,
            // The file that will be the next one, allocated ahead.
            None if Path::new(&name).extension().is_some_and(|extension| extension == "tmp") => {
                Role::Retained
            }
            None => Role::Stray,
        };
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        files::part(name, path, &metadata, role)
    });
    Ok(listed.collect())
}

/// The number and the first index in a file's name.
fn sequence(name: &str) -> Option<(u64, u64)> {
    let name = name.rsplit('/').next()?;
    let (number, index) = name.strip_suffix(".wal")?.split_once('-')?;
    let hex = |digits: &str| {
        let is_hex = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    };
    Some((hex(number)?, hex(index)?))
}

/// Reads a file that lies in memory as if it were the only one of a new member, as fuzzing does.
pub fn scan(bytes: &[u8], visit: &mut Visit<'_>) -> io::Result<()> {
    let extent = Extent { len: bytes.len() as u64, place: Place::Last };
    Reader::new("memory", bytes, extent, visit).read(&|| Some(0)).1
}

/// The log of one member.
pub struct EtcdLog {
    root: PathBuf,
    parts: Vec<Part>,
    /// What reading found, by part, for the conclusion.
    tallies: Mutex<BTreeMap<String, Tally>>,
}

impl EtcdLog {
    fn new(root: &Path, parts: Vec<Part>) -> Self {
        Self { root: root.to_owned(), parts, tallies: Mutex::default() }
    }

    fn live(&self) -> impl DoubleEndedIterator<Item = &Part> {
        self.parts.iter().filter(|part| part.role == Role::Live)
    }

    fn before(&self, part: &Part) -> Option<&Part> {
        self.live().take_while(|other| other.name != part.name).last()
    }

    /// What `part` should open with: 0 in the first file of a member, else what the file before it ends with.
    fn opening_of(&self, part: &Part) -> Option<u32> {
        let (number, _) = sequence(&part.name)?;
        if number == 0 {
            return Some(0);
        }
        let before = self.before(part).filter(|before| follows(before, part))?;
        let file = files::open(&before.path).ok()?;
        let mut nothing = |_| ControlFlow::Continue(());
        let extent = Extent { len: before.bytes, place: Place::Inner };
        let (tally, read) = Reader::new(&before.name, file, extent, &mut nothing).read(&|| None);
        read.ok().and(tally.ends_with)
    }
}

/// Whether the second file is numbered next after the first.
fn follows(first: &Part, second: &Part) -> bool {
    let number = |part: &Part| sequence(&part.name).map(|(number, _)| number);
    number(first).and_then(|number| number.checked_add(1)) == number(second)
}

impl Log for EtcdLog {
    fn format(&self) -> Format {
        Format::Etcd
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
        let Some(file) = files::open_part(part, visit)? else { return Ok(()) };
        let is_last = self.live().next_back().is_some_and(|last| last.name == part.name);
        let place = match order.liveness {
            _ if !is_last => Place::Inner,
            Liveness::Stopped => Place::Last,
            Liveness::Running => Place::Growing,
        };
        let len = file.metadata().map_err(|source| ReadError::new(part, source))?.len();
        let source = Counted::new(file, &order.progress);
        let reader = Reader::new(&part.name, source, Extent { len, place }, visit);
        let (tally, read) = reader.read(&|| self.opening_of(part));
        lock(&self.tallies).insert(part.name.clone(), tally);
        read.map_err(|source| ReadError::new(part, source))
    }

    fn conclude(&self, _order: &Order, survey: &mut Survey) {
        survey.samples = None;
        for part in self.parts.iter().filter(|part| part.name.ends_with(".broken")) {
            let message = "etcd cut the end of a file at an earlier start and left this copy".to_owned();
            survey.note(Note { code: "broken-copy", file: part.name.clone(), message });
        }
        let refuses = |what: &str| Verdict::Refuses { what: what.to_owned() };
        let live: Vec<&Part> = self.live().collect();
        let pairs: Vec<(&Part, &Part)> = live.iter().copied().zip(live.iter().copied().skip(1)).collect();
        for (_, next) in pairs.iter().filter(|(first, next)| !follows(first, next)) {
            survey.damage(missing_before(next));
            survey.verdict.worsen(refuses("a file is missing, and etcd reads no log with a gap"));
        }
        let tallies = lock(&self.tallies);
        if tallies.is_empty() {
            return;
        }
        for (first, next) in pairs.into_iter().filter(|(first, next)| follows(first, next)) {
            let Some(end) = broken_chain(&tallies, first, next) else { continue };
            survey.damage(cut_before(first, next, end));
            survey.verdict.worsen(refuses("etcd stops with a checksum mismatch"));
        }
        for tally in tallies.values() {
            survey.verdict.worsen(verdict(tally));
        }
        facts(&live, &tallies, survey);
    }
}

fn verdict(tally: &Tally) -> Verdict {
    match tally.fate {
        None if tally.end == 0 => Verdict::Unknown,
        None => Verdict::Starts,
        Some(Fate::Stops) => Verdict::Refuses { what: "etcd stops with a checksum mismatch".to_owned() },
        Some(Fate::Cuts) => Verdict::StartsWithLoss {
            what: "etcd takes the damage for the end of the log and loses the records behind it".to_owned(),
        },
        Some(Fate::Differs) => Verdict::Refuses {
            what: "etcd 3.4 stops; later ones take the damage for the end of the log and lose what is behind"
                .to_owned(),
        },
    }
}

fn missing_before(next: &Part) -> Damage {
    let cause = "the file numbered before this one is missing".into();
    Damage { file: next.name.clone(), start: 0, end: 0, cause, lost: Lost::default() }
}

/// Where `first` ends, when `next` goes on from something else and nothing in either explains that.
fn broken_chain(tallies: &BTreeMap<String, Tally>, first: &Part, next: &Part) -> Option<u64> {
    let (ended, opened) = (tallies.get(&first.name)?, tallies.get(&next.name)?);
    let is_explained = ended.fate.is_some() || opened.fate.is_some();
    let breaks = ended.ends_with? != opened.opens_with?;
    (breaks && !is_explained).then_some(ended.end)
}

fn cut_before(first: &Part, next: &Part, end: u64) -> Damage {
    let cause = format!(
        "records are missing here: {} goes on from a checksum that this file does not end with",
        next.name
    );
    Damage { file: first.name.clone(), start: end, end, cause: cause.into(), lost: Lost::default() }
}

fn facts(live: &[&Part], tallies: &BTreeMap<String, Tally>, survey: &mut Survey) {
    let in_order: Vec<&Tally> = live.iter().filter_map(|part| tallies.get(&part.name)).collect();
    let sum = |of: fn(&Tally) -> u64| in_order.iter().map(|tally| of(tally)).fold(0, u64::saturating_add);
    let last = |of: fn(&Tally) -> Option<u64>| in_order.iter().rev().find_map(|tally| of(tally));
    let or_null = |number: Option<u64>| number.map_or(Value::Null, Value::from);
    let hex = |id: Option<u64>| id.map_or(Value::Null, |id| Value::from(format!("{id:x}")));
    let live_bytes = sum(|tally| tally.end);
    let bytes: u64 = live.iter().map(|part| part.bytes).sum();
    let (last_index, snapshot) = (last(|tally| tally.last_index), last(|tally| tally.snapshot_index));
    survey.fact("live_bytes", live_bytes);
    survey.fact("preallocated_bytes", bytes.saturating_sub(live_bytes));
    survey.fact("entries", sum(|tally| tally.entries));
    survey.fact("overwritten_entries", sum(|tally| tally.overwritten));
    survey.fact("first_index", or_null(in_order.iter().find_map(|tally| tally.first_index)));
    survey.fact("last_index", or_null(last_index));
    survey.fact("last_term", or_null(last(|tally| tally.last_term)));
    survey.fact("commit_index", or_null(last(|tally| tally.commit)));
    survey.fact("snapshot_index", or_null(snapshot));
    let replayed = last_index.zip(snapshot).map(|(last, snapshot)| last.saturating_sub(snapshot));
    survey.fact("entries_since_snapshot", or_null(replayed));
    survey.fact("member_id", hex(last(|tally| tally.member)));
    survey.fact("cluster_id", hex(last(|tally| tally.cluster)));
}
