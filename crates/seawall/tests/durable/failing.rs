//! Killed, or failed, at each system call.

use std::fs;
use std::path::Path;
use std::process::Command;

use journal::Openness;
use tempfile::TempDir;
use testkit::{Fault, Faults, quick_directory};

use crate::{assert_begins, last_safe, lines, seawall, there, write_archive};

const CALLS: [&str; 9] =
    ["openat", "mkdir", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "flock", "write"];
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

/// The same, with a byte flipped in the middle of the eleventh event, the first whose number is in no other.
fn damaged() -> TempDir {
    let place = filled();
    let lines = lines(16);
    let start = lines.get(10).and_then(|line| line.as_bytes().get(..200)).unwrap();
    for entry in fs::read_dir(place.path().join("journal")).unwrap() {
        let path = entry.unwrap().path();
        let Some(mut bytes) = fs::read(&path).ok() else { continue };
        if let Some(at) = bytes.windows(start.len()).position(|bytes| bytes == start) {
            *bytes.get_mut(at + 100).unwrap() ^= 1;
            fs::write(&path, bytes).unwrap();
            return place;
        }
    }
    panic!("the event is in no segment");
}

fn repair(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.args(["repair", "journal", "--yes"]).current_dir(place);
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
        assert!(hits > 20, "{hits}");
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
    // Not what is opened: most of that is who holds files open.
    const CHANGES: [&str; 7] = ["mkdir", "write", "fsync", "rename", "linkat", "link", "unlinkat"];
    everywhere_in((&[Fault::Kill], &CHANGES), damaged, repair, |place, _| {
        fs::write(place.path().join("input"), "17 between").unwrap();
        let between = seawall(place.path(), &["append", "job"]).output().unwrap();
        assert!(between.status.success(), "{}", String::from_utf8_lossy(&between.stderr));
        let again = repair(place.path()).output().unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        let (events, _) = there(place.path()).remove("job").unwrap();
        let mut whole = lines(16);
        whole.remove(10);
        whole.push("17 between".to_owned());
        let numbers: Vec<_> = events.iter().filter_map(|event| event.split(' ').next()).collect();
        assert!(events == whole, "{numbers:?}");
    });
}
