//! A daemon that is killed at any moment, and clients that keep books of what it has acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use testkit::wait_for;

use super::http::Request;
use super::running::{Daemon, House, PATIENCE};

const ROUNDS: u64 = 6;
const CLIENTS: u64 = 4;

/// What a client was told: the number of an event, and what is in it.
type Books = BTreeMap<(u64, u64), Vec<u8>>;

#[test]
fn every_acknowledged_event_is_in_the_journal_after_a_kill_and_none_is_invented() {
    // Small segments, so that kills also meet rotations.
    let house = House::new("[journal]\nsegment_size = '64KiB'\n");
    let mut books = Books::new();
    let mut sent = 0;
    for round in 0..ROUNDS {
        let daemon = house.start();
        sent += load(daemon, 40 + round * 35, &mut books);
    }
    assert!(books.len() > 200, "the load was too small to prove anything: {}", books.len());
    let mut found = 0;
    for client in 0..CLIENTS {
        let events = house.events(&format!("stream-{client}"));
        let known: BTreeMap<u64, Vec<u8>> = events.into_iter().collect();
        for ((of, seq), payload) in &books {
            if *of == client {
                assert_eq!(known.get(seq), Some(payload), "client {client}, event {seq}");
            }
        }
        let numbers: Vec<u64> = known.keys().copied().collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "no gaps");
        let mut order: Vec<(u64, u64, u64)> = Vec::new();
        for payload in known.values() {
            let text = String::from_utf8(payload.clone()).unwrap();
            let parts: Vec<u64> =
                text.trim_matches('"').split('-').map(|part| part.parse().unwrap()).collect();
            let [pid, number, line] = parts[..] else { panic!("nobody sent {text}") };
            order.push((pid, number, line));
        }
        let mut sorted = order.clone();
        sorted.dedup();
        assert_eq!(sorted.len(), order.len(), "nothing is there twice");
        // Each client sends one after the other, so each round's events are in the order in which they were sent.
        for pair in order.windows(2) {
            assert!(pair[0].0 != pair[1].0 || pair[0] < pair[1], "{pair:?}");
        }
        found += order.len() as u64;
    }
    assert!(
        found >= books.len() as u64 && found <= sent,
        "{} acknowledged, {found} found, {sent} sent",
        books.len()
    );
}

/// Clients send until the daemon, which is killed after so many answers, does not answer any more. Says how many events
/// were sent.
fn load(daemon: Daemon, answers: u64, books: &mut Books) -> u64 {
    let (address, pid) = (daemon.address, u64::from(daemon.pid()));
    let (answered, sent, is_over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let all = thread::scope(|scope| {
        let client = |client: u64| {
            let (answered, sent, is_over) = (&answered, &sent, &is_over);
            move || {
                let mut books = Books::new();
                for number in 0.. {
                    let lines: Vec<String> =
                        (0..=number % 4).map(|line| format!("\"{pid}-{number}-{line}\"")).collect();
                    sent.fetch_add(lines.len() as u64, Ordering::SeqCst);
                    let body = lines.join("\n");
                    let path = format!("/v1/streams/stream-{client}/events");
                    let request =
                        Request::new(address, "POST", &path).header("Content-Type", "application/x-ndjson");
                    // Cut off in the middle, or never let in: nothing was acknowledged.
                    let Ok(answer) = request.body(body.as_bytes()).try_send() else { break };
                    let Ok(told) = serde_json::from_str::<serde_json::Value>(&answer.body) else { break };
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let (first, last) = (told["first"].as_u64().unwrap(), told["last"].as_u64().unwrap());
                    assert_eq!(last - first + 1, lines.len() as u64);
                    books.extend((first..).zip(lines).map(|(seq, line)| ((client, seq), line.into_bytes())));
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                is_over.store(true, Ordering::SeqCst);
                books
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(client(number))).collect();
        let enough = || (answered.load(Ordering::SeqCst) >= answers).then_some(());
        wait_for(PATIENCE, enough).expect("the daemon answers");
        assert!(!is_over.load(Ordering::SeqCst), "a client gave up while the daemon lived");
        daemon.kill();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Books>()
    });
    books.extend(all);
    sent.into_inner()
}
