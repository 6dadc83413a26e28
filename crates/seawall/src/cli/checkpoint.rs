//! What the process takes that makes a checkpoint of a SQLite database for the daemon.

use std::path::PathBuf;

use clap::Args;
use watch::SqliteMode;

/// Have SQLite copy the log of a database into it, as the daemon does
#[derive(Debug, Args)]
pub(crate) struct SqliteArgs {
    /// How: passive, restart or truncate
    pub(crate) mode: SqliteMode,
    /// The database
    pub(crate) path: PathBuf,
}
