//! Journals that were damaged in every way that there is: what is found, what a repair keeps, that it can be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use journal::{Journal, Start};

use crate::journals;
use crate::world::Ran;

const ID: u128 = 0x5ea;
const NOW: i64 = 1_769_860_800_000;

/// An event that a consumer still has to get: stream, number, payload.
type Pending = BTreeSet<(String, u64, Vec<u8>)>;

/// A file and its bytes.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn tree(dir: &Path) -> Tree {
    let mut tree = Tree::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with("wal-quarantine") {
            tree.extend(self::tree(&entry));
        } else if entry.is_file() && !entry.ends_with("lock") {
            let bytes = fs::read(&entry).unwrap();
            tree.insert(entry, bytes);
        }
    }
    tree
}

fn seawall(args: &[&str], dir: &Path) -> Ran {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_seawall"));
    Ran::new(&command.args(args).arg(dir).output().unwrap())
}

/// What the journal still has to deliver; the damage that its start finds is none of a repaired one.
fn pending(dir: &Path) -> Pending {
    // A child of another test has a copy of its lock until it becomes the program that it is to be.
    let open = || match Journal::open(dir, journals::options(NOW, ID)) {
        Err(journal::OpenError::Held { .. }) => None,
        opened => Some(opened),
    };
    let journal = testkit::wait_for(std::time::Duration::from_mins(1), open).unwrap().unwrap();
    assert!(journal.recovery().damage.is_empty() && journal.recovery().cut.is_none());
    let server = journal.consumer("server", Start::Oldest).unwrap();
    let mut pending = Pending::new();
    for backlog in server.backlog() {
        for event in server.pending(&backlog.stream).map(Result::unwrap) {
            pending.insert((backlog.stream.name().to_owned(), event.seq.get(), event.payload));
        }
    }
    pending
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (path, bytes) in tree(from) {
        fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
    }
}

fn segment(number: u64) -> String {
    format!("{number:016x}.seg")
}

type Harm = Box<dyn Fn(&Path)>;

/// Every way to damage the long journal, which has six segments.
fn harms() -> Vec<(String, Harm)> {
    let mut harms: Vec<(String, Harm)> = Vec::new();
    let mut add = |name: String, harm: Harm| harms.push((name, harm));
    // The header, the mark of a frame, its length, its number, its stream, a payload, a sum, and one in the last frames.
    for number in [1, 3, 6] {
        for at in [3, 70, 4096, 4101, 4113, 4130, 9000, 14_000] {
            add(format!("a bit of segment {number} at {at}"), flip(segment(number), at));
        }
    }
    for len in [0, 1000, 4096, 20_000, 65_535] {
        add(format!("segment 2 cut at {len}"), on(segment(2), move |bytes| bytes.truncate(len)));
    }
    for page in [0usize, 1, 5] {
        let zero = move |bytes: &mut Vec<u8>| bytes.get_mut(page * 4096..(page + 1) * 4096).unwrap().fill(0);
        add(format!("page {page} of segment 4 zeroed"), on(segment(4), zero));
    }
    add("segment 2 gone".to_owned(), Box::new(|dir| fs::remove_file(dir.join(segment(2))).unwrap()));
    add("a copy of segment 2".to_owned(), Box::new(|dir| copy(dir, 2, 9)));
    add("journal.id rotten".to_owned(), flip("journal.id".to_owned(), 20));
    add(
        "a segment of another journal".to_owned(),
        Box::new(|dir| {
            let other = tempfile::tempdir().unwrap();
            journals::write(other.path(), NOW, 0xbad);
            fs::copy(other.path().join(segment(1)), dir.join(segment(8))).map(drop).unwrap();
        }),
    );
    harms
}

fn copy(dir: &Path, from: u64, to: u64) {
    fs::copy(dir.join(segment(from)), dir.join(segment(to))).map(drop).unwrap();
}

fn on(name: String, change: impl Fn(&mut Vec<u8>) + 'static) -> Harm {
    Box::new(move |dir| {
        let mut bytes = fs::read(dir.join(&name)).unwrap();
        change(&mut bytes);
        fs::write(dir.join(&name), bytes).unwrap();
    })
}

fn flip(name: String, at: usize) -> Harm {
    on(name, move |bytes| *bytes.get_mut(at).unwrap() ^= 4)
}

#[test]
fn whatever_is_damaged_is_found_repaired_without_losing_what_verifies_and_taken_back_to_the_byte() {
    let room = tempfile::tempdir().unwrap();
    let sound = room.path().join("sound");
    journals::write_many(&sound, NOW, ID);
    assert!(sound.join(segment(6)).exists() && !sound.join(segment(8)).exists());
    let reference = room.path().join("reference");
    copied(&sound, &reference);
    let before = pending(&reference);
    for (name, harm) in harms() {
        let dir = room.path().join("harmed");
        copied(&sound, &dir);
        harm(&dir);
        let harmed = tree(&dir);
        let verified = seawall(&["verify", "--json"], &dir);
        assert_eq!(verified.code, Some(2), "{name}: {verified:?}");
        assert_eq!(tree(&dir), harmed, "{name}: reading has changed something");

        let repaired = seawall(&["repair", "--yes", "--json"], &dir);
        assert_eq!(repaired.code, Some(0), "{name}: {repaired:?}");
        assert_eq!(seawall(&["verify"], &dir).code, Some(0), "{name}: {:?}", seawall(&["verify"], &dir));

        let mended = room.path().join("mended");
        copied(&dir, &mended);
        let after = pending(&mended);
        assert!(after.is_subset(&before), "{name}: an event is there that was settled, or never was");
        let lost = (before.len() - after.len()) as u64;
        let counted = &repaired.json()["loss"];
        let most = counted["records"].as_u64().unwrap_or(u64::MAX);
        assert!(lost <= most, "{name}: {lost} events are lost and {counted} was said");
        assert!(lost <= 30, "{name}: {lost} events are lost, more than lay in one segment");

        let undone = seawall(&["undo", "--yes"], &dir);
        assert_eq!(undone.code, Some(0), "{name}: {undone:?}");
        assert_eq!(tree(&dir), harmed, "{name}: not what it was");
        for dir in [dir, mended] {
            fs::remove_dir_all(dir).unwrap();
        }
    }
}

#[test]
fn a_spare_file_with_the_header_of_an_older_segment_is_no_damage() {
    let room = tempfile::tempdir().unwrap();
    journals::write_many(room.path(), NOW, ID);
    fs::copy(room.path().join(segment(1)), room.path().join("spare")).unwrap();
    assert_eq!(seawall(&["verify"], room.path()).code, Some(0));
}

#[test]
fn a_journal_that_a_process_holds_is_read_and_not_changed() {
    let room = tempfile::tempdir().unwrap();
    journals::write_many(room.path(), NOW, ID);
    let held = fs::File::options().write(true).open(room.path().join("lock"));
    let held = held.or_else(|_| fs::File::create(room.path().join("lock"))).unwrap();
    held.try_lock().unwrap();
    assert_eq!(seawall(&["verify", "--live"], room.path()).code, Some(0));
    flip(segment(2), 9000)(room.path());
    let before = tree(room.path());
    for command in ["repair", "reset"] {
        let refused = seawall(&[command, "--yes"], room.path());
        assert_eq!(refused.code, Some(4), "{command}: {refused:?}");
        assert!(refused.stderr.contains("stop the server first"), "{refused:?}");
    }
    assert_eq!(tree(room.path()), before);
    drop(held);
}
