//! `test`: everything, against real servers. The last line is the plain count.
//!
//! Plain `cargo test` and not a second test runner: a bare machine has it, and the whole suite takes less time than
//! building another runner would.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::check;
use crate::command::{Failure, Outcome};
use crate::peers;
use crate::workspace::{cargo, shown, target};

/// `cargo xtask test`.
pub(crate) fn run() -> Outcome {
    peers::run();
    let lints = check::lints();
    let record = target().join("skipped-tests.txt");
    forget_skips(&record)?;
    let run = suite()?;
    let skips = fs::read_to_string(&record).unwrap_or_default();
    let count = run.count.with_skips(&skips);
    skips.lines().for_each(|line| println!("{line}"));
    if let Err(failure) = &lints {
        failure.report();
        println!("the lints failed, see above");
    }
    println!("{count}");
    let sound = lints.is_ok() && run.ended == Ended::Well && count.failed == 0 && count.passed > 0;
    if sound { Ok(()) } else { Err(Failure::Told) }
}

/// Whether `cargo test` itself was content.
#[derive(PartialEq, Eq)]
enum Ended {
    /// Every test binary was built, ran to its end and reported success.
    Well,
    /// Something did not build, broke off or failed.
    Badly,
}

/// What the whole suite came to.
struct Suite {
    count: Count,
    ended: Ended,
}

/// Tests that need real servers note what they lacked here; a former run's notes would be counted as this one's.
fn forget_skips(record: &std::path::Path) -> Outcome {
    match fs::remove_file(record) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::Work(format!("could not remove {}: {cause}", record.display())))
        }
        _ => Ok(()),
    }
}

/// Runs every test, also those that are ignored in daily work because they start real servers.
fn suite() -> Result<Suite, Failure> {
    let at_once = format!("--test-threads={}", tests_at_once());
    let mut tests = cargo(["test", "--workspace", "--no-fail-fast", "--", "--include-ignored", &at_once]);
    println!("== {}", shown(&tests));
    let broken = |cause| Failure::Work(format!("could not run cargo test: {cause}"));
    let mut child = tests.stdout(Stdio::piped()).spawn().map_err(broken)?;
    let mut count = Count::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(broken)?).into_owned();
            println!("{line}");
            count.add(&line);
        }
    }
    let status = child.wait().map_err(broken)?;
    if !status.success() && count.failed == 0 {
        println!(
            "cargo test ended with {status} though no test failed: it did not build, or a test broke off"
        );
        count.failed = 1;
    }
    Ok(Suite { count, ended: if status.success() { Ended::Well } else { Ended::Badly } })
}

/// Tests that run at once: two for each core, since those that take long wait for servers most of their time.
fn tests_at_once() -> usize {
    2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Tests by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Count {
    /// Adds what one test binary says at its end; any other line adds nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Moves the tests that noted a missing server from passed to skipped: they proved nothing.
    fn with_skips(self, record: &str) -> Self {
        let mut tests: Vec<&str> = record.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        tests.sort_unstable();
        tests.dedup();
        let skips = (tests.len() as u64).min(self.passed);
        Self { passed: self.passed - skips, failed: self.failed, skipped: self.skipped + skips }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn the_count_adds_up_every_test_binary_and_nothing_else() {
        let mut count = Count::default();
        for line in [
            "running 7 tests",
            "test a ... ok",
            "test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.31s",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 9 filtered out; finished in 12.00s",
            "a test said: 4 passed; 4 failed",
        ] {
            count.add(line);
        }
        assert_eq!(count, Count { passed: 8, failed: 1, skipped: 2 });
        assert_eq!(count.to_string(), "8 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn a_test_that_lacked_servers_counts_once_as_skipped_and_not_as_passed() {
        let record = "SKIPPED server::restart: prometheus-2.42 is not here; run cargo xtask peers\n\
                      SKIPPED server::restart: prometheus-3 is not here; run cargo xtask peers\n\
                      SKIPPED server::query: prometheus-3 is not here; run cargo xtask peers\n";
        let count = Count { passed: 10, failed: 0, skipped: 1 }.with_skips(record);
        assert_eq!(count, Count { passed: 8, failed: 0, skipped: 3 });
    }
}
