//! `check`: what must hold before a commit, in seconds when warm.

use crate::command::{Failure, Outcome};
use crate::sizes;
use crate::workspace::{self, cargo};

/// `cargo xtask check`: the lints, then the tests that need no real servers.
pub(crate) fn run() -> Outcome {
    all([lints(), workspace::run(&mut cargo(["test", "--workspace", "--no-fail-fast", "--quiet"]))])
}

/// Formatting, lints and documentation. All of them run, so that one pass shows everything there is to mend.
pub(crate) fn lints() -> Outcome {
    sizes::mention_long_files();
    // With the private parts, since module heads link to them.
    let mut documentation = cargo(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    all([
        workspace::run(&mut cargo(["fmt", "--all", "--check"])),
        workspace::run(&mut cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])),
        workspace::run(&mut documentation),
    ])
}

/// Tells every failure at the end, where it is seen, and fails if there was one.
fn all<const N: usize>(outcomes: [Outcome; N]) -> Outcome {
    let failures: Vec<Failure> = outcomes.into_iter().filter_map(Result::err).collect();
    for failure in &failures {
        failure.report();
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::Told) }
}
