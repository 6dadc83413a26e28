//! Settling: what lasts, what is put aside, who still waits for what.

use journal::{CommitError, NameError, Outcome, Scope, Seq, Span, Start};

use super::{memory, open, pending};

fn span(first: u64, last: u64) -> Span {
    Span::new(Seq::new(first), Seq::new(last)).unwrap()
}

#[test]
fn what_is_settled_does_not_come_again_after_a_start() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    journal.append_all(&stream, (1..=9u8).map(|number| [number])).unwrap();
    consumer.settle(&stream, span(1, 3), Outcome::Delivered).wait().unwrap();
    consumer.settle(&stream, Seq::new(6), Outcome::Delivered).wait().unwrap();
    drop((journal, consumer));
    let journal = open(&storage);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let left: Vec<Vec<u8>> = [4u8, 5, 7, 8, 9].map(|number| vec![number]).into();
    assert_eq!(pending(&consumer, &journal.stream("s").unwrap()), left);
    let backlog = consumer.backlog();
    assert_eq!((backlog.len(), backlog[0].pending, backlog[0].oldest), (1, 5, Seq::new(4)));
}

#[test]
fn each_consumer_settles_at_its_own_pace_and_an_event_is_kept_for_the_slowest() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let fast = journal.consumer("fast", Start::Oldest).unwrap();
    let slow = journal.consumer("slow", Start::Oldest).unwrap();
    journal.append_all(&stream, ["a", "b"]).unwrap();
    fast.settle(&stream, span(1, 2), Outcome::Delivered).wait().unwrap();
    assert_eq!(pending(&slow, &stream).len(), 2);
    let late = journal.consumer("late", Start::Newest).unwrap();
    assert!(pending(&late, &stream).is_empty());
    slow.unregister().wait().unwrap();
    assert_eq!(journal.stats().live_events, 0);
}

#[test]
fn a_parked_event_says_why_and_can_be_read_requeued_and_dropped() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    journal.append_all(&stream, ["good", "bad", "worse"]).unwrap();
    consumer.settle(&stream, span(2, 3), Outcome::Parked("400".to_owned())).wait().unwrap();
    consumer.settle(&stream, Seq::new(1), Outcome::Delivered).wait().unwrap();
    drop((journal, consumer));

    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    assert!(pending(&consumer, &stream).is_empty());
    let parked = consumer.parked(10);
    assert_eq!((parked.len(), parked[0].seq, parked[0].reason.as_str()), (2, Seq::new(2), "400"));
    assert_eq!(consumer.read(&stream, Seq::new(2)).unwrap().unwrap().payload, b"bad");

    journal.append(&stream, b"new").wait().unwrap();
    consumer.settle(&stream, Seq::new(2), Outcome::Requeued).wait().unwrap();
    assert_eq!(pending(&consumer, &stream), [b"bad".to_vec(), b"new".to_vec()]);
    consumer.settle(&stream, Seq::new(3), Outcome::Dropped).wait().unwrap();
    assert_eq!((consumer.parked(10).len(), consumer.read(&stream, Seq::new(3)).unwrap()), (0, None));
}

#[test]
fn an_event_that_never_was_cannot_be_settled() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    journal.append(&stream, b"1").wait().unwrap();
    let error = consumer.settle(&stream, span(1, 2), Outcome::Delivered).wait().unwrap_err();
    assert!(matches!(error, CommitError::NotAppended { .. }), "{error}");
    assert_eq!(pending(&consumer, &stream).len(), 1);
}

#[test]
fn who_is_unregistered_settles_nothing() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    journal.append(&stream, b"1").wait().unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let copy = consumer.clone();
    consumer.unregister().wait().unwrap();
    let error = copy.settle(&stream, Seq::FIRST, Outcome::Delivered).wait().unwrap_err();
    assert!(matches!(error, CommitError::NoConsumer { .. }), "{error}");
}

#[test]
fn a_consumer_of_a_known_name_is_the_same_one() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let first = journal.consumer("c", Start::Oldest).unwrap();
    journal.append(&stream, b"1").wait().unwrap();
    first.settle(&stream, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    let second = journal.consumer("c", Start::Oldest).unwrap();
    assert!(pending(&second, &stream).is_empty());
    assert_eq!(journal.consumers(), ["c"]);
}

#[test]
fn ranges_that_do_not_follow_each_other_are_settled_in_one_call_up_to_a_limit() {
    let journal = open(&memory());
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    journal.append_all(&stream, (0..20).map(|_| "x")).unwrap();
    let odd = (1..=20).step_by(2).map(Seq::new);
    consumer.settle_some(&stream, odd, Outcome::Delivered).unwrap().wait().unwrap();
    assert_eq!(pending(&consumer, &stream).len(), 10);
    let many = (1..=2000).step_by(2).map(Seq::new);
    let error = consumer.settle_some(&stream, many, Outcome::Delivered).err().unwrap();
    assert!(matches!(error, CommitError::TooManyRanges { .. }), "{error}");
}

fn lanes() -> Scope {
    Scope::Prefix("lane/".to_owned())
}

#[test]
fn streams_out_of_its_scope_are_neither_pending_for_a_consumer_nor_kept_by_it() {
    let storage = memory();
    let journal = open(&storage);
    let (lane, job) = (journal.stream("lane/1").unwrap(), journal.stream("job/1").unwrap());
    let proxy = journal.consumer_of("proxy", Start::Oldest, lanes()).unwrap();
    journal.append_all(&lane, ["a"]).unwrap();
    journal.append_all(&job, ["b", "c"]).unwrap();
    // Of the jobs nobody has said that they concern him, so they are kept.
    proxy.settle(&lane, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    assert_eq!(journal.stats().live_events, 2);
    let ship = journal.consumer_of("ship", Start::Oldest, Scope::Prefix("job/".to_owned())).unwrap();
    ship.settle(&job, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    drop((journal, proxy, ship));

    let journal = open(&storage);
    let job = journal.stream("job/1").unwrap();
    let proxy = journal.consumer_of("proxy", Start::Oldest, lanes()).unwrap();
    let ship = journal.find_consumer("ship").unwrap();
    assert_eq!((pending(&proxy, &job).len(), pending(&ship, &job)), (0, vec![b"c".to_vec()]));
    assert!(proxy.backlog().is_empty());
    assert_eq!(ship.backlog().len(), 1);
    let late = journal.consumer_of("late", Start::Newest, Scope::Prefix("j".to_owned())).unwrap();
    assert!(pending(&late, &job).is_empty());
    ship.unregister().wait().unwrap();
    assert_eq!(journal.stats().live_events, 0);
}

#[test]
fn a_scope_is_for_good_and_settling_beyond_it_is_refused() {
    let journal = open(&memory());
    let job = journal.stream("job/1").unwrap();
    journal.append(&job, b"1").wait().unwrap();
    let proxy = journal.consumer_of("proxy", Start::Oldest, lanes()).unwrap();
    let error = journal.consumer("proxy", Start::Oldest).err().unwrap();
    assert!(matches!(error, CommitError::OtherScope { .. }), "{error}");
    assert!(error.to_string().contains("for streams that begin with lane/; open it for those"), "{error}");
    let error = proxy.settle(&job, Seq::FIRST, Outcome::Parked("no".to_owned())).wait().unwrap_err();
    assert!(matches!(error, CommitError::OutOfScope { .. }), "{error}");
    assert_eq!((proxy.parked(9), journal.stats().live_events), (Vec::new(), 1));
    let empty = journal.consumer_of("other", Start::Oldest, Scope::Prefix(String::new()));
    assert!(matches!(empty, Err(CommitError::Name(NameError::Length(0)))));
    assert!(journal.find_consumer("other").is_none());
}
