//! Opening: what is found again, and what is refused without a change.

use journal::storage::write_all;
use journal::{Identity, Journal, JournalId, OpenError, Outcome, Seq, Start};

use super::{files, memory, open, options, pending};

#[test]
fn what_was_acknowledged_is_there_after_a_start() {
    let storage = memory();
    let journal = open(&storage);
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    for number in 0..100u8 {
        journal.append(if number % 2 == 0 { &a } else { &b }, [number]).wait().unwrap();
    }
    drop(journal);
    let journal = open(&storage);
    assert!(journal.recovery().damage.is_empty() && journal.recovery().cut.is_none());
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let evens: Vec<Vec<u8>> = (0..100u8).step_by(2).map(|number| vec![number]).collect();
    assert_eq!(pending(&consumer, &journal.stream("a").unwrap()), evens);
    assert_eq!(journal.append(&a, b"next").wait().unwrap(), Seq::new(51));
}

#[test]
fn who_opens_a_journal_and_only_looks_changes_nothing() {
    let storage = memory();
    let journal = open(&storage);
    journal.append(&journal.stream("a").unwrap(), b"event").wait().unwrap();
    drop(journal);
    let before = files(&storage);
    for _ in 0..3 {
        assert_eq!(open(&storage).streams().len(), 1);
        assert_eq!(files(&storage), before);
    }
    // What comes behind the mark is proven by one of its own.
    let journal = open(&storage);
    journal.append(&journal.stream("a").unwrap(), b"another").wait().unwrap();
    drop(journal);
    let after = files(&storage);
    drop(open(&storage));
    assert!(after != before && files(&storage) == after);
}

#[test]
fn a_journal_is_opened_once() {
    let storage = memory();
    let journal = open(&storage);
    assert!(matches!(Journal::open_in(&storage, options()), Err(OpenError::Held { .. })));
    drop(journal);
    open(&storage);
}

#[test]
fn a_directory_on_disk_is_held_by_one_process_and_read_by_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let journal = Journal::open(&path, options()).unwrap();
    let error = Journal::open(&path, options()).unwrap_err().to_string();
    assert!(error.contains("held by another process"), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let segment = path.join("0000000000000001.seg");
    assert_eq!(std::fs::metadata(&segment).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&segment).unwrap().len(), 64 << 10);
    drop(journal);
    Journal::open(&path, options()).unwrap();
}

#[test]
fn a_journal_that_is_not_the_expected_one_is_refused_and_left_as_it_is() {
    let storage = memory();
    drop(open(&storage));
    let before = files(&storage);
    let mut wanted = options();
    wanted.identity = Identity::Only(JournalId::new(7));
    assert!(matches!(Journal::open_in(&storage, wanted), Err(OpenError::Foreign { .. })));
    assert_eq!(files(&storage), before);
}

#[test]
fn a_segment_of_another_journal_is_refused_and_nothing_is_changed() {
    let (storage, other) = (memory(), memory());
    drop(open(&storage));
    drop(open(&other));
    let (name, bytes) = files(&other).into_iter().find(|(name, _)| name.starts_with("00")).unwrap();
    write_all(&*storage.open(&name).unwrap(), 0, &bytes).unwrap();
    let before = files(&storage);
    let error = Journal::open_in(&storage, options()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("check which volume is mounted"), "{error}");
    assert_eq!(files(&storage), before);
}

#[test]
fn a_file_with_the_name_of_another_segment_is_refused() {
    let storage = memory();
    drop(open(&storage));
    storage.rename("0000000000000001.seg", "0000000000000002.seg").unwrap();
    assert!(matches!(Journal::open_in(&storage, options()), Err(OpenError::Misnamed { .. })));
}

#[test]
fn a_newer_version_is_refused_and_nothing_is_changed() {
    for file in ["journal.id", "0000000000000001.seg"] {
        let storage = memory();
        drop(open(&storage));
        write_all(&*storage.open(file).unwrap(), 8, &[2]).unwrap();
        let before = files(&storage);
        let error = Journal::open_in(&storage, options()).unwrap_err().to_string();
        assert!(
            error.contains(file) && error.contains("version 2") && error.contains("newer Seawall"),
            "{error}"
        );
        assert_eq!(files(&storage), before);
    }
}

#[test]
fn a_journal_without_segments_is_refused_rather_than_begun_anew() {
    let storage = memory();
    drop(open(&storage));
    storage.remove("0000000000000001.seg").unwrap();
    assert!(matches!(Journal::open_in(&storage, options()), Err(OpenError::Empty { .. })));
}

#[test]
fn a_journal_that_lost_its_id_gets_it_back_from_its_segments() {
    let storage = memory();
    let id = open(&storage).id();
    storage.remove("journal.id").unwrap();
    assert_eq!(open(&storage).id(), id);
    assert!(storage.list().unwrap().contains(&"journal.id".to_owned()));
}

#[test]
fn options_that_cannot_be_are_named() {
    let refused = |change: fn(&mut journal::Options)| {
        let mut options = options();
        change(&mut options);
        Journal::open_in(&memory(), options).unwrap_err().to_string()
    };
    assert!(refused(|options| options.segment_size = 100).contains("segment_size cannot be 100"));
    assert!(refused(|options| options.segment_size += 1).contains("steps of 4096"));
    assert!(refused(|options| options.max_event = 1 << 20).contains("max_event"));
    assert!(refused(|options| options.max_bytes = 1).contains("6 segments"));
}

#[test]
fn leftovers_of_a_crash_are_cleared_away() {
    let storage = memory();
    drop(open(&storage));
    storage.create("spare.tmp").unwrap();
    storage.create("spare").unwrap();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    for _ in 0..20 {
        journal.append(&stream, [0; 8000]).wait().unwrap();
    }
    assert!(!storage.list().unwrap().contains(&"spare.tmp".to_owned()));
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    consumer.settle(&stream, Seq::FIRST, Outcome::Delivered).wait().unwrap();
}
