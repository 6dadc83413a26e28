//! Facts held against limits. Both gates judge by this: the one before a start, and the watch of a running server.

use std::time::Duration;

use crate::{Facts, Flaw, FlawKind, Health, Severity};

/// What a log may be like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes that a start has to read.
    pub max_size: Option<u64>,
    /// Age of the oldest record or file.
    pub max_age: Option<Duration>,
    /// Files that a start has to read.
    pub max_files: Option<u64>,
    /// Memory that the start may take.
    pub memory: Option<u64>,
    /// Room that has to be left.
    pub min_free: Option<Floor>,
}

/// Room that has to be left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Floor {
    /// So many bytes.
    Bytes(u64),
    /// So much of the file system.
    Percent(f64),
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Bytes that count.
    Size,
    /// Files that count.
    Files,
    /// Age of the oldest.
    Age,
    /// Memory that the next start takes.
    Memory,
    /// Room that is left.
    Free,
}

/// A limit that is not kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breach {
    /// What was held against it.
    pub measure: Measure,
    /// What it is: bytes, files, seconds; nothing where that cannot be told, which is no less a breach.
    pub value: Option<u64>,
    /// What is allowed, in the same unit.
    pub limit: u64,
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 5] =
        [Measure::Size, Measure::Files, Measure::Age, Measure::Memory, Measure::Free];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Size => "max-size",
            Measure::Files => "max-files",
            Measure::Age => "max-age",
            Measure::Memory => "memory-limit",
            Measure::Free => "min-free",
        }
    }
}

impl Floor {
    /// In bytes, on a file system of that size.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a number of bytes"
    )]
    pub fn bytes(self, total: u64) -> u64 {
        match self {
            Floor::Bytes(bytes) => bytes,
            Floor::Percent(percent) => (total as f64 * (percent / 100.0)).ceil().max(0.0) as u64,
        }
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }
}

/// Every limit that is not kept, or cannot be judged.
pub fn breaches(facts: &Facts, limits: &Limits) -> Vec<Breach> {
    let most = |measure, value: Option<u64>, limit: Option<u64>| {
        let limit = limit?;
        value.is_none_or(|value| value > limit).then_some(Breach { measure, value, limit })
    };
    let age = facts.oldest.map(|age| age.seconds);
    // A log that holds nothing has nothing that could be too old.
    let max_age = limits.max_age.filter(|_| age.is_some() || facts.bytes != Some(0));
    let memory = facts.estimate.map(|estimate| estimate.memory_at_most());
    [
        most(Measure::Size, facts.bytes, limits.max_size),
        most(Measure::Files, facts.files, limits.max_files),
        most(Measure::Age, age, max_age.map(|age| age.as_secs())),
        most(Measure::Memory, memory, limits.memory),
        limits.min_free.and_then(|floor| free(facts, floor)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn free(facts: &Facts, floor: Floor) -> Option<Breach> {
    let limit = floor.bytes(facts.room.map_or(0, |room| room.total));
    let value = facts.room.map(|room| room.free);
    value.is_none_or(|free| free < limit).then_some(Breach { measure: Measure::Free, value, limit })
}

/// The state that follows from flaws, and from how bad each breach is.
pub fn health(facts: &Facts, breaches: &[Severity], limits: Evidence) -> Health {
    let worst = facts.flaws.iter().map(|flaw| flaw.severity).chain(breaches.iter().copied()).max();
    let mut critical = facts.flaws.iter().filter(|flaw| flaw.severity == Severity::Critical);
    let is_unreadable = |flaw: &Flaw| flaw.kind == FlawKind::Unreadable;
    match worst {
        // What could not be read may be sound or not.
        Some(Severity::Critical)
            if !breaches.contains(&Severity::Critical) && critical.all(is_unreadable) =>
        {
            Health::Unknown
        }
        Some(severity) => severity.into(),
        // Names and sizes alone say nothing about a log unless they are held against something.
        None if limits == Evidence::Nothing && !facts.has_verdict => Health::Unknown,
        None => Health::Healthy,
    }
}

/// Whether anything was done by which a log without flaws can be told to be well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It was read, or held against a limit.
    Something,
    /// Its files were listed.
    Nothing,
}
