//! What `archive` and `replay` take.

use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, Subcommand, ValueEnum};

use super::change::Consent;
use super::flag;
use super::journal::JournalArgs;
use crate::sizes::Size;
use crate::spans::Span;
use crate::times::Moment;

/// Archive streams that are closed; list, extract and remove archives
///
/// An archive is a job log in ARWAL001, compressed with zstd: `zstd -d` and every reader of that format read it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall archive run
  seawall archive list
  seawall archive extract jobs | jq .data
  seawall archive cleanup --older-than 30d")]
pub(crate) struct ArchiveArgs {
    #[command(subcommand)]
    pub(crate) what: ArchiveCommand,
}

/// What can be done with archives.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    Run(RunArchiveArgs),
    List(ListArchivesArgs),
    Extract(ExtractArgs),
    Cleanup(CleanupArgs),
}

/// Which archives.
#[derive(Debug, Args)]
pub(crate) struct ArchivePlace {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Directory of the archives [default: archive/ of the journal]
    #[arg(long, value_name = "DIR")]
    pub(crate) archive_dir: Option<PathBuf>,
}

/// Archive every stream that is closed
///
/// From the first time on, events are kept until they are archived: the archiver is a consumer of the name archive.
/// What is archived and settled by all other consumers leaves the journal.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall close jobs && seawall archive run

Ends with 0, also when there is nothing to archive, with 2 when events were damaged and are not in the archive.")]
pub(crate) struct RunArchiveArgs {
    #[command(flatten)]
    pub(crate) place: ArchivePlace,
}

/// List the archives
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall archive list
  seawall archive list --json --archive-dir /backup/archive | jq -r .id

With --json one line for each archive.")]
pub(crate) struct ListArchivesArgs {
    #[command(flatten)]
    pub(crate) place: ArchivePlace,
}

/// Write what is in archives to standard output, or to files
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall archive extract jobs
  seawall archive extract --as lines jobs | grep error
  seawall archive extract --as wal --to restored jobs other.wal.zst

Ends with 0, with 2 when damage was found and the rest was extracted, with 3 when there is no such archive.")]
pub(crate) struct ExtractArgs {
    /// Names of streams or of archives, or paths of archives
    #[arg(required = true, value_name = "ARCHIVE")]
    pub(crate) archives: Vec<String>,
    #[command(flatten)]
    pub(crate) place: ArchivePlace,
    /// What is written of an event
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = Extracted::Json)]
    pub(crate) shape: Extracted,
    /// Write a file for each archive into this directory; nothing is written over
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}

/// What is written of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extracted {
    /// A line of JSON with stream, number, time and content
    Json,
    /// Its content and an end of line
    Lines,
    /// Its record: together they are a log in ARWAL001
    Wal,
}

/// Remove archives that are too old, or too many, for good
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").required(true).multiple(true).args(["older_than", "max_size"]))]
#[command(after_long_help = "\
Examples:
  seawall archive cleanup --older-than 30d           shows what would be removed
  seawall archive cleanup --older-than 30d --max-size 20GB --yes

Ends with 0 when it is done or there is nothing to remove, with 1 when --yes was not given.")]
pub(crate) struct CleanupArgs {
    #[command(flatten)]
    pub(crate) place: ArchivePlace,
    /// Every archive that is older: 7d, 12h
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<Span>,
    /// The oldest, until the rest is no larger than this
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Size>,
    /// Carry it out; without this the plan is shown, and on a terminal you are asked
    #[arg(short = 'y', long = "yes", action = ArgAction::SetTrue, value_parser = flag(Consent::Ask, Consent::Given))]
    pub(crate) consent: Consent,
}

/// Show what a replay would send: events of a stream, a job log, an archive, or of all there is
///
/// Sending needs a sender, which this version does not have yet. So --dry-run has to be given.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["source", "all"]))]
#[command(after_long_help = "\
Examples:
  seawall replay --dry-run jobs
  seawall replay --dry-run archive/job-7.wal.zst
  seawall replay --dry-run --all --since 2h

Ends with 0, with 2 when damage was found, with 3 when there is no such stream or file.")]
pub(crate) struct ReplayArgs {
    /// A job log, an archive, a directory of them, an export, or else the name of a stream
    #[arg(value_name = "PATH|STREAM")]
    pub(crate) source: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: ArchivePlace,
    /// Every stream of the journal, and every archive
    #[arg(long = "all", action = ArgAction::SetTrue, value_parser = flag(Reach::One, Reach::All))]
    pub(crate) all: Reach,
    /// Only what is not older: 2026-01-31T12:00:00Z, 2026-01-31, seconds since 1970, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Send nothing, show what would be sent
    #[arg(long = "dry-run", action = ArgAction::SetTrue, value_parser = flag(Sending::Wanted, Sending::Rehearsed))]
    pub(crate) sending: Sending,
}

/// How much is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// What was named.
    One,
    /// All there is.
    All,
}

/// Whether events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// They are to be.
    Wanted,
    /// It is shown what would be.
    Rehearsed,
}
