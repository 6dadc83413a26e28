//! What `parked` takes: which events that consumers have put aside, and what becomes of them.

use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, Subcommand};

use super::change::Consent;
use super::flag;
use super::journal::JournalArgs;

/// See what consumers have put aside, deliver it again, or give it up
///
/// An event that its receiver refuses is parked, so that it is not in the way of those behind it. It is kept, with the
/// reason, until it is delivered again or dropped.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall parked list
  seawall parked show server:jobs:7
  seawall parked requeue --stream jobs
  seawall parked drop --yes server:jobs:7")]
pub(crate) struct ParkedArgs {
    #[command(subcommand)]
    pub(crate) what: ParkedCommand,
}

/// What can be done with parked events.
#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    List(ListParkedArgs),
    Show(ShowParkedArgs),
    Requeue(RequeueArgs),
    Drop(DropParkedArgs),
    Export(ExportParkedArgs),
}

/// Which parked events, beside their ids.
#[derive(Debug, Default, Args)]
pub(crate) struct Choice {
    /// Only what this consumer has parked
    #[arg(long, value_name = "NAME")]
    pub(crate) consumer: Option<String>,
    /// Only events of this stream
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
}

/// List the parked events
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall parked list --stream jobs
  seawall parked list --json | jq -r .id

With --json one line for each event.")]
pub(crate) struct ListParkedArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(flatten)]
    pub(crate) choice: Choice,
}

/// Show a parked event with what is in it
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall parked show server:jobs:7
  seawall parked show --json server:jobs:7 | jq .data

Ends with 0, with 3 when no event of that id is parked.")]
pub(crate) struct ShowParkedArgs {
    /// Which event, as `parked list` calls it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// Deliver parked events again
///
/// They are pending again, each in its place, for the consumer that had parked them.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["ids", "consumer", "stream", "all"]))]
#[command(after_long_help = "\
Examples:
  seawall parked requeue server:jobs:7 server:jobs:9
  seawall parked requeue --consumer server
  seawall parked requeue --all

Ends with 0, also when nothing is parked, with 3 when no event of a given id is.")]
pub(crate) struct RequeueArgs {
    /// Which events, as `parked list` calls them
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// All that is parked
    #[arg(long, action = ArgAction::SetTrue, conflicts_with_all = ["ids", "consumer", "stream"])]
    pub(crate) all: bool,
}

/// Give parked events up
///
/// They are written to a file first, which is the way back: `seawall import FILE` appends them anew.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["ids", "consumer", "stream", "all"]))]
#[command(after_long_help = "\
Examples:
  seawall parked drop server:jobs:7                 shows what would be given up
  seawall parked drop --yes server:jobs:7
  seawall parked drop --yes --consumer server --export /backup/parked.ndjson

Ends with 0 when it is done or there is nothing to drop, with 1 when --yes was not given, with 3 when it could not be \
done or no event of a given id is parked.")]
pub(crate) struct DropParkedArgs {
    /// Which events, as `parked list` calls them
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// All that is parked
    #[arg(long, action = ArgAction::SetTrue, conflicts_with_all = ["ids", "consumer", "stream"])]
    pub(crate) all: bool,
    /// Where to write them first; nothing may be there [default: a new file in dropped/ of the journal]
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Carry it out; without this the plan is shown, and on a terminal you are asked
    #[arg(short = 'y', long = "yes", action = ArgAction::SetTrue, value_parser = flag(Consent::Ask, Consent::Given))]
    pub(crate) consent: Consent,
}

/// Write parked events as JSON lines, with what is in them
///
/// They stay parked. `seawall import` reads such a file.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall parked export > parked.ndjson
  seawall parked export --stream jobs | jq -r .reason

Ends with 0, with 2 when an event is damaged.")]
pub(crate) struct ExportParkedArgs {
    /// Which events, as `parked list` calls them [default: all]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(flatten)]
    pub(crate) choice: Choice,
}
