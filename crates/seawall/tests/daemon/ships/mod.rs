//! The ships of the daemon: a real process, a real server, reloads, restarts and kills.

mod collector;
mod kills;

use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use testkit::{Reply, wait_for};

use super::room::Tmpfs;
use super::running::{Daemon, House, PATIENCE, opened};
use collector::Kept;

/// A ship whose pauses are short.
fn ship(name: &str, url: &str) -> String {
    format!(
        "[[ship]]\nname = '{name}'\nurl = '{url}'\nbatch_wait = '1ms'\nbackoff_initial = '5ms'\nbackoff_max = '50ms'\n"
    )
}

fn append(daemon: &Daemon, stream: &str, numbers: std::ops::RangeInclusive<u64>) {
    let lines: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let path = format!("/v1/streams/{stream}/events");
    let request = daemon.request("POST", &path).header("Content-Type", "application/x-ndjson");
    assert_eq!(request.body(lines.join("\n").as_bytes()).send().status, 200);
}

/// How a ship stands, once it stands so.
fn stands(daemon: &Daemon, name: &str, how: impl Fn(&Value) -> bool) -> Value {
    let answer = || {
        let page = daemon.get("/api/v1/ships").body;
        let ships = page.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        ships.into_iter().find(|ship| ship["id"] == name).filter(&how)
    };
    wait_for(PATIENCE, answer).unwrap_or_else(|| panic!("{:?}", daemon.get("/api/v1/ships")))
}

fn delivered(daemon: &Daemon, name: &str) {
    stands(daemon, name, |ship| ship["pending"] == 0);
}

#[test]
fn what_is_handed_over_arrives_and_the_daemon_says_how_it_stands() {
    let mut kept =
        Kept::start(|event| (event == 3).then(|| Reply { body: b"no 3".to_vec(), ..Reply::status(422) }));
    let house = House::new(&ship("out", &kept.url()));
    let daemon = house.start();
    daemon.line("a ship delivers");
    append(&daemon, "a", 1..=5);
    let done = stands(&daemon, "out", |ship| ship["pending"] == 0);
    assert_eq!(
        (&done["parked"], &done["delivered"], &done["state"]),
        (&1.into(), &4.into(), &"delivering".into())
    );
    assert_eq!(kept.books().first_seqs("a"), [1, 2, 4, 5]);
    let parked = daemon.get("/api/v1/parked").json();
    assert_eq!(
        (&parked["id"], &parked["reason"]),
        (&"out:a:3".into(), &"the server answered 422: no 3".into())
    );
    let page = daemon.get("/metrics").body;
    for figure in [
        "wal_failures_total{reason=\"parked\"} 1",
        "seawall_ship_delivered_events_total{ship=\"out\"} 4",
        "seawall_ship_state{ship=\"out\",state=\"delivering\"} 1",
        "wal_pending_events 0",
        "wal_retries_total 0",
    ] {
        assert!(page.contains(&format!("\n{figure}\n")), "{figure} is not in {page}");
    }
    kept.go();
    append(&daemon, "a", 6..=7);
    let waits = stands(&daemon, "out", |ship| ship["state"] == "waiting");
    assert!(waits["cause"].as_str().unwrap().contains("no connection to "), "{waits}");
    let ready = daemon.get("/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &true.into()), "events are taken all the same");
    assert!(ready.json()["waiting"][0].as_str().unwrap().starts_with("the ship out waits: no connection"));
    let is_it =
        |line: &Value| line["message"].as_str().unwrap().starts_with("all streams wait: no connection");
    let told = wait_for(PATIENCE, || daemon.told().into_iter().find(is_it)).expect("the log says why");
    assert_eq!((&told["ship"], &told["level"]), (&"out".into(), &"warn".into()));
    kept.come();
    delivered(&daemon, "out");
    assert_eq!(kept.books().first_seqs("a"), [1, 2, 4, 5, 6, 7]);
    assert!(!daemon.get("/metrics").body.contains("\nwal_retries_total 0\n"));
    daemon.signal(Signal::TERM);
    daemon.line("a ship has ended; what is pending stays in the journal");
    assert!({ daemon }.ended().success());
}

#[test]
fn nothing_is_sent_again_after_clean_restarts_under_load() {
    let kept = Kept::start(|_| None);
    let house = House::new(&ship("out", &kept.url()));
    for round in 0..4 {
        let daemon = house.start();
        append(&daemon, "a", round * 500 + 1..=round * 500 + 500);
        append(&daemon, "b", round * 50 + 1..=round * 50 + 50);
        assert!(daemon.stop().success());
    }
    let daemon = house.start();
    delivered(&daemon, "out");
    let books = kept.books();
    assert_eq!(books.all_seqs("a"), (1..=2000).collect::<Vec<_>>());
    assert_eq!(books.all_seqs("b"), (1..=200).collect::<Vec<_>>());
}

#[test]
fn ships_come_change_and_go_with_a_signal_and_what_one_leaves_behind_is_told() {
    let (one, two) = (Kept::start(|_| None), Kept::start(|_| None));
    let house = House::new(&ship("a", &one.url()));
    let daemon = house.start();
    append(&daemon, "s", 1..=3);
    delivered(&daemon, "a");
    // The same one elsewhere, and another.
    house.write("seawall.toml", &(ship("a", &two.url()) + &ship("b", &one.url())));
    daemon.signal(Signal::HUP);
    stands(&daemon, "b", |ship| ship["pending"] == 0);
    append(&daemon, "s", 4..=5);
    delivered(&daemon, "a");
    delivered(&daemon, "b");
    assert_eq!(two.books().all_seqs("s"), [4, 5], "it goes on where it was");
    assert_eq!(one.books().all_seqs("s"), [1, 2, 3, 1, 2, 3, 4, 5], "a new one begins with the oldest");
    house.write("seawall.toml", &ship("b", &one.url()));
    daemon.signal(Signal::HUP);
    let orphan =
        |line: &Value| line["message"].as_str().unwrap().starts_with("no ship has the name of this consumer");
    let told = || daemon.told().into_iter().find(&orphan);
    assert_eq!(wait_for(PATIENCE, told).expect("it is told")["consumer"], "a");
    assert_eq!(daemon.get("/api/v1/ships").body.lines().count(), 1);
    // Nothing is changed by a file that is wrong.
    house.write("seawall.toml", "[[ship]]\nurl = 'nowhere'\n");
    daemon.signal(Signal::HUP);
    daemon.line("nothing was changed: the configuration in force goes on");
    append(&daemon, "s", 6..=6);
    delivered(&daemon, "b");
}

#[test]
fn a_stream_that_is_archived_before_it_was_delivered_is_delivered_all_the_same() {
    let mut kept = Kept::start(|_| None);
    kept.go();
    let house = House::new(&ship("out", &kept.url()));
    let daemon = house.start();
    append(&daemon, "s", 1..=20);
    assert_eq!(daemon.post("/v1/streams/s/close", b"").status, 200);
    daemon.line("archived a stream");
    assert!(house.path("journal/archive/s.wal.zst").is_file());
    assert!(daemon.stop().success());
    let daemon = house.start();
    kept.come();
    delivered(&daemon, "out");
    assert_eq!(kept.books().all_seqs("s"), (1..=20).collect::<Vec<_>>());
    let streams = || daemon.get("/v1/streams").body.is_empty().then_some(());
    wait_for(PATIENCE, streams).expect("nobody waits for it any more");
}

#[test]
fn without_archives_an_open_stream_takes_no_room_once_it_was_delivered() {
    let kept = Kept::start(|_| None);
    let journal = "[journal]\nsegment_size = '64KiB'\nmax_bytes = '640KiB'\narchive = false\n";
    let house = House::new(&(journal.to_owned() + &ship("out", &kept.url())));
    let daemon = house.start();
    let body = format!("\"{}\"", "x".repeat(8000));
    let mut taken = 0;
    // Four times the budget, in a stream that is never closed.
    while taken < 320 {
        match daemon.post("/v1/streams/s/events", body.as_bytes()).status {
            200 => taken += 1,
            status => assert_eq!(status, 507, "the budget is full until something was delivered"),
        }
    }
    delivered(&daemon, "out");
    assert_eq!(kept.books().all_seqs("s"), (1..=320).collect::<Vec<_>>());
    assert!(daemon.stop().success());
    let journal = opened(&house.path("journal"));
    assert_eq!(journal.consumers(), ["out"]);
    assert!(!fs::exists(house.path("journal/archive/s.wal.zst")).unwrap());
}

#[test]
#[ignore = "mounts a file system, as root"]
fn a_full_disk_keeps_no_ship_from_delivering_and_what_was_delivered_makes_room() {
    let mut kept = Kept::start(|_| None);
    kept.go();
    let house = House::new(
        &("[journal]\nsegment_size = '64KiB'\narchive = false\n".to_owned() + &ship("out", &kept.url())),
    );
    let Some(_disk) = Tmpfs::mount(&house.path("journal"), "2M") else { return };
    let daemon = house.start();
    let body = format!("\"{}\"", "x".repeat(8000));
    let append = || daemon.post("/v1/streams/s/events", body.as_bytes()).status;
    let mut taken = 0;
    wait_for(PATIENCE, || match append() {
        200 => {
            taken += 1;
            None
        }
        status => Some(status),
    })
    .map(|status| assert_eq!(status, 507))
    .expect("the disk is full at some time");
    kept.come();
    delivered(&daemon, "out");
    wait_for(PATIENCE, || (append() == 200).then_some(())).expect("events are taken again, by themselves");
    delivered(&daemon, "out");
    assert_eq!(kept.books().all_seqs("s"), (1..=taken + 1).collect::<Vec<_>>());
    assert!(daemon.stop().success());
}

#[test]
fn a_ship_cannot_get_other_streams_under_its_name() {
    let kept = Kept::start(|_| None);
    let house = House::new(&ship("out", &kept.url()));
    assert!(house.start().stop().success());
    house.write("seawall.toml", &(ship("out", &kept.url()) + "streams = 'jobs/'\n"));
    let refused = house.seawall(&["run"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("failed to start the ship out") && said.contains("consumers drop"), "{said}");
}
