//! The one entry for people and CI: check, test, peers, bench, fuzz.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for developers speaks on the terminal"
)]

mod bench;
mod check;
mod command;
mod fuzz;
mod peers;
mod sizes;
mod test;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match command::run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
