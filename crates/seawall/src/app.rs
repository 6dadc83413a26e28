//! From the command line to the exit code.

use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::cli::{self, Cli, Command, Form};
use crate::commands::{
    alert, append, archive, change, check, checkpoint, close, config, consumers, doctor, dump, generate,
    guard, import, inspect,
};
use crate::commands::{parked, plan, quarantine, replay, run, streams, verify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::show::{self, Screen};

/// Does what `args` ask for.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let screen = Screen::of_the_process(cli.output);
    let form = cli.output.form;
    match carry_out(cli.command, form, &screen) {
        Ok(exit) => exit,
        Err(failure) => {
            complain(&failure, form, &screen);
            failure.exit()
        }
    }
}

/// What was typed.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = cli::command();
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn carry_out(command: Command, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match command {
        Command::Inspect(args) => inspect::run(&args.into(), form, screen),
        Command::Verify(args) => verify::run(&args.into(), form, screen),
        Command::Check(args) => check::run(&args.into(), form, screen),
        Command::Guard(args) => guard::run(&guard::Plan::new(args)?, form, screen),
        Command::Dump(args) => dump::run(&dump::Plan::new(args), screen),
        Command::Repair(args) => change::run(&args.into(), form, screen),
        Command::Drain(args) => change::run(&args.into(), form, screen),
        Command::Trim(args) => change::run(&args.into(), form, screen),
        Command::Reset(args) => change::run(&args.into(), form, screen),
        Command::Undo(args) => change::run(&args.into(), form, screen),
        Command::Quarantine(args) => quarantine::run(&args.what.into(), form, screen),
        Command::Append(args) => append::run(&args, form, screen),
        Command::Streams(args) => streams::run(&args, form, screen),
        Command::Close(args) => close::run(&args, form, screen),
        Command::Consumers(args) => consumers::run(&args.what, form, screen),
        Command::Parked(args) => parked::run(&args.what, form, screen),
        Command::Import(args) => import::run(&args, form, screen),
        Command::Replay(args) => replay::run(&args, form, screen),
        Command::Archive(args) => archive::run(&args.what, form, screen),
        Command::Plan(args) => plan::run(&args, form, screen),
        Command::Run(args) => run::run(&args),
        Command::Alert(args) => alert::run(&args.what, form, screen),
        Command::Config(args) => config::run(&args.what, form, screen),
        Command::Doctor(args) => doctor::run(&args.what, form, screen),
        Command::Generate(args) => generate::run(&args.what),
        Command::CheckpointSqlite(args) => checkpoint::run(&args),
    }
}

/// Help that was asked for is a success; help instead of a command, and every mistake, is not.
fn usage(error: &clap::Error) -> Exit {
    let printed = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            printed.map_or_else(|error| Failure::Output(error).exit(), |()| Exit::Fine)
        }
        _ => Exit::Usage,
    }
}

/// Says what went wrong: to people on standard error, to programs also where they read.
fn complain(failure: &Failure, form: Form, screen: &Screen) {
    if failure.is_broken_pipe() {
        return;
    }
    if form == Form::Json {
        // Where even this cannot be written, the exit code still tells.
        show::print_json(&json::failure(failure)).ok();
    }
    show::tell(&show::failure(failure, &screen.beside()));
}
