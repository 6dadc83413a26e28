//! Why a command could not be carried out, and how the process ends then.

mod daemon;
mod journal;
mod remote;

use std::io;
use std::path::PathBuf;

use formats::DetectError;
use mend::MendError;

use crate::exit::Exit;
pub(crate) use daemon::DaemonFailure;
pub(crate) use journal::{JournalFailure, Partly, commit_code};
pub(crate) use remote::{RemoteFailure, Told};

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// The path is no log that can be read.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The log could not be changed.
    #[error(transparent)]
    Mend(MendError),
    /// The daemon could not be started.
    #[error(transparent)]
    Daemon(#[from] DaemonFailure),
    /// A fix that must not lose anything would.
    #[error("it would lose {what}")]
    WouldLose {
        /// How much, in words.
        what: String,
    },
    /// The work on a journal could not be done.
    #[error(transparent)]
    Journal(#[from] JournalFailure),
    /// The daemon did not do it.
    #[error(transparent)]
    Remote(#[from] RemoteFailure),
    /// The input could not be read.
    #[error("failed to read the input: {0}")]
    Input(#[source] io::Error),
    /// The output could not be written.
    #[error("failed to write the output: {0}")]
    Output(#[source] io::Error),
    /// A file could not be written.
    #[error("failed to write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The free space could not be asked for.
    #[error("failed to ask for the free space at {}: {source}", path.display())]
    Room {
        /// The log.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server could not be started.
    #[error("failed to start {program}: {source}")]
    Start {
        /// The program as it was named.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No file of the log belongs to the stream that was asked for.
    #[error("no file of {} is named {stream}; it holds {held}", path.display())]
    NoStream {
        /// The log.
        path: PathBuf,
        /// What was asked for.
        stream: String,
        /// The first few names that it holds.
        held: String,
    },
}

impl Failure {
    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            _ if self.is_broken_pipe() => Exit::Fine,
            Failure::Mend(error) => match error {
                MendError::Held { .. }
                | MendError::Locked { .. }
                | MendError::Changed { .. }
                | MendError::Overtaken { .. } => Exit::Refused,
                // There is something to do, and nothing was done yet.
                MendError::Interrupted { .. } => Exit::Attention,
                _ => Exit::Failed,
            },
            Failure::WouldLose { .. } => Exit::Refused,
            Failure::Daemon(failure) => failure.exit(),
            Failure::Journal(failure) => failure.exit(),
            _ => Exit::Failed,
        }
    }

    /// Whether the reader of the output went away, as `| head` does: it has what it wanted.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// A stable word for scripts.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Usage(_) => "usage",
            Failure::Detect(DetectError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                "not-found"
            }
            Failure::Detect(DetectError::Unknown { .. }) => "unknown-format",
            Failure::Detect(DetectError::Several { .. }) => "several-logs",
            Failure::Detect(_) | Failure::Room { .. } | Failure::Input(_) => "unreadable",
            Failure::Mend(error) => match error {
                MendError::Held { .. } | MendError::Locked { .. } => "in-use",
                MendError::NoRoom { .. } => "no-room",
                MendError::Changed { .. } => "changed",
                MendError::Interrupted { .. } => "interrupted",
                MendError::NoReceipt { .. } => "no-receipt",
                MendError::Overtaken { .. } => "overtaken",
                MendError::Impossible { .. } => "impossible",
                MendError::Detect(_) | MendError::Read(_) => "unreadable",
                MendError::Io { .. } => "io",
            },
            Failure::WouldLose { .. } => "would-lose",
            Failure::Daemon(failure) => failure.code(),
            Failure::Journal(failure) => failure.code(),
            Failure::Remote(failure) => failure.code(),
            Failure::Output(_) | Failure::Write { .. } => "unwritable",
            Failure::Start { .. } => "not-started",
            Failure::NoStream { .. } => "no-stream",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        if let Failure::Mend(error) = self {
            return error.advice();
        }
        if let Failure::Remote(failure) = self {
            return failure.hint();
        }
        let hint = match self {
            Failure::Daemon(failure) => failure.hint(),
            Failure::Journal(failure) => failure.hint(),
            Failure::Detect(DetectError::Unreadable { source, .. }) => match source.kind() {
                io::ErrorKind::NotFound => Some("name a data directory, a WAL directory or a file of a log"),
                io::ErrorKind::PermissionDenied => {
                    Some("run as the user that the server runs as, or as root")
                }
                _ => None,
            },
            Failure::Detect(DetectError::Unknown { .. }) => {
                Some("name the server's data directory or its WAL directory, or force a format with --format")
            }
            Failure::Detect(DetectError::Several { .. }) => {
                Some("run the command once for each of them: PATH/NAME")
            }
            Failure::WouldLose { .. } => Some(
                "look at the plan of `seawall drain`, and carry it out by hand if the loss is acceptable",
            ),
            Failure::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("name the program by its full path, or put its directory into PATH")
            }
            Failure::Start { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("the file has to be executable by this user")
            }
            _ => None,
        };
        hint.map(str::to_owned)
    }
}

impl From<MendError> for Failure {
    fn from(error: MendError) -> Self {
        match error {
            // The same failure has the same code wherever it is met.
            MendError::Detect(error) => Failure::Detect(error),
            error => Failure::Mend(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(gone.exit(), Exit::Fine);
        let full = Failure::Output(io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit(), Exit::Failed);
    }

    #[test]
    fn a_path_that_is_not_there_is_told_apart_from_one_that_may_not_be_read() {
        let failure = |kind: io::ErrorKind| {
            Failure::Detect(DetectError::Unreadable { path: "/x".into(), source: kind.into() })
        };
        assert_eq!(failure(io::ErrorKind::NotFound).code(), "not-found");
        assert_eq!(failure(io::ErrorKind::PermissionDenied).code(), "unreadable");
    }
}
