//! What a process takes that is sent large writes: its bodies, once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::books::ask;
use crate::free;
use crate::parts::{Part, Role, Taste};

/// More clients than there is room for at once, and what each of them writes.
const CLIENTS: usize = 80;
const WRITES: usize = 4;
const BODY: usize = 1 << 20;
/// `max_body_memory`, as it is if nobody says otherwise.
const ROOM: u64 = 64 << 20;
/// What else there is: a batch on its way to the disk, what comes in from 80 connections at a time, the process, and the holes
/// that an allocator leaves, which differ between runs by 45 MiB. Without the limit it is 335 MiB.
const BESIDES: u64 = 96 << 20;

#[test]
fn large_writes_at_once_take_the_memory_that_they_are_given_and_little_more() {
    let directory = tempfile::tempdir().unwrap();
    let (proxy, server) = (free(), free());
    let file = directory.path().join("primary");
    let _server = Part::start(Role::Server { address: server, file, taste: Taste::Forgetful });
    let journal = directory.path().join("journal");
    let part = Part::start(Role::Proxy { address: proxy, journal, servers: vec![server] });
    let (taken, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (taken, busy) = (&taken, &busy);
            scope.spawn(move || {
                for _ in 0..WRITES {
                    let body = "x".repeat(BODY);
                    // Who is turned away before the body has come gets no answer, or a broken one.
                    match ask(proxy, "POST", &format!("/lane/{client}"), "", &body) {
                        Ok((200 | 202, _)) => taken.fetch_add(1, Ordering::Relaxed),
                        Ok((503, _)) | Err(_) => busy.fetch_add(1, Ordering::Relaxed),
                        Ok(other) => panic!("{other:?}"),
                    };
                }
            });
        }
    });
    let (taken, busy) = (taken.into_inner(), busy.into_inner());
    assert!(taken >= CLIENTS, "taken {taken}, turned away {busy}");
    let peak = part.peak();
    assert!(peak < ROOM + BESIDES, "{} MiB for {taken} writes, {busy} turned away", peak >> 20);
}
