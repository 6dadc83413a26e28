//! What `generate` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Write what other programs need to know about Seawall
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  seawall generate completions bash > /etc/bash_completion.d/seawall
  seawall generate man --dir /usr/local/share/man/man1")]
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
