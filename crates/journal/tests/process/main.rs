//! The journal in a process of its own on the real disk: killed at any moment, and with system calls that fail.
//!
//! A child appends and says of each event what became of it. Whatever happens to the child, what it has called safe is
//! there at the next start.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use journal::{Commit, CommitError, Journal, Millis, Options, Start};

/// Where the child finds its journal.
const PLACE: &str = "SEAWALL_JOURNAL_CHILD";
/// Whether the child's journal has threads of its own: nothing, or `1`.
const THREADS: &str = "SEAWALL_JOURNAL_THREADS";
const EVENTS: usize = 120;

fn options() -> Options {
    let mut options = Options::new(|| Millis::new(0));
    // Without threads, the n-th system call is the same one in every run.
    let has_threads = std::env::var_os(THREADS).is_some();
    options.commit = if has_threads { Commit::Thread } else { Commit::Caller };
    options.segment_size = 64 << 10;
    options.max_event = 16 << 10;
    options
}

#[test]
#[ignore = "a part of the other tests, which start it"]
fn child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let journal = match Journal::open(Path::new(&place), options()) {
        Ok(journal) => journal,
        Err(error) => return println!("\nrefused {error}"),
    };
    let stream = journal.stream("s").unwrap();
    for number in 0..EVENTS {
        let payload = format!("{number:05}{}", "x".repeat(number * 37 % 3000));
        match journal.append(&stream, &payload).wait() {
            Ok(_) => println!("\nsafe {number}"),
            Err(CommitError::Unknown(_)) => println!("\nunknown {number}"),
            Err(error) => println!("\nrefused {number} {error}"),
        }
    }
}

fn command(place: &Path, tracer: &[String]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match tracer {
        [] => Command::new(program),
        [tracer, arguments @ ..] => {
            let mut command = Command::new(tracer);
            command.args(arguments).arg(program);
            command
        }
    };
    command.args(["--exact", "child", "--ignored", "--nocapture"]).env(PLACE, place);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What a child has said.
struct Said {
    safe: BTreeSet<u64>,
    /// What was refused, or is unknown.
    other: u64,
}

/// What the child says until it has said `lines` lines, or ended.
fn listen(child: &mut Child, lines: usize) -> Said {
    let output = BufReader::new(child.stdout.take().unwrap());
    let said = output.lines().map_while(Result::ok);
    let words = ["safe ", "unknown ", "refused "];
    let said = said.filter(|line| words.iter().any(|word| line.starts_with(word))).take(lines);
    let mut all = Said { safe: BTreeSet::new(), other: 0 };
    for line in said {
        match line.strip_prefix("safe ") {
            Some(number) => drop(all.safe.insert(number.parse().unwrap())),
            None => all.other += 1,
        }
    }
    all
}

fn there(place: &Path) -> BTreeSet<u64> {
    let journal = Journal::open(place, options()).unwrap();
    assert!(journal.recovery().damage.is_empty(), "{:?}", journal.recovery());
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let events = consumer.pending(&journal.stream("s").unwrap());
    let number =
        |payload: Vec<u8>| String::from_utf8(payload).unwrap().get(..5).unwrap().parse::<u64>().unwrap();
    let numbers: Vec<u64> = events.map(|event| number(event.unwrap().payload)).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    numbers.into_iter().collect()
}

#[test]
fn what_a_process_called_safe_is_there_when_it_was_killed() {
    for (lines, threads) in [1, 2, 17, 40, 64, 99].into_iter().flat_map(|lines| [(lines, 0), (lines, 1)]) {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("journal");
        let mut command = command(&place, &[]);
        command.envs((threads > 0).then_some((THREADS, "1")));
        let mut child = command.spawn().unwrap();
        let said = listen(&mut child, lines);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(said.safe.is_subset(&there(&place)), "killed after {lines} lines, {threads} threads");
    }
}

fn has_strace() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    traced.is_ok_and(|status| status.success())
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn what_a_process_called_safe_is_there_whichever_system_call_failed() {
    if !has_strace() {
        eprintln!("skipped: there is no strace, or it may not trace");
        return;
    }
    let mut felt = BTreeMap::new();
    for call in ["fdatasync", "fsync", "pwrite64", "rename", "openat", "pread64", "flock"] {
        for error in ["EIO", "ENOSPC"] {
            for number in (1..12).chain([20, 40, 60, 80, 100, 150]) {
                *felt.entry(call).or_insert(0) += one_call_fails(call, error, number);
            }
        }
    }
    eprintln!("appends that were refused or unknown, by the call that failed: {felt:?}");
    assert!(felt["fdatasync"] > 20 && felt["pwrite64"] > 20, "the calls do not fail: {felt:?}");
}

/// Lets one call fail; says how many appends were not safe, or that the start was refused.
fn one_call_fails(call: &str, error: &str, number: u32) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("journal");
    // What the loader and the test's own frame open and read is none of ours, so the trace is bound to the directory.
    let inject = format!("inject={call}:error={error}:when={number}");
    let path = place.display().to_string();
    let bound = ["-P".to_owned(), path.clone()];
    let names = ["journal.id", "journal.id.tmp", "spare", "spare.tmp"].map(str::to_owned);
    let segments = (1..16).map(|segment| format!("{segment:016x}.seg"));
    let files =
        names.into_iter().chain(segments).flat_map(|name| ["-P".to_owned(), format!("{path}/{name}")]);
    let head = ["strace", "-f", "-qq", "-o", "/dev/null", "-e"].map(str::to_owned);
    let tracer: Vec<String> = head.into_iter().chain([inject]).chain(bound).chain(files).collect();
    let mut child = command(&place, &tracer).spawn().unwrap();
    let said = listen(&mut child, usize::MAX);
    child.wait().unwrap();
    assert!(said.safe.is_subset(&there(&place)), "{call} {number} failed with {error}");
    said.other
}
