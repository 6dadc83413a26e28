//! A course held against a model: a server that refuses some events for good and others for a while.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn refused() -> Verdict {
    Verdict::Refused { reason: "no".to_owned() }
}

fn retry(fault: Fault) -> Verdict {
    Verdict::Retry { after: None, fault, reason: "later".to_owned() }
}

#[test]
fn a_batch_that_is_sent_again_has_the_same_events() {
    let (mut course, policy) = (Course::default(), Policy::default());
    assert_eq!(course.most(), usize::MAX);
    assert!(matches!(course.turn(7, retry(Fault::Batch), &policy, 0.0), Turn::Pause(..)));
    assert_eq!((course.most(), course.is_again()), (7, true));
    assert!(matches!(course.turn(7, retry(Fault::Server), &policy, 0.0), Turn::Hold(None, _)));
    assert_eq!(course.most(), 7);
    assert_eq!(course.turn(7, Verdict::Delivered, &policy, 0.0), Turn::Settle);
    assert_eq!((course.most(), course.is_again()), (usize::MAX, false));
}

#[test]
fn pauses_grow_from_failure_to_failure_and_begin_anew_after_a_success() {
    let (mut course, policy) = (Course::default(), Policy::default());
    let pause = |course: &mut Course, after| {
        let verdict = Verdict::Retry { after, fault: Fault::Batch, reason: String::new() };
        match course.turn(1, verdict, &policy, 0.0) {
            Turn::Pause(pause, _) => pause.as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([1, 2, 3].map(|_| pause(&mut course, None)), [1, 2, 4]);
    assert_eq!(
        pause(&mut course, Some(Duration::from_secs(100))),
        100,
        "the server's word counts if it is longer"
    );
    course.turn(1, Verdict::Delivered, &policy, 0.0);
    assert_eq!(pause(&mut course, None), 1);
}

#[test]
fn an_event_that_fails_as_often_as_is_allowed_is_refused_with_its_last_reason() {
    let policy = Policy { attempts: Some(2), ..Policy::default() };
    let mut course = Course::default();
    assert!(matches!(course.turn(2, retry(Fault::Batch), &policy, 0.0), Turn::Pause(..)));
    assert!(
        matches!(course.turn(2, retry(Fault::Server), &policy, 0.0), Turn::Hold(..)),
        "that counts for nothing"
    );
    assert_eq!(course.turn(2, retry(Fault::Batch), &policy, 0.0), Turn::Smaller);
    assert_eq!(course.most(), 1);
    course.turn(1, retry(Fault::Batch), &policy, 0.0);
    let parked = Turn::Park("later, 2 times".to_owned());
    assert_eq!(course.turn(1, retry(Fault::Batch), &policy, 0.0), parked);
}

#[test]
fn a_stream_that_may_be_blocked_waits_at_the_event_that_is_refused() {
    let policy = Policy { on_refused: OnRefused::Block, ..Policy::default() };
    let mut course = Course::default();
    assert_eq!(course.turn(2, refused(), &policy, 0.0), Turn::Smaller);
    for _ in 0..5 {
        assert_eq!(course.most(), 1);
        assert!(matches!(course.turn(1, refused(), &policy, 0.0), Turn::Pause(_, Cause::Blocked(_))));
    }
    assert_eq!(
        course.turn(1, Verdict::Delivered, &policy, 0.0),
        Turn::Settle,
        "somebody has mended the server"
    );
    assert_eq!(course.most(), 2);
}

#[test]
fn one_event_among_a_thousand_is_found_with_few_requests() {
    let (mut course, policy) = (Course::default(), Policy::default());
    let (mut next, mut requests) = (0, 0);
    while next < 1000 {
        let count = course.most().min(1000 - next);
        requests += 1;
        let verdict = if (next..next + count).contains(&777) { refused() } else { Verdict::Delivered };
        match course.turn(count, verdict, &policy, 0.0) {
            Turn::Settle => next += count,
            Turn::Park(_) => next += 1,
            _ => {}
        }
    }
    assert!(requests < 40, "{requests}");
}

/// What a server does with a stream of events.
#[derive(Clone, Debug)]
struct Server {
    events: usize,
    poison: BTreeSet<usize>,
    /// What it answers instead of looking at the batch, one after the other.
    moods: Vec<u8>,
    attempts: Option<u32>,
    batch: usize,
}

fn server() -> impl Strategy<Value = Server> {
    let poison = proptest::collection::btree_set(0..60_usize, 0..6);
    let attempts = prop_oneof![Just(None), (2..5_u32).prop_map(Some)];
    let moods = proptest::collection::vec(0..6_u8, 0..40);
    (1..60_usize, poison, moods, attempts, 1..30_usize).prop_map(
        |(events, poison, moods, attempts, batch)| Server { events, poison, moods, attempts, batch },
    )
}

proptest! {
    #[test]
    fn every_event_is_delivered_once_in_order_or_parked_and_only_what_is_refused_is_parked(server in server()) {
        let policy = Policy { attempts: server.attempts, ..Policy::default() };
        let (mut course, mut next) = (Course::default(), 0);
        let (mut delivered, mut parked) = (Vec::new(), BTreeMap::new());
        let mut moods = server.moods.iter();
        for _ in 0..10_000 {
            if next == server.events {
                break;
            }
            let count = course.most().min(server.batch).min(server.events - next);
            prop_assert!(count > 0);
            let has_poison = server.poison.range(next..next + count).next().is_some();
            let verdict = match moods.next() {
                Some(0) => retry(Fault::Server),
                Some(1 | 2) => retry(Fault::Batch),
                _ if has_poison => refused(),
                _ => Verdict::Delivered,
            };
            match course.turn(count, verdict, &policy, 0.5) {
                Turn::Settle => {
                    delivered.extend(next..next + count);
                    next += count;
                }
                Turn::Park(reason) => {
                    prop_assert_eq!(count, 1, "only an event that stood alone is parked");
                    parked.insert(next, reason);
                    next += 1;
                }
                Turn::Smaller => prop_assert!(count > 1 && course.most() < count),
                Turn::Pause(..) | Turn::Hold(..) => prop_assert_eq!(course.most(), count),
            }
        }
        prop_assert_eq!(next, server.events, "it comes to an end");
        prop_assert!(delivered.is_sorted_by(|a, b| a < b), "in order, and none twice");
        let all: BTreeSet<usize> = delivered.iter().copied().chain(parked.keys().copied()).collect();
        prop_assert_eq!(all.len(), server.events, "none is lost or invented");
        prop_assert!(delivered.iter().all(|event| !server.poison.contains(event)));
        for (event, reason) in &parked {
            let is_worn_out = server.attempts.is_some() && reason.contains("times");
            prop_assert!(server.poison.contains(event) || is_worn_out, "{} {}", event, reason);
        }
    }
}
