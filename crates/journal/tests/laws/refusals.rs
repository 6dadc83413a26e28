//! What cannot be opened: each says what is wrong and what to do, and is left as it is, to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::storage::{Disk, Lock, Memory, Storage, StoredFile};
use journal::{Identity, Journal, JournalId, Options};

use super::{files, open, options};

const FIRST: &str = "0000000000000001.seg";
const SECOND: &str = "0000000000000002.seg";

/// All files below a directory, with their bytes. The lock is no part of a journal: whoever opens one makes it.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut tree = BTreeMap::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            tree.extend(self::tree(&path));
        } else if !path.ends_with("lock") {
            let bytes = fs::read(&path).unwrap();
            tree.insert(path, bytes);
        }
    }
    tree
}

fn with_id(id: u128) -> Options {
    let mut options = options();
    options.identity = Identity::Only(JournalId::new(id));
    options
}

/// A journal of two segments, which was closed.
fn make(dir: &Path, id: u128) {
    let journal = Journal::open(dir, with_id(id)).unwrap();
    let stream = journal.stream("s").unwrap();
    for _ in 0..9 {
        journal.append(&stream, [7; 9000]).wait().unwrap();
    }
}

fn poke(file: &Path, at: usize, byte: u8) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] = byte;
    fs::write(file, bytes).unwrap();
}

fn swap(one: &Path, other: &Path) {
    let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
    fs::write(one, second).unwrap();
    fs::write(other, first).unwrap();
}

/// What is done to a journal beside which there is another one, and what is said then.
type Case = (&'static str, fn(&Path, &Path), &'static [&'static str]);

const CASES: [Case; 9] = [
    (
        "a segment of another journal",
        |dir, other| {
            fs::copy(other.join(FIRST), dir.join(FIRST)).unwrap();
        },
        &[
            FIRST,
            "belongs to the journal 0000000000000000000000000000000b",
            "which volume is mounted",
            "nothing was changed",
        ],
    ),
    (
        "the id of another journal",
        |dir, other| {
            fs::copy(other.join("journal.id"), dir.join("journal.id")).unwrap();
        },
        &[FIRST, "and this is 0000000000000000000000000000000b", "nothing was changed"],
    ),
    (
        "two segments that changed places",
        |dir, _| swap(&dir.join(FIRST), &dir.join(SECOND)),
        &[FIRST, "is segment 2 by its header", "give it the name that it had", "nothing was changed"],
    ),
    (
        "a copy of a segment",
        |dir, _| {
            fs::copy(dir.join(FIRST), dir.join("0000000000000009.seg")).unwrap();
        },
        &["0000000000000009.seg", "is segment 1 by its header", "move it away"],
    ),
    (
        "a newer segment",
        |dir, _| poke(&dir.join(SECOND), 8, 2),
        &[SECOND, "version 2", "use the newer Seawall"],
    ),
    (
        "a newer id",
        |dir, _| poke(&dir.join("journal.id"), 8, 9),
        &["journal.id", "version 9", "use the newer Seawall"],
    ),
    (
        "no segment at all",
        |dir, _| {
            fs::remove_file(dir.join(FIRST)).unwrap();
            fs::remove_file(dir.join(SECOND)).unwrap();
        },
        &["has lost all its segments", "restore them", "remove journal.id"],
    ),
    (
        "no header that verifies",
        |dir, _| {
            for name in ["journal.id", FIRST, SECOND] {
                poke(&dir.join(name), 20, 1);
            }
        },
        &["journal.id", "is damaged", "restore", "nothing was changed"],
    ),
    (
        "a file that is larger than any segment",
        |dir, _| {
            fs::File::options()
                .write(true)
                .open(dir.join(SECOND))
                .unwrap()
                .set_len((1 << 30) + 4096)
                .unwrap();
        },
        &[SECOND, "larger than any segment"],
    ),
];

#[test]
fn what_cannot_be_opened_says_why_and_what_to_do_and_is_left_as_it_is() {
    for (name, harm, said) in CASES {
        let room = tempfile::tempdir().unwrap();
        let (dir, other) = (room.path().join("journal"), room.path().join("other"));
        make(&dir, 0xa);
        make(&other, 0xb);
        harm(&dir, &other);
        // A file of a gigabyte is not compared; it is nothing but a hole.
        let before = if name.contains("larger") { BTreeMap::new() } else { tree(&dir) };
        let error = Journal::open(&dir, options()).unwrap_err().to_string();
        for word in said {
            assert!(error.contains(word), "{name}: {error:?} does not say {word:?}");
        }
        if !before.is_empty() {
            assert_eq!(tree(&dir), before, "{name}");
        }
    }
}

#[test]
fn a_directory_that_may_only_be_read_is_refused_and_left_as_it_is() {
    let room = tempfile::tempdir().unwrap();
    make(room.path(), 0xa);
    let before = tree(room.path());
    let storage: Arc<dyn Storage> = Arc::new(Disk::read_only(room.path()).unwrap());
    let error = Journal::open_in(&storage, options()).unwrap_err().to_string();
    assert!(error.contains("failed to lock") && error.contains("mount it writable"), "{error}");
    assert_eq!(tree(room.path()), before);
}

#[test]
fn a_path_that_is_a_file_is_refused_as_such() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("file");
    fs::write(&path, "mine").unwrap();
    let error = Journal::open(&path, options()).unwrap_err().to_string();
    assert!(
        error.contains("failed to open the directory") && error.contains(&*path.to_string_lossy()),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

/// A directory on a disk on which nothing more can be written.
struct Full(Memory);

struct FullFile(Arc<dyn StoredFile>);

impl StoredFile for FullFile {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, into)
    }

    /// What is there already may be written over.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        if offset + bytes.len() as u64 > self.0.size()? {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

impl Storage for Full {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(FullFile(self.0.create(name)?)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(FullFile(self.0.open(name)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.0.sync_names()
    }

    fn folder(&self, _name: &str) -> io::Result<Arc<dyn Storage>> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn lock(&self, name: &str) -> io::Result<Lock> {
        self.0.lock(name)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

#[test]
fn a_full_disk_refuses_a_new_journal_and_opens_a_sound_one() {
    let storage: Arc<dyn Storage> = Arc::new(Full(Memory::default()));
    let error = Journal::open_in(&storage, options()).unwrap_err().to_string();
    assert!(error.contains("make room on that file system"), "{error}");

    let memory = Memory::default();
    let sound: Arc<dyn Storage> = Arc::new(memory.clone());
    let journal = open(&sound);
    journal.append(&journal.stream("s").unwrap(), b"event").wait().unwrap();
    drop(journal);
    let full: Arc<dyn Storage> = Arc::new(Full(memory));
    let journal = open(&full);
    assert_eq!(journal.stats().live_events, 1);
    // The segment was written before, so there is room in it.
    journal.append(&journal.stream("s").unwrap(), b"another").wait().unwrap();
}

#[test]
fn a_full_disk_lets_a_damaged_journal_be_read_and_leaves_it_as_it_is_until_there_is_room() {
    let memory = Memory::default();
    let sound: Arc<dyn Storage> = Arc::new(memory.clone());
    let journal = open(&sound);
    let stream = journal.stream("s").unwrap();
    journal.append_all(&stream, [[9; 100]; 5]).unwrap();
    drop(journal);
    journal::storage::write_all(&*sound.open(FIRST).unwrap(), 4400, b"rot").unwrap();
    let full: Arc<dyn Storage> = Arc::new(Full(memory));
    let all_but_the_spare =
        || files(&sound).into_iter().filter(|(name, _)| name != "spare.tmp").collect::<Vec<_>>();
    let before = all_but_the_spare();
    let journal = open(&full);
    assert_eq!(journal.stats().live_events, 4);
    let refused = journal.append(&journal.stream("s").unwrap(), b"next").wait().unwrap_err().to_string();
    assert!(refused.contains("make room"), "{refused}");
    drop(journal);
    assert_eq!(all_but_the_spare(), before);
    let journal = open(&sound);
    assert_eq!((journal.stats().live_events, journal.recovery().damage.len()), (4, 1));
}
