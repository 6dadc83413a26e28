//! What every changing command takes, and what `undo` and `quarantine` take.

use clap::{ArgAction, ArgGroup, Args, Subcommand, ValueEnum};

use super::flag;
use super::read::Place;
use crate::spans::Span;

/// Whether a change may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// The plan is shown, and on a terminal the user is asked.
    Ask,
    /// It may.
    Given,
}

/// What every changing command takes.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Carry it out; without this the plan is shown, and on a terminal you are asked
    #[arg(short = 'y', long = "yes", action = ArgAction::SetTrue, value_parser = flag(Consent::Ask, Consent::Given))]
    pub(crate) consent: Consent,
}

/// Take a change back
///
/// Puts back what the change replaced, byte for byte. Without RECEIPT it takes back the newest change that was not
/// taken back yet. The undo is a change with a receipt of its own, so it can be undone too.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall undo /var/lib/prometheus                  shows what would be put back
  seawall undo --yes /var/lib/prometheus
  seawall undo --yes /var/lib/prometheus 20260131T120000Z-repair

Ends with 0 when it was taken back, with 1 when --yes was not given, with 3 when it could not be done, with 4 when a \
server is using the log, or has written to it since and --newer does not allow for that.")]
pub(crate) struct UndoArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// Which change [default: the newest]
    pub(crate) receipt: Option<String>,
    /// What becomes of what a server has written since the change
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Newer::Refuse)]
    pub(crate) newer: Newer,
}

/// What becomes of that which a server wrote after a change that is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Newer {
    /// Keeps it, and refuses the undo
    Refuse,
    /// Moves it into quarantine
    Quarantine,
}

/// See and remove what changes have replaced
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall quarantine list /var/lib/prometheus
  seawall quarantine prune --older-than 7d --yes /var/lib/prometheus")]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    pub(crate) what: Quarantined,
}

/// What can be done with a quarantine.
#[derive(Debug, Subcommand)]
pub(crate) enum Quarantined {
    List(ListArgs),
    Prune(PruneArgs),
}

/// Show the changes of a log and how much their quarantine holds
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall quarantine list /var/lib/prometheus
  seawall quarantine list --json /data | jq -r .id

With --json one line for each change, the oldest first.")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Remove what changes have replaced, for good
///
/// After that they cannot be undone.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["receipt", "older_than"]))]
#[command(after_long_help = "\
Examples:
  seawall quarantine prune /data 20260131T120000Z-repair
  seawall quarantine prune --older-than 7d --yes /data

Ends with 0 when it is done or there is nothing to remove, with 1 when --yes was not given.")]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// Only this change
    pub(crate) receipt: Option<String>,
    /// Every change that is older: 7d, 12h
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<Span>,
}
