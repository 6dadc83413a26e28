//! Kills of the daemon and of the server at any moment, under load: every acknowledged event arrives, in order, and none is
//! invented.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::Value;
use testkit::chroma::free_port;
use testkit::wait_for;

use super::super::http::Request;
use super::collector::{Books, Process};
use super::{Daemon, House, PATIENCE, ship, stands};

const ROUNDS: u64 = 8;
const CLIENTS: u64 = 4;

/// What clients were told: a client and the number of its event, and what is in it.
type Told = BTreeMap<(u64, u64), String>;

#[test]
#[ignore = "kills processes for some seconds"]
fn every_acknowledged_event_arrives_through_kills_of_both_sides_and_first_deliveries_are_in_order() {
    let address = ([127, 0, 0, 1], free_port().unwrap()).into();
    let config = "[journal]\nsegment_size = '64KiB'\n".to_owned()
        + &ship("out", &format!("http://{address}/"))
        + "batch_events = 9\nin_flight = 3\n";
    let house = House::new(&config);
    let path = house.path("books");
    let mut collector = Process::start(address, &path);
    let mut told = Told::new();
    for round in 0..ROUNDS {
        collector = live(house.start(), round, collector, (address, &path), &mut told);
    }
    let daemon = house.start();
    stands(&daemon, "out", |ship| ship["pending"] == 0);
    assert!(told.len() > 500, "the load was too small to prove anything: {}", told.len());
    hold(&collector.books(), &told);
}

/// A life of the daemon under load, in which the collector may be killed, and at whose end the daemon is killed or told to
/// end.
fn live(
    daemon: Daemon,
    round: u64,
    collector: Process,
    (address, path): (SocketAddr, &Path),
    told: &mut Told,
) -> Process {
    let (answered, over, books) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Told::new()));
    let (at, pid) = (daemon.address, daemon.pid());
    let collector = thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answered, over, books) = (&answered, &over, &books);
            scope.spawn(move || {
                for number in 0.. {
                    let body = format!("{pid}-{client}-{number}");
                    let Some(seq) = append(at, client, &body) else { break };
                    books.lock().unwrap().insert((client, seq), body);
                    answered.fetch_add(1, Ordering::SeqCst);
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        let enough = |count| (answered.load(Ordering::SeqCst) >= count).then_some(());
        let reached = |count| wait_for(PATIENCE, || enough(count)).expect("the daemon answers");
        reached(20 + 13 * round);
        let mut collector = collector;
        if round.is_multiple_of(2) {
            collector.kill();
            reached(60 + 13 * round);
            collector = Process::start(address, path);
        }
        reached(100 + 17 * round);
        if round % 3 == 2 {
            over.store(true, Ordering::SeqCst);
            assert!(daemon.stop().success());
        } else {
            daemon.kill();
        }
        collector
    });
    told.extend(books.into_inner().unwrap());
    collector
}

/// Hands an event over; its number, if it was acknowledged.
fn append(at: SocketAddr, client: u64, body: &str) -> Option<u64> {
    let (path, body) = (format!("/v1/streams/stream-{client}/events"), format!("\"{body}\""));
    let answer = Request::new(at, "POST", &path).body(body.as_bytes()).try_send().ok()?;
    serde_json::from_str::<Value>(&answer.body).ok()?["first"].as_u64()
}

/// Holds what has arrived against what clients were told.
fn hold(books: &Books, told: &Told) {
    for client in 0..CLIENTS {
        let stream = format!("stream-{client}");
        let contents = books.contents(&stream);
        for ((_, seq), body) in told.range((client, 0)..(client + 1, 0)) {
            assert_eq!(
                contents.get(seq).and_then(Value::as_str),
                Some(body.as_str()),
                "{stream}, event {seq}"
            );
        }
        let first = books.first_seqs(&stream);
        assert_eq!(first, (1..=first.len() as u64).collect::<Vec<_>>(), "in order, and without a gap");
        for content in contents.values() {
            let text = content.as_str().unwrap();
            assert_eq!(text.split('-').nth(1), Some(client.to_string().as_str()), "nobody sent {text}");
        }
    }
    let mut keys: BTreeMap<&String, (&String, u64)> = BTreeMap::new();
    for (stream, seq, key, _) in &books.0 {
        assert_eq!(*keys.entry(key).or_insert((stream, *seq)), (stream, *seq), "a key is of one event");
    }
}
