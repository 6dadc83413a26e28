//! Bringing events in from files, each of them once: however often a file is imported, and wherever it is interrupted.
//!
//! What was brought in is kept in `imports/` of the journal, a small file for each stream: how many records, and a sum
//! of them in their order. It is written before each batch with the number that the batch begins at, and after the last
//! one. So a repeated import passes over what it knows, looks in the journal for what may have been appended before it
//! was interrupted, and goes on behind that. A file that has grown brings what is new; one whose records are not those
//! that were brought in before is refused.
//!
//! | file | does |
//! |---|---|
//! | `ledger.rs` | what was brought in |
//! | `underway.rs` | which batch was under way last, so that a start can say what of it is there before others append |
//! | `parcel.rs` | a batch as the daemon takes it from a command |
//! | `source.rs` | files that records come from |

pub(crate) mod ledger;
pub(crate) mod parcel;
pub(crate) mod source;
mod underway;

use std::iter::Peekable;
use std::path::Path;

use journal::storage::Fault;
use journal::{CommitError, Events, Journal, Seq};

use crate::failure::{Failure, JournalFailure};
use ledger::{Entry, Ledger};
pub(crate) use underway::settle;

/// Records that share a batch at most.
const BATCH: usize = 1000;

/// Bytes that share a batch at most, but for the last record.
const BATCH_BYTES: usize = 8 << 20;

/// Why a file is not imported to its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Its records are not those that were imported before.
    Differs,
    /// The journal does not take more.
    Refused(Failure),
}

impl From<CommitError> for Halt {
    fn from(error: CommitError) -> Self {
        Halt::Refused(JournalFailure::Commit(error).into())
    }
}

/// What became of the records of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// Records that are sound.
    pub(crate) records: u64,
    /// Of these, those that were in the journal already.
    pub(crate) already: u64,
    /// Of these, those that were appended; on a rehearsal, those that would be.
    pub(crate) imported: u64,
}

/// Whether records are brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are counted.
    Rehearse,
    /// They are appended.
    Append,
}

/// Where records go.
#[derive(Clone, Copy)]
pub(crate) struct Target<'t> {
    /// The directory of the journal.
    pub(crate) directory: &'t Path,
    /// The journal; on a rehearsal there may be none.
    pub(crate) journal: Option<&'t Journal>,
    pub(crate) mode: Mode,
}

/// An import of the records of one file into one stream.
pub(crate) struct Import<'i> {
    target: Target<'i>,
    name: &'i str,
    ledger: Ledger,
    /// What the ledger says is in the journal for certain.
    known: Entry,
    /// What may be there behind that, as long as it is not known not to be.
    doubtful: Option<Doubtful>,
    /// The sum of all records so far.
    sum: u64,
    batch: Batch,
    pub(crate) brought: Brought,
}

/// Events of the journal that may be the next records.
struct Doubtful {
    events: Peekable<Events>,
    /// The number that the next record would have.
    next: Seq,
    /// The last that can be one of the batch that was interrupted.
    last: Seq,
}

/// Records that are appended together.
#[derive(Default)]
struct Batch {
    payloads: Vec<Vec<u8>>,
    bytes: usize,
    /// What comes before them.
    before: Entry,
}

impl<'i> Import<'i> {
    /// An import into the stream `name`, which goes on where the ledger of that name ends.
    pub(crate) fn begin(target: Target<'i>, name: &'i str, ledger: &str) -> Result<Self, Failure> {
        let (ledger, known) = Ledger::open(target.directory, ledger).map_err(JournalFailure::Disk)?;
        let doubtful = target.journal.and_then(|journal| Doubtful::of(journal, name, known));
        let (batch, brought) = (Batch::default(), Brought::default());
        Ok(Self { target, name, ledger, known, doubtful, sum: 0, batch, brought })
    }

    /// Takes the next record. `mark` is what it is recognised by.
    pub(crate) fn add(&mut self, payload: &[u8], mark: &[u8]) -> Result<(), Halt> {
        let before = Entry { records: self.brought.records, sum: self.sum, ..Entry::default() };
        self.brought.records += 1;
        self.sum = mixed(self.sum, mark);
        if self.brought.records <= self.known.records {
            if self.brought.records == self.known.records && self.sum != self.known.sum {
                return Err(Halt::Differs);
            }
            self.brought.already += 1;
            return Ok(());
        }
        if self.doubtful.as_mut().is_some_and(|doubtful| doubtful.is_next(payload)) {
            self.brought.already += 1;
            return Ok(());
        }
        self.doubtful = None;
        self.brought.imported += 1;
        if self.target.mode == Mode::Rehearse {
            return Ok(());
        }
        if self.batch.payloads.is_empty() {
            self.batch.before = before;
        }
        self.batch.bytes += payload.len();
        self.batch.payloads.push(payload.to_vec());
        let is_full = self.batch.payloads.len() >= BATCH || self.batch.bytes >= BATCH_BYTES;
        if is_full { self.append() } else { Ok(()) }
    }

    /// Appends what is left, and notes what there is.
    pub(crate) fn end(&mut self) -> Result<(), Halt> {
        if self.brought.records < self.known.records {
            // All of it was passed over. An older copy brings nothing; another log is not to be taken for one.
            let is_copy = self.ledger.has_ended_at(self.brought.records, self.sum).map_err(disk)?;
            return if is_copy { Ok(()) } else { Err(Halt::Differs) };
        }
        self.append()?;
        let all = Entry { records: self.brought.records, sum: self.sum, ..Entry::default() };
        if self.target.mode == Mode::Append && all != self.known {
            self.ledger.write(self.target.directory, all).map_err(disk)?;
        }
        Ok(())
    }

    /// Appends what is gathered.
    pub(crate) fn append(&mut self) -> Result<(), Halt> {
        let Batch { payloads, before, .. } = std::mem::take(&mut self.batch);
        let Some(journal) = self.target.journal.filter(|_| !payloads.is_empty()) else { return Ok(()) };
        let stream = journal.stream(self.name)?;
        let last = journal.info(&stream).and_then(|info| info.last);
        let next = last.map_or(Seq::FIRST, Seq::next).get();
        let until = next + payloads.len() as u64 - 1;
        let entry = Entry { next: Some(next), until: Some(until), ..before };
        underway::note(self.target.directory, journal, (self.ledger.name(), self.name)).map_err(disk)?;
        self.ledger.begin(self.target.directory, entry).map_err(disk)?;
        journal.append_all(&stream, payloads)?;
        Ok(())
    }
}

fn disk(fault: Fault) -> Halt {
    Halt::Refused(JournalFailure::Disk(fault).into())
}

impl Doubtful {
    /// What may be in the journal of a batch that was begun, as a ledger knows it.
    fn of(journal: &Journal, name: &str, known: Entry) -> Option<Self> {
        let next = Seq::new(known.next?);
        let stream = journal.find_stream(name)?;
        let last = journal.info(&stream)?.last.filter(|last| *last >= next)?;
        let events = journal.events(&stream).from(next).peekable();
        let until = known.until.map_or(next.plus(BATCH as u64 - 1), Seq::new);
        Some(Self { events, next, last: last.min(until) })
    }

    /// Whether the next event is this record. One that cannot be read any more was delivered, so it was appended.
    fn is_next(&mut self, payload: &[u8]) -> bool {
        let seq = self.next;
        if seq > self.last {
            return false;
        }
        self.next = seq.next();
        match self
            .events
            .next_if(|event| event.as_ref().is_ok_and(|event| event.seq <= seq) || event.is_err())
        {
            Some(Ok(event)) => event.payload == payload,
            Some(Err(_)) | None => true,
        }
    }
}

/// The sum of records with one more: FNV-1a, which is no defence and needs to be none.
pub(crate) fn mixed(sum: u64, mark: &[u8]) -> u64 {
    let start = if sum == 0 { 0xcbf2_9ce4_8422_2325 } else { sum };
    mark.iter().fold(start, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[path = "imports_test.rs"]
mod tests;
