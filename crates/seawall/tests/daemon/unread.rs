//! Clients that do not read what they have asked for, or stop in the middle of what they say: everything else goes on, and they
//! hold no more than so much.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use testkit::wait_for;

use super::http::{Answer, connect, read};
use super::past::SOCKET;
use super::running::{Daemon, House, PATIENCE};

/// Asks over the Unix socket, where the system holds little, and reads nothing of the answer.
fn asked(house: &House, path: &str) -> UnixStream {
    let mut stream = UnixStream::connect(house.path("seawall.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    stream
}

fn answer(mut stream: UnixStream) -> Answer {
    read(&mut stream).unwrap()
}

/// The daemon answers others, and takes events.
fn goes_on(daemon: &Daemon) {
    assert_eq!(daemon.get("/readyz").status, 200);
    assert_eq!(daemon.post("/v1/streams/others/events", b"x").status, 200);
    assert!(daemon.get("/v1/streams").body.contains("others"));
}

fn figure(daemon: &Daemon, name: &str) -> u64 {
    let page = daemon.get("/metrics").body;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name}: {page}"))
}

#[test]
fn answers_that_nobody_reads_take_no_more_memory_than_they_may_and_everything_else_goes_on() {
    let house = House::new(SOCKET);
    let daemon = house.start();
    // One page of events takes four MiB, and twice its bytes as text where half of them have to be escaped.
    let event = "\\\"".repeat(128 << 10);
    for _ in 0..20 {
        assert_eq!(daemon.post("/v1/streams/s/events", event.as_bytes()).status, 200);
    }
    let before = figure(&daemon, "process_resident_memory_bytes");
    let unread: Vec<UnixStream> = (0..20).map(|_| asked(&house, "/v1/streams/s/events")).collect();
    let is_full = || {
        let answer = answer(asked(&house, "/v1/streams/s/events"));
        (answer.status == 503).then_some(answer)
    };
    let refused = wait_for(PATIENCE, is_full).expect("there is no more room");
    assert_eq!(refused.code(), "busy");
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
    goes_on(&daemon);
    let held = figure(&daemon, "seawall_http_unread_bytes");
    assert!((48 << 20..=64 << 20).contains(&held), "{held}");
    let grown = figure(&daemon, "process_resident_memory_bytes").saturating_sub(before);
    assert!(grown < 160 << 20, "{grown}");
    drop(unread);
    let is_free = || (figure(&daemon, "seawall_http_unread_bytes") == 0).then_some(());
    wait_for(PATIENCE, is_free).expect("who has gone holds nothing");
    assert_eq!(answer(asked(&house, "/v1/streams/s/events")).status, 200);
}

#[test]
fn archives_that_nobody_reads_are_in_the_way_of_other_archives_alone_and_only_while_somebody_holds_them() {
    let house = House::new(SOCKET);
    let daemon = house.start();
    let mut dice = 7u64;
    let mut byte = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 56) as u8
    };
    let event: Vec<u8> = std::iter::repeat_with(&mut byte).take(600 << 10).collect();
    assert_eq!(daemon.post("/v1/streams/s/events", &event).status, 200);
    assert_eq!(daemon.post("/v1/streams/s/close", b"").status, 200);
    let path = house.path("journal/archive/s.wal.zst");
    wait_for(PATIENCE, || path.exists().then_some(())).expect("it is archived");
    // It is smaller than what waits for a client, so all of it is on its way at once.
    let mut unread: Vec<UnixStream> = (0..15).map(|_| asked(&house, "/api/v1/archives/s")).collect();
    let is_busy = || {
        unread.push(asked(&house, "/api/v1/archives/s"));
        Some(daemon.get("/api/v1/archives/s")).filter(|answer| answer.status == 503)
    };
    let busy = wait_for(PATIENCE, is_busy).expect("there is a limit");
    assert_eq!(busy.code(), "busy");
    assert_eq!(daemon.get("/api/v1/archives").status, 200);
    goes_on(&daemon);
    drop(unread);
    let is_free = || (daemon.get("/api/v1/archives/s").status == 200).then_some(());
    wait_for(PATIENCE, is_free).expect("they are handed out again");
}

#[test]
fn a_batch_of_which_half_has_come_brings_nothing_and_keeps_nobody_else_from_importing() {
    let house = House::new("[server]\nrequest_timeout = '2s'\n");
    let daemon = house.start();
    let line = b"{\"sum\":\"2\",\"text\":\"x\"}\n";
    let begin = |length: usize| {
        let mut stream = connect(daemon.address).unwrap();
        let head = "POST /api/v1/imports/half?stream=half HTTP/1.1\r\nHost: localhost\r\n";
        write!(stream, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n").unwrap();
        stream.write_all(line).unwrap();
        stream
    };
    let mut slow = begin(2 * line.len());
    let cut = begin(2 * line.len());
    cut.shutdown(Shutdown::Both).unwrap();
    let other = daemon.post("/api/v1/imports/other?stream=other", line);
    assert_eq!((other.status, &other.json()["imported"]), (200, &1.into()), "{other:?}");
    // A byte now and then is not enough.
    slow.write_all(b"{").unwrap();
    let late = read(&mut slow).unwrap();
    assert_eq!((late.status, late.code().as_str()), (408, "body-timeout"), "{late:?}");
    let streams = daemon.get("/v1/streams").body;
    assert!(streams.contains("other") && !streams.contains("half"), "{streams}");
    assert_eq!(daemon.get("/api/v1/imports/half").json()["records"], 0);
}
