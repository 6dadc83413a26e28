//! Which subcommand was asked for, and how each of them may fail.

use std::process::ExitCode;

use crate::{bench, check, fuzz, peers, test};

const HELP: &str = "\
usage: cargo xtask COMMAND

  check                      formatting, lints, documentation, and the tests that need no real servers
  test                       everything: peers, then check's lints, then every test against real servers
  peers                      fetch the real servers that tests run against into target/peers, without root
  bench mend                 time and memory of draining a log, beside the real servers' replay of it
  bench verify               speed and memory of `seawall verify`, beside the raw limit and the real servers' replay
  bench journal              appends to the journal beside a bare loop and the logs of others; starts, reading, archiving
  bench proxy                the proxy beside nginx, HAProxy and the service itself: reads, durable writes, memory
  bench ship                 delivery to a server on this machine, beside a bare loop that only sends
  bench forecast             error of the forecast of replay time and memory, against the real servers
  bench watch                processor and memory of the daemon while it watches a hundred logs, and a thousand
  bench peers-replay DIR     replay time and peak memory of each Prometheus on a copy of DIR
  fuzz [TARGET] [--seconds N]
                             run each fuzz target, or one, for N seconds (default 60)
  help                       this text
";

/// Why a subcommand did not end well.
pub(crate) enum Failure {
    /// The words given make no sense; nothing was done.
    Usage(String),
    /// Something was done and failed. The message says what, and what to do.
    Work(String),
    /// Something failed that has already been told on the terminal.
    Told,
}

impl Failure {
    /// Tells the failure and turns it into the exit code: 64 for wrong usage, 1 for the rest.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(why) => {
                eprint!("{why}\n\n{HELP}");
                ExitCode::from(64)
            }
            Self::Work(what) => {
                eprintln!("xtask: {what}");
                ExitCode::FAILURE
            }
            Self::Told => ExitCode::FAILURE,
        }
    }
}

/// What every subcommand answers with.
pub(crate) type Outcome = Result<(), Failure>;

/// Runs the subcommand that `words` name.
pub(crate) fn run(words: &[String]) -> Outcome {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => check::run(),
        ["test"] => test::run(),
        ["peers"] => {
            peers::run();
            Ok(())
        }
        ["bench", rest @ ..] => bench::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [] => Err(Failure::Usage("a command is missing".to_owned())),
        [first, ..] => Err(Failure::Usage(format!("`{first}` with these words is not a command"))),
    }
}
