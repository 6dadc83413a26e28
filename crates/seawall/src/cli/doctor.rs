//! What `doctor` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::spans::Span;

/// Look whether a machine keeps what it is told to keep
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall doctor disk /var/lib/seawall/journal")]
pub(crate) struct DoctorArgs {
    #[command(subcommand)]
    pub(crate) what: Doctor,
}

/// What can be looked at.
#[derive(Debug, Subcommand)]
pub(crate) enum Doctor {
    Disk(DiskArgs),
}

/// Measure what an append costs on a disk, and look for reasons not to trust its syncs
///
/// It writes to a file without a name, which is gone when the process ends, however it ends: 8 MiB at most. Whether a sync
/// reaches the medium cannot be proven by a program that goes on running. What speaks against it is told, and what nobody
/// can see from here.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall doctor disk /var/lib/seawall/journal
  seawall doctor disk --json . | jq '.latency[] | select(.method == \"fdatasync\")'

Ends with 0 when nothing speaks against the disk, with 1 when something wants attention, with 2 when what is synced may \
be lost.")]
pub(crate) struct DiskArgs {
    /// A directory on the disk
    pub(crate) dir: PathBuf,
    /// How long each of the five ways of appending is measured, up to 10s
    #[arg(long = "time", value_name = "SPAN", default_value = "1s")]
    pub(crate) time: Span,
}
