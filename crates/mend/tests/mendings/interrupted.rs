//! Changes in a process that is killed, or refused by the system, at every one of its calls on files.
//!
//! After a kill, [`settle()`] leaves the log as it was or as it should be, byte for byte, and if the latter, an undo
//! brings back the former. The process is this test program itself, started again for one test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use formats::detect;
use mend::prometheus::{Cut, Drain, Trim, TrimTo};
use mend::{MendError, Mending, Newer, Site, apply, settle, undo};
use tempfile::TempDir;
use testkit::{FILE_CALLS, Fault, Faults, Struck, quick_directory};

use super::tree::{self, Tree, order, terms};
use super::{arwal, log};

/// Which change to make of which directory, in the process that was started for it.
const WHAT: &str = "SEAWALL_TEST_CHANGE";
const WHERE: &str = "SEAWALL_TEST_DIRECTORY";

/// The errors that the system gives when it is full or broken, each where it can happen.
const ERRORS: [(Fault, &[&str]); 2] = [
    (
        Fault::Error("ENOSPC"),
        &["openat", "mkdir", "mkdirat", "write", "copy_file_range", "link", "linkat", "rename"],
    ),
    (
        Fault::Error("EIO"),
        &["write", "fsync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "chmod", "flock"],
    ),
];

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// Everything below `root`. Blocks, which have another name each time, are called by where they begin.
fn tree(root: &Path) -> Tree {
    let all = tree::tree(root);
    let name =
        |path: &str| path.split_once('/').filter(|(dir, _)| dir.len() == 26).map(|(dir, _)| dir.to_owned());
    let begin = |block: &str| {
        let meta: serde_json::Value = serde_json::from_slice(all.get(&format!("{block}/meta.json"))?).ok()?;
        meta["minTime"].as_i64()
    };
    let called = |path: &String, bytes: &Vec<u8>| {
        let Some(block) = name(path) else { return (path.clone(), bytes.clone()) };
        let call = format!("block from {:?}", begin(&block));
        let text = String::from_utf8_lossy(bytes).replace(&block, &call);
        let bytes = if path.ends_with("meta.json") { text.into_bytes() } else { bytes.clone() };
        (path.replace(&block, &call), bytes)
    };
    all.iter().map(|(path, bytes)| called(path, bytes)).collect()
}

/// Makes a change as the command of that name does.
fn change(what: &OsStr, root: &Path) -> Result<(), MendError> {
    let order = order();
    let planned: Box<dyn Mending> = match what.to_str().unwrap() {
        "undo" => Box::new(undo(&Site::with_quarantine(root).unwrap(), None, Newer::Refuse)?),
        "reset" => Box::new(mend::reset::Reset::plan(detect(root, None)?.as_ref(), &order)?),
        "repair" => Box::new(mend::prometheus::Repair::plan(root, &order)?),
        "drain" => Box::new(Drain::plan(root, Cut::Default, &order)?),
        "trim" => Box::new(Trim::plan(root, TrimTo::MaxAge(3 * HOUR, log::BEGIN + 9 * HOUR), &order)?),
        "arwal" => Box::new(mend::arwal::Repair::plan(detect(root, None)?.as_ref(), &order)?),
        "influxdb3" => Box::new(mend::influxdb3::Repair::plan(detect(root, None)?.as_ref(), &order)?),
        other => panic!("there is no change {other}"),
    };
    apply(planned.as_ref(), &terms()).map(drop)
}

/// Makes the change that another test asks for, or one of its own when it runs by itself.
#[test]
fn a_change_is_made_by_a_process_of_its_own() {
    if let (Some(what), Some(root)) = (std::env::var_os(WHAT), std::env::var_os(WHERE)) {
        change(&what, Path::new(&root)).unwrap_or_else(|error| panic!("{error}"));
        return;
    }
    let case = Case::of("reset", prometheus);
    let data = case.fresh();
    assert!(case.command(data.path()).status().unwrap().success());
    assert_eq!(tree(data.path()), case.new);
    assert_ne!(case.old, case.new);
}

/// A change with the directories before and after it.
struct Case {
    what: &'static str,
    home: TempDir,
    old: Tree,
    new: Tree,
}

impl Case {
    fn of(what: &'static str, make: fn(&Path)) -> Self {
        let home = TempDir::new().unwrap();
        make(home.path());
        Self::from(what, home)
    }

    fn from(what: &'static str, home: TempDir) -> Self {
        let mut case = Self { what, old: tree(home.path()), home, new: Tree::new() };
        let changed = case.fresh();
        change(OsStr::new(what), changed.path()).unwrap();
        case.new = tree(changed.path());
        case
    }

    /// The same change taken back.
    fn undone(&self) -> Self {
        let changed = self.fresh();
        change(OsStr::new(self.what), changed.path()).unwrap();
        Self::from("undo", changed)
    }

    /// A copy of the directory before the change.
    fn fresh(&self) -> TempDir {
        let copy = quick_directory().unwrap();
        tree::copy(self.home.path(), copy.path());
        copy
    }

    fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "interrupted::a_change_is_made_by_a_process_of_its_own",
            "--test-threads=1",
        ]);
        command.arg("--nocapture").env(WHAT, self.what).env(WHERE, root);
        command.env("RUST_BACKTRACE", "0");
        command
    }

    fn prepared(&self) -> (TempDir, Command) {
        let data = self.fresh();
        let command = self.command(data.path());
        (data, command)
    }

    /// That the next run finishes the change or takes it back, and that it can be undone.
    fn assert_settles(&self, root: &Path, struck: &Struck) {
        let what = format!("{} hit at {}: {}", self.what, struck.point, struck.stderr);
        let site = Site::with_quarantine(root).or_else(|| Some(Site::of(detect(root, None).ok()?.as_ref())));
        settle(&site.unwrap()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let settled = tree(root);
        assert!(settled == self.old || settled == self.new, "{what}: neither before nor after");
        assert_eq!(mend::unfinished(root), None, "{what}");
        if settled == self.new && self.what != "undo" {
            change(OsStr::new("undo"), root).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(tree(root), self.old, "{what}: undone");
        }
    }

    fn survives_kills(&self) {
        let Some(faults) = Faults::need().map(Faults::alone) else { return };
        let (mut old, mut new) = (0, 0);
        let kills = faults.everywhere(
            (Fault::Kill, &FILE_CALLS),
            || self.prepared(),
            |data, struck| {
                // A server that starts now sees the one, the other, or some steps of the way.
                *if tree(data.path()) == self.old { &mut old } else { &mut new } += 1;
                self.assert_settles(data.path(), struck);
            },
        );
        assert!(
            kills > 50 && old > 0 && new > 0,
            "{kills} kills: {old} before the first effect, {new} after it"
        );
    }

    fn survives_errors(&self) {
        let Some(faults) = Faults::need().map(Faults::alone) else { return };
        for (fault, calls) in ERRORS {
            let mut reported = 0;
            let hits = faults.everywhere(
                (fault, calls),
                || self.prepared(),
                |data, struck| {
                    if struck.status.success() {
                        assert_eq!(tree(data.path()), self.new, "{fault:?} at {} was not told", struck.point);
                    } else {
                        assert!(!struck.stderr.is_empty(), "{fault:?} at {}", struck.point);
                        reported += 1;
                    }
                    self.assert_settles(data.path(), struck);
                },
            );
            assert!(hits > 10 && reported > 5, "{fault:?}: {hits} hits, {reported} reported");
        }
    }
}

/// A data directory of Prometheus with everything that a reset takes away.
fn prometheus(root: &Path) {
    log::write(root);
    for other in ["wbl", "chunks_head", "chunk_snapshot.000002.0000000512"] {
        fs::create_dir(root.join(other)).unwrap();
    }
}

/// A log of nine hours with a snapshot of the head beside it.
fn long(root: &Path) {
    log::write_long(root);
    let snapshot = root.join("chunk_snapshot.000002.0000000512");
    fs::create_dir(&snapshot).unwrap();
    fs::write(snapshot.join("00000000"), b"").unwrap();
}

/// The same, damaged in two segments and with a hole behind the last.
fn damaged(root: &Path) {
    long(root);
    for segment in ["wal/00000000", "wal/00000001"] {
        let mut bytes = fs::read(root.join(segment)).unwrap();
        bytes[2000] ^= 1;
        fs::write(root.join(segment), bytes).unwrap();
    }
    fs::write(root.join("wal/00000004"), b"").unwrap();
}

/// Damaged job logs and an archive.
fn jobs(root: &Path) {
    arwal::write_damaged(root);
}

/// A node with a misnamed file, a damaged one and a copy.
fn node(root: &Path) {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/corpus/influxdb3");
    tree::copy(&corpus.join("v3.10.1/name-ahead-of-content/node-a"), root);
    fs::write(root.join("wal/00000000025.wal"), b"").unwrap();
    fs::copy(root.join("wal/00000000020.wal"), root.join("wal/00000000020.wal.bak")).unwrap();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_reset_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("reset", prometheus).survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_reset_says_every_error_and_leaves_the_log_as_it_was_or_finishes_later() {
    Case::of("reset", prometheus).survives_errors();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn the_undo_of_a_reset_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("reset", prometheus).undone().survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_repair_of_job_logs_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("arwal", jobs).survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_repair_of_job_logs_says_every_error_and_leaves_them_as_they_were_or_finishes_later() {
    Case::of("arwal", jobs).survives_errors();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn the_undo_of_a_repair_of_job_logs_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("arwal", jobs).undone().survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_repair_of_a_node_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("influxdb3", node).survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_repair_of_a_node_says_every_error_and_leaves_it_as_it_was_or_finishes_later() {
    Case::of("influxdb3", node).survives_errors();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn the_undo_of_a_repair_of_a_node_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("influxdb3", node).undone().survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_repair_of_prometheus_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("repair", damaged).survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_repair_of_prometheus_says_every_error_and_leaves_the_log_as_it_was_or_finishes_later() {
    Case::of("repair", damaged).survives_errors();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_drain_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("drain", long).survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_drain_says_every_error_and_leaves_the_log_as_it_was_or_finishes_later() {
    Case::of("drain", long).survives_errors();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn the_undo_of_a_drain_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("drain", long).undone().survives_kills();
}

#[test]
#[ignore = "runs a process for each of its system calls"]
fn a_trim_is_finished_or_taken_back_wherever_it_was_killed() {
    Case::of("trim", long).survives_kills();
}
