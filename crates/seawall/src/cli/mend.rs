//! What the commands take that mend a log: `repair`, `drain`, `trim`, `reset`.

use clap::{ArgGroup, Args};

use super::change::ChangeArgs;
use crate::sizes::Size;
use crate::spans::Span;
use crate::times::Moment;

/// Keep every record that can be trusted, and make a log of them that starts
///
/// Both sides of every damage are kept, in the log, its checkpoint and the log of late samples. The server has to be
/// stopped. What is replaced goes to wal-quarantine/ in the data directory, and undo puts it back.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall repair /var/lib/prometheus                shows what it would do, changes nothing
  seawall repair --yes /var/lib/prometheus
  seawall repair --yes --json /data | jq .receipt

Ends with 0 when the log is sound or was mended, with 1 when there is something to mend and --yes was not given, with 2 \
when damage is left, with 3 when it could not be done, with 4 when a server is using the log.")]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

/// Move the old part of a log into blocks, so that a start reads little and nothing is lost
///
/// What has left the log is in ordinary blocks of the server, which answer every query as before. Takes little memory
/// however large the log is: the way out when a server is killed for want of memory at every start.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall drain /var/lib/prometheus                 shows what it would do
  seawall drain --yes /var/lib/prometheus           leaves what a running server would have in its log
  seawall drain --yes --keep 30m /var/lib/prometheus
  seawall drain --yes --keep 0s /var/lib/prometheus empties the log as far as that is possible

Ends with 0 when the log was drained or there is nothing to drain, with 1 when there is and --yes was not given, with 3 \
when it could not be done, with 4 when a server is using the log.")]
pub(crate) struct DrainArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// How much stays in the log at least, counted back from its newest sample: 2h, 30m, 0s; the cut lies on an even hour
    #[arg(long, value_name = "SPAN", conflicts_with = "until")]
    pub(crate) keep: Option<Span>,
    /// Up to when samples leave the log: 2026-01-31T12:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
}

/// Drop the old part of a log, for when there is no room to drain it
///
/// What is dropped is stated first, in samples, series and time, and lies in quarantine afterwards. Never cuts so that
/// the rest could not start.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").required(true).args(["max_size", "max_age"]))]
#[command(after_long_help = "\
Examples:
  seawall trim --max-size 2GB /var/lib/prometheus        shows what would be lost
  seawall trim --max-size 2GB --yes /var/lib/prometheus
  seawall trim --max-age 1h --yes /var/lib/prometheus

What was dropped takes room until `seawall quarantine prune` removes it for good.

Ends with 0 when the log was trimmed or is small enough, with 1 when it is not and --yes was not given, with 3 when it \
could not be done, with 4 when a server is using the log.")]
pub(crate) struct TrimArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// How large the log may stay
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Size>,
    /// How old the oldest sample may be: 2h, 30m; counted back from now, also where the server was down for long
    #[arg(long, value_name = "AGE")]
    pub(crate) max_age: Option<Span>,
}

/// Take the whole log away, as the last resort, so that the server starts without it
///
/// Everything that belongs together goes: a server that finds only a part of it serves old samples under new names.
/// It lies in quarantine afterwards, and undo puts it back.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall reset /var/lib/prometheus                 shows what would be missing
  seawall reset --yes /var/lib/prometheus

Ends with 0 when the log was taken away, with 1 when --yes was not given, with 3 when it could not be done, with 4 when \
a server is using the log.")]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
