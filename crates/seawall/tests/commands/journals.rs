//! Journals in every state, each a directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use journal::storage::{Memory, Storage, read_range};
use journal::{Commit, Identity, Journal, JournalId, Millis, Options, Outcome, Seq, Start};

/// A journal that is the same each time: its id, its times, and who writes.
pub(crate) fn options(time: i64, id: u128) -> Options {
    let mut options = Options::new(move || Millis::new(time));
    options.identity = Identity::Only(JournalId::new(id));
    options.commit = Commit::Caller;
    options.segment_size = 64 << 10;
    options.max_event = 16 << 10;
    options
}

/// Two streams with payloads of each sort, two consumers, of which one has parked an event; then it was closed.
pub(crate) fn write(dir: &Path, time: i64, id: u128) {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    fill(&Journal::open_in(&storage, options(time, id)).unwrap());
    put(dir, &*storage);
}

/// Puts a journal that was made in memory on the disk: a thousand syncs would take a minute.
fn put(dir: &Path, storage: &dyn Storage) {
    fs::create_dir_all(dir).unwrap();
    for name in storage.list().unwrap() {
        let file = storage.open(&name).unwrap();
        fs::write(dir.join(&name), read_range(&*file, 0, file.size().unwrap()).unwrap()).unwrap();
    }
}

fn fill(journal: &Journal) {
    let server = journal.consumer("server", Start::Oldest).unwrap();
    let backup = journal.consumer("backup", Start::Oldest).unwrap();
    let (orders, mail) = (journal.stream("orders").unwrap(), journal.stream("mail").unwrap());
    for number in 1..=4 {
        journal.append(&orders, format!(r#"{{"order":{number},"paid":true}}"#)).wait().unwrap();
    }
    journal.append(&mail, b"plain text").wait().unwrap();
    journal.append(&mail, [0xff, 0x00, 0x80]).wait().unwrap();
    server.settle(&orders, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    backup.settle(&orders, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    server.settle(&orders, Seq::new(2), Outcome::Parked("422: no such customer".to_owned())).wait().unwrap();
    journal.close_stream(&mail).wait().unwrap();
}

/// A journal of several segments, most of which nobody has settled.
pub(crate) fn write_long(dir: &Path, time: i64, id: u128) {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let journal = Journal::open_in(&storage, options(time, id)).unwrap();
    let server = journal.consumer("server", Start::Oldest).unwrap();
    let stream = journal.stream("jobs").unwrap();
    for number in 1..=40u8 {
        journal.append(&stream, [b'a' + number % 26; 5000]).wait().unwrap();
    }
    server.settle(&stream, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    drop((journal, server));
    put(dir, &*storage);
}

/// Six segments and several indexes; of two streams, one is settled here and there and the other not at all.
pub(crate) fn write_many(dir: &Path, time: i64, id: u128) {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let journal = Journal::open_in(&storage, options(time, id)).unwrap();
    let server = journal.consumer("server", Start::Oldest).unwrap();
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    for number in 1..=65u64 {
        journal.append(&a, format!("{number:03000}")).wait().unwrap();
        let seq = journal.append(&b, format!("{number:02000}")).wait().unwrap();
        if number % 3 == 0 {
            server.settle(&b, seq, Outcome::Delivered).wait().unwrap();
        }
        if number % 10 == 0 {
            server.settle(&b, seq.before(), Outcome::Parked("refused".to_owned())).wait().unwrap();
        }
    }
    drop((journal, server));
    put(dir, &*storage);
}

/// Flips a bit in the first place where `text` stands in a file.
pub(crate) fn hurt(file: &Path, text: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    *bytes.get_mut(at).unwrap() ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Writes one byte of a file.
pub(crate) fn poke(file: &Path, at: usize, byte: u8) {
    let mut bytes = fs::read(file).unwrap();
    *bytes.get_mut(at).unwrap() = byte;
    fs::write(file, bytes).unwrap();
}
