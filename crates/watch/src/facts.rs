//! What is known about a log at one moment. What is not known is `None`, and never zero.

use std::io;
use std::path::Path;

use formats::{Estimate, Fact, Part, Survey, UnixTime, Value, Verdict};

use crate::postgres::Standing;
use crate::{Flaw, flaws};

/// What a log is judged by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Files that count: those that a start has to read.
    pub files: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
    /// How old the oldest of them is.
    pub oldest: Option<Age>,
    /// What a start has to replay, where that is less than the files that count.
    pub replay: Option<Replay>,
    /// What the next start will take.
    pub estimate: Option<Estimate>,
    /// Room on its file system.
    pub room: Option<Room>,
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
    /// Why it is not reclaimed, each in a sentence.
    pub blockers: Vec<Blocker>,
    /// Whether the format has said what its server would do at the next start.
    pub has_verdict: bool,
    /// What its server says, where that is asked in SQL.
    pub standing: Option<Standing>,
    /// What the server that writes it has said, where it was asked.
    pub server: Option<Consulted>,
}

/// What a server has said about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consulted {
    /// Whether it serves; a server that does not answer does not.
    pub is_ready: bool,
    /// Whether it has answered a query, where it takes any.
    pub has_answered: Option<bool>,
    /// How often it has met corruption in its log since it started.
    pub corruptions: Option<u64>,
    /// Where it is in its log, while it reads that at its start.
    pub replaying: Option<Replaying>,
}

/// How far a server is that reads its log at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaying {
    /// The first segment that it reads.
    pub first: u64,
    /// The one that it is at.
    pub current: u64,
    /// The last one.
    pub last: u64,
}

/// Why a log is not reclaimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker(pub String);

/// What a start has to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How many.
    pub count: u64,
    /// Of what: `files` or `frames`.
    pub unit: &'static str,
}

/// Room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that a user other than root can still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Room {
    /// What there is where a path lies.
    pub fn of(path: &Path) -> io::Result<Self> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Self {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    /// What is free, in percent of all.
    pub fn percent(self) -> f64 {
        self.free as f64 / self.total.max(1) as f64 * 100.0
    }
}

/// How old the oldest thing of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// How old.
    pub seconds: u64,
    /// What it is.
    pub of: Oldest,
}

/// What the age is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oldest {
    /// The time in a record.
    Record,
    /// The time at which a file was last written.
    File,
}

impl Facts {
    /// What a survey tells.
    pub fn of(survey: &Survey, room: Option<Room>, now: UnixTime) -> Self {
        let (files, bytes) = survey.weight();
        Self {
            files: Some(files),
            bytes: Some(bytes),
            oldest: oldest(survey, now),
            replay: replay(&survey.facts),
            estimate: survey.estimate,
            room,
            flaws: flaws(survey),
            blockers: blocker(&survey.facts).into_iter().collect(),
            has_verdict: survey.verdict != Verdict::Unknown,
            standing: None,
            server: None,
        }
    }
}

impl Facts {
    /// By how many bytes, and by how much that a start replays, the log is smaller than it was; what is not known is no less.
    pub(crate) fn less_than(&self, before: &Self) -> (u64, u64) {
        let less = |before: Option<u64>, after: Option<u64>| before?.checked_sub(after?);
        let replay = |facts: &Self| facts.replay.map(|replay| replay.count);
        let bytes = less(before.bytes, self.bytes).unwrap_or(0);
        (bytes, less(replay(before), replay(self)).unwrap_or(0))
    }
}

/// Age of the oldest record that a start reads, or of the oldest file where records have no times or were not read.
pub fn oldest(survey: &Survey, now: UnixTime) -> Option<Age> {
    if let Some(times) = survey.times {
        return Some(Age { seconds: seconds_between(times.min, now), of: Oldest::Record });
    }
    // An empty file holds nothing that could be old: servers make them at their start, for what may never come.
    let holds = |part: &Part| part.role.counts() && part.bytes > 0;
    let counting = survey.parts.iter().filter(|survey| holds(&survey.part));
    let oldest = counting.filter_map(|survey| survey.part.modified).min()?;
    Some(Age { seconds: seconds_between(oldest, now), of: Oldest::File })
}

/// Whole seconds; none for what lies in the future.
pub(crate) fn seconds_between(earlier: UnixTime, now: UnixTime) -> u64 {
    u64::try_from((now.nanos() - earlier.nanos()) / 1_000_000_000).unwrap_or(0)
}

/// SQLite's log keeps its size when all of it is checkpointed; `InfluxDB`'s files count once they are live.
fn replay(facts: &[Fact]) -> Option<Replay> {
    let of = |(name, unit)| Some(Replay { count: number(facts, name)?, unit });
    [("uncheckpointed_frames", "frames"), ("live_files", "files")].into_iter().find_map(of)
}

fn number(facts: &[Fact], name: &str) -> Option<u64> {
    facts.iter().find(|fact| fact.name == name).and_then(|fact| match fact.value {
        Value::Unsigned(number) => Some(number),
        _ => None,
    })
}

fn blocker(facts: &[Fact]) -> Option<Blocker> {
    facts.iter().find(|fact| fact.name == "blocker").and_then(|fact| match &fact.value {
        Value::Text(why) => Some(Blocker(why.clone())),
        _ => None,
    })
}
