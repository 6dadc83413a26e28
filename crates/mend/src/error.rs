//! What can keep a change from being made.

use std::io;
use std::path::{Path, PathBuf};

use formats::{DetectError, ReadError};

use crate::holders::Holder;

/// Why a change was not made. Unless it says otherwise, the log is as it was.
#[derive(Debug, thiserror::Error)]
pub enum MendError {
    /// A server, or another program, is writing the log.
    #[error("{} is in use by {} (process {})", root.display(), holder.name, holder.pid)]
    Held {
        /// The log.
        root: PathBuf,
        /// Who writes it.
        holder: Holder,
    },
    /// Somebody holds the server's lock file, and who cannot be seen from here.
    #[error("{} is locked by another process", lock.display())]
    Locked {
        /// The lock file.
        lock: PathBuf,
    },
    /// The file system has too little room.
    #[error("{} has {free} bytes free, and this needs {needed}", root.display())]
    NoRoom {
        /// Where.
        root: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// A file changed after the plan was made.
    #[error("{} has changed since the plan was made", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A change was interrupted and has to be finished first.
    #[error("an earlier change of {}, {receipt}, was interrupted", root.display())]
    Interrupted {
        /// The log.
        root: PathBuf,
        /// The change.
        receipt: String,
    },
    /// There is no such receipt.
    #[error("there is no receipt {receipt} in {}", root.display())]
    NoReceipt {
        /// Where it was looked for.
        root: PathBuf,
        /// Its name.
        receipt: String,
    },
    /// What a receipt has put in place is not there any more as it was.
    #[error("{} is not as {receipt} left it", path.display())]
    Overtaken {
        /// The file.
        path: PathBuf,
        /// The receipt.
        receipt: String,
    },
    /// This cannot be done to this log.
    #[error("{reason}")]
    Impossible {
        /// Why, as a sentence without its full stop.
        reason: String,
        /// What to do instead.
        advice: String,
    },
    /// A log could not be told.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A file of the log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The system refused.
    #[error("failed to {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl MendError {
    /// Makes an error of what the system said while `doing` something to `path`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// What to do about it, where something is known to help.
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            MendError::Held { .. } | MendError::Locked { .. } => {
                "stop the server first; nothing was changed".to_owned()
            }
            MendError::NoRoom { .. } => {
                "free some room on that file system, or trim instead, which needs little".to_owned()
            }
            MendError::Changed { .. } => {
                "something is writing the log: stop it, and run the command again".to_owned()
            }
            MendError::Interrupted { .. } => {
                "run the command with --yes: it finishes that change first".to_owned()
            }
            MendError::NoReceipt { .. } => "`seawall quarantine list` shows the receipts".to_owned(),
            MendError::Overtaken { .. } => {
                "a server has written since; --newer quarantine moves what it wrote out of the way and undoes"
                    .to_owned()
            }
            MendError::Impossible { advice, .. } => advice.clone(),
            MendError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some room on that file system; nothing was changed".to_owned()
            }
            MendError::Io { .. } | MendError::Detect(_) | MendError::Read(_) => return None,
        })
    }
}
