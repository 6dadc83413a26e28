//! What `plan` takes.

use clap::Args;

use crate::rates::Rate;
use crate::sizes::Size;
use crate::spans::Span;

/// Say what an outage takes: disk, memory, the budget to set, and how long catching up takes
///
/// It reckons what the journal of a proxy needs for the writes that come while servers are gone, by the rules by which it
/// is written. It opens nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall plan --write-size 5KiB --rate 10/m --outage 1h
  seawall plan --write-size 100KiB --rate 200/m --outage 15m --replay-rate 50/s
  seawall plan --write-size 2MiB --rate 30/m --outage 2d --servers 3 --json")]
pub(crate) struct PlanArgs {
    /// Bytes of a write's body
    #[arg(long, value_name = "SIZE")]
    pub(crate) write_size: Size,
    /// How many writes come
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Rate,
    /// How long servers are gone
    #[arg(long, value_name = "SPAN")]
    pub(crate) outage: Span,
    /// Bytes of a write's head in the journal; the Python client of Chroma sends so many
    #[arg(long, value_name = "SIZE", default_value = "600B")]
    pub(crate) head_size: Size,
    /// Servers, the primary among them
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) servers: u16,
    /// How many writes a server takes that is back; without it, how long catching up takes is not told
    #[arg(long, value_name = "N/TIME")]
    pub(crate) replay_rate: Option<Rate>,
    /// Bytes of a segment, as the configuration says them for journals
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) segment_size: Size,
}
