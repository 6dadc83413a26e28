//! Keeps write-ahead logs from taking systems down.

mod app;
mod changes;
mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod daemon;
mod exit;
mod failure;
mod journal_log;
mod journals;
mod json;
mod limits;
mod rates;
mod report;
mod room;
mod servers;
mod show;
mod sizes;
mod spans;
mod times;

fn main() -> std::process::ExitCode {
    app::run(std::env::args_os()).into()
}
