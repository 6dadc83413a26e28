//! How far replays are: a file for each, in `replays/` of the journal's directory, with a line of JSON for each stream.
//!
//! A line that comes later counts, and one that was not written to its end is none. A file holds [`MOST_MARKS`] streams, and
//! there are [`MOST_REPLAYS`] files; beyond, the oldest are forgotten. What is sent again for that has the keys that it had.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use journal::storage::{Disk, Fault, Storage, StoredFile, read_range, write_all};
use serde::{Deserialize, Serialize};

/// The directory of a journal that holds them.
const FOLDER: &str = "replays";

/// Replays that are remembered.
const MOST_REPLAYS: usize = 64;

/// Streams of a replay that are remembered, about five megabytes of them.
const MOST_MARKS: usize = 100_000;

/// Lines that say what later ones say anew, beyond which a file is written again. One with few streams stays small.
const MOST_OUTDATED: usize = 1000;

/// What tells a replay from others: its server and what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replay(pub(crate) u64);

impl FromStr for Replay {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = u64::from_str_radix(text, 16).map_err(drop)?;
        if text.len() == 16 { Ok(Self(number)) } else { Err(()) }
    }
}

impl std::fmt::Display for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    done: u64,
}

/// The marks of a replay.
pub(crate) struct Marks {
    folder: Arc<dyn Storage>,
    name: String,
    file: Option<Arc<dyn StoredFile>>,
    /// Where the next line goes.
    end: u64,
    lines: usize,
    /// By stream: up to which event it is done, and the line that says so.
    known: HashMap<u64, (u64, usize)>,
}

impl Marks {
    /// Reads them. No file is made as long as nothing is noted.
    pub(crate) fn open(journal: &Path, replay: Replay) -> Result<Self, Fault> {
        let path = journal.join(FOLDER);
        let folder: Arc<dyn Storage> =
            Arc::new(Disk::at(&path).map_err(Fault::on("open the directory", &path.display().to_string()))?);
        forget_old(&path, &*folder);
        let name = format!("{replay}.jsonl");
        let mut marks = Self { folder, name, file: None, end: 0, lines: 0, known: HashMap::new() };
        marks.read()?;
        Ok(marks)
    }

    fn read(&mut self) -> Result<(), Fault> {
        let names = self.folder.list().map_err(Fault::on("list", FOLDER))?;
        if !names.contains(&self.name) {
            return Ok(());
        }
        let file = self.folder.open(&self.name).map_err(Fault::on("open", &self.name))?;
        let size = file.size().map_err(Fault::on("measure", &self.name))?;
        let bytes = read_range(&*file, 0, size).map_err(Fault::on("read", &self.name))?;
        (self.end, self.lines) = (0, 0);
        self.known.clear();
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            at += line.len() as u64;
            let read = line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice::<Line>(line).ok());
            let Some(Line { id, done }) = read else { continue };
            if let Ok(id) = u64::from_str_radix(&id, 16) {
                self.known.insert(id, (done, self.lines));
            }
            self.lines += 1;
            self.end = at;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Up to which event a stream is done.
    pub(crate) fn done(&self, id: u64) -> u64 {
        self.known.get(&id).map_or(0, |(done, _)| *done)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, u64)> {
        self.known.iter().map(|(id, (done, _))| (*id, *done))
    }

    /// Notes up to which event a stream is done, and waits until that is on the disk.
    pub(crate) fn note(&mut self, id: u64, done: u64) -> Result<(), Fault> {
        let size = self.file.as_ref().map(|file| file.size()).transpose();
        // Another process may replay the same.
        if size.map_err(Fault::on("measure", &self.name))?.unwrap_or(0) != self.end {
            self.read()?;
        }
        if self.lines > self.known.len() + MOST_OUTDATED || self.known.len() >= MOST_MARKS * 2 {
            self.write_again()?;
        }
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.begin()?,
        };
        let line = line(id, done);
        let written = write_all(&*file, self.end, line.as_bytes()).and_then(|()| file.sync());
        written.map_err(Fault::on("write to", &self.name))?;
        self.end += line.len() as u64;
        self.known.insert(id, (done, self.lines));
        self.lines += 1;
        Ok(())
    }

    fn begin(&mut self) -> Result<Arc<dyn StoredFile>, Fault> {
        let file = self.folder.create(&self.name).map_err(Fault::on("create", &self.name))?;
        self.folder.sync_names().map_err(Fault::on("sync the names in", FOLDER))?;
        self.file = Some(Arc::clone(&file));
        self.end = 0;
        Ok(file)
    }

    /// Writes the newest marks into a file of their own, which takes the place of this one.
    fn write_again(&mut self) -> Result<(), Fault> {
        let by_age: BTreeMap<usize, (u64, u64)> =
            self.known.iter().map(|(id, (done, line))| (*line, (*id, *done))).collect();
        let old = by_age.len().saturating_sub(MOST_MARKS);
        let kept: Vec<(u64, u64)> = by_age.into_values().skip(old).collect();
        let text: String = kept.iter().map(|(id, done)| line(*id, *done)).collect();
        let aside = format!("{}.tmp", self.name);
        // One that was not finished.
        self.folder.remove(&aside).ok();
        let file = self.folder.create(&aside).map_err(Fault::on("create", &aside))?;
        let written = write_all(&*file, 0, text.as_bytes()).and_then(|()| file.sync());
        written.map_err(Fault::on("write to", &aside))?;
        self.folder.rename(&aside, &self.name).map_err(Fault::on("rename", &aside))?;
        self.folder.sync_names().map_err(Fault::on("sync the names in", FOLDER))?;
        self.known = kept.iter().enumerate().map(|(line, (id, done))| (*id, (*done, line))).collect();
        (self.end, self.lines, self.file) = (text.len() as u64, kept.len(), Some(file));
        Ok(())
    }
}

fn line(id: u64, done: u64) -> String {
    let line = Line { id: format!("{id:016x}"), done };
    // It has neither maps nor numbers that JSON lacks.
    format!("{}\n", serde_json::to_string(&line).unwrap_or_default())
}

/// Removes the files that were written longest ago, beyond those that are remembered. Where that fails, they stay.
fn forget_old(path: &Path, folder: &dyn Storage) {
    let written = |name: &String| -> io::Result<SystemTime> { fs::metadata(path.join(name))?.modified() };
    let Ok(names) = folder.list() else { return };
    let names = names.into_iter().filter(|name| name.strip_suffix(".jsonl").is_some());
    let mut all: Vec<(SystemTime, String)> =
        names.filter_map(|name| Some((written(&name).ok()?, name))).collect();
    all.sort_unstable();
    let old = all.len().saturating_sub(MOST_REPLAYS);
    for (_, name) in all.iter().take(old) {
        folder.remove(name).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_known_again_and_a_torn_one_is_written_over() {
        let journal = tempfile::tempdir().unwrap();
        let mut marks = Marks::open(journal.path(), Replay(7)).unwrap();
        assert_eq!(marks.done(1), 0);
        for done in 1..=3 {
            marks.note(1, done).unwrap();
        }
        marks.note(2, 9).unwrap();
        let path = journal.path().join("replays/0000000000000007.jsonl");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"id\":\"00");
        fs::write(&path, bytes).unwrap();
        let mut marks = Marks::open(journal.path(), Replay(7)).unwrap();
        assert_eq!((marks.done(1), marks.done(2)), (3, 9));
        marks.note(1, 10_000_000).unwrap();
        let marks = Marks::open(journal.path(), Replay(7)).unwrap();
        assert_eq!((marks.done(1), marks.done(2)), (10_000_000, 9));
        assert_eq!(Marks::open(journal.path(), Replay(8)).unwrap().done(1), 0);
    }

    #[test]
    fn the_file_of_a_long_replay_stays_small() {
        let journal = tempfile::tempdir().unwrap();
        let mut marks = Marks::open(journal.path(), Replay(1)).unwrap();
        marks.note(3, 5).unwrap();
        for done in 1..3000 {
            marks.note(2, done).unwrap();
        }
        let path = journal.path().join("replays/0000000000000001.jsonl");
        assert!(fs::metadata(path).unwrap().len() < 60_000);
        let marks = Marks::open(journal.path(), Replay(1)).unwrap();
        assert_eq!((marks.done(2), marks.done(3)), (2999, 5));
    }

    #[test]
    fn two_that_note_the_same_replay_do_not_write_over_each_other() {
        let journal = tempfile::tempdir().unwrap();
        let mut marks = Marks::open(journal.path(), Replay(1)).unwrap();
        marks.note(1, 1).unwrap();
        let mut others = Marks::open(journal.path(), Replay(1)).unwrap();
        others.note(2, 2).unwrap();
        marks.note(1, 5).unwrap();
        let marks = Marks::open(journal.path(), Replay(1)).unwrap();
        assert_eq!((marks.done(1), marks.done(2)), (5, 2));
    }

    #[test]
    fn the_oldest_replays_are_forgotten() {
        let journal = tempfile::tempdir().unwrap();
        for number in 0..MOST_REPLAYS as u64 + 10 {
            Marks::open(journal.path(), Replay(number)).unwrap().note(1, 1).unwrap();
        }
        Marks::open(journal.path(), Replay(5)).unwrap();
        let files = fs::read_dir(journal.path().join("replays")).unwrap().count();
        assert_eq!(files, MOST_REPLAYS);
    }
}
