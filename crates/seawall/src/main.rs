//! Keeps write-ahead logs from taking systems down.

mod app;
mod archives;
mod changes;
mod cli;
mod clock;
mod commands;
mod exit;
mod exports;
mod failure;
mod filter;
mod imports;
mod journal_log;
mod journals;
mod json;
mod limits;
mod lines;
mod matchers;
mod payloads;
mod report;
mod room;
mod servers;
mod show;
mod sizes;
mod spans;
mod times;

#[cfg(test)]
mod deploy_test;
#[cfg(test)]
mod fake;

fn main() -> std::process::ExitCode {
    app::run(std::env::args_os()).into()
}
