//! What was found about one log: what JSON and text are made from.

#[cfg(test)]
pub(crate) mod fake;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use formats::{Depth, Format, Liveness, Log, Note, Order, Survey, UnixTime};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::journal_log;
use crate::limits::{self, Code, Facts, Finding, Health, Limits, Room, Severity};
use crate::show::{Screen, progress};
use mend::holders::{self, Holder};
use mend::{Progressed, Site};

/// A log that was recognised, with who is writing it.
pub(crate) struct Subject {
    /// The path as it was typed.
    pub(crate) path: PathBuf,
    /// The log.
    pub(crate) log: Box<dyn Log>,
    /// Whether a server may be writing.
    pub(crate) liveness: Liveness,
    /// Processes that are writing.
    pub(crate) holders: Vec<Holder>,
}

impl Subject {
    /// Recognises the log at `path` and looks who is writing it.
    pub(crate) fn open(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        Ok(Self::of(path, journal_log::detect(path, format)?))
    }

    /// The same for a log that is already at hand.
    pub(crate) fn of(path: &Path, log: Box<dyn Log>) -> Self {
        let holders = holders::of(log.as_ref());
        let liveness = if holders.is_empty() { Liveness::Stopped } else { Liveness::Running };
        Self { path: path.to_owned(), log, liveness, holders }
    }

    /// What to read and how.
    pub(crate) fn order(&self, depth: Depth, now: UnixTime) -> Order {
        let workers = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let order = Order::new(depth, now).workers(workers);
        match self.liveness {
            Liveness::Stopped => order,
            Liveness::Running => order.live(),
        }
    }

    /// Reads the log, with a progress bar where that takes long.
    pub(crate) fn survey(&self, order: &Order, screen: &Screen) -> Survey {
        let total = match order.depth {
            Depth::Listing => 0,
            Depth::Bytes | Depth::Contents { .. } => self.log.parts().iter().map(|part| part.bytes).sum(),
        };
        let mut survey =
            progress::watched(screen, &order.progress, total, || formats::survey(self.log.as_ref(), order));
        for note in self.unfinished().into_iter().chain(self.in_use()) {
            survey.notes.insert(0, note);
        }
        survey
    }

    /// A change of the log by Seawall that was interrupted, as a note.
    fn unfinished(&self) -> Option<Note> {
        let left = mend::unfinished(&Site::of(self.log.as_ref()).root)?;
        let message = match left.stage {
            Progressed::Placing => format!(
                "a change of this log, {}, was interrupted half-way: any changing command with --yes finishes it first",
                left.receipt
            ),
            Progressed::Writing => format!(
                "a change of this log, {}, was interrupted before it touched anything: any changing command with --yes \
                 removes what it left",
                left.receipt
            ),
        };
        Some(Note { code: "unfinished-change", file: String::new(), message })
    }

    /// Who is writing the log, as a note.
    pub(crate) fn in_use(&self) -> Option<Note> {
        let first = self.holders.first()?;
        let others = match self.holders.len() {
            1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        let message = format!(
            "in use: {} (process {}){others} writes it, so it was read as a running server's log",
            first.name, first.pid
        );
        Some(Note { code: "in-use", file: String::new(), message })
    }
}

/// What was found about one log.
pub(crate) struct Report {
    /// The path as it was typed.
    pub(crate) path: PathBuf,
    /// Where the log lies: below that path, where it holds one log and other things.
    pub(crate) root: PathBuf,
    /// What the log is.
    pub(crate) format: Format,
    /// What it holds.
    pub(crate) survey: Survey,
    /// How deep that was looked at.
    pub(crate) depth: Depth,
    /// The present.
    pub(crate) now: UnixTime,
    /// What is wrong, the worst first.
    pub(crate) findings: Vec<Finding>,
    /// The state that follows.
    pub(crate) health: Health,
}

impl Report {
    /// Judges what was read.
    pub(crate) fn new(subject: &Subject, order: &Order, survey: Survey, bounds: Bounds) -> Self {
        let facts = Facts {
            path: &subject.path,
            format: subject.log.format(),
            survey: &survey,
            depth: order.depth,
            room: bounds.room,
            now: order.now,
        };
        let findings = limits::judge(&facts, &bounds.limits);
        let health = limits::health(&facts, &bounds.limits);
        let (path, root) = (subject.path.clone(), subject.log.root().to_owned());
        Self {
            path,
            root,
            format: subject.log.format(),
            survey,
            depth: order.depth,
            now: order.now,
            findings,
            health,
        }
    }

    /// Adds what only a gate has to say.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.health = match (self.health, finding.severity) {
            (_, Severity::Critical) | (Health::Critical, _) => Health::Critical,
            (_, Severity::Warning) => Health::Warning,
        };
        self.findings.insert(0, finding);
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }

    /// Whether there is a finding of that kind.
    pub(crate) fn found(&self, code: Code) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    /// How a gate ends: every finding counts.
    pub(crate) fn exit_of_a_gate(&self) -> Exit {
        match self.exit_of_a_reading() {
            Exit::Fine if self.health == Health::Warning => Exit::Attention,
            exit => exit,
        }
    }

    /// How reading ends: damage and what cannot be read count, limits and remarks do not.
    pub(crate) fn exit_of_a_reading(&self) -> Exit {
        let critical = self.findings.iter().filter(|finding| finding.severity == Severity::Critical);
        let mut codes = critical.map(|finding| finding.code).peekable();
        if codes.peek().is_none() {
            Exit::Fine
        } else if codes.all(|code| code == Code::Unreadable) {
            Exit::Failed
        } else {
            Exit::Damage
        }
    }
}

/// What a log is held against.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    /// The limits.
    pub(crate) limits: Limits,
    /// Room on its file system, where that was asked for.
    pub(crate) room: Option<Room>,
}
