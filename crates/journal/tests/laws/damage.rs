//! Damage: what is reported, what is kept, what goes on.

use std::sync::Arc;

use journal::storage::{Storage, read_range, write_all};
use journal::{Cause, CommitError, Journal, Outcome, ReadError, Seq, Start};

use super::{files, memory, open, pending};

/// A journal with `count` events of 100 bytes that was closed.
fn filled(count: u8) -> Arc<dyn Storage> {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    for number in 1..=count {
        journal.append(&stream, [number; 100]).wait().unwrap();
    }
    storage
}

/// Flips a bit in the payload of the event whose payload is full of `number`.
fn hurt(storage: &Arc<dyn Storage>, number: u8) -> (String, u64) {
    let is_there = |(_, bytes): &(String, Vec<u8>)| bytes.windows(100).any(|window| window == [number; 100]);
    let (name, bytes) = files(storage).into_iter().find(is_there).unwrap();
    let at = bytes.windows(100).position(|window| window == [number; 100]).unwrap() as u64 + 50;
    let file = storage.open(&name).unwrap();
    write_all(&*file, at, &[number ^ 1]).unwrap();
    (name, at)
}

#[test]
fn damage_in_the_middle_is_reported_once_kept_and_passed_over() {
    let storage = filled(9);
    let (_, at) = hurt(&storage, 4);
    let journal = open(&storage);
    let damage = &journal.recovery().damage;
    assert_eq!((damage.len(), damage[0].cause, damage[0].lost_frames), (1, Cause::Frames, 1));
    assert!(damage[0].start < at && at < damage[0].end);
    let kept = damage[0].kept.clone().unwrap();
    let copy = storage.folder("quarantine").unwrap().open(kept.strip_prefix("quarantine/").unwrap()).unwrap();
    assert_eq!(copy.size().unwrap(), damage[0].end - damage[0].start);

    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let stream = journal.stream("s").unwrap();
    let left: Vec<u8> = pending(&consumer, &stream).iter().map(|payload| payload[0]).collect();
    assert_eq!(left, [1, 2, 3, 5, 6, 7, 8, 9]);
    // One frame is missing, so one number is passed over: it may have been the last event.
    assert_eq!(journal.append(&stream, b"next").wait().unwrap(), Seq::new(11));
    drop((journal, consumer));
    assert!(open(&storage).recovery().damage.is_empty());
}

#[test]
fn the_last_event_before_a_clean_end_cannot_be_lost_in_silence() {
    let storage = filled(3);
    hurt(&storage, 3);
    let journal = open(&storage);
    assert_eq!(journal.recovery().damage.len(), 1);
}

#[test]
fn an_event_that_rots_while_the_journal_is_open_is_an_error_and_can_be_parked() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    journal.append_all(&stream, [[1; 100], [2; 100]]).unwrap();
    hurt(&storage, 1);
    let read: Vec<_> = consumer.pending(&stream).collect();
    let error = read[0].as_ref().unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged { .. }) && error.to_string().contains("event 1 of the stream s")
    );
    assert_eq!(read[1].as_ref().unwrap().payload, [2; 100]);
    consumer.settle(&stream, Seq::FIRST, Outcome::Parked(error.to_string())).wait().unwrap();
    assert_eq!(pending(&consumer, &stream).len(), 1);
}

#[test]
fn damage_to_the_newest_index_costs_nothing() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    for number in 0..200u64 {
        let seq = journal.append(&stream, format!("{number:01000}")).wait().unwrap();
        if number % 10 != 0 {
            consumer.settle(&stream, seq, Outcome::Delivered).wait().unwrap();
        }
    }
    drop((journal, consumer));
    let newest = storage.list().unwrap().into_iter().rfind(|name| name.starts_with("00")).unwrap();
    // The first frame of the segment is the first part of its index.
    write_all(&*storage.open(&newest).unwrap(), 4096 + 60, b"rot").unwrap();
    let journal = open(&storage);
    assert_eq!(journal.recovery().damage.len(), 1);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let left = pending(&consumer, &journal.stream("s").unwrap());
    assert_eq!(left, (0..200u64).step_by(10).map(|n| format!("{n:01000}").into_bytes()).collect::<Vec<_>>());
}

#[test]
fn a_header_that_rots_is_reported_and_its_events_are_there() {
    let storage = filled(5);
    write_all(&*storage.open("0000000000000001.seg").unwrap(), 40, b"rot").unwrap();
    let journal = open(&storage);
    assert_eq!(journal.recovery().damage[0].cause, Cause::Header);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    assert_eq!(pending(&consumer, &journal.stream("s").unwrap()).len(), 5);
}

#[test]
fn a_header_that_rots_in_the_middle_costs_no_event_of_its_segment_or_of_its_neighbours() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    // So many places that an index is large, and several segments follow before the next one is due.
    let count = 40_000u64;
    for first in (0..count).step_by(500) {
        journal.append_all(&stream, (first..first + 500).map(|number| number.to_string())).unwrap();
    }
    drop(journal);
    let segments = storage.list().unwrap().into_iter().filter(|name| name.starts_with("00"));
    for name in segments.rev().skip(1).take(4).collect::<Vec<_>>() {
        let copy = memory();
        for (name, bytes) in files(&storage) {
            write_all(&*copy.create(&name).unwrap(), 0, &bytes).unwrap();
        }
        write_all(&*copy.open(&name).unwrap(), 40, b"rot").unwrap();
        let journal = open(&copy);
        let lost: u64 = journal.recovery().damage.iter().map(|damage| damage.lost_frames).sum();
        assert_eq!(
            (journal.stats().live_events, lost),
            (count, 0),
            "{name}: {:?}",
            journal.recovery().damage
        );
    }
}

#[test]
fn a_missing_segment_costs_its_events_and_says_so() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    let numbers: Vec<Seq> = (0..150).map(|_| journal.append(&stream, [1; 1000]).wait().unwrap()).collect();
    drop(journal);
    storage.remove("0000000000000001.seg").unwrap();
    let journal = open(&storage);
    assert!(journal.recovery().damage.iter().any(|damage| damage.cause == Cause::Missing));
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let left = pending(&consumer, &journal.stream("s").unwrap()).len();
    assert!(left > 50 && left < numbers.len(), "{left}");
    assert_eq!(journal.stats().lost_to_damage, (numbers.len() - left) as u64);
}

#[test]
fn noise_in_any_place_of_a_segment_never_invents_an_event() {
    let sound = filled(20);
    let journal = files(&sound);
    let (name, bytes) = journal.iter().find(|(name, _)| name.starts_with("00")).unwrap();
    for start in (0..8000).step_by(61) {
        let storage = memory();
        for (name, bytes) in &journal {
            write_all(&*storage.create(name).unwrap(), 0, bytes).unwrap();
        }
        let noise: Vec<u8> = (0..90u8).map(|number| number.wrapping_mul(37) ^ (start % 251) as u8).collect();
        write_all(&*storage.open(name).unwrap(), start, &noise).unwrap();
        let Ok(journal) = Journal::open_in(&storage, super::options()) else { continue };
        let consumer = journal.consumer("c", Start::Oldest).unwrap();
        let left = pending(&consumer, &journal.stream("s").unwrap());
        assert!(
            left.iter().all(|payload| payload.len() == 100 && payload.iter().all(|&byte| byte == payload[0]))
        );
        let is_seen =
            !journal.recovery().damage.is_empty() || journal.recovery().cut.is_some() || left.len() == 20;
        assert!(is_seen, "noise at {start} cost an event in silence");
    }
    assert_eq!(bytes.len(), 64 << 10);
}

#[test]
fn a_journal_of_which_the_last_block_is_cut_off_goes_on() {
    let storage = filled(20);
    let file = storage.open("0000000000000001.seg").unwrap();
    let all = read_range(&*file, 0, 64 << 10).unwrap();
    let short = memory();
    for (name, bytes) in files(&storage) {
        let bytes = if name.starts_with("00") { &all[..5200] } else { &bytes };
        write_all(&*short.create(&name).unwrap(), 0, bytes).unwrap();
    }
    let journal = open(&short);
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let stream = journal.stream("s").unwrap();
    assert!(!pending(&consumer, &stream).is_empty());
    assert!(!matches!(journal.append(&stream, b"next").wait(), Err(CommitError::Stopped(_))));
}
