//! What a server refuses is found, and nothing else suffers for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use journal::Outcome;
use serde_json::Value;
use ship::{Notice, OnRefused, Policy, State};
use testkit::Reply;

use super::house::{House, Server, brisk, stands};

fn has(body: &Value, poison: &[u64]) -> bool {
    body["events"].as_array().unwrap().iter().any(|event| poison.contains(&event["data"].as_u64().unwrap()))
}

fn no() -> Reply {
    Reply { body: b"{\"error\": \"not\n that one\x1b[2J\"}".to_vec(), ..Reply::status(422) }
}

#[test]
fn only_the_events_that_are_refused_are_parked_with_what_the_server_said() {
    let server = Server::start(|body, _| has(body, &[7, 8, 300]).then(no));
    let house = House::new();
    house.append("s", 1..=400);
    let running = house.ship(&server.url(), brisk());
    house.settled();
    let wanted: Vec<u64> = (1..=400).filter(|seq| ![7, 8, 300].contains(seq)).collect();
    assert_eq!(server.seqs("s"), wanted);
    let reason = "the server answered 422: {\"error\": \"not that one?[2J\"}".to_owned();
    assert_eq!(house.parked(), [7, 8, 300].map(|seq| ("s".to_owned(), seq, reason.clone())));
    house.told(|notice| matches!(notice, Notice::Parked { seq: 300, .. }));
    let totals = running.view().status().totals;
    assert!(totals.requests < 60, "{totals:?}");
    assert_eq!((totals.parked, totals.delivered), (3, 397));
    house.drain(running);
}

#[test]
fn a_parked_event_that_is_requeued_is_sent_again_with_the_key_that_it_had() {
    let refuses = Arc::new(AtomicBool::new(true));
    let mood = Arc::clone(&refuses);
    let server = Server::start(move |body, _| (mood.load(Ordering::SeqCst) && has(body, &[2])).then(no));
    let house = House::new();
    house.append("s", 1..=3);
    let running = house.ship(&server.url(), brisk());
    house.settled();
    assert_eq!(server.seqs("s"), [1, 3]);
    refuses.store(false, Ordering::SeqCst);
    let (consumer, stream) =
        (house.journal().find_consumer("collector").unwrap(), house.journal().stream("s").unwrap());
    consumer.settle(&stream, journal::Seq::new(2), Outcome::Requeued).wait().unwrap();
    server.has("s", 3);
    house.settled();
    assert_eq!(server.seqs("s"), [1, 3, 2]);
    let taken = server.taken.lock().unwrap();
    let keys: Vec<&String> = taken.payloads.keys().collect();
    assert!(keys[1].ends_with("-2") && keys[1].len() == keys[0].len(), "{keys:?}");
    drop(taken);
    house.drain(running);
}

#[test]
fn a_stream_that_may_be_blocked_lets_nothing_overtake_and_goes_on_once_the_server_is_mended() {
    let refuses = Arc::new(AtomicBool::new(true));
    let mood = Arc::clone(&refuses);
    let server = Server::start(move |body, _| (mood.load(Ordering::SeqCst) && has(body, &[5])).then(no));
    let house = House::new();
    house.append("s", 1..=9);
    let running = house.ship(&server.url(), Policy { on_refused: OnRefused::Block, ..brisk() });
    house.told(|notice| matches!(notice, Notice::Blocked { seq: 5, .. }));
    // Another stream does not wait for it.
    house.append("other", 10..=11);
    server.has("other", 2);
    let status = stands(&running, |status| status.state == State::Held);
    assert_eq!(status.waiting[0].0, "s");
    assert!(status.waiting[0].1.contains("422"), "{status:?}");
    assert_eq!(server.seqs("s"), [1, 2, 3, 4]);
    refuses.store(false, Ordering::SeqCst);
    house.settled();
    assert_eq!(server.seqs("s"), (1..=9).collect::<Vec<_>>());
    assert!(house.parked().is_empty());
    house.told(|notice| *notice == Notice::Flowing);
    house.drain(running);
}

#[test]
fn credentials_and_addresses_that_are_wrong_park_nothing() {
    let status = Arc::new(AtomicUsize::new(401));
    let mood = Arc::clone(&status);
    let server = Server::start(move |_, _| {
        let status = u16::try_from(mood.load(Ordering::SeqCst)).unwrap();
        (status != 200).then(|| Reply::status(status))
    });
    let house = House::new();
    house.append("s", 1..=3);
    let running = house.ship(&server.url(), brisk());
    for wrong in [401, 403, 404] {
        status.store(wrong, Ordering::SeqCst);
        let says = format!("the server answered {wrong}");
        stands(&running, |status| status.waiting.iter().any(|(_, cause)| *cause == says));
    }
    assert!(server.seqs("s").is_empty() && house.parked().is_empty());
    status.store(200, Ordering::SeqCst);
    house.settled();
    assert_eq!(server.seqs("s"), [1, 2, 3]);
    house.drain(running);
}

#[test]
fn an_event_that_the_server_fails_at_is_parked_after_as_many_attempts_as_are_allowed() {
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let server = Server::start(move |body, _| {
        has(body, &[2]).then(|| {
            count.fetch_add(1, Ordering::SeqCst);
            Reply { body: b"oops".to_vec(), ..Reply::status(500) }
        })
    });
    let house = House::new();
    house.append("s", 1..=3);
    let running = house.ship(&server.url(), Policy { attempts: Some(3), ..brisk() });
    house.settled();
    assert_eq!(server.seqs("s"), [1, 3]);
    assert_eq!(house.parked(), [("s".to_owned(), 2, "the server answered 500: oops, 3 times".to_owned())]);
    // Three with all of them, and three each as long as it had company.
    assert!((6..=9).contains(&tries.load(Ordering::SeqCst)), "{tries:?}");
    house.drain(running);
}

#[test]
fn a_server_that_takes_small_requests_only_is_sent_small_ones() {
    let server = Server::start(|_, delivery| (delivery.body.len() > 2000).then(|| Reply::status(413)));
    let house = House::new();
    house.append("s", 1..=500);
    let running = house.ship(&server.url(), brisk());
    house.settled();
    assert_eq!(server.seqs("s"), (1..=500).collect::<Vec<_>>());
    assert!(house.parked().is_empty());
    house.drain(running);
}
