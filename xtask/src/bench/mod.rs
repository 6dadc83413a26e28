//! `bench`: figures that anyone can measure again.

mod forecast;
mod journal;
mod logs;
mod mend;
mod peers_replay;
mod proxy;
mod ship;
mod verify;
mod watch;

use std::path::Path;

use crate::command::{Failure, Outcome};

/// `cargo xtask bench NAME`.
pub(crate) fn run(words: &[&str]) -> Outcome {
    match words {
        ["peers-replay", data] => peers_replay::run(Path::new(data)),
        ["peers-replay", ..] => Err(Failure::Usage("bench peers-replay: give one directory".to_owned())),
        ["verify"] => verify::run(),
        ["forecast"] => forecast::run(),
        ["mend"] => mend::run(),
        ["journal"] => journal::run(),
        ["proxy"] => proxy::run(),
        ["ship"] => ship::run(),
        ["watch"] => watch::run(),
        [] => Err(Failure::Usage("bench: give a benchmark's name".to_owned())),
        [name, ..] => Err(Failure::Usage(format!("bench: there is no benchmark `{name}`"))),
    }
}
