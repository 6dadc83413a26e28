//! What `alert` takes.

use clap::{Args, Subcommand};

use super::daemon::ConfigFile;

/// See who is told of trouble, and whether that works
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall alert list
  seawall alert test
  seawall alert test night-watch -c /etc/seawall.toml")]
pub(crate) struct AlertArgs {
    #[command(subcommand)]
    pub(crate) what: Alerting,
}

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum Alerting {
    List(ListAlertsArgs),
    Test(TestAlertArgs),
}

/// List who is told, where, and of what
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall alert list --json | jq -r .name

With --json one line for each alert. Nothing that is secret is shown.")]
pub(crate) struct ListAlertsArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

/// Send a test through each alert, and say what was answered
///
/// An incident that a test opens is closed at once; an Alertmanager forgets it after a minute.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall alert test
  SLACK_WEBHOOK_URL=https://hooks.slack.com/services/... seawall alert test slack

With --json one line for each alert. The exit code is 3 if one of them was not taken.")]
pub(crate) struct TestAlertArgs {
    /// The alert's name; without it all of them
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}
