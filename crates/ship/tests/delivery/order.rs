//! Many streams at once, each in order, in batches that are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ship::{BatchLimits, Policy};
use testkit::wait_for;

use super::house::{House, PATIENCE, Server, brisk};

#[test]
fn events_of_many_streams_arrive_once_and_in_order_while_they_are_appended() {
    let (house, server) = (House::new(), Server::start(|_, _| None));
    house.append("s-0", 1..=40);
    let running = house.ship(&server.url(), brisk());
    thread::scope(|scope| {
        for writer in 0..4 {
            let house = &house;
            scope.spawn(move || {
                for number in 0..30 {
                    for stream in (writer..20).step_by(4) {
                        house.append(&format!("s-{stream}"), number..=number + 2);
                    }
                }
            });
        }
    });
    house.settled();
    assert_eq!(server.seqs("s-0"), (1..=130).collect::<Vec<_>>());
    for stream in 1..20 {
        assert_eq!(server.seqs(&format!("s-{stream}")), (1..=90).collect::<Vec<_>>(), "{stream}");
    }
    let totals = running.view().status().totals;
    assert_eq!((totals.delivered, totals.retries, totals.parked), (130 + 19 * 90, 0, 0));
    house.drain(running);
}

#[test]
fn a_batch_has_no_more_events_and_no_more_bytes_than_it_may() {
    let (house, server) = (House::new(), Server::start(|_, _| None));
    let stream = house.journal().stream("s").unwrap();
    let large = format!("\"{}\"", "x".repeat(300));
    let payloads: Vec<&str> =
        (0..20).map(|number| if number == 9 { large.as_str() } else { "\"0123456\"" }).collect();
    house.journal().append_all(&stream, payloads).unwrap();
    let batch = BatchLimits { events: 4, bytes: 27, wait: Duration::ZERO };
    let running = house.ship(&server.url(), Policy { batch, ..brisk() });
    house.settled();
    let sizes: Vec<usize> = server.taken.lock().unwrap().batches.iter().map(|batch| batch.2.len()).collect();
    assert_eq!(sizes, [3, 3, 3, 1, 3, 3, 3, 1], "three times nine bytes, and the large one alone");
    house.drain(running);
}

#[test]
fn a_batch_that_is_not_full_waits_for_others_but_not_for_ever() {
    let (house, server) = (House::new(), Server::start(|_, _| None));
    let batch = BatchLimits { events: 3, bytes: 1 << 20, wait: Duration::from_millis(50) };
    let running = house.ship(&server.url(), Policy { batch, ..brisk() });
    house.append("s", 1..=7);
    // The last one is alone, and nothing follows it.
    server.has("s", 7);
    house.append("s", 8..=8);
    server.has("s", 8);
    house.settled();
    house.drain(running);
}

#[test]
fn no_more_requests_are_on_their_way_than_may_be() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |_, _| {
        let count = inside.fetch_add(1, Ordering::SeqCst) + 1;
        peak.fetch_max(count, Ordering::SeqCst);
        // Until as many are here as may be, or for long enough that others could have come.
        wait_for(Duration::from_millis(30), || (inside.load(Ordering::SeqCst) > 3).then_some(()));
        inside.fetch_sub(1, Ordering::SeqCst);
        None
    });
    let house = House::new();
    for stream in 0..12 {
        house.append(&format!("s-{stream}"), 1..=2);
    }
    let running = house.ship(&server.url(), Policy { in_flight: 3, ..brisk() });
    house.settled();
    assert_eq!(most.load(Ordering::SeqCst), 3);
    house.drain(running);
}

#[test]
fn more_streams_than_can_be_looked_after_at_once_are_all_delivered() {
    let (house, server) = (House::new(), Server::start(|_, _| None));
    let streams: Vec<_> = (0..4500).map(|number| format!("s-{number}")).collect();
    let tickets = streams.iter().map(|name| {
        let stream = house.journal().stream(name).unwrap();
        house.journal().append(&stream, b"1")
    });
    for ticket in tickets.collect::<Vec<_>>() {
        ticket.wait().unwrap();
    }
    let running = house.ship(&server.url(), brisk());
    // Nothing comes that would make it look again.
    house.settled();
    assert!(streams.iter().all(|name| server.seqs(name) == [1]));
    house.drain(running);
}

#[test]
fn a_rate_spreads_events_over_time() {
    let (house, server) = (House::new(), Server::start(|_, _| None));
    house.append("a", 1..=20);
    house.append("b", 1..=20);
    let begun = tokio::time::Instant::now();
    let running = house.ship(&server.url(), Policy { rate: Some(100), ..brisk() });
    house.settled();
    assert!(begun.elapsed() >= Duration::from_millis(200), "the second twenty wait for the first");
    assert!(begun.elapsed() < PATIENCE);
    house.drain(running);
}

#[test]
fn only_streams_in_its_scope_are_delivered_and_a_closed_one_to_its_end() {
    use journal::{Scope, Start};
    let (house, server) = (House::new(), Server::start(|_, _| None));
    let consumer = house.journal().consumer_of("collector", Start::Oldest, Scope::Prefix("jobs/".to_owned()));
    house.append("jobs/1", 1..=3);
    house.append("other", 1..=3);
    let stream = house.journal().stream("jobs/1").unwrap();
    house.journal().close_stream(&stream).wait().unwrap();
    let refused =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| house.ship(&server.url(), brisk())));
    assert!(refused.is_err(), "a consumer keeps its scope for life");
    consumer.unwrap().unregister().wait().unwrap();
    let running = house.ship(&server.url(), brisk());
    house.settled();
    assert_eq!((server.seqs("jobs/1"), server.seqs("other")), (vec![1, 2, 3], vec![1, 2, 3]));
    assert!(house.journal().find_stream("jobs/1").is_none(), "it has ended, and holds nothing any more");
    house.drain(running);
}
