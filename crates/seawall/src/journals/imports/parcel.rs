//! A batch of an import as the daemon takes it: records behind others of the same import, each with the sum of all up to it.
//!
//! | killed | the next start finds | the same parcel again |
//! |---|---|---|
//! | before the ledger is written | what was known before | is the first one |
//! | before the events are synced | a batch that was begun, and a stream that ends before or among it | appends the others |
//! | after that | a batch that was begun, and all of its events | appends nothing |
//! | once it is in the ledger | its records among those that are known | appends nothing |

use std::path::Path;

use journal::storage::Fault;
use journal::{BatchError, CommitError, Journal, Seq, Span};

use super::ledger::{Entry, Ledger};
use super::{Brought, Doubtful, Halt, disk, underway};

/// A record.
#[derive(Debug)]
pub(crate) struct Record {
    /// The sum of all records up to this one.
    pub(crate) sum: u64,
    pub(crate) payload: Vec<u8>,
}

impl AsRef<[u8]> for Record {
    fn as_ref(&self) -> &[u8] {
        &self.payload
    }
}

/// Records that are brought in together.
pub(crate) struct Parcel<'p> {
    /// The name of the import, which its ledger has.
    pub(crate) name: &'p str,
    pub(crate) stream: &'p str,
    /// What comes before them.
    pub(crate) before: Entry,
    pub(crate) records: &'p [Record],
}

/// Why a parcel is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Records before it are missing.
    Ahead {
        /// How many are there.
        known: u64,
    },
    /// It stopped.
    Halt(Halt),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused::Halt(disk(fault))
    }
}

impl From<CommitError> for Refused {
    fn from(error: CommitError) -> Self {
        Refused::Halt(error.into())
    }
}

impl Parcel<'_> {
    /// Appends what is not there yet, while nobody else appends to that stream, and says what is known then.
    pub(crate) fn bring(&self, directory: &Path, journal: &Journal) -> Result<(Entry, Brought), Refused> {
        let (mut ledger, known) = Ledger::open(directory, self.name)?;
        let passed = self.known_of(known)?;
        let rest = self.records.get(passed..).unwrap_or_default();
        let mut doubtful = Doubtful::of(journal, self.stream, known);
        let is_there =
            |record: &&Record| doubtful.as_mut().is_some_and(|doubtful| doubtful.is_next(&record.payload));
        let there = rest.iter().take_while(is_there).count();
        let already = (passed + there) as u64;
        let new = rest.get(there..).unwrap_or_default();
        let at = self.after(passed + there, known);
        let brought = Brought { records: self.records.len() as u64, already, imported: new.len() as u64 };
        if new.is_empty() {
            let left = at.records.saturating_sub(known.records);
            let at = behind(at, known, left);
            if at != known {
                ledger.write(directory, at)?;
            }
            return Ok((at, brought));
        }
        self.append((directory, journal), &mut ledger, (at, new))?;
        let all = self.after(self.records.len(), known);
        ledger.write(directory, all)?;
        Ok((all, brought))
    }

    /// How many of the records are known to be there.
    fn known_of(&self, known: Entry) -> Result<usize, Refused> {
        let Some(passed) = known.records.checked_sub(self.before.records) else {
            return Err(Refused::Ahead { known: known.records });
        };
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        let sum = match passed.checked_sub(1) {
            None => Some(self.before.sum),
            Some(last) => self.records.get(last).map(|record| record.sum),
        };
        // An older part of what is known is not looked at again.
        if sum.is_some_and(|sum| sum != known.sum) {
            return Err(Refused::Halt(Halt::Differs));
        }
        Ok(passed.min(self.records.len()))
    }

    /// What is known once so many of the records are there; not less than before.
    fn after(&self, count: usize, known: Entry) -> Entry {
        let records = self.before.records + count as u64;
        if records <= known.records {
            return Entry { next: None, until: None, ..known };
        }
        let last = count.checked_sub(1).and_then(|last| self.records.get(last));
        let sum = last.map_or(self.before.sum, |record| record.sum);
        Entry { records, sum, ..Entry::default() }
    }

    fn append(
        &self,
        (directory, journal): (&Path, &Journal),
        ledger: &mut Ledger,
        (at, new): (Entry, &[Record]),
    ) -> Result<(), Refused> {
        let stream = journal.stream(self.stream)?;
        let last = journal.info(&stream).and_then(|info| info.last);
        let next = last.map_or(Seq::FIRST, Seq::next).get();
        underway::note(directory, journal, (self.name, self.stream))?;
        let until = next + new.len() as u64 - 1;
        ledger.begin(directory, Entry { next: Some(next), until: Some(until), ..at })?;
        let Err(BatchError { durable, error }) = journal.append_batch(&stream, new).wait() else {
            return Ok(());
        };
        // Before others append: else what they do could be taken for this.
        let count = usize::try_from(durable.map_or(0, Span::count)).unwrap_or(usize::MAX);
        let last = count.checked_sub(1).and_then(|last| new.get(last));
        let there = last.map_or(at, |last| Entry {
            records: at.records + count as u64,
            sum: last.sum,
            ..Entry::default()
        });
        ledger.write(directory, there)?;
        Err(error.into())
    }
}

/// What is known where nothing had to be appended: what was begun and not looked at yet stays so.
fn behind(at: Entry, known: Entry, looked_at: u64) -> Entry {
    match known.next.map(|next| next.saturating_add(looked_at)) {
        Some(next) if known.until.is_some_and(|until| next <= until) => {
            Entry { next: Some(next), until: known.until, ..at }
        }
        _ => at,
    }
}
