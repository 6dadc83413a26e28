//! Laws of an import that goes on where another one was interrupted.

use journal::{Commit, Consumer, Journal, Millis, Options, Outcome, Seq, Span, Start};
use tempfile::TempDir;

use super::*;

fn open(directory: &TempDir) -> Journal {
    let mut options = Options::new(|| Millis::new(0));
    options.commit = Commit::Caller;
    options.segment_size = 64 << 10;
    options.max_event = 16 << 10;
    Journal::open(directory.path(), options).unwrap()
}

fn records(count: u32) -> Vec<String> {
    (1..=count).map(|number| format!("record {number}")).collect()
}

fn import(journal: &Journal, directory: &TempDir, records: &[String]) -> Brought {
    let target = Target { directory: directory.path(), journal: Some(journal), mode: Mode::Append };
    let mut import = Import::begin(target, "s", "s").unwrap();
    for record in records {
        import.add(record.as_bytes(), record.as_bytes()).unwrap();
    }
    import.end().unwrap();
    import.brought
}

/// Leaves what an import leaves that was killed when `appended` of its records were in the journal.
fn interrupt(journal: &Journal, directory: &TempDir, appended: &[String]) {
    let (mut ledger, _) = Ledger::open(directory.path(), "s").unwrap();
    ledger.write(directory.path(), Entry { next: Some(1), ..Entry::default() }).unwrap();
    journal.append_all(&journal.stream("s").unwrap(), appended).unwrap();
}

fn found(journal: &Journal) -> Vec<String> {
    let events = journal.events(&journal.find_stream("s").unwrap());
    events.map(|event| String::from_utf8(event.unwrap().payload).unwrap()).collect()
}

#[test]
fn what_was_appended_before_a_kill_is_found_in_the_journal() {
    for appended in 0..=5 {
        let directory = tempfile::tempdir().unwrap();
        let journal = open(&directory);
        let all = records(5);
        interrupt(&journal, &directory, all.get(..appended).unwrap());
        let brought = import(&journal, &directory, &all);
        assert_eq!((brought.already, found(&journal)), (appended as u64, all));
    }
}

#[test]
fn events_that_others_appended_meanwhile_are_not_taken_for_records() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    let all = records(4);
    interrupt(&journal, &directory, all.get(..2).unwrap());
    journal.append_all(&journal.stream("s").unwrap(), ["foreign", "record 3"]).unwrap();
    let brought = import(&journal, &directory, &all);
    assert_eq!((brought.already, brought.imported), (2, 2));
    assert_eq!(found(&journal), ["record 1", "record 2", "foreign", "record 3", "record 3", "record 4"]);
    assert_eq!(import(&journal, &directory, &all).imported, 0);
}

#[test]
fn records_that_were_delivered_before_the_next_import_are_not_brought_in_again() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    let all = records(4);
    interrupt(&journal, &directory, all.get(..2).unwrap());
    let server: Consumer = journal.consumer("server", Start::Oldest).unwrap();
    let both = Span::new(Seq::new(1), Seq::new(2)).unwrap();
    server.settle(&journal.find_stream("s").unwrap(), both, Outcome::Delivered).wait().unwrap();
    assert_eq!(import(&journal, &directory, &all).already, 2);
    assert_eq!(found(&journal), ["record 3", "record 4"]);
}

#[test]
fn a_rehearsal_counts_and_leaves_everything_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target { directory: directory.path(), journal: None, mode: Mode::Rehearse };
    let mut rehearsal = Import::begin(target, "s", "s").unwrap();
    for record in records(3) {
        rehearsal.add(record.as_bytes(), record.as_bytes()).unwrap();
    }
    rehearsal.end().unwrap();
    assert_eq!(rehearsal.brought, Brought { records: 3, already: 0, imported: 3 });
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_log_of_other_records_is_refused_before_anything_is_appended() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&directory);
    import(&journal, &directory, &records(3));
    let target = Target { directory: directory.path(), journal: Some(&journal), mode: Mode::Append };
    let mut other = Import::begin(target, "s", "s").unwrap();
    let added: Vec<_> =
        ["record 1", "record 2", "other"].map(|text| other.add(text.as_bytes(), text.as_bytes())).into();
    assert!(matches!(added.as_slice(), [Ok(()), Ok(()), Err(Halt::Differs)]), "{added:?}");
    assert_eq!(found(&journal), records(3));
}
