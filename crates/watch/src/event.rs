//! What happens to logs under watch, told once each.

use std::time::Duration;

use formats::{Damage, UnixTime};

use crate::alert::News;
use crate::{Decision, Flaw, Forecast, Health, Judgement, RestartOutcome};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number: one more than that of the event before.
    pub seq: u64,
    /// When.
    pub at: UnixTime,
    /// To which target.
    pub target: String,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The health changed.
    Health {
        /// What it was; unknown at first.
        from: Health,
        /// What it is, and why.
        to: Judgement,
    },
    /// Something became wrong with the log itself, whatever its limits.
    Damage(Flaw),
    /// Damage was found by reading the log in full.
    Found(Damage),
    /// More of it was found in the same pass than is told one by one.
    FoundMore(u64),
    /// Nothing is wrong any more with the log itself, or its server.
    Mended,
    /// A checkpoint was begun.
    CheckpointBegun(Reason),
    /// A checkpoint ended.
    Checkpoint {
        /// Why it was made.
        reason: Reason,
        /// What became of it.
        outcome: Outcome,
    },
    /// Checkpoints do not help: somebody should think about a restart of the server.
    RestartConsideration {
        /// Checkpoints in a row that have not helped.
        checkpoints: u32,
        /// Whether one is made, or why not.
        decision: Decision,
    },
    /// A restart was begun.
    RestartBegun(Reason),
    /// A restart is over.
    Restart {
        /// Why it was made.
        reason: Reason,
        /// What became of it.
        outcome: RestartOutcome,
    },
    /// The log will be critical, or the disk full, within the hour.
    Forecast(Forecast),
    /// Trouble with something else than a log began, changed or is over.
    News(News),
}

impl Happening {
    /// The word in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Happening::Health { .. } => "wal.health",
            Happening::Damage(_) | Happening::Found(_) | Happening::FoundMore(_) => "wal.damage",
            Happening::Mended => "wal.mended",
            Happening::CheckpointBegun(_) => "wal.checkpoint_begun",
            Happening::Checkpoint { .. } => "wal.checkpoint",
            Happening::RestartConsideration { .. } => "wal.restart_consideration",
            Happening::RestartBegun(_) => "wal.restart_begun",
            Happening::Restart { .. } => "wal.restart",
            Happening::Forecast(_) => "wal.forecast",
            Happening::News(news) => news.key.topic.name(),
        }
    }
}

/// Why a checkpoint is made, or a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its time had come.
    Scheduled,
    /// The log is worth attention.
    Warning,
    /// The log is in danger.
    Critical,
    /// Somebody asked for it.
    Manual,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 4] = [Reason::Scheduled, Reason::Warning, Reason::Critical, Reason::Manual];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Scheduled => "scheduled",
            Reason::Warning => "warning",
            Reason::Critical => "critical",
            Reason::Manual => "manual",
        }
    }
}

/// What became of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The log became smaller.
    Effective {
        /// Bytes that count no longer.
        freed_bytes: u64,
        /// Files, or frames, that a start need not replay any more.
        freed_replay: u64,
        /// How long that took.
        took: Duration,
    },
    /// There was nothing to checkpoint.
    Idle,
    /// It was made, and the log is no smaller.
    Ineffective {
        /// How long was waited for that.
        waited: Duration,
        /// What whoever made it has said.
        said: Option<String>,
    },
    /// It was not made.
    Failed(String),
}

impl Outcome {
    /// The word in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Outcome::Effective { .. } => "effective",
            Outcome::Idle => "idle",
            Outcome::Ineffective { .. } => "ineffective",
            Outcome::Failed(_) => "failed",
        }
    }

    /// Whether it did what it was made for.
    pub const fn is_good(&self) -> bool {
        matches!(self, Outcome::Effective { .. } | Outcome::Idle)
    }
}
