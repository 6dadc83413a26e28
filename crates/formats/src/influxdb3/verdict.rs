//! What a server does with a node directory at its next start, as a pure function of what lies in it.
//!
//! The rules were read off the server and agree with what releases 3.0.0, 3.6.0 and 3.10.1 did with every directory
//! of the test corpus:
//!
//! * Every file of `snapshots/` that a start loads has to parse, whatever its name is.
//! * Everything below `wal/` whose path sorts above the watermark's file is replayed, in the order of the paths and
//!   whatever the names are, except for what the object store takes for a file that it was about to write
//!   (`name#1`).
//! * The number stored in a file counts, not the one in its name. It has to be larger than that of the file before,
//!   unless a forced snapshot ended there, or the server panics.
//! * A file that is short, carries another magic or does not match its checksum is skipped with a warning; releases
//!   before 3.2, and later ones with `--wal-replay-fail-on-error`, do not start. A body that does not decode stops
//!   every release.
//! * The next number is one above that of the file replayed last, or above the watermark when none was. If a file
//!   of that name exists, readable or not, the first write ends the process, and so it goes at every start.

use std::collections::BTreeSet;

use super::frame::Flaw;
use crate::Verdict;

/// Which release reads, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// 3.2 and later as they come.
    Lenient,
    /// 3.2 and later with `--wal-replay-fail-on-error`.
    Strict,
    /// 3.0 and 3.1.
    Early,
}

/// How far the WAL is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watermark {
    /// The last file whose rows are persisted.
    pub(super) wal: u64,
    /// The snapshot that says so.
    pub(super) snapshot: u64,
}

/// What a file that is replayed turned out to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// It verified and decodes.
    Sound(Sound),
    /// It does not.
    Flawed(Flaw),
    /// Its checksum matches; it was too large to be decoded.
    NotDecoded,
    /// The system refused to read it, or it was not read.
    Unknown,
    /// It is gone.
    Vanished,
}

/// What the verdict needs of a sound file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    /// The number stored in it.
    pub(super) number: u64,
    pub(super) rows: u64,
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    /// The number of the snapshot that begins with it, if one does.
    pub(super) snapshot: Option<u64>,
    /// Whether that snapshot takes everything.
    pub(super) forced: bool,
}

/// A file that a start replays.
#[derive(Clone, Debug)]
pub(super) struct Replay<'a> {
    /// What reports call it.
    pub(super) file: &'a str,
    /// The number in its name; `None` for a file that does not belong there.
    pub(super) named: Option<u64>,
    pub(super) content: Content,
}

/// All that decides about a start.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// `None` on a node that has taken no snapshot.
    pub(super) watermark: Option<Watermark>,
    /// Why nothing can start, found in another place than the WAL.
    pub(super) obstacle: Option<String>,
    /// In the order in which a start replays them.
    pub(super) replay: Vec<Replay<'a>>,
    /// Numbers in the names of all WAL files.
    pub(super) numbers: &'a BTreeSet<u64>,
}

/// How a start goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) verdict: Verdict,
    /// The number that the first write would get; `None` when it does not come to that or is not known.
    pub(super) next: Option<u64>,
    /// Files that were replayed.
    pub(super) files: u64,
    /// Rows in them; `None` when one of them was not decoded.
    pub(super) rows: Option<u64>,
    /// Files that were skipped.
    pub(super) skipped: u64,
    /// Snapshots that are taken again.
    pub(super) snapshots: Vec<u64>,
}

/// How many snapshots to take again are listed.
const MAX_SNAPSHOTS: usize = 1_000;

/// A start in progress.
struct Starting<'a> {
    facts: &'a Facts<'a>,
    reader: Reader,
    /// Number of the file replayed last, as long as the server tracks it.
    tracked: Option<u64>,
    last: Option<u64>,
    unknown: bool,
    lost: u64,
    twice: Option<(&'a str, u64)>,
    start: Start,
}

/// How a start goes with these facts.
pub(super) fn start(facts: &Facts<'_>, reader: Reader) -> Start {
    let start = Start {
        verdict: Verdict::Starts,
        next: None,
        files: 0,
        rows: Some(0),
        skipped: 0,
        snapshots: Vec::new(),
    };
    let mut starting =
        Starting { facts, reader, tracked: None, last: None, unknown: false, lost: 0, twice: None, start };
    match starting.run() {
        Ok(()) => starting.arrive(),
        Err(what) => starting.start.verdict = Verdict::Refuses { what },
    }
    starting.start
}

impl<'a> Starting<'a> {
    fn run(&mut self) -> Result<(), String> {
        if let Some(obstacle) = &self.facts.obstacle {
            return Err(obstacle.clone());
        }
        self.facts.replay.iter().try_for_each(|file| self.replay(file))
    }

    fn replay(&mut self, file: &'a Replay<'a>) -> Result<(), String> {
        match &file.content {
            Content::Sound(sound) => self.apply(file, sound),
            Content::Flawed(flaw) if flaw.is_skipped() && self.reader == Reader::Lenient => {
                self.start.skipped += 1;
                // A foreign file takes no rows of the log with it.
                self.lost += u64::from(file.named.is_some());
                Ok(())
            }
            Content::Flawed(flaw) => Err(format!("it fails at {}: {flaw}", file.file)),
            Content::NotDecoded => {
                self.start.files += 1;
                self.start.rows = None;
                self.tracked = file.named;
                self.last = file.named.or(self.last);
                Ok(())
            }
            Content::Unknown => {
                self.unknown = true;
                Ok(())
            }
            Content::Vanished => Ok(()),
        }
    }

    fn apply(&mut self, file: &'a Replay<'a>, sound: &Sound) -> Result<(), String> {
        if sound.min_ns > sound.max_ns {
            return Err(format!("it panics at {}, whose first time is after its last", file.file));
        }
        if let Some(before) = self.tracked.filter(|&before| before >= sound.number) {
            let number = sound.number;
            return Err(format!(
                "it panics at {}, which holds number {number}, since it has replayed number {before} before",
                file.file
            ));
        }
        self.tracked = Some(sound.number);
        self.last = Some(sound.number);
        self.start.files += 1;
        self.start.rows = self.start.rows.map(|rows| rows.saturating_add(sound.rows));
        self.note_repetition(file, sound);
        self.note_snapshot(sound);
        Ok(())
    }

    /// Rows of a file up to the watermark are persisted, and replayed all the same when its name sorts above.
    fn note_repetition(&mut self, file: &'a Replay<'a>, sound: &Sound) {
        let persisted = self.facts.watermark.is_some_and(|watermark| sound.number <= watermark.wal);
        if persisted && sound.rows > 0 {
            let rows = self.twice.map_or(0, |(_, rows)| rows);
            let name = self.twice.map_or(file.file, |(name, _)| name);
            self.twice = Some((name, rows.saturating_add(sound.rows)));
        }
    }

    fn note_snapshot(&mut self, sound: &Sound) {
        let Some(number) = sound.snapshot else { return };
        if sound.forced {
            self.tracked = None;
        }
        let taken = self.facts.watermark.map_or(0, |watermark| watermark.snapshot);
        if number > taken && self.start.snapshots.len() < MAX_SNAPSHOTS {
            self.start.snapshots.push(number);
        }
    }

    /// The replay is over and the server is up.
    fn arrive(&mut self) {
        if self.unknown {
            self.start.verdict = Verdict::Unknown;
            self.start.rows = None;
            return;
        }
        let base = self.last.or(self.facts.watermark.map(|watermark| watermark.wal)).unwrap_or(0);
        let next = base.saturating_add(1);
        self.start.next = Some(next);
        self.start.verdict = self.verdict(next);
    }

    fn exists(&self, number: u64) -> bool {
        let vanished = |file: &Replay<'_>| file.named == Some(number) && file.content == Content::Vanished;
        self.facts.numbers.contains(&number) && !self.facts.replay.iter().any(vanished)
    }

    fn verdict(&self, next: u64) -> Verdict {
        if self.exists(next) {
            let what = format!(
                "it comes up, and ends at its first write, since {next:011}.wal, which it wants to write, exists; \
                 the same again at every start"
            );
            return Verdict::CrashLoops { what };
        }
        let mut parts = Vec::new();
        if self.lost > 0 {
            parts.push(format!("skips {} with a warning", files(self.lost)));
        }
        if let Some((file, rows)) = self.twice {
            parts.push(format!("replays {rows} rows that are persisted already, from {file}"));
        }
        if parts.is_empty() {
            Verdict::Starts
        } else {
            Verdict::StartsWithLoss { what: format!("it {}", parts.join(" and ")) }
        }
    }
}

fn files(count: u64) -> String {
    if count == 1 {
        "1 damaged file, whose rows are lost,".to_owned()
    } else {
        format!("{count} damaged files, whose rows are lost,")
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
