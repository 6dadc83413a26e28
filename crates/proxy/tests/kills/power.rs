//! The power goes while clients are told that their writes are refused.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::{Cut, Data, PowerDisk, wait_for};

use crate::books::{ask, written};
use crate::parts::{Part, Role, Taste};
use crate::{CLIENTS, PATIENCE, free};

const BYTES: u64 = 256 << 20;

/// The power goes after so many answers.
const ANSWERS: u64 = 100;

/// What a client writes has numbers that a picky server refuses.
const PICKED: u64 = 3;

#[test]
#[ignore = "mounts a file system"]
fn what_a_client_was_told_is_refused_reaches_no_server_after_the_power_went_either() {
    let Some(disk) = PowerDisk::need(BYTES) else { return };
    let directory = tempfile::tempdir().unwrap();
    let (proxy, servers) = (free(), [free(), free()]);
    let files: Vec<PathBuf> = ["primary", "replica"].iter().map(|name| directory.path().join(name)).collect();
    let taste = [Taste::Picky, Taste::Any];
    let role = |number: usize| Role::Server {
        address: servers[number],
        file: files[number].clone(),
        taste: taste[number],
    };
    let servers_there: Vec<Part> = (0..2).map(|number| Part::start(role(number))).collect();
    disk.power_on(Data::Ordered).unwrap();
    let journal = disk.path().join("journal");
    let stand = || {
        let servers = servers.to_vec();
        Part::start(Role::Proxy { address: proxy, journal: journal.clone(), servers })
    };
    let mut standing = stand();
    let answers = &AtomicU64::new(0);
    let refused: Vec<u64> = std::thread::scope(|scope| {
        let write = |client| scope.spawn(move || write_what_is_refused(proxy, client, answers));
        let clients: Vec<_> = (0..CLIENTS).map(write).collect();
        let some = || (answers.load(Ordering::Relaxed) > ANSWERS).then_some(());
        assert!(wait_for(PATIENCE, some).is_some(), "nothing is answered");
        disk.lose_power(Cut::Now).unwrap();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    standing.kill();
    disk.power_off().unwrap();
    disk.power_on(Data::Ordered).unwrap();
    let after = stand();
    let settled = wait_for(PATIENCE, || {
        let wal = ask(proxy, "GET", "/wal/status", "", "").ok()?.1;
        (wal.matches("\"pending_writes\":0").count() == 3).then_some(())
    });
    assert!(settled.is_some(), "{:?}", ask(proxy, "GET", "/wal/status", "", ""));
    drop((after, servers_there));
    assert!(refused.iter().any(|refused| *refused > 0));
    for (client, refused) in refused.iter().enumerate() {
        let there = written(&files[1], client);
        assert!(
            there.iter().all(|number| number / PICKED >= *refused),
            "client {client}: {refused} were refused, {there:?}"
        );
    }
    disk.power_off().unwrap();
}

/// Writes one thing after the other that the primary refuses, until it hears something else; how many were refused.
fn write_what_is_refused(proxy: SocketAddr, client: usize, answers: &AtomicU64) -> u64 {
    let is_refused = |count: &u64| {
        let number = count * PICKED + 2;
        let key = format!("{client}-{number}");
        let write = || ask(proxy, "POST", &format!("/lane/{client}"), &key, &format!("{client} {number}"));
        // It listens before it has read its journal, and takes nothing until then.
        let served =
            || Some(write()).filter(|answer| !matches!(answer, Ok((503, said)) if said.contains("starting")));
        let answer = wait_for(PATIENCE, served);
        answers.fetch_add(1, Ordering::Relaxed);
        matches!(answer, Some(Ok((422, _))))
    };
    (0..1_000_000).take_while(is_refused).count() as u64
}
