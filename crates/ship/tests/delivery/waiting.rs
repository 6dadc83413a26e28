//! A server that is gone or busy is waited for, and it is said why.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ship::{Backoff, Notice, Policy, State};
use testkit::{Reply, wait_for};
use tokio::time::Instant;

use super::house::{House, PATIENCE, Server, brisk, nowhere, stands};

#[test]
fn a_server_that_was_gone_gets_everything_in_order_when_it_is_back() {
    let mut server = Server::start(|_, _| None);
    let house = House::new();
    let running = house.ship(&server.url(), brisk());
    house.append("s", 1..=10);
    server.has("s", 10);
    house.settled();
    server.collector.go();
    for stream in 0..30 {
        house.append(&format!("s-{stream}"), 1..=10);
    }
    house.append("s", 11..=20);
    let status = stands(&running, |status| status.state == State::Waiting);
    assert!(status.cause.unwrap().contains("no connection to http://127.0.0.1:"));
    house.told(|notice| matches!(notice, Notice::Lost { .. }));
    server.collector.come().unwrap();
    house.settled();
    assert_eq!(server.seqs("s"), (1..=20).collect::<Vec<_>>());
    for stream in 0..30 {
        assert_eq!(server.seqs(&format!("s-{stream}")), (1..=10).collect::<Vec<_>>());
    }
    house.told(|notice| *notice == Notice::Back);
    assert_eq!(stands(&running, |status| status.state == State::Delivering).cause, None);
    let lost =
        house.notices.lock().unwrap().iter().filter(|told| matches!(told, Notice::Lost { .. })).count();
    assert_eq!(lost, 1, "an outage is told once");
    house.drain(running);
}

#[test]
fn a_server_that_is_gone_is_asked_by_few_and_seldom_however_many_streams_wait() {
    let house = House::new();
    for stream in 0..200 {
        house.append(&format!("s-{stream}"), 1..=1);
    }
    let backoff =
        Backoff { initial: Duration::from_mins(1), max: Duration::from_mins(1), ..Backoff::default() };
    let running = house.ship(&format!("http://{}/", nowhere()), Policy { backoff, ..brisk() });
    let status = stands(&running, |status| status.state == State::Waiting && status.in_flight == 0);
    assert!(status.totals.requests <= 8, "as many as may be on their way: {status:?}");
    assert_eq!(house.pending(), 200);
    assert_eq!(house.drain(running), ship::Ended::InTime, "what waits does not hold the end up");
}

#[test]
fn a_server_says_when_it_wants_to_be_asked_again_and_every_stream_heeds_it() {
    let (asked, first) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(None)));
    let (count, since) = (Arc::clone(&asked), Arc::clone(&first));
    let server = Server::start(move |_, _| {
        let mut since = since.lock().unwrap();
        let first = *since.get_or_insert_with(Instant::now);
        let is_early = first.elapsed() < Duration::from_secs(1);
        if is_early {
            count.fetch_add(1, Ordering::SeqCst);
        }
        is_early.then(|| Reply { headers: vec![("Retry-After", "1".to_owned())], ..Reply::status(429) })
    });
    let house = House::new();
    for stream in 0..20 {
        house.append(&format!("s-{stream}"), 1..=3);
    }
    let running = house.ship(&server.url(), Policy { in_flight: 4, ..brisk() });
    house.settled();
    assert!(asked.load(Ordering::SeqCst) <= 4, "those that were on their way: {asked:?}");
    assert!(house.parked().is_empty());
    house.drain(running);
}

#[test]
fn an_answer_that_does_not_come_is_no_delivery_and_the_batch_is_sent_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // It takes the batch, and closes the connection instead of answering; from the third time on it answers.
    let server = testkit::Collector::start(move |_| {
        (count.fetch_add(1, Ordering::SeqCst) >= 2).then(|| Reply::status(200))
    })
    .unwrap();
    let house = House::new();
    house.append("s", 1..=3);
    let running = house.ship(&format!("http://{}/", server.address()), brisk());
    house.settled();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert_eq!(running.view().status().totals.retries, 2);
    house.drain(running);
}

#[test]
fn an_answer_whose_body_does_not_end_is_an_answer() {
    let server =
        testkit::Collector::start(|_| Some(Reply { body: vec![b'x'; 1 << 20], ..Reply::status(200) }))
            .unwrap();
    let house = House::new();
    house.append("s", 1..=3);
    let running = house.ship(&format!("http://{}/", server.address()), brisk());
    house.settled();
    assert_eq!(running.view().status().totals.requests, 1);
    house.drain(running);
}

#[test]
fn a_token_that_cannot_be_read_holds_delivery_until_it_can() {
    use ship::{Beside, Form, Http, Packing, Secret, Times, Trust};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let tokens = Arc::clone(&seen);
    let server = Server::start(move |_, delivery| {
        tokens.lock().unwrap().push(delivery.header("authorization").unwrap().to_owned());
        None
    });
    let beside = Beside::new(&[], Some(Secret::File(path.clone()))).unwrap();
    let link = (&Trust::default(), Times::default());
    let sink = Http::new(server.url().parse().unwrap(), link, beside, (Form::Json, Packing::None)).unwrap();
    let house = House::new();
    house.append("s", 1..=1);
    let running = house.ship_to(Arc::new(sink), brisk());
    let cause = stands(&running, |status| status.state == State::Waiting).cause.unwrap();
    assert!(cause.contains("failed to read the token in "), "{cause}");
    for (token, count) in [("one", 1), ("two", 2)] {
        std::fs::write(&path, token).unwrap();
        house.append("s", count + 1..=count + 1);
        server.has("s", usize::try_from(count).unwrap() + 1);
        wait_for(PATIENCE, || (house.pending() == 0).then_some(())).unwrap();
    }
    let seen = seen.lock().unwrap().clone();
    assert_eq!((seen.first().unwrap().as_str(), seen.last().unwrap().as_str()), ("Bearer one", "Bearer two"));
    house.drain(running);
}
