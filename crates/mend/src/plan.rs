//! What a change would do and cost, said before anything happens.

use std::path::{Path, PathBuf};

use formats::{Note, Progress, UnixTime};
use serde::{Deserialize, Serialize};

use crate::{Kept, Loss, MendError, Site, Stage};

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Keeps everything that verifies and makes a log of it that starts.
    Repair,
    /// Moves the old part of a log into blocks.
    Drain,
    /// Drops the old part of a log.
    Trim,
    /// Takes the whole log away.
    Reset,
    /// Takes a receipt back.
    Undo,
}

impl Action {
    /// Its name, as the command is called.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Repair => "repair",
            Action::Drain => "drain",
            Action::Trim => "trim",
            Action::Reset => "reset",
            Action::Undo => "undo",
        }
    }
}

/// An intended change.
pub trait Mending {
    /// What it would do.
    fn plan(&self) -> &Plan;

    /// Writes the new files into `stage` and says what takes their place in which order.
    ///
    /// Nothing outside the stage is touched. An error leaves the log as it was.
    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError>;
}

/// What a change would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What kind of change it is.
    pub action: Action,
    /// Of which log.
    pub site: Site,
    /// The files that the plan was made from; one that has changed since makes the plan void.
    pub sources: Vec<Source>,
    /// What happens, in order. None means that there is nothing to do.
    pub steps: Vec<Step>,
    /// What is lost.
    pub loss: Loss,
    /// What is kept.
    pub kept: Kept,
    /// What the server's own repair would keep at the next start, where that is known.
    pub servers_own: Option<Kept>,
    /// Bytes that the file system has to have free.
    pub needs: u64,
    /// Bytes that are going to be read and written, for a progress bar.
    pub work: u64,
    /// What one should know before saying yes.
    pub notes: Vec<Note>,
}

/// A file that a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<UnixTime>,
}

/// One thing that happens to one file or directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What happens.
    pub kind: StepKind,
    /// Path below the root, with `/`.
    pub path: String,
    /// Size before, where it is there.
    pub bytes_before: Option<u64>,
    /// Size afterwards, where it is there and that is known before it is written.
    pub bytes_after: Option<u64>,
    /// Why, in a few words.
    pub why: String,
}

/// What happens to a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// A new one is put where there was none.
    Create,
    /// A new one takes the place of the one that is there.
    Replace,
    /// The one that is there goes into quarantine.
    Remove,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Fails if a file has changed since the plan was made.
    pub(crate) fn demand_unchanged(&self) -> Result<(), MendError> {
        match self.sources.iter().find(|source| !source.is_unchanged()) {
            Some(source) => Err(MendError::Changed { path: source.path.clone() }),
            None => Ok(()),
        }
    }
}

impl Source {
    /// The file at `path` as it is now.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        let modified = metadata.modified().ok().map(UnixTime::from);
        Ok(Self { path: path.to_owned(), bytes: metadata.len(), modified })
    }

    fn is_unchanged(&self) -> bool {
        Source::of(&self.path).is_ok_and(|now| now == *self)
    }
}
