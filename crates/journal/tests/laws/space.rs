//! Space: what is removed, what is carried, and what happens when there is none left.

use std::sync::Arc;

use journal::storage::Storage;
use journal::{CommitError, Consumer, Journal, Outcome, Seq, Start, Stream, WhenFull};

use super::{memory, open, options, pending};

/// Appends and settles events of a kilobyte.
fn pass(journal: &Journal, consumer: &Consumer, stream: &Stream, count: usize) {
    for _ in 0..count {
        let seq = journal.append(stream, [1; 1000]).wait().unwrap();
        consumer.settle(stream, seq, Outcome::Delivered).wait().unwrap();
    }
}

#[test]
fn segments_whose_events_are_settled_are_used_again() {
    let storage = memory();
    let journal = open(&storage);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let stream = journal.stream("s").unwrap();
    pass(&journal, &consumer, &stream, 2000);
    let stats = journal.stats();
    assert!(stats.segments <= 4, "{stats:?}");
    assert!(stats.counters.segments_begun > 30, "{stats:?}");
    assert!(storage.list().unwrap().len() <= 6, "{:?}", storage.list());
}

#[test]
fn a_slow_stream_pins_nothing_and_loses_nothing() {
    let storage = memory();
    let journal = open(&storage);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let (slow, fast) = (journal.stream("slow").unwrap(), journal.stream("fast").unwrap());
    for number in 0..40u8 {
        journal.append(&slow, [number]).wait().unwrap();
        pass(&journal, &consumer, &fast, 50);
    }
    let stats = journal.stats();
    assert!(stats.segments <= 8, "{stats:?}");
    assert!(stats.counters.carried >= 40, "{stats:?}");
    let all: Vec<Vec<u8>> = (0..40u8).map(|number| vec![number]).collect();
    assert_eq!(pending(&consumer, &slow), all);
    drop((journal, consumer));
    let journal = open(&storage);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    assert_eq!(pending(&consumer, &journal.stream("slow").unwrap()), all);
}

fn tight(when_full: WhenFull) -> (Journal, Arc<dyn Storage>) {
    let mut options = options();
    options.max_bytes = 8 * options.segment_size;
    options.when_full = when_full;
    let storage = memory();
    (Journal::open_in(&storage, options).unwrap(), storage)
}

#[test]
fn no_event_passes_one_by_that_was_refused_before_it() {
    let (journal, _) = tight(WhenFull::Reject);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let stream = journal.stream("s").unwrap();
    // The last of them leave room for small ones alone.
    while journal.append(&stream, [1; 16_000]).wait().is_ok() {}
    let other = journal.stream("other").unwrap();
    let sizes = [10, 16_000, 10, 16_000];
    let tickets: Vec<_> = sizes.iter().map(|&size| journal.append(&stream, vec![2; size])).collect();
    let elsewhere = journal.append(&other, [3; 10]);
    let outcomes: Vec<_> = tickets.into_iter().map(journal::Ticket::wait).collect();
    assert!(outcomes[0].is_ok() && elsewhere.wait().is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(CommitError::OverBudget { .. })), "{outcomes:?}");
    assert!(
        outcomes[2..].iter().all(|outcome| matches!(outcome, Err(CommitError::Behind { .. }))),
        "{outcomes:?}"
    );
    assert_eq!(pending(&consumer, &stream).last().unwrap(), &[2; 10]);
    // What comes later is another matter.
    journal.append(&stream, [4; 10]).wait().unwrap();
}

#[test]
fn a_full_journal_refuses_events_and_takes_them_again_once_some_are_settled() {
    let (journal, _) = tight(WhenFull::Reject);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let stream = journal.stream("s").unwrap();
    let refused = (0..1000).find_map(|_| journal.append(&stream, [1; 4000]).wait().err()).unwrap();
    assert!(matches!(refused, CommitError::OverBudget { limit: 524_288 }), "{refused}");
    let last = pending(&consumer, &stream).len() as u64;
    assert!(last >= 60, "{last}");
    for seq in 1..=last {
        consumer.settle(&stream, Seq::new(seq), Outcome::Delivered).wait().unwrap();
    }
    for _ in 0..100 {
        let seq = journal.append(&stream, [1; 4000]).wait().unwrap();
        consumer.settle(&stream, seq, Outcome::Delivered).wait().unwrap();
    }
    assert!(journal.stats().bytes <= 524_288);
}

#[test]
fn where_it_was_asked_for_the_oldest_events_make_room_and_are_counted() {
    let (journal, _) = tight(WhenFull::DropOldest);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let stream = journal.stream("s").unwrap();
    for number in 0..1000u64 {
        journal.append(&stream, format!("{number:04000}")).wait().unwrap();
        assert!(journal.stats().bytes <= 524_288, "{:?}", journal.stats());
    }
    let stats = journal.stats();
    let left = pending(&consumer, &stream);
    assert_eq!(stats.lost_to_budget + left.len() as u64, 1000, "{stats:?}");
    assert!(stats.lost_to_damage == 0 && left.len() > 20);
    assert_eq!(left.last().unwrap(), format!("{:04000}", 999).as_bytes());
}
