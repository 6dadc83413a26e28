//! A program is hit once at each of its calls, and what is injected is what happens.

#![expect(clippy::unwrap_used, reason = "a test that fails says enough")]

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use testkit::{Fault, Faults};

/// Renames `a` to `b`, and then to `c`.
fn two_renames() -> (TempDir, Command) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a"), "content").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "mv -T a b && mv -T b c"]).current_dir(dir.path());
    (dir, command)
}

const RENAMES: [&str; 3] = ["rename", "renameat", "renameat2"];

#[test]
fn a_kill_comes_before_the_call_does_anything() {
    let Some(faults) = Faults::need() else { return };
    let mut found = Vec::new();
    faults.everywhere((Fault::Kill, &RENAMES), two_renames, |dir, struck| {
        assert!(!struck.status.success());
        let name = ["a", "b", "c"].into_iter().find(|name| dir.path().join(name).exists());
        found.push(name.unwrap());
    });
    // Each process counts its own calls, so both are hit by the first number and neither by the second.
    assert_eq!(found, ["a"]);
}

#[test]
fn an_error_is_what_the_program_is_told() {
    let Some(faults) = Faults::need() else { return };
    let hits = faults.everywhere((Fault::Error("EIO"), &RENAMES), two_renames, |dir, struck| {
        assert!(!struck.status.success());
        assert!(struck.stderr.contains("Input/output error"), "{}", struck.stderr);
        assert!(dir.path().join("a").exists());
    });
    assert_eq!(hits, 1);
}
