//! The binary as a whole: directories, commands, and what they print and end with.

#![expect(clippy::unwrap_used, clippy::format_push_string, reason = "a test says what went wrong by failing")]

mod big_wal;
mod generate;
mod golden;
mod guard;
mod journals;
mod mended;
mod output;
mod real;
mod world;
