//! What an import has brought in, in a file that only grows: a line of JSON before each batch and behind the last.
//!
//! A line that was not written to its end is none. The one before it counts, and the next is written over it.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use journal::storage::{Disk, Fault, Storage, StoredFile, read_range, write_all};
use serde::{Deserialize, Serialize};

/// The directory of a journal that holds them.
pub(super) const FOLDER: &str = "imports";

/// A line is shorter than this by far, so the last whole one is found in twice as much.
const LONGEST: u64 = 512;

/// Bytes that are set aside behind a line which begins a batch, for the one that says what became of it: a full disk must not
/// keep that from being said, or what others append then could be taken for the batch.
const ASIDE: u64 = 256;

/// A line of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// How many records are in the journal for certain.
    pub(crate) records: u64,
    /// The sum of them, in their order.
    pub(crate) sum: u64,
    /// The number in the stream at which the next of them were to be appended; nothing behind the last batch.
    pub(crate) next: Option<u64>,
    /// The number that the last of them was to have, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

impl Entry {
    /// How many records a batch was to append that has begun and is not known to have ended.
    pub(crate) fn begun(&self) -> u64 {
        self.next.zip(self.until).map_or(0, |(next, until)| (until + 1).saturating_sub(next))
    }
}

/// What was imported into one stream from one source.
pub(crate) struct Ledger {
    name: String,
    folder: Option<Arc<dyn Storage>>,
    file: Option<Arc<dyn StoredFile>>,
    /// Where the next line goes.
    end: u64,
}

impl Ledger {
    /// Opens it for reading, and says what it holds. Nothing is made where there is none.
    pub(crate) fn open(journal: &Path, name: &str) -> Result<(Self, Entry), Fault> {
        let folder = journal.join(FOLDER);
        let mut ledger = Self { name: format!("{name}.jsonl"), folder: None, file: None, end: 0 };
        if !folder.join(&ledger.name).exists() {
            return Ok((ledger, Entry::default()));
        }
        let disk: Arc<dyn Storage> = Arc::new(
            Disk::at(&folder).map_err(Fault::on("open the directory", &folder.display().to_string()))?,
        );
        let file = disk.open(&ledger.name).map_err(Fault::on("open", &ledger.name))?;
        let size = file.size().map_err(Fault::on("measure", &ledger.name))?;
        let from = size.saturating_sub(2 * LONGEST);
        let tail = read_range(&*file, from, size - from).map_err(Fault::on("read", &ledger.name))?;
        let (entry, end) = last_entry(&tail);
        // Without any whole line, the file was begun and nothing else.
        ledger.end = if end == 0 { 0 } else { from + end };
        (ledger.folder, ledger.file) = (Some(disk), Some(file));
        Ok((ledger, entry))
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        self.name.strip_suffix(".jsonl").unwrap_or(&self.name)
    }

    /// Whether so many records with that sum were all that was there once: an older copy of the same file.
    pub(crate) fn has_ended_at(&self, records: u64, sum: u64) -> Result<bool, Fault> {
        let Some(file) = &self.file else { return Ok(false) };
        let mut lines = BufReader::new(FileReader { file: &**file, at: 0 }).split(b'\n');
        let found = lines.find_map(|line| match line {
            Ok(line) => {
                let entry: Option<Entry> = serde_json::from_slice(&line).ok();
                entry.is_some_and(|entry| (entry.records, entry.sum) == (records, sum)).then_some(Ok(true))
            }
            Err(error) => Some(Err(error)),
        });
        found.unwrap_or(Ok(false)).map_err(Fault::on("read", &self.name))
    }

    /// Adds a line that begins a batch, with room for the one behind it.
    pub(crate) fn begin(&mut self, journal: &Path, entry: Entry) -> Result<(), Fault> {
        let file = self.file_for_writing(journal)?;
        let size = file.size().map_err(Fault::on("measure", &self.name))?;
        let (from, to) = (size.max(self.end), self.end + 2 * ASIDE);
        if from < to {
            let zeros = vec![0; usize::try_from(to - from).unwrap_or_default()];
            write_all(&*file, from, &zeros).map_err(Fault::on("write to", &self.name))?;
        }
        self.write(journal, entry)
    }

    /// Adds a line, and waits until it is on the disk.
    pub(crate) fn write(&mut self, journal: &Path, entry: Entry) -> Result<(), Fault> {
        let file = self.file_for_writing(journal)?;
        let mut line = serde_json::to_vec(&entry).unwrap_or_default();
        line.push(b'\n');
        let written = write_all(&*file, self.end, &line).and_then(|()| file.sync());
        written.map_err(Fault::on("write to", &self.name))?;
        self.end += line.len() as u64;
        Ok(())
    }

    fn file_for_writing(&mut self, journal: &Path) -> Result<Arc<dyn StoredFile>, Fault> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let folder = journal.join(FOLDER);
        let opened =
            Disk::at(&folder).map_err(Fault::on("open the directory", &folder.display().to_string()))?;
        let folder: Arc<dyn Storage> = Arc::new(opened);
        let file = folder.create(&self.name).map_err(Fault::on("create", &self.name))?;
        folder.sync_names().map_err(Fault::on("sync the names in", FOLDER))?;
        self.folder = Some(folder);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }
}

/// Reads a stored file from its beginning.
struct FileReader<'f> {
    file: &'f dyn StoredFile,
    at: u64,
}

impl Read for FileReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let taken = self.file.read_at(self.at, into)?;
        self.at += taken as u64;
        Ok(taken)
    }
}

/// The last line that is whole, and where it ends.
fn last_entry(tail: &[u8]) -> (Entry, u64) {
    let mut found = (Entry::default(), 0);
    let mut end = 0;
    for line in tail.split_inclusive(|&byte| byte == b'\n') {
        end += line.len() as u64;
        if let Some(entry) = line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice(line).ok()) {
            found = (entry, end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entry(records: u64) -> Entry {
        Entry { records, sum: u64::MAX - records, next: Some(records + 1), until: None }
    }

    #[test]
    fn the_last_line_counts_and_a_torn_one_is_written_over() {
        let journal = tempfile::tempdir().unwrap();
        let (mut ledger, known) = Ledger::open(journal.path(), "s").unwrap();
        assert_eq!(known, Entry::default());
        for records in 1..100 {
            ledger.write(journal.path(), entry(records)).unwrap();
        }
        let path = journal.path().join("imports/s.jsonl");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"records\":100,\"su");
        bytes.extend_from_slice(&[0; 9]);
        fs::write(&path, bytes).unwrap();
        let (mut ledger, known) = Ledger::open(journal.path(), "s").unwrap();
        assert_eq!(known, entry(99));
        ledger.write(journal.path(), entry(101)).unwrap();
        assert_eq!(Ledger::open(journal.path(), "s").unwrap().1, entry(101));
    }

    #[test]
    fn what_became_of_a_batch_needs_no_room_that_was_not_there_when_it_began() {
        let journal = tempfile::tempdir().unwrap();
        let size = || fs::metadata(journal.path().join("imports/s.jsonl")).unwrap().len();
        let (mut ledger, _) = Ledger::open(journal.path(), "s").unwrap();
        for records in 0..50 {
            ledger.begin(journal.path(), Entry { until: Some(u64::MAX), ..entry(records) }).unwrap();
            let begun = size();
            // A start that finds the batch says how much of it is there.
            let (mut again, _) = Ledger::open(journal.path(), "s").unwrap();
            again.write(journal.path(), Entry { until: Some(u64::MAX - 1), ..entry(records) }).unwrap();
            assert_eq!(size(), begun);
            ledger.write(journal.path(), Entry { next: None, ..entry(records + 1) }).unwrap();
            assert_eq!(size(), begun);
            let known = Ledger::open(journal.path(), "s").unwrap();
            assert_eq!(known.1, Entry { next: None, ..entry(records + 1) });
            ledger = known.0;
            let sum = entry(records + 1).sum;
            assert!(ledger.has_ended_at(records + 1, sum).unwrap());
        }
    }

    #[test]
    fn a_ledger_that_was_only_begun_holds_nothing() {
        let journal = tempfile::tempdir().unwrap();
        fs::create_dir(journal.path().join("imports")).unwrap();
        fs::write(journal.path().join("imports/s.jsonl"), "{\"rec").unwrap();
        let (mut ledger, known) = Ledger::open(journal.path(), "s").unwrap();
        assert_eq!(known, Entry::default());
        ledger.write(journal.path(), entry(1)).unwrap();
        assert_eq!(Ledger::open(journal.path(), "s").unwrap().1, entry(1));
    }
}
