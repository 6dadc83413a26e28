//! The binary as a whole: directories, commands, and what they print and end with.

#![expect(clippy::unwrap_used, clippy::format_push_string, reason = "a test says what went wrong by failing")]

mod append;
mod big_wal;
mod doctor;
mod generate;
mod golden;
mod guard;
mod imports;
mod journal_damage;
mod journals;
mod mended;
mod output;
mod parked;
mod real;
#[path = "../docs/sample.rs"]
mod sample;
mod world;
