//! What `archive` and `replay` take.

use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, Subcommand, ValueEnum};
use journal::archive::Level;

use super::change::Consent;
use super::flag;
use super::journal::JournalArgs;
use crate::sizes::Size;
use crate::spans::Span;

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
    /// How hard they are compressed: 1 is the fastest, which is the default, 19 the smallest
    #[arg(long, value_name = "1-19", value_parser = level)]
    pub(crate) level: Option<Level>,
}

fn level(text: &str) -> Result<Level, String> {
    let level = text.parse().ok().and_then(Level::new);
    level.ok_or_else(|| format!("a level is a number from 1 to {}", Level::MOST))
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
