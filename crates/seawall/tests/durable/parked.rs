//! Giving parked events up and delivering them again, killed or failed at each system call.
//!
//! Events 2, 4, 5 and 9 of one stream are parked, all before 10 but 7 delivered; 4 and 5 are chosen. So each of the ways
//! in which an event may stand with a consumer is there beside those that are to change.

use std::fs;

use journal::{Outcome, Seq, Span, Start};
use tempfile::TempDir;
use testkit::quick_directory;

use crate::failing::{everywhere, filled};
use crate::{lines, open};

const CHOSEN: [u64; 2] = [4, 5];
const OTHERS: [u64; 2] = [2, 9];
const PENDING: [u64; 8] = [7, 10, 11, 12, 13, 14, 15, 16];
const REASON: &str = "400 Bad Request";

/// A journal with parked events.
fn parked() -> TempDir {
    let place = filled();
    let journal = open(place.path());
    let (server, stream) =
        (journal.consumer("server", Start::Oldest).unwrap(), journal.stream("job").unwrap());
    for seq in (1..10).filter(|seq| *seq != 7) {
        let is_parked = CHOSEN.contains(&seq) || OTHERS.contains(&seq);
        let outcome = if is_parked { Outcome::Parked(REASON.to_owned()) } else { Outcome::Delivered };
        server.settle(&stream, Span::one(Seq::new(seq)), outcome).wait().unwrap();
    }
    place
}

/// How the events stand: what is parked, what is pending, both with what is in them.
fn standing(place: &TempDir) -> (Vec<u64>, Vec<u64>) {
    let (journal, lines) = (open(place.path()), lines(16));
    let (server, stream) = (journal.find_consumer("server").unwrap(), journal.find_stream("job").unwrap());
    let whole = |seq: Seq, payload: &[u8]| {
        let line = usize::try_from(seq.get()).ok().and_then(|number| lines.get(number - 1));
        assert!(line.is_some_and(|line| line.as_bytes() == payload), "event {seq:?}");
        seq.get()
    };
    let parked = server.parked(usize::MAX).into_iter().map(|parked| {
        assert_eq!((parked.stream.as_str(), parked.reason.as_str()), ("job", REASON));
        whole(parked.seq, &server.read(&stream, parked.seq).unwrap().unwrap().payload)
    });
    let pending = server.pending(&stream).map(|event| {
        let event = event.unwrap();
        whole(event.seq, &event.payload)
    });
    (parked.collect(), pending.collect())
}

/// Numbers that are in one of the two, in order.
fn joined(some: &[u64], others: &[u64]) -> Vec<u64> {
    let mut all = [some, others].concat();
    all.sort_unstable();
    all
}

/// Runs the command with a fault at each call, on copies of a journal with parked events.
fn with_each_fault(words: &[&str], judge: impl FnMut(&TempDir, bool)) {
    let original = parked();
    let copy = || {
        let place = quick_directory().unwrap();
        fs::write(place.path().join("input"), "").unwrap();
        fs::create_dir(place.path().join("journal")).unwrap();
        for entry in fs::read_dir(original.path().join("journal")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), place.path().join("journal").join(entry.file_name())).unwrap();
        }
        place
    };
    everywhere(words, copy, judge);
}

const UNTOUCHED: &str = "what was not chosen stands as it did";

#[test]
#[ignore = "traces a process hundreds of times"]
fn what_was_called_requeued_is_pending_and_else_it_is_that_or_parked_and_nothing_else_has_changed() {
    let requeue = ["parked", "requeue", "server:job:4", "server:job:5"];
    with_each_fault(&requeue, |place, success| {
        let (aside, pending) = standing(place);
        let before = (joined(&CHOSEN, &OTHERS), PENDING.to_vec());
        let after = (OTHERS.to_vec(), joined(&CHOSEN, &PENDING));
        let standing = (aside, pending);
        assert!(standing == after || !success && standing == before, "{UNTOUCHED}: {standing:?}");
    });
}

#[test]
#[ignore = "traces a process hundreds of times"]
fn what_was_called_dropped_is_gone_and_else_it_is_that_or_parked_and_in_the_export_whenever_it_is_gone() {
    let drop = ["parked", "drop", "--yes", "--export", "way-back.ndjson", "server:job:4", "server:job:5"];
    with_each_fault(&drop, |place, success| {
        let (aside, pending) = standing(place);
        let is_gone = aside == OTHERS;
        assert!(is_gone || !success && aside == joined(&CHOSEN, &OTHERS), "{UNTOUCHED}: {aside:?}");
        assert_eq!(pending, PENDING, "{UNTOUCHED}");
        let export = place.path().join("way-back.ndjson");
        // Where it has its name, it is whole, whatever became of the events.
        if is_gone || export.exists() {
            assert_eq!(exported(&fs::read_to_string(export).unwrap()), CHOSEN);
        }
    });
}

/// The numbers of the events in an export, with what is in them.
fn exported(export: &str) -> Vec<u64> {
    let lines = lines(16);
    let number = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let seq = object["seq"].as_u64().unwrap();
        let wanted = usize::try_from(seq).ok().and_then(|number| lines.get(number - 1)).unwrap();
        assert!(object["text"].as_str() == Some(wanted), "event {seq}");
        seq
    };
    export.lines().map(number).collect()
}
