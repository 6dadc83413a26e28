//! Appending: order, waiting in all its forms, what is refused.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use journal::storage::{Disk, Storage};
use journal::{Commit, CommitError, Journal, NameError, Outcome, Seq, SharedBytes, Start, Ticket};

use super::{memory, open, options, pending};

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T>(ticket: &mut Ticket<T>) -> Poll<Result<T, CommitError>> {
    pin!(ticket).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_order_of_calls_is_the_order_of_events_whoever_waits_first() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let (first, second) = (journal.append(&stream, b"1"), journal.append(&stream, b"2"));
    assert_eq!((second.wait().unwrap(), first.wait().unwrap()), (Seq::new(2), Seq::new(1)));
}

#[test]
fn an_event_whose_ticket_is_dropped_is_appended_all_the_same() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    drop(journal.append(&stream, b"event"));
    assert_eq!(journal.stats().live_events, 1);
}

#[test]
fn many_threads_get_each_its_own_numbers_and_one_sync_serves_many() {
    let storage = memory();
    let mut options = options();
    options.commit = Commit::Thread;
    options.max_bytes = 1 << 30;
    let journal = Journal::open_in(&storage, options).unwrap();
    let stream = journal.stream("s").unwrap();
    let numbers: Vec<Seq> = thread::scope(|scope| {
        let append = || {
            let tickets: Vec<_> = (0..200).map(|_| journal.append(&stream, [7; 100])).collect();
            tickets.into_iter().map(|ticket| ticket.wait().unwrap()).collect::<Vec<Seq>>()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(append)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted: Vec<u64> = numbers.iter().map(|seq| seq.get()).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=1600).collect::<Vec<u64>>());
    let counters = journal.stats().counters;
    assert_eq!(counters.appended, 1600);
    assert!(counters.syncs < 1600, "{counters:?}");
}

#[test]
fn a_future_is_woken_by_the_thread_once_it_is_synced() {
    let mut options = options();
    options.commit = Commit::Thread;
    let journal = Journal::open_in(&memory(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut ticket = pin!(journal.append(&stream, b"event"));
    let mut context = Context::from_waker(&waker);
    let seq = loop {
        match ticket.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => break outcome.unwrap(),
            Poll::Pending => thread::yield_now(),
        }
    };
    assert_eq!(seq, Seq::FIRST);
}

#[test]
fn appending_waits_while_the_queue_is_full_and_goes_on_after() {
    let mut options = options();
    options.queue_bytes = 1000;
    let journal = Journal::open_in(&memory(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let inside = journal.append(&stream, [1; 900]);
    let mut outside = journal.append(&stream, [2; 900]);
    assert!(poll(&mut outside).is_pending());
    assert_eq!(inside.wait().unwrap(), Seq::new(1));
    assert_eq!(outside.wait().unwrap(), Seq::new(2));
}

#[test]
fn a_consumer_and_a_ticket_work_after_the_journal_was_dropped() {
    let mut options = options();
    options.commit = Commit::Thread;
    options.queue_bytes = 10;
    let journal = Journal::open_in(&memory(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let (inside, outside) = (journal.append(&stream, [1; 9]), journal.append(&stream, [2; 9]));
    drop(journal);
    assert_eq!((outside.wait().unwrap(), inside.wait().unwrap()), (Seq::new(2), Seq::new(1)));
    consumer.settle(&stream, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    assert_eq!(pending(&consumer, &stream), [[2; 9]]);
}

#[test]
fn news_come_once_something_is_synced() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let seen = journal.durable();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut news = pin!(journal.news(seen));
    assert!(news.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    journal.append(&stream, b"event").wait().unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert_eq!(news.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(journal.durable()));
}

#[test]
fn several_events_at_once_follow_each_other() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let span = journal.append_all(&stream, (0..50u8).map(|number| [number])).unwrap().unwrap();
    assert_eq!((span.first(), span.last(), span.count()), (Seq::new(1), Seq::new(50), 50));
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    assert_eq!(pending(&consumer, &stream), (0..50u8).map(|number| vec![number]).collect::<Vec<_>>());
}

#[test]
fn limits_are_refused_with_what_they_are() {
    let mut options = options();
    options.max_streams = 2;
    options.max_pending = 3;
    let journal = Journal::open_in(&memory(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let error = journal.append(&stream, vec![0; (16 << 10) + 1]).wait().unwrap_err();
    assert!(matches!(error, CommitError::EventTooLarge { bytes: 16_385, limit: 16_384 }), "{error}");
    for _ in 0..3 {
        journal.append(&stream, vec![0; 16 << 10]).wait().unwrap();
    }
    let error = journal.append(&stream, b"").wait().unwrap_err();
    assert!(matches!(error, CommitError::TooManyPending { limit: 3, .. }), "{error}");
    journal.stream("t").unwrap();
    assert!(matches!(journal.stream("u"), Err(CommitError::TooManyStreams { limit: 2 })));
    assert!(matches!(journal.stream(""), Err(CommitError::Name(NameError::Length(0)))));
}

#[test]
fn a_closed_stream_takes_nothing_and_its_name_is_free_once_all_is_settled() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let seq = journal.append(&stream, b"last").wait().unwrap();
    journal.close_stream(&stream).wait().unwrap();
    let error = journal.append(&stream, b"late").wait().unwrap_err();
    assert!(matches!(error, CommitError::Closed { .. }), "{error}");
    drop((journal, consumer));
    let journal = open(&storage);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let again = journal.stream("s").unwrap();
    assert!(journal.append(&again, b"late").wait().is_err());
    consumer.settle(&again, seq, Outcome::Delivered).wait().unwrap();
    assert!(journal.streams().is_empty());
    let anew = journal.stream("s").unwrap();
    assert_eq!(journal.append(&anew, b"first").wait().unwrap(), Seq::FIRST);
}

#[test]
fn events_whose_bytes_are_shared_are_in_the_order_of_calls_and_fill_the_queue_as_others_do() {
    let mut options = options();
    options.queue_bytes = 10;
    let limit = usize::try_from(options.max_event).unwrap();
    let journal = Journal::open_in(&memory(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let shared = |bytes: &[u8]| -> SharedBytes { Arc::new(bytes.to_vec()) };
    let first = shared(b"eight is");
    let mut tickets = vec![journal.append_shared(&stream, &first), journal.append(&stream, b"9.")];
    assert_eq!(Arc::strong_count(&first), 2, "they are held and not copied");
    // There is no room for these two.
    tickets.extend([journal.append_shared(&stream, &shared(b"eleven")), journal.append(&stream, b"12")]);
    let numbers: Vec<u64> = tickets.into_iter().map(|ticket| ticket.wait().unwrap().get()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(Arc::strong_count(&first), 1, "they are let go once they are written");
    let large = journal.append_shared(&stream, &shared(&vec![0; limit + 1]));
    assert!(matches!(large.wait().unwrap_err(), CommitError::EventTooLarge { .. }));
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    assert_eq!(pending(&consumer, &stream), [&b"eight is"[..], b"9.", b"eleven", b"12"]);
}

/// Copied and shared events, names of streams and settlements, all in the queue at once and in several segments.
#[test]
fn events_come_back_whole_whatever_goes_to_the_disk_between_them() {
    let directory = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(Disk::at(directory.path()).unwrap());
    let mut options = options();
    options.segment_size = 1 << 20;
    let journal = Journal::open_in(&storage, options.clone()).unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let old = journal.stream("old").unwrap();
    journal.append_batch(&old, &[[0; 9]; 1000]).wait().unwrap();
    let streams: Vec<_> = (0..7).map(|number| journal.stream(&number.to_string()).unwrap()).collect();
    let mut expected = vec![Vec::new(); streams.len()];
    let mut tickets = Vec::new();
    for number in 0..6000usize {
        let of = number * number % 31 % streams.len();
        let bytes: SharedBytes = Arc::new(vec![u8::try_from(number % 251).unwrap(); number * 37 % 700]);
        tickets.push(match number % 5 {
            0 => journal.append_shared(&streams[of], &bytes),
            _ => journal.append(&streams[of], (*bytes).as_ref()),
        });
        expected[of].push((*bytes).as_ref().to_vec());
        if number % 7 == 3 {
            drop(consumer.settle(&old, Seq::new(number as u64 / 7 + 1), Outcome::Delivered));
        }
    }
    tickets.into_iter().for_each(|ticket| assert!(ticket.wait().is_ok()));
    drop((journal, consumer));
    let journal = Journal::open_in(&storage, options).unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    for (number, expected) in expected.iter().enumerate() {
        let stream = journal.stream(&number.to_string()).unwrap();
        assert!(pending(&consumer, &stream) == *expected, "stream {number}");
    }
    assert_eq!(pending(&consumer, &journal.stream("old").unwrap()).len(), 1000 - 857);
}

#[test]
fn nothing_comes_between_the_events_of_a_batch() {
    let storage = memory();
    let mut options = options();
    options.commit = Commit::Thread;
    options.max_bytes = 1 << 30;
    // Batches wait for room, and are held back as a whole.
    options.queue_bytes = 2048;
    let journal = Journal::open_in(&storage, options).unwrap();
    let stream = journal.stream("s").unwrap();
    let append = |writer: u8| {
        for _ in 0..50 {
            let events: Vec<[u8; 100]> = (0..10).map(|number| [writer * 10 + number; 100]).collect();
            let span = journal.append_batch(&stream, &events).wait().unwrap();
            assert_eq!(span.count(), 10);
        }
    };
    thread::scope(|scope| (0..4).for_each(|writer| drop(scope.spawn(move || append(writer)))));
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let all: Vec<u8> = pending(&consumer, &stream).into_iter().map(|payload| payload[0]).collect();
    assert_eq!(all.len(), 2000);
    for batch in all.chunks(10) {
        assert!(batch.iter().zip(batch[0]..).all(|(found, wanted)| *found == wanted), "{batch:?}");
    }
}

#[test]
fn a_batch_with_one_event_too_large_appends_none() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let large = vec![0; usize::try_from(options().max_event).unwrap() + 1];
    let failed = journal.append_batch(&stream, &[b"small".to_vec(), large]).wait().unwrap_err();
    assert!(matches!(failed.error, CommitError::EventTooLarge { .. }) && failed.durable.is_none());
    let empty: [&[u8]; 0] = [];
    assert!(matches!(journal.append_batch(&stream, &empty).wait().unwrap_err().error, CommitError::Nothing));
    assert_eq!(journal.stats().live_events, 0);
}

#[test]
fn a_batch_that_meets_the_budget_says_which_of_its_events_are_there() {
    let mut options = options();
    options.max_bytes = 8 * options.segment_size;
    let (segment, journal) = (options.segment_size, Journal::open_in(&memory(), options).unwrap());
    let stream = journal.stream("s").unwrap();
    let events = vec![vec![7; 1000]; usize::try_from(8 * segment / 1000).unwrap()];
    let failed = journal.append_batch(&stream, &events).wait().unwrap_err();
    assert!(matches!(failed.error, CommitError::OverBudget { .. }));
    let durable = failed.durable.unwrap();
    assert_eq!(durable.first(), Seq::FIRST);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    assert_eq!(pending(&consumer, &stream).len() as u64, durable.count());
}
