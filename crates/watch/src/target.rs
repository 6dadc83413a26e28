//! What is watched, and how.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use formats::Format;

use crate::checkpoint::Action;
use crate::postgres::{Database, Standing};
use crate::{Limits, Restart, Rhythm, Scrub, Service, Thresholds};

/// A log under watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What it is called: part of routes and labels.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What lies there.
    pub kind: Kind,
    /// How often it is looked at.
    pub interval: Duration,
    /// Where it becomes worth attention, and dangerous.
    pub bounds: Bounds,
    /// The server that writes it, where that can be asked how it is.
    pub server: Option<Arc<Service>>,
    /// How it is read in full.
    pub scrub: Scrub,
    /// The database of which the log is, where its server can be asked in SQL what keeps it.
    pub database: Option<Database>,
    /// How it is checkpointed.
    pub checkpoint: Option<Checkpoint>,
    /// How its server is restarted.
    pub restart: Option<Restart>,
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A log that is recognised by what it holds.
    Detected,
    /// A log of this format.
    Log(Format),
    /// Any files, of which number, size and age count.
    Directory,
}

/// Limits as they were chosen, before it is known what lies there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// What counts where nothing is chosen.
    pub preset: Preset,
    /// What was chosen.
    pub warning: Limits,
    /// What was chosen for danger.
    pub critical: Limits,
}

/// What counts where nothing is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// What fits the engine.
    #[default]
    Engine,
    /// 30 files or 1 GiB, twice the files or three times the size.
    Classic,
}

/// How a log is checkpointed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What is done.
    pub action: Action,
    /// When.
    pub rhythm: Rhythm,
    /// How long the action may take.
    pub timeout: Duration,
    /// How long the log may take to become smaller then.
    pub patience: Duration,
}

impl Bounds {
    /// Thresholds for a log of that format, whose server may have said how it is set; for files of which nothing is known
    /// without one.
    pub fn thresholds(&self, format: Option<Format>, standing: Option<&Standing>) -> Thresholds {
        let usual = match self.preset {
            Preset::Engine => Thresholds::of(format),
            Preset::Classic => return Thresholds::classic().with(&self.warning, &self.critical),
        };
        let size = standing.and_then(Standing::usual_size);
        let usual = usual.with(&Limits { max_size: size, ..Limits::default() }, &Limits::default());
        usual.with(&self.warning, &self.critical)
    }
}
