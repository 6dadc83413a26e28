//! Killed, or failed, at each system call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use journal::Openness;
use tempfile::TempDir;
use testkit::{Fault, Faults, quick_directory};

use crate::{assert_begins, last_safe, lines, seawall, there, write_archive};

const CALLS: [&str; 10] =
    ["openat", "mkdir", "pwrite64", "pwritev", "fsync", "fdatasync", "rename", "unlink", "flock", "write"];
/// The calls of a change. Not what is opened: most of that is who holds files open.
const CHANGES: [&str; 7] = ["mkdir", "write", "fsync", "rename", "linkat", "link", "unlinkat"];
const FAULTS: [Fault; 3] = [Fault::Kill, Fault::Error("EIO"), Fault::Error("ENOSPC")];

fn place() -> TempDir {
    let place = quick_directory().unwrap();
    fs::write(place.path().join("input"), lines(16).join("\n")).unwrap();
    place
}

/// A place with a journal in which the input is already.
pub(crate) fn filled() -> TempDir {
    let place = place();
    assert!(seawall(place.path(), &["append", "job"]).status().unwrap().success());
    place
}

/// The events that are damaged: in the first segment, in the last, in both. A start goes on in a last segment that is
/// sound, and the events of two segments take two new ones. Their numbers are the end of no other.
const DAMAGED: [&[usize]; 3] = [&[7], &[10], &[7, 10]];

/// The same, with a byte flipped in the middle of each of these events.
fn damaged(events: &[usize]) -> TempDir {
    let place = filled();
    let lines = lines(16);
    for event in events {
        let start = lines.get(*event).and_then(|line| line.as_bytes().get(..200)).unwrap();
        assert!(segments(place.path()).iter().any(|path| flip(path, start)), "the event is in no segment");
    }
    place
}

fn segments(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

/// Whether these bytes are in the file; then one of them is not any more.
fn flip(path: &Path, start: &[u8]) -> bool {
    let mut bytes = fs::read(path).unwrap();
    let Some(at) = bytes.windows(start.len()).position(|bytes| bytes == start) else { return false };
    *bytes.get_mut(at + 100).unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
    true
}

fn repair(place: &Path) -> Command {
    change(place, "repair")
}

fn undo(place: &Path) -> Command {
    change(place, "undo")
}

fn change(place: &Path, what: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.args([what, "journal", "--yes"]).current_dir(place);
    command
}

pub(crate) fn everywhere(words: &[&str], make: impl Fn() -> TempDir, judge: impl FnMut(&TempDir, bool)) {
    everywhere_in((&FAULTS, &CALLS), make, |place| seawall(place, words), judge);
}

fn everywhere_in(
    (kinds, calls): (&[Fault], &[&str]),
    make: impl Fn() -> TempDir,
    command: impl Fn(&Path) -> Command,
    mut judge: impl FnMut(&TempDir, bool),
) {
    let Some(faults) = Faults::need() else { return };
    for &fault in kinds {
        let prepare = || {
            let place = make();
            let command = command(place.path());
            (place, command)
        };
        let hits = faults.everywhere((fault, calls), prepare, |place, struck| {
            // Told when the test fails.
            eprintln!("{fault:?} {}", struck.point);
            judge(&place, struck.status.success());
        });
        assert!(hits > 10, "{hits}");
    }
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn what_append_called_safe_is_there_and_nothing_but_the_first_lines() {
    let lines = lines(16);
    everywhere(&["append", "--json", "--batch-size", "4", "job"], place, |place, success| {
        let safe = if success {
            lines.len()
        } else {
            last_safe(&fs::read_to_string(place.path().join("output")).unwrap_or_default())
        };
        let events = there(place.path()).remove("job").map_or_else(Vec::new, |(events, _)| events);
        assert!(events.len() >= safe, "{} of {safe}", events.len());
        assert_begins(&lines, &events);
    });
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn closing_loses_nothing_and_what_was_called_closed_is() {
    everywhere(&["close", "job"], filled, |place, success| {
        let (events, openness) = there(place.path()).remove("job").unwrap();
        assert_begins(&lines(16), &events);
        assert_eq!(events.len(), 16);
        assert!(!success || openness == Openness::Closed);
    });
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn an_import_that_was_interrupted_is_finished_by_another_and_nothing_comes_twice() {
    let make = || {
        let place = place();
        write_archive(place.path(), &lines(16));
        place
    };
    let import = ["import", "--close", "job.wal.zst"];
    everywhere(&import, make, |place, _| {
        let again = seawall(place.path(), &import).output().unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        let (events, openness) = there(place.path()).remove("job").unwrap();
        assert_begins(&lines(16), &events);
        assert_eq!((events.len(), openness), (16, Openness::Closed));
    });
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn a_repair_that_was_interrupted_loses_nothing_of_what_was_appended_before_it_is_finished() {
    for events in DAMAGED {
        let judge = |place: &TempDir, _| assert_keeps_an_event_between(place, events);
        everywhere_in((&[Fault::Kill], &CHANGES), || damaged(events), repair, judge);
    }
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn a_repair_that_was_half_taken_back_loses_nothing_of_what_was_appended_before_that_is_finished() {
    for events in DAMAGED {
        let repaired = || {
            let place = damaged(events);
            assert!(repair(place.path()).status().unwrap().success());
            place
        };
        let judge = |place: &TempDir, _| assert_keeps_an_event_between(place, events);
        everywhere_in((&[Fault::Kill], &CHANGES), repaired, undo, judge);
    }
}

/// Appends an event to a journal whose change was killed, has the change finished and the rest repaired, and demands
/// that event and all others but the damaged one.
fn assert_keeps_an_event_between(place: &TempDir, damaged: &[usize]) {
    fs::write(place.path().join("input"), "17 between").unwrap();
    let between = seawall(place.path(), &["append", "job"]).output().unwrap();
    assert!(between.status.success(), "{}", String::from_utf8_lossy(&between.stderr));
    let again = repair(place.path()).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let (events, _) = there(place.path()).remove("job").unwrap();
    let mut whole = lines(16);
    damaged.iter().rev().for_each(|event| drop(whole.remove(*event)));
    whole.push("17 between".to_owned());
    let numbers: Vec<_> = events.iter().filter_map(|event| event.split(' ').next()).collect();
    assert!(events == whole, "{numbers:?}");
}
