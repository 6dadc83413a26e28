//! `fuzz`: runs each fuzz target for a while. What it finds lies in `fuzz/artifacts`.

use std::fs;
use std::process::Command;

use crate::command::{Failure, Outcome};
use crate::workspace::{self, output, root};

const USUAL_SECONDS: u32 = 60;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Order<'words> {
    /// One target, or all.
    target: Option<&'words str>,
    seconds: u32,
}

/// `cargo xtask fuzz [TARGET] [--seconds N]`.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let order = Order::from_words(words).map_err(Failure::Usage)?;
    let mut targets = targets()?;
    if let Some(wanted) = order.target {
        if !targets.iter().any(|target| target == wanted) {
            let known = targets.join(", ");
            return Err(Failure::Usage(format!("fuzz: there is no target `{wanted}`; there are {known}")));
        }
        targets.retain(|target| target == wanted);
    }
    demand_tools()?;
    targets.iter().try_for_each(|target| {
        make_corpus(target)?;
        workspace::run(&mut fuzzing(target, order.seconds))
    })
}

/// The folder for what is found must be there before the run.
fn make_corpus(target: &str) -> Outcome {
    let folder = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder)
        .map_err(|cause| Failure::Work(format!("could not make {}: {cause}", folder.display())))
}

impl<'words> Order<'words> {
    fn from_words(words: &[&'words str]) -> Result<Self, String> {
        let mut order = Order { target: None, seconds: USUAL_SECONDS };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            if word == "--seconds" {
                let number = words.next().ok_or("fuzz: --seconds needs a number")?;
                order.seconds =
                    number.parse().map_err(|_| format!("fuzz: `{number}` is no number of seconds"))?;
            } else if order.target.is_none() && !word.starts_with('-') {
                order.target = Some(word);
            } else {
                return Err(format!("fuzz: `{word}` makes no sense here"));
            }
        }
        Ok(order)
    }
}

/// The targets are the sources in their folder, so that a new one needs no second list.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = root().join("fuzz/fuzz_targets");
    let broken = |cause| Failure::Work(format!("could not list {}: {cause}", folder.display()));
    let entries = fs::read_dir(&folder).map_err(broken)?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut names: Vec<String> =
        sources.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// The sanitizers that make a fuzzer see bad memory need a nightly compiler.
fn nightly_fuzz() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz"]).current_dir(root());
    command
}

fn demand_tools() -> Outcome {
    output(nightly_fuzz().arg("--version")).map(drop).map_err(|why| {
        Failure::Work(format!(
            "fuzzing needs a nightly compiler and cargo-fuzz: {why}\n\
             install them with: rustup toolchain install nightly --profile minimal && cargo install cargo-fuzz --locked"
        ))
    })
}

fn fuzzing(target: &str, seconds: u32) -> Command {
    let mut command = nightly_fuzz();
    // What is found that is new goes into the first folder; the second holds what to start from.
    let folders = [format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}")];
    // With `cfg(fuzzing)` libraries drop checks, such as bitcode that of bytes left over: not what is shipped.
    command
        .args(["run", "--no-cfg-fuzzing", target])
        .args(folders)
        .arg("--")
        .arg(format!("-max_total_time={seconds}"));
    // A decoder takes microseconds and little memory for inputs of this size: far more is a find.
    command.args(["-max_len=65536", "-timeout=10", "-rss_limit_mb=512", "-malloc_limit_mb=256"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_its_seconds_may_come_in_any_order() {
        let order = Order { target: Some("arwal"), seconds: 5 };
        assert_eq!(Order::from_words(&["arwal", "--seconds", "5"]).as_ref(), Ok(&order));
        assert_eq!(Order::from_words(&["--seconds", "5", "arwal"]).as_ref(), Ok(&order));
        assert_eq!(Order::from_words(&[]), Ok(Order { target: None, seconds: USUAL_SECONDS }));
    }

    #[test]
    fn words_that_make_no_sense_are_refused() {
        for words in [&["--seconds"][..], &["--seconds", "soon"], &["one", "two"], &["--fast"]] {
            assert!(Order::from_words(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn every_target_has_its_program_in_the_manifest_and_seeds_to_start_from() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        let targets = targets().unwrap_or_else(|_| panic!("the targets can't be listed"));
        assert!(!targets.is_empty());
        for target in targets {
            assert!(
                manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")),
                "{target} has no [[bin]]"
            );
            let seeds = root().join("fuzz/seeds").join(&target);
            assert!(seeds.read_dir().is_ok_and(|mut seeds| seeds.next().is_some()), "{target} has no seeds");
        }
    }
}
