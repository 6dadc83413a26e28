//! What the reading commands take: `inspect`, `verify`, `dump`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use formats::Format;

use super::flag;
use crate::commands::dump::matchers::Selector;
use crate::times::Moment;

/// Where a log lies.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Data directory, WAL directory or file of a log; its format is detected
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) kind: Kind,
}

/// What a log is, where that was said.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Kind {
    /// Read PATH as this format instead of detecting it
    #[arg(long, value_parser = format_parser())]
    pub(crate) format: Option<Format>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(Format::name);
    PossibleValuesParser::new(names).try_map(|name| Format::from_name(&name).ok_or("no such format"))
}

/// Show what a log is and holds
///
/// Reads all of it: format, files, records by type, series, samples, time range, sizes, the largest contributors, what
/// the server would do at its next start and about how long and how much memory that would take.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall inspect /var/lib/prometheus
  seawall inspect --top 25 /var/lib/prometheus/wal
  seawall inspect --json /data | jq .top

Ends with 0, with 2 when damage was found, with 3 when the log could not be read.")]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How many of the largest contributors to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

/// Check every byte of a log and list each damage
///
/// Framing, checksums, compression and the structure of every record are checked. Each damage is listed with its file,
/// its byte range, its cause and what is lost with it. A file that ends in the middle of a record, as after a crash, is
/// no damage: a note says so.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall verify /var/lib/prometheus
  seawall verify --live /var/lib/prometheus      a server writes it meanwhile
  seawall verify --json /data | jq '.damage[]'

Ends with 0 when the log is sound, with 2 when damage was found, with 3 when it could not be read.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A server is running: its newest file may end anywhere and old files may vanish. Found out by itself where the
    /// server is a process of this machine that may be looked at
    #[arg(long = "live", action = ArgAction::SetTrue, value_parser = flag(Server::Ask, Server::Running))]
    pub(crate) server: Server,
}

/// Whether a server is said to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Look whether one does.
    Ask,
    /// One does.
    Running,
}

/// Print the records of a log as JSON lines, damage in place
///
/// One line for each record, in the order of the log: file, byte range, type and fields. Damage stands where it lies as
/// {"file","start","end","damage":{"cause","lost"}}, remarks as {"note"}. Memory use does not grow with the log.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall dump /var/lib/prometheus | head
  seawall dump --type series /var/lib/prometheus
  seawall dump --match '{job=\"node\",mode!~\"idle|iowait\"}' --since 2h /var/lib/prometheus
  seawall dump --stream job-42 /var/lib/worker/wal

Series are named once, at their first record, and later records only refer to them. --match remembers which series \
matched and keeps what refers to them; everything that belongs to no series is left out. --since and --until drop what \
has a time outside the range; what has no time, such as a series, stays.

Ends with 0, with 2 when damage was met, with 3 when the log could not be read.")]
pub(crate) struct DumpArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only records of these types, such as samples
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    // Not a documentation comment: those want backticks around the name of the language, and help texts have none.
    #[arg(
        long = "match",
        value_name = "LABELS",
        help = "Only what belongs to series with these labels, written as in PromQL: {job=\"x\",name=~\"a|b\"}; \
                repeat it for more"
    )]
    pub(crate) selectors: Vec<Selector>,
    /// Only what is not older: 2026-01-31T12:00:00Z, 2026-01-31, seconds since 1970, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Only what is not newer
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
    /// Only this stream: of a journal its name, of other logs a file's name, with or without its directory and ending
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
}
