//! A change can be stopped before each of its effects, and is finished or taken back by the next run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use formats::{Format, Progress, UnixTime};
use tempfile::TempDir;

use super::disk::{Stopped, stop_before};
use super::*;
use crate::{Action, Kept, Loss, Plan, Source, Step};

/// Files below a directory with what they hold, but for the quarantine; directories end in a slash.
type Tree = BTreeMap<String, Vec<u8>>;

fn tree(root: &Path) -> Tree {
    let mut all = Tree::new();
    collect(root, "", &mut all);
    all
}

fn collect(dir: &Path, prefix: &str, all: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if name == QUARANTINE {
        } else if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), all);
            all.insert(format!("{name}/"), Vec::new());
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), text).unwrap();
    }
}

/// A log with everything that a change may touch.
fn log() -> TempDir {
    let dir = TempDir::new().unwrap();
    let files = [
        ("wal/00000000", "zero"),
        ("wal/00000001", "one"),
        ("wal/00000002", "two"),
        ("wal/checkpoint.00000000/00000000", "old checkpoint"),
        ("chunk_snapshot.000002.0000000000/00000000", "snapshot"),
        ("other", "not ours"),
    ];
    write(dir.path(), &files);
    dir
}

fn site(root: &Path) -> Site {
    Site { format: Format::Prometheus, root: root.to_owned(), lock: Some(root.join("lock")) }
}

fn terms() -> Terms {
    Terms { now: UnixTime::from_seconds(1_767_225_600), progress: Progress::default() }
}

/// Replaces a file, puts a directory in place, removes a file and two directories.
struct Change {
    plan: Plan,
}

impl Change {
    fn of(root: &Path) -> Self {
        let plan = Plan {
            action: Action::Drain,
            site: site(root),
            sources: vec![Source::of(&root.join("wal/00000001")).unwrap()],
            steps: Vec::<Step>::new(),
            loss: Loss::NONE,
            kept: Kept::default(),
            servers_own: None,
            needs: 100,
            work: 0,
            notes: Vec::new(),
        };
        Self { plan }
    }
}

impl Mending for Change {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, _progress: &Progress) -> Result<(), MendError> {
        fs::write(stage.scratch()?.join("spill"), "not needed later").unwrap();
        fs::create_dir(stage.beside("wal/checkpoint.00000001")?).unwrap();
        fs::write(stage.beside("wal/checkpoint.00000001/00000000")?, "new checkpoint").unwrap();
        stage.place("wal/checkpoint.00000001")?;
        fs::write(stage.beside("wal/00000002")?, "two, mended").unwrap();
        stage.place("wal/00000002")?;
        for gone in
            ["wal/00000000", "wal/00000001", "wal/checkpoint.00000000", "chunk_snapshot.000002.0000000000"]
        {
            stage.remove(gone);
        }
        Ok(())
    }
}

fn changed() -> Tree {
    let dir = TempDir::new().unwrap();
    let files = [
        ("wal/00000002", "two, mended"),
        ("wal/checkpoint.00000001/00000000", "new checkpoint"),
        ("other", "not ours"),
    ];
    write(dir.path(), &files);
    tree(dir.path())
}

#[test]
fn a_change_is_made_and_taken_back_and_made_again_byte_for_byte() {
    let log = log();
    let before = tree(log.path());
    let made = apply(&Change::of(log.path()), &terms()).unwrap();
    assert_eq!(made.id, "20260101T000000Z-drain");
    assert_eq!(tree(log.path()), changed());
    let back = apply(&undo(&site(log.path()), None, Newer::Refuse).unwrap(), &terms()).unwrap();
    assert_eq!(back.undoes.as_ref(), Some(&made.id));
    assert_eq!(tree(log.path()), before);
    assert!(undo(&site(log.path()), None, Newer::Refuse).is_err(), "nothing is left to take back");
    apply(&undo(&site(log.path()), Some(&back.id), Newer::Refuse).unwrap(), &terms()).unwrap();
    assert_eq!(tree(log.path()), changed());
}

#[test]
fn stopped_before_any_effect_the_next_run_finishes_or_takes_back() {
    let mut outcomes = [0, 0];
    for effect in 0.. {
        let log = log();
        let before = tree(log.path());
        let change = Change::of(log.path());
        let (stopped, outcome) = stop_before(effect, || apply(&change, &terms()));
        if stopped == Stopped::No {
            outcome.unwrap();
            break;
        }
        // A change that was stopped while it wrote cleans up after itself unless it was killed, as here.
        let settled = settle(&site(log.path())).unwrap();
        let finished = settled.is_some_and(|settled| settled.done.is_some());
        let promised = log.path().join(QUARANTINE).join("20260101T000000Z-drain/receipt.json").exists();
        assert_eq!(tree(log.path()), if promised { changed() } else { before }, "before effect {effect}");
        outcomes[usize::from(promised)] += 1;
        assert!(!finished || promised);
        assert_eq!(unfinished(log.path()), None);
    }
    assert!(outcomes.iter().all(|count| *count > 5), "{outcomes:?}");
}

/// Stops the change before an effect, lets `server` write, and settles what is left. Gives what the server left and what
/// became of it, until the change comes to its end.
fn overtaken(server: impl Fn(&Path)) -> impl Iterator<Item = (TempDir, Tree, Settled)> {
    let stops = (0..).map_while(move |effect| {
        let log = log();
        let (stopped, _) = stop_before(effect, || apply(&Change::of(log.path()), &terms()));
        server(log.path());
        let left = tree(log.path());
        let settled = settle(&site(log.path())).unwrap();
        assert_eq!((unfinished(log.path()), settle(&site(log.path())).unwrap()), (None, None), "{effect}");
        (stopped != Stopped::No).then_some((log, left, settled))
    });
    stops.filter_map(|(log, left, settled)| Some((log, left, settled?)))
}

#[test]
fn what_a_server_wrote_while_a_change_was_interrupted_stays_and_the_rest_is_not_done() {
    let mut outcomes = BTreeMap::new();
    let server = |root: &Path| {
        for name in ["wal/00000001", "wal/00000002"].map(|name| root.join(name)) {
            if let Ok(text) = fs::read_to_string(&name) {
                fs::write(name, text + ", and more by the server").unwrap();
            }
        }
    };
    for (log, left, Settled { done, written, .. }) in overtaken(server) {
        let now = tree(log.path());
        let outcome = match (&done, written.is_empty()) {
            (None, true) => "never promised",
            (None, false) => "taken back",
            (Some(_), false) => "partly",
            (Some(_), true) => "finished",
        };
        *outcomes.entry(outcome).or_insert(0) += 1;
        if outcome == "finished" {
            assert_eq!(now.keys().collect::<Vec<_>>(), changed().keys().collect::<Vec<_>>());
        } else {
            assert_eq!(now, left, "{outcome}");
        }
        assert!(written.iter().all(|name| now[name].ends_with(b"more by the server")), "{written:?}");
        if let Some(receipt) = done {
            // What is its own can be taken back, and nothing else is touched by that.
            let newer = undo(&site(log.path()), Some(&receipt.id), Newer::Quarantine).unwrap();
            apply(&newer, &terms()).unwrap();
            let back = tree(log.path());
            assert!(written.iter().all(|name| back[name] == now[name]), "{written:?}");
            assert_eq!(back["wal/checkpoint.00000000/00000000"], b"old checkpoint");
        }
    }
    let seen: Vec<_> = outcomes.keys().copied().collect();
    assert_eq!(seen, ["finished", "never promised", "partly", "taken back"], "{outcomes:?}");
}

#[test]
fn what_a_server_made_or_took_away_meanwhile_is_not_made_or_taken_away_again() {
    let made = |root: &Path| write(root, &[("wal/checkpoint.00000001/00000000", "by the server")]);
    for (log, left, settled) in overtaken(made) {
        let now = tree(log.path());
        assert_eq!(now["wal/checkpoint.00000001/00000000"], b"by the server", "{settled:?}");
        assert!(settled.done.is_some() || now == left, "{settled:?}");
    }
    let gone = |root: &Path| drop(fs::remove_file(root.join("wal/00000002")));
    for (log, left, settled) in overtaken(gone) {
        assert!(!log.path().join("wal/00000002").exists(), "{settled:?}");
        assert!(settled.done.is_some() || tree(log.path()) == left, "{settled:?}");
    }
}

#[test]
fn a_log_is_known_by_the_change_that_was_interrupted() {
    let known = |effect: u64| {
        let log = log();
        stop_before(effect, || apply(&Change::of(log.path()), &terms())).1.unwrap_err();
        let found = Site::with_quarantine(log.path()).unwrap();
        (unfinished(log.path()).unwrap().stage, found.lock.is_some(), found.format)
    };
    assert_eq!(known(10), (Progressed::Writing, false, Format::Prometheus));
    assert_eq!(known(30), (Progressed::Placing, true, Format::Prometheus));
}

#[test]
fn an_undo_that_is_stopped_anywhere_is_finished_or_taken_back_too() {
    for effect in 0.. {
        let log = log();
        let before = tree(log.path());
        apply(&Change::of(log.path()), &terms()).unwrap();
        let back = undo(&site(log.path()), None, Newer::Refuse).unwrap();
        let (stopped, outcome) = stop_before(effect, || apply(&back, &terms()));
        settle(&site(log.path())).unwrap();
        if stopped == Stopped::No {
            outcome.unwrap();
            break;
        }
        let now = tree(log.path());
        assert!(now == before || now == changed(), "before effect {effect}");
        if now == changed() {
            apply(&undo(&site(log.path()), None, Newer::Refuse).unwrap(), &terms()).unwrap();
            assert_eq!(tree(log.path()), before, "before effect {effect}");
        }
    }
}

#[test]
fn settling_may_be_stopped_anywhere_and_done_again() {
    for effect in 0.. {
        let log = log();
        let change = Change::of(log.path());
        // In the middle of putting things in place.
        let (_, outcome) = stop_before(30, || apply(&change, &terms()));
        outcome.unwrap_err();
        let (stopped, _) = stop_before(effect, || settle(&site(log.path())));
        settle(&site(log.path())).unwrap();
        assert_eq!(tree(log.path()), changed(), "before effect {effect}");
        if stopped == Stopped::No {
            break;
        }
    }
}

#[test]
fn what_a_server_wrote_since_is_not_touched_unless_that_is_wanted() {
    let log = log();
    let before = tree(log.path());
    apply(&Change::of(log.path()), &terms()).unwrap();
    write(log.path(), &[("wal/00000003", "by the server")]);
    let refused = undo(&site(log.path()), None, Newer::Refuse).unwrap_err();
    assert!(matches!(refused, MendError::Overtaken { .. }), "{refused}");
    let back = apply(&undo(&site(log.path()), None, Newer::Quarantine).unwrap(), &terms()).unwrap();
    assert_eq!(tree(log.path()), before);
    apply(&undo(&site(log.path()), Some(&back.id), Newer::Refuse).unwrap(), &terms()).unwrap();
    let again = tree(log.path());
    assert_eq!(again["wal/00000003"], b"by the server");
}

#[test]
fn a_file_that_changed_since_the_plan_voids_it() {
    let log = log();
    let change = Change::of(log.path());
    write(log.path(), &[("wal/00000001", "one more")]);
    let before = tree(log.path());
    assert!(matches!(apply(&change, &terms()), Err(MendError::Changed { .. })));
    assert_eq!((tree(log.path()), unfinished(log.path())), (before, None));
}

#[test]
fn a_log_that_is_locked_or_held_is_refused_and_untouched() {
    let log = log();
    let lock = fs::File::create(log.path().join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let before = tree(log.path());
    assert!(matches!(apply(&Change::of(log.path()), &terms()), Err(MendError::Locked { .. })));
    assert_eq!(tree(log.path()), before);
    drop(lock);
    apply(&Change::of(log.path()), &terms()).unwrap();
    assert!(log.path().join("lock").exists(), "what a crash left stays");
}

#[test]
fn more_room_than_there_is_is_said_before_anything_is_written() {
    let log = log();
    let mut change = Change::of(log.path());
    change.plan.needs = u64::MAX / 2;
    let before = tree(log.path());
    assert!(matches!(apply(&change, &terms()), Err(MendError::NoRoom { .. })));
    assert_eq!(tree(log.path()), before);
}

#[test]
fn receipts_are_listed_with_what_they_hold_and_pruned_one_by_one() {
    let log = log();
    let made = apply(&Change::of(log.path()), &terms()).unwrap();
    let all = receipts(log.path()).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0].0, all[0].1), (&made, 4 + 3 + 3 + 14 + 8));
    assert_eq!(prune(log.path(), &made.id).unwrap(), 32);
    assert_eq!(receipts(log.path()).unwrap(), []);
    assert!(matches!(prune(log.path(), "../wal"), Err(MendError::NoReceipt { .. })));
    assert_eq!(tree(log.path()), changed());
}

#[test]
fn a_promise_that_leads_out_of_the_root_is_not_kept() {
    let log = log();
    let dir = log.path().join(QUARANTINE).join("20260101T000000Z-drain");
    let (_, outcome) = stop_before(30, || apply(&Change::of(log.path()), &terms()));
    outcome.unwrap_err();
    let path = dir.join("change.json");
    let promise = fs::read_to_string(&path).unwrap();
    fs::write(&path, promise.replace("\"wal/00000001\"", "\"../elsewhere\"")).unwrap();
    let before = tree(log.path());
    assert!(matches!(settle(&site(log.path())), Err(MendError::Impossible { .. })));
    assert_eq!(tree(log.path()), before);
}
