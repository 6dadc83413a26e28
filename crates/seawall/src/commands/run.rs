//! `seawall run`: the daemon, from what was typed to its end.

use crate::cli::{LogFormat, RunArgs};
use crate::commands::config::{self, Search};
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs until it is told to end.
pub(crate) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let mut sources = config::sources(&args.config, Search::Here);
    let format = args.log_format.map(|format| match format {
        LogFormat::Auto => "auto",
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    });
    sources.typed.extend(format.map(|format| ("log", "format", format.to_owned())));
    daemon::run(&sources)?;
    Ok(Exit::Fine)
}
