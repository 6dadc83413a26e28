//! Real processes that are killed at any moment, under clients that keep books: two servers, and the proxy itself.
//!
//! The servers write what they are sent to a file, and recognise an idempotency key that they have had. So their files say
//! what arrived, in which order, and whether anything came twice under two keys. The primary refuses some writes, which
//! the replica would take.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod books;
mod memory;
mod parts;
mod power;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use testkit::wait_for;

use crate::books::{Books, Fate, ask};
use crate::parts::{Part, Role, Taste, is_picked};

/// Clients, each with a lane of its own in which it writes one thing after the other.
const CLIENTS: usize = 6;
const KILLS: u64 = 30;
/// Answers between two kills, at least: so something is done in every situation.
const BETWEEN: u64 = 40;
const PATIENCE: Duration = Duration::from_mins(2);

/// A port that nothing listens on, and that is not given away again soon.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
#[ignore = "a part of the other tests, which start it"]
fn child() {
    parts::child();
}

#[test]
#[ignore = "starts real processes and kills them"]
fn whatever_is_killed_what_was_acknowledged_is_everywhere_in_order_and_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let (proxy, servers) = (free(), [free(), free()]);
    let files: Vec<PathBuf> = ["primary", "replica"].iter().map(|name| directory.path().join(name)).collect();
    let journal = directory.path().join("journal");
    let role = |number: usize| match number {
        0 | 1 => Role::Server {
            address: servers[number],
            file: files[number].clone(),
            taste: if number == 0 { Taste::Picky } else { Taste::Any },
        },
        _ => Role::Proxy { address: proxy, journal: journal.clone(), servers: servers.to_vec() },
    };
    let mut parts: Vec<Part> = (0..3).map(|number| Part::start(role(number))).collect();
    let (done, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let books: Vec<Books> = std::thread::scope(|scope| {
        let client = |number| {
            let (done, answers) = (&done, &answers);
            scope.spawn(move || books::keep(proxy, number, done, answers))
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let mut chance = 0x5ea3_a11d_u64;
        for _ in 0..KILLS {
            let seen = answers.load(Ordering::Relaxed);
            let went_on =
                wait_for(PATIENCE, || (answers.load(Ordering::Relaxed) >= seen + BETWEEN).then_some(()));
            assert!(went_on.is_some(), "nothing is answered any more");
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let victim = usize::try_from((chance >> 33) % 3).unwrap();
            parts[victim].kill();
            // The proxy comes back at once, since nobody is answered without it; a server when some were answered.
            if victim < 2 {
                let seen = answers.load(Ordering::Relaxed);
                wait_for(PATIENCE, || (answers.load(Ordering::Relaxed) >= seen + BETWEEN).then_some(()));
            }
            parts[victim] = Part::start(role(victim));
        }
        done.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let settled = wait_for(PATIENCE, || {
        let wal = ask(proxy, "GET", "/wal/status", "", "").ok()?.1;
        (wal.matches("\"pending_writes\":0").count() == 3).then_some(())
    });
    assert!(settled.is_some(), "{:?}", ask(proxy, "GET", "/wal/status", "", ""));
    drop(parts);
    for (client, books) in books.iter().enumerate() {
        let there: Vec<Vec<u64>> = files.iter().map(|file| books::written(file, client)).collect();
        let taken: Vec<u64> = there[1].iter().copied().filter(|number| !is_picked(*number)).collect();
        assert_eq!(there[0], taken, "client {client}: the servers differ");
        assert!(
            there[1].windows(2).all(|pair| pair[0] < pair[1]),
            "client {client}: overtaken {:?}",
            there[1]
        );
        for (number, fate) in books.iter().enumerate() {
            let is_there = there[1].contains(&(number as u64));
            // What was queued, and is refused when it is sent, is put aside.
            let is_owed = *fate == Fate::Acknowledged && !is_picked(number as u64);
            assert!(!is_owed || is_there, "client {client}: {number} is lost");
            assert!(
                *fate != Fate::Refused || !is_there,
                "client {client}: {number} was refused and is there"
            );
        }
        assert!(there[1].last().is_none_or(|last| *last < books.len() as u64), "client {client}: invented");
        assert!(books.contains(&Fate::Acknowledged), "client {client}");
        assert!(books.contains(&Fate::Refused), "client {client}");
    }
}
