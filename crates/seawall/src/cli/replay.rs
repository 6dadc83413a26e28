//! What `replay` takes.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, ValueEnum};

use super::archive::ArchivePlace;
use super::flag;
use crate::spans::Span;
use crate::times::Moment;

/// Send events again: of a stream, a job log, an archive, or of all there is
///
/// Look first, with --dry-run. Events are sent in order, stream after stream, each until the server has it or refuses it. How
/// far it got is kept in the directory of the journal, so that --resume goes on there after whatever has ended it; what was
/// on its way then is sent again, with the same keys. A daemon that has the journal open hands over what it has.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["source", "all"]))]
#[command(group = ArgGroup::new("where").required(true).args(["server", "ship", "dry_run"]))]
#[command(after_long_help = "\
Examples:
  seawall replay --dry-run --all --since 2h
  seawall replay --server http://localhost:8080/events archive/job-7.wal.zst
  seawall replay -c /etc/seawall.toml --ship collector --rate 100/s --resume --all

Ends with 0 when the server has all of it, with 1 when it refused events, with 2 when damage was found and the rest was \
sent, with 3 when it was not finished.")]
pub(crate) struct ReplayArgs {
    /// A job log, an archive, a directory of them, an export, or else the name of a stream
    #[arg(value_name = "PATH|STREAM")]
    pub(crate) source: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: ArchivePlace,
    /// Every archive, and every stream of the journal that is in none
    #[arg(long = "all", action = ArgAction::SetTrue, value_parser = flag(Reach::One, Reach::All))]
    pub(crate) all: Reach,
    /// Only what is not older: 2026-01-31T12:00:00Z, 2026-01-31, seconds since 1970, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Only events with this text in them
    #[arg(long = "match", value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Send nothing, show what would be sent
    #[arg(long = "dry-run", id = "dry_run", action = ArgAction::SetTrue, value_parser = flag(Sending::Wanted, Sending::Rehearsed))]
    pub(crate) sending: Sending,
    /// Where to send them to: http://host:port/path, in which {stream} stands for the stream
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Send them as the [[ship]] of this name in the configuration does
    #[arg(long, value_name = "NAME")]
    pub(crate) ship: Option<String>,
    /// How events are written into a request to --server
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Written::Json, conflicts_with = "ship")]
    pub(crate) format: Written,
    /// File with the bearer token of --server
    #[arg(long, value_name = "FILE", conflicts_with = "ship")]
    pub(crate) token_file: Option<PathBuf>,
    /// Events a second at most, such as 100/s [default: as fast as the server takes them]
    #[arg(long, value_name = "N/s", value_parser = rate)]
    pub(crate) rate: Option<NonZeroU32>,
    /// How long the server, or the daemon, may be gone or fail before the replay ends
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    pub(crate) retry_for: Span,
    /// Go on where the same replay was interrupted
    #[arg(long = "resume", action = ArgAction::SetTrue, value_parser = flag(Beginning::New, Beginning::Resumed))]
    pub(crate) beginning: Beginning,
}

fn rate(text: &str) -> Result<NonZeroU32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number.trim().parse().map_err(|_| "a rate is a number of events a second, such as 100/s".to_owned())
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    /// One JSON object for each request
    Json,
    /// One JSON object for each event, in a line of its own
    Ndjson,
    /// What is in the event and nothing else, one for each request
    Raw,
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

/// Where a replay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// With the first event.
    New,
    /// Behind the last one that the same replay has dealt with.
    Resumed,
}
