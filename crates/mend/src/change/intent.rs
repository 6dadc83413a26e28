//! What is to be done, as it stands in `change.json` and later in `receipt.json`.

use std::fs;
use std::path::Path;

use formats::UnixTime;
use serde::{Deserialize, Serialize};

use super::disk;
use super::meanwhile::Before;
use crate::{Action, Kept, Loss, MendError, Plan, Step};

/// The file that says what will be done.
pub(super) const CHANGE: &str = "change.json";
/// The file that says what was done.
pub(super) const RECEIPT: &str = "receipt.json";
/// Below it lies what was replaced or removed.
pub(super) const OLD: &str = "old";
/// Below it lies what is going to be put in place.
pub(super) const NEW: &str = "new";

/// Version of these files. A newer one was written by a newer Seawall, and this one must not act on it.
const VERSION: u32 = 1;

/// A receipt of a million steps has some hundred megabytes; what is larger is none.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    version: u32,
    pub(super) receipt: String,
    pub(super) action: Action,
    pub(super) format: String,
    /// When, in milliseconds since 1970.
    pub(super) made: i64,
    /// The receipt that this takes back.
    pub(super) undoes: Option<String>,
    pub(super) operations: Vec<Operation>,
    /// What else lay in the directories that are changed, below the root: what is neither there nor put in place by
    /// this came later.
    pub(super) beside: Vec<Beside>,
    /// What lay at the paths of the operations; nothing if an older version has promised this.
    #[serde(default)]
    pub(super) before: Option<Vec<Before>>,
    /// The segments of a journal in which a start may go on, as they were.
    #[serde(default)]
    pub(super) open_ends: Vec<Seal>,
    pub(super) steps: Vec<Step>,
    pub(super) loss: Loss,
    pub(super) kept: Kept,
}

/// What is done to one path. Paths are below the root, with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Operation {
    /// A file or directory is put in place; a file that is there goes into quarantine.
    Place {
        path: String,
        /// Where it lies until then.
        from: String,
        /// Every file of it.
        files: Vec<Seal>,
    },
    /// What is there goes into quarantine.
    Remove { path: String },
}

/// A file as it was put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) crc32c: u32,
}

/// A file or directory that a change leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beside {
    pub(super) path: String,
    /// Its size, if it is a file.
    pub(super) bytes: Option<u64>,
}

impl Beside {
    /// What lies at a path now.
    pub(super) fn at(root: &Path, path: &str) -> Option<Self> {
        let metadata = fs::symlink_metadata(root.join(path)).ok()?;
        Some(Self { path: path.to_owned(), bytes: metadata.is_file().then_some(metadata.len()) })
    }
}

impl Operation {
    pub(super) fn path(&self) -> &str {
        match self {
            Operation::Place { path, .. } | Operation::Remove { path } => path,
        }
    }

    /// The files that it puts in place.
    pub(super) fn files(&self) -> &[Seal] {
        match self {
            Operation::Place { files, .. } => files,
            Operation::Remove { .. } => &[],
        }
    }
}

impl Intent {
    /// What `plan` comes to, as `operations`.
    pub(super) fn of(plan: &Plan, receipt: String, now: UnixTime, operations: Vec<Operation>) -> Self {
        Self {
            version: VERSION,
            receipt,
            action: plan.action,
            format: plan.site.format.to_string(),
            made: i64::try_from(now.nanos() / 1_000_000).unwrap_or(0),
            undoes: None,
            operations,
            beside: Vec::new(),
            before: None,
            open_ends: Vec::new(),
            steps: plan.steps.clone(),
            loss: plan.loss,
            kept: plan.kept,
        }
    }

    /// Reads a file that a Seawall has written.
    pub(super) fn read(path: &Path) -> Result<Self, MendError> {
        let unfit = |reason: String| MendError::Impossible {
            reason: format!("{} {reason}", path.display()),
            advice: "do not change that directory by hand; what it holds is in its `old` directory"
                .to_owned(),
        };
        let metadata = fs::metadata(path).map_err(MendError::io("read", path))?;
        if metadata.len() > MAX_BYTES {
            return Err(unfit("is too large to be a receipt".to_owned()));
        }
        let bytes = fs::read(path).map_err(MendError::io("read", path))?;
        let intent: Intent = serde_json::from_slice(&bytes)
            .map_err(|error| unfit(format!("cannot be understood: {error}")))?;
        if intent.version != VERSION {
            return Err(unfit(format!("is of version {}, which a newer Seawall wrote", intent.version)));
        }
        match intent.operations.iter().find(|operation| !operation.stays_below()) {
            Some(operation) => Err(unfit(format!("names {}, which is outside", operation.path()))),
            None => Ok(intent),
        }
    }

    /// Writes it as the promise to do it.
    pub(super) fn promise(&self, dir: &Path) -> Result<(), MendError> {
        let path = dir.join(CHANGE);
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| MendError::io("write", &path)(error.into()))?;
        disk::put(&path, &text)
    }
}

impl Operation {
    /// Whether no path leads out of the root, whoever wrote it.
    fn stays_below(&self) -> bool {
        let fine = |path: &str| {
            let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
            !path.is_empty() && Path::new(path).components().all(plain)
        };
        match self {
            Operation::Place { path, from, files } => {
                fine(path) && fine(from) && files.iter().all(|file| fine(&file.path))
            }
            Operation::Remove { path } => fine(path),
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its name, which `undo` takes.
    pub id: String,
    /// What kind of change it was.
    pub action: Action,
    /// Of what kind of log.
    pub format: String,
    /// When.
    pub made: UnixTime,
    /// The receipt that it took back.
    pub undoes: Option<String>,
    /// What was done.
    pub steps: Vec<Step>,
    /// What was lost.
    pub loss: Loss,
    /// What was kept.
    pub kept: Kept,
}

impl Receipt {
    pub(super) fn of(intent: &Intent) -> Self {
        Self {
            id: intent.receipt.clone(),
            action: intent.action,
            format: intent.format.clone(),
            made: UnixTime::from_millis(intent.made),
            undoes: intent.undoes.clone(),
            steps: intent.steps.clone(),
            loss: intent.loss,
            kept: intent.kept,
        }
    }
}
