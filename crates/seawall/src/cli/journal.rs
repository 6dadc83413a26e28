//! What the commands take that work on a journal: `append`, `streams`, `consumers`, `close`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use super::change::Consent;
use super::flag;
use crate::spans::Span;

/// Which journal.
#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    // Not a documentation comment: those want backticks around the name of the variable, and help texts have none.
    #[arg(
        long = "journal",
        value_name = "DIR",
        help = "Directory of the journal [default: SEAWALL_JOURNAL_DIR, else seawall/journal in the state directory of \
                the user]"
    )]
    pub(crate) directory: Option<PathBuf>,
    /// Configuration of the daemon that has the journal open, which is asked if it runs
    #[arg(short = 'c', long = "config", value_name = "FILE", conflicts_with = "directory")]
    pub(crate) config: Option<PathBuf>,
}

/// Append lines from standard input to a stream of the journal
///
/// Each line is one event, without its end of line. A line is acknowledged once it is on the disk. Lines that arrive
/// while others are being written share the next write. Where a daemon was named that runs, it is asked, and a restart of it
/// is waited for; else the journal is opened, and made if there is none.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  echo started | seawall append jobs
  tail -F app.log | seawall append --json app        one line of JSON for each batch that is safe
  seawall append --raw --journal /var/lib/seawall/journal images < image.png

Ends with 0 when all of the input is on the disk. Else it says which lines are, which are not, and of which that is \
unknown, and ends with 3, or with 4 when another process has the journal open.")]
pub(crate) struct AppendArgs {
    /// Name of the stream
    pub(crate) stream: String,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Take all of the input as one event, whatever its bytes are
    #[arg(long = "raw", action = ArgAction::SetTrue, value_parser = flag(Cut::Lines, Cut::Whole))]
    pub(crate) cut: Cut,
    /// How many lines share a write at most
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) batch_size: NonZeroUsize,
    /// How long the same lines are sent again to a daemon that does not answer
    #[arg(long, value_name = "SPAN", default_value = "1m")]
    pub(crate) retry_for: Span,
    /// How long lines wait for others to share their write, such as 100ms [default: not at all]
    #[arg(long, value_name = "SPAN")]
    pub(crate) flush_interval: Option<Span>,
}

/// How the input becomes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Each line is one.
    Lines,
    /// All of it is one.
    Whole,
}

/// Show the streams of the journal, and what each consumer has left to do
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall streams
  seawall streams --json | jq -r 'select(.state == \"open\").id'

With --json one line for each stream.")]
pub(crate) struct StreamsArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// Close a stream: no more events are taken, and it is forgotten once all of them are settled
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall close jobs

Ends with 0, also when the stream is closed already, and with 3 when there is no such stream.")]
pub(crate) struct CloseArgs {
    /// Name of the stream
    pub(crate) stream: String,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// See and unregister those who read the journal
///
/// Events are kept until every consumer has settled them. One that is gone for good keeps them all: unregister it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall consumers list
  seawall consumers drop old-server                 shows what it would give up
  seawall consumers drop --yes old-server")]
pub(crate) struct ConsumersArgs {
    #[command(subcommand)]
    pub(crate) what: Consumers,
}

/// What can be done with consumers.
#[derive(Debug, Subcommand)]
pub(crate) enum Consumers {
    List(ListConsumersArgs),
    Drop(DropConsumerArgs),
}

/// Show the consumers and what each has left to do
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall consumers list --json | jq 'select(.parked > 0)'

With --json one line for each consumer.")]
pub(crate) struct ListConsumersArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// Unregister a consumer, so that it keeps no events any more
///
/// Where other consumers are left, what it has not delivered may be gone with it. So its pending and parked events are
/// written to a file first, which is the way back: `seawall import FILE` appends them anew.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall consumers drop old-server                 shows what it would give up
  seawall consumers drop --yes old-server

Ends with 0 when it is done, with 1 when --yes was not given, with 3 when there is no such consumer.")]
pub(crate) struct DropConsumerArgs {
    /// Name of the consumer
    pub(crate) consumer: String,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Where to write them first; nothing may be there [default: a new file in dropped/ of the journal]
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Carry it out; without this the plan is shown, and on a terminal you are asked
    #[arg(short = 'y', long = "yes", action = ArgAction::SetTrue, value_parser = flag(Consent::Ask, Consent::Given))]
    pub(crate) consent: Consent,
}
