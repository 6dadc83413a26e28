//! What a restart sends again: nothing after a clean end, and after a kill only what was not known to have arrived.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ship::Ended;
use testkit::{Reply, wait_for};

use super::house::{House, PATIENCE, Server, brisk, stands};

#[test]
fn nothing_is_sent_again_after_a_clean_end_in_the_middle_of_it() {
    let server = Server::start(|_, _| None);
    let mut house = House::new();
    let mut appended = 0;
    for round in 1..=8 {
        let running = house.ship(&server.url(), brisk());
        house.append("s", appended + 1..=appended + 300);
        appended += 300;
        // It ends wherever it is.
        server.has("s", 30 * round);
        assert_eq!(house.drain(running), Ended::InTime);
        let taken = server.seqs("s").len() as u64;
        assert_eq!(house.pending(), appended - taken, "what was taken is settled, and nothing else");
        house.journal = None;
        house.open();
    }
    let running = house.ship(&server.url(), brisk());
    house.settled();
    assert_eq!(server.seqs("s"), (1..=appended).collect::<Vec<_>>(), "each once, in order");
    house.drain(running);
}

#[test]
fn a_request_that_is_on_its_way_is_waited_for_at_the_end() {
    let (arrived, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (came, may) = (Arc::clone(&arrived), Arc::clone(&answers));
    let server = Server::start(move |_, _| {
        came.store(true, Ordering::SeqCst);
        wait_for(PATIENCE, || may.load(Ordering::SeqCst).then_some(()));
        None
    });
    let house = House::new();
    house.append("s", 1..=5);
    let running = house.ship(&server.url(), brisk());
    wait_for(PATIENCE, || arrived.load(Ordering::SeqCst).then_some(())).unwrap();
    std::thread::scope(|scope| {
        let draining = scope.spawn(|| house.drain(running));
        answers.store(true, Ordering::SeqCst);
        assert_eq!(draining.join().unwrap(), Ended::InTime);
    });
    assert_eq!((server.seqs("s").len(), house.pending()), (5, 0));
}

#[test]
fn keys_stay_the_same_over_retries_and_restarts() {
    let failures = Arc::new(AtomicUsize::new(0));
    let keys: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let (count, seen) = (Arc::clone(&failures), Arc::clone(&keys));
    let server = Server::start(move |_, delivery| {
        seen.lock().unwrap().push(delivery.header("idempotency-key").unwrap().to_owned());
        (count.fetch_add(1, Ordering::SeqCst) < 6).then(|| Reply::status(500))
    });
    let mut house = House::new();
    house.append("s", 1..=9);
    let running = house.ship(&server.url(), brisk());
    wait_for(PATIENCE, || (failures.load(Ordering::SeqCst) >= 3).then_some(())).unwrap();
    house.append("s", 10..=12);
    house.kill(running);
    house.open();
    let before = keys.lock().unwrap().clone();
    assert!(
        before.iter().all(|key| *key == before[0]),
        "what came meanwhile does not change a batch: {before:?}"
    );
    let running = house.ship(&server.url(), brisk());
    house.settled();
    let taken = server.taken.lock().unwrap();
    assert_eq!(taken.seqs["s"], (1..=12).collect::<Vec<_>>());
    let id = before[0].strip_suffix("-1-9").expect("the batch is called after its events");
    for seq in 1..=12 {
        assert_eq!(taken.payloads[&format!("{id}-{seq}")], seq, "the key of an event is the same as ever");
    }
    drop(taken);
    house.drain(running);
}

#[test]
fn a_stream_of_a_name_that_was_used_before_has_other_keys() {
    let server = Server::start(|_, _| None);
    let house = House::new();
    let running = house.ship(&server.url(), brisk());
    for _ in 0..3 {
        house.append("s", 1..=2);
        house.settled();
        let stream = house.journal().stream("s").unwrap();
        house.journal().close_stream(&stream).wait().unwrap();
        wait_for(PATIENCE, || house.journal().find_stream("s").is_none().then_some(()))
            .expect("it has ended");
    }
    assert_eq!(server.seqs("s"), [1, 2, 1, 2, 1, 2]);
    assert_eq!(server.taken.lock().unwrap().payloads.len(), 6);
    house.drain(running);
}

#[test]
fn after_kills_every_event_arrives_and_first_deliveries_are_in_order() {
    let server = Server::start(|_, _| None);
    let mut house = House::new();
    let mut appended = BTreeMap::new();
    for round in 0..10 {
        let running = house.ship(&server.url(), brisk());
        for stream in 0..5 {
            let name = format!("s-{stream}");
            let last = appended.entry(name.clone()).or_insert(0);
            house.append(&name, *last + 1..=*last + 60);
            *last += 60;
        }
        stands(&running, |status| status.totals.requests > round % 5);
        house.kill(running);
        house.open();
    }
    let running = house.ship(&server.url(), brisk());
    house.settled();
    for (stream, last) in &appended {
        assert_eq!(server.first_seqs(stream), (1..=*last).collect::<Vec<_>>(), "{stream}");
    }
    house.drain(running);
}
