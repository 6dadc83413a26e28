//! What the gates take: `check` and `guard`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, ValueEnum};

use super::flag;
use super::read::Kind;
use crate::sizes::{Floor, Size};
use crate::spans::Span;

/// Judge a log against limits before its server starts
///
/// Without limits it tells the health of the log as far as names and sizes show it. Only files that a start has to read
/// count. Nothing is read unless --verify or --memory-limit ask for it, so that a gate in front of a large log costs
/// nothing.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["path", "path_flag"]))]
#[command(after_long_help = "\
Examples:
  seawall check --max-size 5GB --min-free 10% /var/lib/prometheus
  seawall check --memory-limit 4GiB /var/lib/prometheus      would the replay fit?
  seawall check --verify --json /data | jq '.findings[]'
  seawall check --memory-limit 4GiB --fix repair,drain /data

  ExecStartPre=/usr/bin/seawall check --allow-missing --max-size 5GB /var/lib/prometheus

Ends with 0 when all is well or was fixed, with 1 when a limit is exceeded, with 2 when there is damage or the server \
would not start, with 3 when the log could not be read, with 4 when something was to be fixed and another process is \
writing the log, or the fix would lose what it may not lose.")]
pub(crate) struct CheckArgs {
    /// Data directory, WAL directory or file of a log; its format is detected
    pub(crate) path: Option<PathBuf>,
    /// The same as PATH
    #[arg(long = "path", value_name = "PATH")]
    pub(crate) path_flag: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) gate: GateArgs,
    /// A path that is not there, or an empty directory, is fine: the server has not run yet
    #[arg(long = "allow-missing", action = ArgAction::SetTrue, value_parser = flag(FirstStart::Refuse, FirstStart::Allow))]
    pub(crate) first_start: FirstStart,
}

/// What both gates take.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// How large the files that a start reads may be together: 5GB, 5GiB, 512Mi
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) max_size: Option<Size>,
    /// How old the oldest record may be: 90s, 2h, 1h 30m, 7d; reads the log
    #[arg(long, value_name = "AGE", help_heading = "Limits")]
    pub(crate) max_age: Option<Span>,
    /// How many files a start may have to read
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_files: Option<u64>,
    /// How much memory the next start may take, as a forecast; reads the log
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) memory_limit: Option<Size>,
    /// How much room has to be left on the file system: 2GiB or 10%
    #[arg(long, value_name = "SIZE|%", help_heading = "Limits")]
    pub(crate) min_free: Option<Floor>,
    /// Check every byte too
    #[arg(long)]
    pub(crate) verify: bool,
    /// What may be done about a problem; separate several by commas
    #[arg(long, value_name = "HOW", value_enum, value_delimiter = ',')]
    pub(crate) fix: Vec<Fix>,
    /// Change nothing and start nothing, only tell
    #[arg(long = "dry-run", action = ArgAction::SetTrue, value_parser = flag(Rehearsal::Real, Rehearsal::Dry))]
    pub(crate) rehearsal: Rehearsal,
    #[command(flatten)]
    pub(crate) kind: Kind,
}

/// What may be done about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fix {
    /// Nothing
    None,
    /// Mend damage and what keeps the server from starting; checks every byte too
    Repair,
    /// Move the old part of a log that is too large, too old or needs too much memory into blocks
    Drain,
    /// Drop the old part of a log that --max-size or --max-age does not allow
    Trim,
}

/// What a path means that holds nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstStart {
    /// A mistake.
    Refuse,
    /// A server that has not run yet.
    Allow,
}

/// Whether what follows from the check is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rehearsal {
    /// It is.
    Real,
    /// It is only told.
    Dry,
}

/// Check a log, then become the server
///
/// The command after -- replaces Seawall when the check passes: same process, same environment, same open files, so
/// signals and supervisors see the server itself. The log's path is PATH, or --path, or what the command's own flags say
/// (--storage.tsdb.path, --storage.agent.path, --data-dir with --node-id, -D). A path that is not there yet, or an empty
/// directory, is a first start and fine.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall guard --max-size 5GB --memory-limit 4GiB -- prometheus --storage.tsdb.path=/data
  seawall guard --memory-limit 4GiB --fix repair,drain -- prometheus --storage.tsdb.path=/data
  seawall guard --verify --on-problem start /data -- prometheus --storage.tsdb.path=/data
  seawall guard --dry-run -- postgres -D /var/lib/postgresql/data

When it refuses it ends as check does: with 1 when a limit is exceeded, with 2 when there is damage or the server would not \
start, with 3 when the log could not be read or the command could not be run; and with 4 when another process is writing \
the log, or a fix would lose what it may not lose. Once the server runs, the exit code is the server's.")]
pub(crate) struct GuardArgs {
    /// Data directory, WAL directory or file of a log [default: taken from CMD]
    #[arg(conflicts_with = "path_flag")]
    pub(crate) path: Option<PathBuf>,
    /// The same as PATH
    #[arg(long = "path", value_name = "PATH")]
    pub(crate) path_flag: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) gate: GateArgs,
    /// What to do when the check finds a problem
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnProblem::Refuse)]
    pub(crate) on_problem: OnProblem,
    /// The server and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// What a guard does about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnProblem {
    /// Does not start the server
    Refuse,
    /// Tells it and starts the server
    Start,
}
