//! What the daemon and its configuration take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Run the daemon: the journal with its HTTP interface, archives, metrics, ships, proxies, and logs under watch
///
/// Without a file everything has its default: it listens on 127.0.0.1:7400 and keeps its journal in the state directory
/// of the user, and watches the logs that it finds in well-known places. With `PRIMARY_URL` in the environment, and `REPLICA_URL`, it is also a proxy in front of these, which takes
/// writes on while they are gone. SIGTERM and SIGINT end it once what has begun is done; SIGHUP makes it read its configuration again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall run
  seawall run -c /etc/seawall.toml
  PRIMARY_URL=http://primary:8000 REPLICA_URL=http://replica:8000 seawall run
  SEAWALL_SHIP_URL=https://collector.example.com/v1/events seawall run
  SEAWALL_SERVER_LISTEN=127.0.0.1:9000 seawall run --log-format json")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The form of the log, as the key log.format says it
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) log_format: Option<LogFormat>,
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration; by default the file that `SEAWALL_CONFIG` names, else seawall.toml here, if there is one
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// For people
    Text,
    /// An object for each line
    Json,
}

/// Check, show and describe the daemon's configuration
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall config check -c /etc/seawall.toml
  seawall config show
  seawall config schema > seawall.schema.json")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) what: Configured,
}

/// What can be asked about a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Configured {
    /// Say everything that is wrong with a configuration, and open nothing
    Check(ConfigFile),
    /// Show every value that counts and where it comes from, without secrets
    Show(ConfigFile),
    /// Print the JSON Schema of the file
    Schema,
}
