//! Archiving: what ends up in an archive, when events may go, and what is made twice.

use std::sync::Arc;

use journal::archive::{Archiver, Level, Retention, archives, clean};
use journal::storage::{Storage, read_range};
use journal::{Journal, Millis, Outcome, Scope, Seq, Span, Start};

use super::{memory, open};

fn closed(journal: &Journal, name: &str, payloads: &[&str]) {
    let stream = journal.stream(name).unwrap();
    journal.append_all(&stream, payloads).unwrap();
    journal.close_stream(&stream).wait().unwrap();
}

/// The payloads in an archive, by the layout of ARWAL001.
fn payloads(storage: &Arc<dyn Storage>, name: &str) -> Vec<String> {
    let file = storage.open(name).unwrap();
    let bytes = read_range(&*file, 0, file.size().unwrap()).unwrap();
    let raw = zstd::decode_all(bytes.as_slice()).unwrap();
    assert_eq!(&raw[..8], b"ARWAL001");
    let (mut rest, mut found) = (&raw[16..], Vec::new());
    while !rest.is_empty() {
        let total = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        found.push(String::from_utf8(rest[24..total - 8].to_vec()).unwrap());
        rest = &rest[total..];
    }
    found
}

#[test]
fn a_higher_level_makes_archives_smaller_with_the_same_in_them() {
    let (storage, place) = (memory(), memory());
    let journal = open(&storage);
    let lines: Vec<String> = (0..2000)
        .map(|number| format!("job {} on node-{}: step {number} done", number % 7, number % 13))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut sizes = Vec::new();
    for (name, level) in [("fast", Level::default()), ("small", Level::new(Level::MOST).unwrap())] {
        let archiver = Archiver::new(&journal, Scope::All, Arc::clone(&place)).unwrap().at_level(level);
        closed(&journal, name, &lines);
        sizes.push(archiver.run().unwrap()[0].archive.bytes);
        assert_eq!(payloads(&place, &format!("{name}.wal.zst")), lines);
    }
    assert!(sizes[1] < sizes[0], "{sizes:?}");
    assert_eq!((Level::new(0), Level::new(Level::MOST + 1)), (None, None));
}

#[test]
fn a_closed_stream_is_archived_whole_and_then_let_go() {
    let (storage, place) = (memory(), memory());
    let journal = open(&storage);
    let archiver = Archiver::new(&journal, Scope::All, Arc::clone(&place)).unwrap();
    let server = journal.consumer("server", Start::Oldest).unwrap();
    let stream = journal.stream("job/1").unwrap();
    journal.append_all(&stream, ["a", "b", "c"]).unwrap();
    server.settle(&stream, Span::new(Seq::new(1), Seq::new(3)).unwrap(), Outcome::Delivered).wait().unwrap();
    assert!(archiver.run().unwrap().is_empty());
    assert_eq!(journal.stats().live_events, 3);

    journal.close_stream(&stream).wait().unwrap();
    let made = archiver.run().unwrap();
    assert_eq!(
        (made.len(), made[0].archive.name.as_str(), made[0].archive.events),
        (1, "job%2F1.wal.zst", Some(3))
    );
    assert_eq!(payloads(&place, "job%2F1.wal.zst"), ["a", "b", "c"]);
    assert_eq!((journal.stats().live_events, journal.streams().len()), (0, 0));
    assert_eq!(archives(&*place).unwrap(), [made[0].archive.clone()]);
    assert!(archiver.run().unwrap().is_empty());
}

#[test]
fn an_archiver_leaves_streams_alone_that_are_out_of_its_scope() {
    let (storage, place) = (memory(), memory());
    let journal = open(&storage);
    let lanes = journal.consumer_of("proxy", Start::Oldest, Scope::Prefix("lane/".to_owned())).unwrap();
    let archiver = Archiver::new(&journal, Scope::Prefix("job/".to_owned()), Arc::clone(&place)).unwrap();
    closed(&journal, "job/1", &["a"]);
    closed(&journal, "lane/1", &["b"]);
    assert_eq!(archiver.run().unwrap().len(), 1);
    assert_eq!(place.list().unwrap(), ["job%2F1.wal.zst"]);
    assert_eq!(journal.stats().live_events, 1);
    lanes.settle(&journal.stream("lane/1").unwrap(), Seq::FIRST, Outcome::Delivered).wait().unwrap();
    assert!(journal.streams().is_empty());
}

#[test]
fn a_name_that_is_used_again_gets_another_archive_and_the_first_is_kept() {
    let (storage, place) = (memory(), memory());
    let journal = open(&storage);
    let archiver = Archiver::new(&journal, Scope::All, Arc::clone(&place)).unwrap();
    closed(&journal, "s", &["first"]);
    archiver.run().unwrap();
    closed(&journal, "s", &["second"]);
    archiver.run().unwrap();
    assert_eq!(payloads(&place, "s.wal.zst"), ["first"]);
    assert_eq!(payloads(&place, "s~2.wal.zst"), ["second"]);
}

#[test]
fn an_archive_that_was_made_before_a_crash_and_not_noted_is_not_made_twice() {
    let place = memory();
    for _ in 0..2 {
        // The second journal stands for the first one as it was before the archive was noted.
        let journal = open(&memory());
        let archiver = Archiver::new(&journal, Scope::All, Arc::clone(&place)).unwrap();
        closed(&journal, "s", &["event"]);
        archiver.run().unwrap();
    }
    assert_eq!(place.list().unwrap(), ["s.wal.zst"]);
}

#[test]
fn retention_removes_what_is_too_old() {
    let (storage, place) = (memory(), memory());
    let journal = open(&storage);
    let archiver = Archiver::new(&journal, Scope::All, Arc::clone(&place)).unwrap();
    closed(&journal, "s", &["event"]);
    archiver.run().unwrap();
    let retention = Retention { max_age: Some(1000), max_bytes: None };
    assert!(clean(&*place, &retention, Millis::new(1_700_000_001_000)).unwrap().is_empty());
    assert_eq!(clean(&*place, &retention, Millis::new(1_700_000_001_001)).unwrap().len(), 1);
    assert!(archives(&*place).unwrap().is_empty());
}
