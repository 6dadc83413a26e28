//! What `generate` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Write what other programs need to know about Seawall
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall generate completions bash > /etc/bash_completion.d/seawall
  seawall generate man --dir /usr/local/share/man/man1
  seawall generate alerts > /etc/prometheus/rules/seawall.yaml
  seawall generate systemd > /etc/systemd/system/seawall.service")]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    pub(crate) what: Generated,
}

/// What can be generated.
#[derive(Debug, Subcommand)]
pub(crate) enum Generated {
    /// Completions of commands and flags for a shell
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Alert rules for Prometheus, on the figures of the daemon
    Alerts,
    /// A dashboard for Grafana
    Grafana,
    /// A unit of systemd that runs the daemon
    Systemd,
    /// Manual pages
    Man {
        /// Write one page per command into this directory instead of printing seawall.1
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// A shell that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// Fish
    Fish,
}
