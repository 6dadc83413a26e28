//! What can be typed: the one definition that parsing, help, completions and manual pages come from.
//!
//! The structs here hold what was typed; each command turns its own into a plan, which is what it means.

mod alert;
mod archive;
mod change;
mod checkpoint;
mod daemon;
mod doctor;
mod gate;
mod import;
mod journal;
mod mend;
mod other;
mod parked;
mod plan;
mod read;
mod replay;

use clap::builder::{BoolishValueParser, TypedValueParser};
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use crate::exit::Exit;

pub(crate) use alert::{AlertArgs, Alerting, ListAlertsArgs, TestAlertArgs};
pub(crate) use archive::{
    ArchiveArgs, ArchiveCommand, ArchivePlace, CleanupArgs, ExtractArgs, Extracted, ListArchivesArgs,
    RunArchiveArgs,
};
pub(crate) use change::{
    ChangeArgs, Consent, ListArgs, Newer, PruneArgs, QuarantineArgs, Quarantined, UndoArgs,
};
pub(crate) use checkpoint::SqliteArgs;
pub(crate) use daemon::{ConfigArgs, ConfigFile, Configured, LogFormat, RunArgs};
pub(crate) use doctor::{DiskArgs, Doctor, DoctorArgs};
pub(crate) use gate::{CheckArgs, FirstStart, Fix, GateArgs, GuardArgs, OnProblem, Rehearsal};
pub(crate) use import::{Behind, Deed, ImportArgs};
pub(crate) use journal::{
    AppendArgs, CloseArgs, Consumers, ConsumersArgs, Cut, DropConsumerArgs, JournalArgs, ListConsumersArgs,
    StreamsArgs,
};
pub(crate) use mend::{DrainArgs, RepairArgs, ResetArgs, TrimArgs};
pub(crate) use other::{GenerateArgs, Generated, Shell};
pub(crate) use parked::{
    Choice, DropParkedArgs, ExportParkedArgs, ListParkedArgs, ParkedArgs, ParkedCommand, RequeueArgs,
    ShowParkedArgs,
};
pub(crate) use plan::PlanArgs;
pub(crate) use read::{DumpArgs, InspectArgs, Server, VerifyArgs};
pub(crate) use replay::{Beginning, Reach, ReplayArgs, Sending, Written};

/// Keeps write-ahead logs from taking systems down.
///
/// Seawall reads and mends the write-ahead logs of databases: it shows what they hold, checks every byte, gates the
/// start of a server whose log has grown too large or is damaged, and repairs, drains and trims logs so that what is
/// good in them stays. It changes nothing without being told to, and everything it changes can be put back.
#[derive(Debug, Parser)]
#[command(name = "seawall", version, arg_required_else_help = true, max_term_width = 100)]
#[command(disable_help_subcommand = true, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(InspectArgs),
    Verify(VerifyArgs),
    Check(CheckArgs),
    Guard(GuardArgs),
    Dump(DumpArgs),
    Repair(RepairArgs),
    Drain(DrainArgs),
    Trim(TrimArgs),
    Reset(ResetArgs),
    Undo(UndoArgs),
    Quarantine(QuarantineArgs),
    Append(AppendArgs),
    Streams(StreamsArgs),
    Close(CloseArgs),
    Consumers(ConsumersArgs),
    Parked(ParkedArgs),
    Import(ImportArgs),
    Replay(ReplayArgs),
    Archive(ArchiveArgs),
    Plan(PlanArgs),
    Run(RunArgs),
    Alert(AlertArgs),
    Config(ConfigArgs),
    Doctor(DoctorArgs),
    Generate(GenerateArgs),
    // The daemon starts itself with it; whoever wants a checkpoint asks the daemon, or SQLite's own shell.
    #[command(hide = true)]
    CheckpointSqlite(SqliteArgs),
}

/// What every command takes.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print one JSON document instead of text
    #[arg(long = "json", global = true, action = ArgAction::SetTrue, value_parser = flag(Form::Text, Form::Json))]
    pub(crate) form: Form,
    /// Print less: no progress, no hints, only what matters
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) quiet: u8,
    /// Print more: every file, every note, every finding
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The form of what goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Makes a flag without a value into one of two meanings, so that no boolean travels through the program.
fn flag<T: Copy + Send + Sync + 'static>(without: T, with: T) -> impl TypedValueParser<Value = T> {
    BoolishValueParser::new().map(move |set| if set { with } else { without })
}

/// The whole command line with what only the program knows: the list of exit codes.
pub(crate) fn command() -> clap::Command {
    let line = |exit: Exit| format!("\n  {:>2}  {}", exit.code(), exit.meaning());
    Cli::command().after_help(format!("Exit codes:{}", Exit::ALL.map(line).concat()))
}

#[cfg(test)]
mod deploy_test;
#[cfg(test)]
mod docs_test;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        let help = command().render_long_help().to_string();
        for exit in Exit::ALL {
            assert!(help.contains(&format!("{:>2}  {}", exit.code(), exit.meaning())), "{exit:?}");
        }
    }
}
