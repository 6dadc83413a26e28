//! Writing new files beside the log, before anything of it is touched.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use formats::UnixTime;

use super::disk;
use super::intent::{Intent, NEW, Operation, Seal};
use super::{QUARANTINE, beside, home, meanwhile, overtaken};
use crate::{Action, MendError, Plan, owner};

/// Temporary files of a change lie below it.
const SCRATCH: &str = "scratch";

/// Names that are tried for a receipt before giving up: more than one change a second is rare.
const MAX_NAMES: u32 = 1000;

/// How much of a file is read at once when its checksum is taken.
const BLOCK: usize = 256 * 1024;

/// Where a change writes its new files, and what it wants done with them.
#[derive(Debug)]
pub struct Stage {
    root: PathBuf,
    receipt: String,
    now: UnixTime,
    undoes: Option<String>,
    operations: Vec<Operation>,
}

impl Stage {
    pub(super) fn begin(root: &Path, action: Action, now: UnixTime) -> Result<Self, MendError> {
        let receipt = free_name(root, action, now)?;
        let stage = Self { root: root.to_owned(), receipt, now, undoes: None, operations: Vec::new() };
        disk::make_dir(&stage.dir().join(NEW))?;
        Ok(stage)
    }

    /// The directory of this change.
    fn dir(&self) -> PathBuf {
        home(&self.root).join(&self.receipt)
    }

    /// Where to write the file or directory that will lie at `path` below the root. The directory that holds it is
    /// made.
    pub fn beside(&self, path: &str) -> Result<PathBuf, MendError> {
        let there = self.dir().join(NEW).join(path);
        if let Some(parent) = there.parent() {
            disk::make_dir(parent)?;
        }
        Ok(there)
    }

    /// A directory for files that are only needed while the new ones are written.
    pub fn scratch(&self) -> Result<PathBuf, MendError> {
        let there = self.dir().join(SCRATCH);
        disk::make_dir(&there)?;
        Ok(there)
    }

    /// Says that what was written [`beside`](Self::beside) for `path` takes its place, after everything said before.
    ///
    /// A directory that is put in place must not be there yet; a file may replace one.
    pub fn place(&mut self, path: &str) -> Result<(), MendError> {
        let there = self.beside(path)?;
        let files = seal(&there, &self.root.join(path), path)?;
        disk::sync_names(&there, &self.dir())?;
        let from = format!("{QUARANTINE}/{}/{NEW}/{path}", self.receipt);
        self.operations.push(Operation::Place { path: path.to_owned(), from, files });
        Ok(())
    }

    /// Says that the file or directory at `path` goes into quarantine, after everything said before.
    pub fn remove(&mut self, path: &str) {
        self.operations.push(Operation::Remove { path: path.to_owned() });
    }

    /// Says that this takes the receipt back, by operations on what lies in its quarantine.
    pub(super) fn undo(&mut self, receipt: &str, operations: Vec<Operation>) {
        self.undoes = Some(receipt.to_owned());
        self.operations = operations;
    }

    /// Makes a promise of what was said: from here on it will be done.
    pub(super) fn commit(self, plan: &Plan) -> Result<Intent, MendError> {
        let scratch = self.dir().join(SCRATCH);
        if scratch.exists() {
            disk::remove_tree(&scratch)?;
        }
        let (dir, root, receipt) = (self.dir(), self.root, self.receipt);
        let mut intent = Intent::of(plan, receipt, self.now, self.operations);
        intent.beside = beside::of(&root, &intent.operations)?;
        intent.before = Some(meanwhile::before(&root, &intent.operations));
        intent.open_ends = overtaken::open_ends(&root, &intent.format, &intent.operations)?;
        intent.undoes = self.undoes;
        intent.promise(&dir)?;
        Ok(intent)
    }

    /// Removes everything that was written. What cannot be removed is taken back by the next run.
    pub(super) fn take_back(self) {
        disk::remove_tree(&self.dir()).unwrap_or(());
    }
}

/// Gives what was written at `there` the owner of what is at its `target`, syncs it, and takes its checksums by reading
/// it again.
fn seal(there: &Path, target: &Path, path: &str) -> Result<Vec<Seal>, MendError> {
    owner::like(there, target)?;
    let metadata = fs::metadata(there).map_err(MendError::io("find what was written to", there))?;
    if metadata.is_file() {
        disk::sync(there)?;
        let (bytes, crc32c) = checksum(there).map_err(MendError::io("read", there))?;
        return Ok(vec![Seal { path: path.to_owned(), bytes, crc32c }]);
    }
    let listing = MendError::io("list", there);
    let names: io::Result<Vec<_>> =
        fs::read_dir(there).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    let mut names = names.map_err(listing)?;
    names.sort();
    let mut seals = Vec::new();
    for name in names {
        let (there, target) = (there.join(&name), target.join(&name));
        seals.extend(seal(&there, &target, &format!("{path}/{}", name.to_string_lossy()))?);
    }
    disk::sync(there)?;
    Ok(seals)
}

/// Length and checksum of a file.
pub(super) fn checksum(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            // The algorithm has 32 bits.
            return Ok((bytes, u32::try_from(digest.finalize()).unwrap_or(0)));
        }
        digest.update(block.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

/// A name that no receipt has: the time, then what was done.
fn free_name(root: &Path, action: Action, now: UnixTime) -> Result<String, MendError> {
    let stem = format!("{}-{}", stamp(now), action.name());
    let number = |number: u32| if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
    let mut names = (1..MAX_NAMES).map(number);
    names.find(|name| !home(root).join(name).exists()).ok_or_else(|| MendError::Impossible {
        reason: format!("there are {MAX_NAMES} receipts called {stem}"),
        advice: "wait a second".to_owned(),
    })
}

/// A time as people write it: `2026-01-31 23:59 UTC`.
pub(crate) fn to_the_minute(time: UnixTime) -> String {
    let ((year, month, day), second) = day_and_second(time);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3600, second / 60 % 60)
}

fn day_and_second(time: UnixTime) -> ((i64, i64, i64), i64) {
    let seconds = i64::try_from(time.nanos().div_euclid(1_000_000_000)).unwrap_or(0);
    (date(seconds.div_euclid(86_400)), seconds.rem_euclid(86_400))
}

/// A time as `20260131T235959Z`, which sorts.
fn stamp(time: UnixTime) -> String {
    let ((year, month, day), second) = day_and_second(time);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The date of a day since 1970, counted in eras of 400 years that begin in March.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_names_that_sort() {
        let stamp = |seconds| stamp(UnixTime::from_seconds(seconds));
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_782_400), "20000229T000000Z");
        assert_eq!(stamp(1_767_225_599), "20251231T235959Z");
        assert_eq!(to_the_minute(UnixTime::from_seconds(1_767_225_599)), "2025-12-31 23:59 UTC");
    }
}
