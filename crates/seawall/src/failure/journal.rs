//! Why a command could not do its work on a journal.

use std::io;
use std::path::PathBuf;

use journal::archive::ArchiveError;
use journal::storage::Fault;
use journal::{CommitError, OpenError, ReadError};
use mend::holders::Holder;

use crate::exit::Exit;

/// Why a command could not do its work on a journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalFailure {
    /// Nobody said where the journal is, and the environment does not tell.
    #[error("there is no home directory to look for a journal in")]
    NoPlace,
    /// There is none.
    #[error("there is no journal in {}", directory.display())]
    Missing {
        /// Where one was looked for.
        directory: PathBuf,
    },
    /// Another process has it open.
    #[error("the journal {} is held by {}", directory.display(), named(holders))]
    Held {
        /// The journal.
        directory: PathBuf,
        /// Who holds it, where that could be found out.
        holders: Vec<Holder>,
    },
    /// It could not be opened.
    #[error(transparent)]
    Open(OpenError),
    /// The journal did not take it.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// An event could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] Fault),
    /// An input was not appended as a whole.
    #[error("{0}")]
    Partly(Partly),
    /// There is no such stream.
    #[error("the journal has no stream {name}")]
    NoStream {
        /// What was asked for.
        name: String,
    },
    /// There is no such consumer.
    #[error("the journal has no consumer {name}")]
    NoConsumer {
        /// What was asked for.
        name: String,
    },
    /// No event of that id is parked.
    #[error("no event {id} is parked")]
    NotParked {
        /// What was asked for.
        id: String,
    },
    /// A stream could not be archived.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There is no such archive.
    #[error("there is no archive {name} in {}", directory.display())]
    NoArchive {
        /// What was asked for.
        name: String,
        /// Where archives were looked for.
        directory: PathBuf,
    },
    /// A file to import could not be read.
    #[error("failed to read {}: {source}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An archive of a daemon could not be copied here.
    #[error("failed to copy an archive to {}: {source}", path.display())]
    Copy {
        /// Where to.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file to import holds none that can be understood.
    #[error("{} holds no job logs in ARWAL001 and no exported events", path.display())]
    NoEvents {
        /// The file.
        path: PathBuf,
    },
    /// A file holds a record that the daemon does not take.
    #[error(
        "record {record} of {} has {bytes} bytes, and an event of the daemon has at most {limit}: nothing of it was sent to the \
         stream {stream}",
        path.display()
    )]
    RecordTooLarge {
        /// The file.
        path: PathBuf,
        /// The stream.
        stream: String,
        /// Which record it is, from 1 on.
        record: u64,
        /// Bytes of it.
        bytes: u64,
        /// The daemon's `journal.max_event`.
        limit: u64,
    },
    /// A file holds other records than those that were imported under its name before.
    #[error("the records of {} are not those that were imported into the stream {stream} before", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// The stream.
        stream: String,
    },
}

/// What became of an input that was not appended as a whole.
#[derive(Debug)]
pub(crate) struct Partly {
    /// What went wrong.
    pub(crate) cause: String,
    /// A word for it.
    pub(crate) code: &'static str,
    /// What is on the disk, what is not, and of what that is unknown: one sentence each.
    pub(crate) books: Vec<String>,
}

impl std::fmt::Display for Partly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.cause, self.books.join("; "))
    }
}

fn named(holders: &[Holder]) -> String {
    match holders {
        [] => "another process".to_owned(),
        [first, ..] => format!("{} (process {})", first.name, first.pid),
    }
}

/// A stable word for why the journal did not take something.
pub(crate) fn commit_code(error: &CommitError) -> &'static str {
    match error {
        CommitError::Name(_) => "usage",
        CommitError::EventTooLarge { .. } => "too-large",
        CommitError::TooManyPending { .. }
        | CommitError::TooManyStreams { .. }
        | CommitError::TooManyConsumers { .. }
        | CommitError::TooManyRanges { .. } => "too-many",
        CommitError::Closed { .. } => "closed",
        CommitError::Behind { .. } => "behind",
        CommitError::NoConsumer { .. } => "no-consumer",
        CommitError::OtherScope { .. } => "other-scope",
        CommitError::Nothing | CommitError::NotAppended { .. } | CommitError::OutOfScope { .. } => {
            "impossible"
        }
        CommitError::OverBudget { .. } | CommitError::DiskFull(_) => "no-room",
        CommitError::Unknown(_) | CommitError::Stopped(_) => "io",
    }
}

impl JournalFailure {
    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            JournalFailure::Held { .. } => Exit::Refused,
            JournalFailure::NoPlace
            | JournalFailure::Open(OpenError::Option { .. })
            | JournalFailure::Commit(CommitError::Name(_)) => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    /// A stable word for scripts.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            JournalFailure::NoPlace | JournalFailure::Open(OpenError::Option { .. }) => "usage",
            JournalFailure::Missing { .. } => "no-journal",
            JournalFailure::Held { .. } | JournalFailure::Open(OpenError::Held { .. }) => "in-use",
            JournalFailure::Open(OpenError::Disk(fault))
            | JournalFailure::Disk(fault)
            | JournalFailure::Archive(ArchiveError::Disk(fault))
                if fault.lacks_room() =>
            {
                "no-room"
            }
            JournalFailure::Copy { source, .. } if source.kind() == io::ErrorKind::StorageFull => "no-room",
            JournalFailure::Copy { .. }
            | JournalFailure::Open(OpenError::Disk(_))
            | JournalFailure::Disk(_)
            | JournalFailure::Archive(ArchiveError::Disk(_)) => "io",
            JournalFailure::Open(_)
            | JournalFailure::Read(_)
            | JournalFailure::Archive(ArchiveError::Read(_))
            | JournalFailure::Source { .. } => "unreadable",
            JournalFailure::Commit(error) | JournalFailure::Archive(ArchiveError::Commit(error)) => {
                commit_code(error)
            }
            JournalFailure::Partly(partly) => partly.code,
            JournalFailure::NoEvents { .. } => "unknown-format",
            JournalFailure::NoArchive { .. } => "no-archive",
            JournalFailure::Differs { .. } => "differs",
            JournalFailure::RecordTooLarge { .. } => "too-large",
            JournalFailure::NoStream { .. } => "no-stream",
            JournalFailure::NoConsumer { .. } => "no-consumer",
            JournalFailure::NotParked { .. } => "not-parked",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            JournalFailure::NoPlace => Some("name the journal with --journal DIR, or in SEAWALL_JOURNAL_DIR"),
            JournalFailure::Missing { .. } => Some(
                "name the journal with --journal DIR, or in SEAWALL_JOURNAL_DIR; `seawall append` makes one where there \
                 is none",
            ),
            JournalFailure::Held { .. } => Some(
                "if that is a daemon, reach it with -c FILE, its configuration, or with SEAWALL_SERVER_LISTEN=ADDRESS; else \
                 wait until that process ends",
            ),
            JournalFailure::NoArchive { .. } => Some("`seawall archive list` lists those that there are"),
            JournalFailure::NoEvents { .. } => Some(
                "name a file .wal or .wal.zst, a directory of them, or a file .ndjson that an export has written",
            ),
            JournalFailure::Differs { .. } => Some(
                "bring it into another stream: --stream NAME; a job that ran twice has two logs of one name",
            ),
            JournalFailure::RecordTooLarge { .. } => Some(
                "raise journal.max_event of the daemon and start it anew; or stop it, and import with --journal DIR while it \
                 does not run",
            ),
            JournalFailure::Copy { .. } => {
                Some("make room there, or name another directory for temporary files in TMPDIR")
            }
            JournalFailure::NoStream { .. } => Some("`seawall streams` lists those that there are"),
            JournalFailure::NoConsumer { .. } => Some("`seawall consumers list` lists those that there are"),
            JournalFailure::NotParked { .. } => Some("`seawall parked list` lists those that are"),
            JournalFailure::Disk(fault) if fault.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as the user whom the journal belongs to, or as root")
            }
            JournalFailure::Disk(fault) if fault.lacks_room() => Some("make room on that file system"),
            JournalFailure::Open(OpenError::Disk(fault))
                if fault.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some("run as the user whom the journal belongs to, or as root")
            }
            _ => None,
        }
    }
}
