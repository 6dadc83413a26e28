//! What `import` takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::flag;
use super::journal::JournalArgs;

/// Bring events into the journal from job logs in ARWAL001, their archives, or an export
///
/// Each file becomes a stream that is called like it, without .wal or .wal.zst. Every record that verifies is appended,
/// whatever status it has: nobody keeps that up to date. What lies behind a damage is found and brought in as well. What
/// was brought in before is passed over, so an import that was interrupted is simply repeated. Files are only read. A daemon
/// that has the journal open takes the records.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall import --dry-run ~/.airunner             shows what it would bring in
  seawall import ~/.airunner/wal ~/.airunner/archive
  seawall import --stream job-7-again job-7.wal
  seawall import dropped/20260131T120000Z.ndjson   appends anew what was given up

Ends with 0 when all records are in the journal, with 2 when they are and damage was found, with 3 when a file could not \
be imported, with 4 when another process has the journal open.")]
pub(crate) struct ImportArgs {
    /// Files, and directories of them
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// The stream to append to, where there is one file
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
    /// Close each stream behind its last record
    #[arg(long = "close", action = ArgAction::SetTrue, value_parser = flag(Behind::Open, Behind::Close))]
    pub(crate) behind: Behind,
    /// Only show what would be brought in
    #[arg(long = "dry-run", action = ArgAction::SetTrue, value_parser = flag(Deed::Import, Deed::Show))]
    pub(crate) deed: Deed,
}

/// What becomes of a stream behind its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// It takes more.
    Open,
    /// It is closed.
    Close,
}

/// Whether anything is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is.
    Import,
    /// It would be.
    Show,
}
