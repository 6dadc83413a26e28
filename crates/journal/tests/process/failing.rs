//! The n-th system call fails, or the process is killed there, for every n: of opening, appending, settling, closing,
//! archiving, and of a start on what is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use testkit::{Fault, Faults, quick_directory};

use crate::child::Work;
use crate::command;
use crate::ledger::Ledger;

/// What changes something; all of it once more where a kill cannot hide that an error was passed over.
const CHANGES: [&str; 10] = [
    "openat",
    "mkdir",
    "pwrite64",
    "pwritev",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "ftruncate",
    "flock",
];
const READS: [&str; 3] = ["pread64", "getdents64", "statx"];

/// A journal that was left by a kill in its second life, and all that was said of it.
struct Begun {
    directory: TempDir,
    said: Vec<String>,
}

impl Begun {
    fn make() -> Self {
        let directory = quick_directory().unwrap();
        let said = (0..2).flat_map(|life| {
            let output = command(directory.path(), Work::Short, life).output().unwrap();
            lines(&String::from_utf8_lossy(&output.stderr))
        });
        let said = said.collect();
        Self { directory, said }
    }

    /// A copy of it, in which the next life begins.
    fn again(&self) -> (TempDir, Ledger) {
        let copy = quick_directory().unwrap();
        copy_all(self.directory.path(), copy.path());
        let mut ledger = Ledger::default();
        self.said.iter().for_each(|line| ledger.enter(line));
        (copy, ledger)
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_all(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn lines(said: &str) -> Vec<String> {
    said.lines().map(str::to_owned).collect()
}

fn fail_everywhere(
    faults: &Faults,
    calls: (Fault, &[&str]),
    prepare: impl Fn() -> (TempDir, Ledger),
    life: u64,
) -> u32 {
    let start = || {
        let (directory, ledger) = prepare();
        let command = command(directory.path(), Work::Short, life);
        ((directory, ledger), command)
    };
    faults.everywhere(calls, start, |(directory, mut ledger), struck| {
        lines(&struck.stderr).iter().for_each(|line| ledger.enter(line));
        let checked = ledger.check(directory.path());
        checked.unwrap_or_else(|error| panic!("{:?} at {}: {error}", calls.0, struck.point));
    })
}

fn anew() -> (TempDir, Ledger) {
    (quick_directory().unwrap(), Ledger::default())
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn what_a_process_called_safe_is_there_at_whichever_system_call_it_was_killed() {
    let Some(faults) = Faults::need() else { return };
    let begun = Begun::make();
    let first = fail_everywhere(&faults, (Fault::Kill, &CHANGES), anew, 0);
    let later = fail_everywhere(&faults, (Fault::Kill, &CHANGES), || begun.again(), 2);
    eprintln!("killed at {first} calls of a first life, {later} of a later one");
    assert!(first > 60 && later > 60, "{first}, {later}");
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn what_a_process_called_safe_is_there_whichever_system_call_failed() {
    let Some(faults) = Faults::need() else { return };
    let begun = Begun::make();
    let mut hits = Vec::new();
    for (error, calls) in [("EIO", &CHANGES[..]), ("EIO", &READS), ("ENOSPC", &CHANGES[..8])] {
        let fault = Fault::Error(error);
        hits.push(fail_everywhere(&faults, (fault, calls), anew, 0));
        hits.push(fail_everywhere(&faults, (fault, calls), || begun.again(), 2));
    }
    eprintln!("calls that failed, by error and by first and later life: {hits:?}");
    assert!(hits.iter().all(|&count| count > 5), "{hits:?}");
}

#[test]
fn what_a_process_called_safe_is_there_when_writes_are_short() {
    let begun = Begun::make();
    let mut felt = 0;
    // In blocks of 512 bytes: a write across the limit is short, and the next one fails.
    for limit in (8..130).step_by(2) {
        let (directory, mut ledger) = begun.again();
        let inner = command(directory.path(), Work::Short, 2);
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, "sh"]).arg(inner.get_program()).args(inner.get_args());
        limited.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = limited.output().unwrap();
        let said = lines(&String::from_utf8_lossy(&output.stderr));
        felt += u32::from(!said.iter().any(|line| line == "done"));
        said.iter().for_each(|line| ledger.enter(line));
        ledger.check(directory.path()).unwrap_or_else(|error| panic!("limit {limit}: {error}"));
    }
    assert!(felt > 20, "{felt}");
}
