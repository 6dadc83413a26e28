//! The documents say what is so: their commands run and print what stands there, their links lead somewhere, their
//! lists are those of the program, and the picture shows what it prints.
//!
//! * A block marked `console` is run, line by line, in one directory: the repository if it calls `cargo run`, else one
//!   that holds `data`, a sound log, `damaged`, the same log with one flipped byte, `events`, a small journal, `worker`,
//!   a worker's job logs, and `app.log`. What is printed has to stand
//!   below each command; a line `...` stands for any lines.
//! * A block marked `sh` needs a server or a machine that is not here. Its command lines are parsed, by a test of the
//!   binary itself (`src/docs_test.rs`), and not run.
//! * A block marked `toml` is a configuration of the daemon, which a test of the binary reads.
//! * A block marked `python` is what a receiver of webhooks does, which a test of the daemon lets it do.
//! * A block marked `ini` or `yaml` is an excerpt of a file under `deploy/`.
//!
//! `SEAWALL_BLESS=1 cargo test -p seawall --test docs` writes what is printed now into the documents and the picture;
//! read the difference before committing it.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod blocks;
mod console;
mod dependencies;
mod links;
mod picture;
mod sample;
mod shapes;
mod workshop;
