//! Clients that are broken, slow or hostile: each gets a correct status or is cut off, and everything else goes on.

use std::io::{Read, Write};
use std::time::Duration;

use proxy::Limits;

use crate::client::{connect, raw, read_answer};
use crate::house::{House, eventually};

fn get(house: &House) -> u16 {
    house.ask("GET", "/still/there", "").status
}

#[test]
fn a_request_that_could_be_read_in_two_ways_is_refused_or_made_unambiguous() {
    let house = House::with(1);
    let post = |headers: &str, body: &str| {
        format!("POST /a HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}").into_bytes()
    };
    let refused = [
        post("content-length: 3\r\ncontent-length: 4\r\n", "abcd"),
        post("content-length: 3, 4\r\n", "abcd"),
        post("content-length: -1\r\n", ""),
        post("content-length: +3\r\n", "abc"),
        post("content-length: 18446744073709551616\r\n", ""),
        post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
        post("transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
        post("transfer-encoding: chunked\r\n", "zz\r\n\r\n"),
        post("transfer-encoding: chunked\r\n", "ffffffffffffffffff\r\n\r\n"),
        post("x: 1\r\n folded: 2\r\n", ""),
        post("x : 1\r\n", ""),
        post("x\0y: 1\r\n", ""),
        b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        b"GET /a HTTP/3.0\r\nhost: x\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a hello of TLS to a port without\r\n\r\n".to_vec(),
    ];
    for bytes in &refused {
        let mut stream = connect(house.address());
        drop(stream.write_all(bytes));
        drop(stream.shutdown(std::net::Shutdown::Write));
        let status = read_answer(&mut stream).map_or(0, |answer| answer.status);
        // Closing without an answer is correct where nothing was understood.
        assert!([0, 400, 408, 505].contains(&status), "{status}: {}", String::from_utf8_lossy(bytes));
        assert!(house.servers[0].seen().is_empty(), "{}", String::from_utf8_lossy(bytes));
    }
    // A length beside chunks does not count, and a line may end in a mere line feed: what is forwarded is written anew.
    let both = post("content-length: 3\r\ntransfer-encoding: chunked\r\n", "4\r\nabcd\r\n0\r\n\r\n");
    let bare = b"POST /a HTTP/1.1\nhost: x\ncontent-length: 4\n\nabcd".to_vec();
    for bytes in [both, bare] {
        let answer = raw(house.address(), &bytes);
        assert!([200, 400].contains(&answer.status), "{}", answer.status);
    }
    assert!(house.servers[0].bodies().iter().all(|body| body == "abcd"));
    assert_eq!(get(&house), 200);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let house = House::with(1);
    let long = "y".repeat(1 << 20);
    // The host is one more.
    let many = "x-many: 1\r\n".repeat(100);
    for bytes in [
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
    ] {
        let status = raw(house.address(), bytes.as_bytes()).status;
        assert!([414, 431].contains(&status), "{status}");
    }
    let most = "x-many: 1\r\n".repeat(90);
    let most = format!("GET / HTTP/1.1\r\nhost: x\r\n{most}\r\n");
    assert_eq!(raw(house.address(), most.as_bytes()).status, 200);
}

#[test]
fn a_body_that_is_too_large_is_refused_whether_it_is_announced_or_not() {
    let limit = 64 << 10;
    let house =
        House::built(1, |settings| settings.limits = Limits { body_bytes: limit, ..Limits::default() });
    let announced = house.ask("POST", "/a", &"x".repeat(limit + 1));
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 14, "x".repeat(1 << 14));
    let chunks = chunk.repeat(6);
    let silent = raw(
        house.address(),
        format!("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
            .as_bytes(),
    );
    for answer in [announced, silent] {
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (413, Some("too-large")));
    }
    assert_eq!(house.ask("POST", "/a", &"x".repeat(limit)).status, 200);
    assert_eq!(house.servers[0].bodies().len(), 1);
}

#[test]
fn bodies_in_flight_have_a_limit_together() {
    let house = House::built(1, |settings| {
        settings.limits = Limits { body_bytes: 64 << 10, inflight_bytes: 128 << 10, ..Limits::default() };
    });
    // Two writes that are announced and do not come take all the room. One that finds it taken is turned away itself.
    let announce = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 65536\r\n\r\nx";
    let mut streams = Vec::new();
    eventually("there is no room", || {
        let mut stream = connect(house.address());
        stream.write_all(announce).unwrap();
        streams.push(stream);
        let answer = house.ask("POST", "/b", &"y".repeat(60 << 10));
        answer.status == 503 && answer.header("retry-after").is_some()
    });
    drop(streams);
    eventually("there is room again", || house.ask("POST", "/b", &"y".repeat(60 << 10)).status == 200);
}

#[test]
fn slow_clients_are_cut_off() {
    let house = House::built(1, |settings| {
        settings.times.header = Duration::from_millis(300);
        settings.times.stall = Duration::from_millis(300);
    });
    let slow: [&[u8]; 5] = [
        b"",
        b"PRI * HT",
        b"GET / HTTP/1.1\r\nhost",
        b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    for bytes in slow {
        let mut stream = connect(house.address());
        stream.write_all(bytes).unwrap();
        // The end of the connection, before the patience of the client is at its end.
        let mut rest = Vec::new();
        stream
            .read_to_end(&mut rest)
            .unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(bytes)));
    }
    assert_eq!(house.servers[0].bodies().len(), 0);
    assert_eq!(get(&house), 200);
}

#[test]
fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let house = House::built(1, |settings| settings.times.stall = Duration::from_millis(300));
    house.servers[0].answer(|_| (200, "x".repeat(64 << 20)));
    let mut stream = connect(house.address());
    stream.write_all(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    eventually("its connection is counted no more", || house.status().connections == 0);
    house.servers[0].answer_plainly("primary");
    assert_eq!(get(&house), 200);
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out_and_beyond_the_limit_there_is_an_answer() {
    let house = House::built(1, |settings| settings.limits.connections = 1000);
    let idle: Vec<_> = (0..999).map(|_| connect(house.address())).collect();
    eventually("all are accepted", || house.status().connections == 999);
    assert_eq!(get(&house), 200);
    let last = connect(house.address());
    eventually("the last is accepted", || house.status().connections == 1000);
    let answer = raw(house.address(), b"");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("too-many-connections")));
    drop((idle, last));
    eventually("they are gone", || house.status().connections == 0);
    assert_eq!(get(&house), 200);
}

#[test]
fn another_protocol_is_refused_with_its_reason() {
    let house = House::with(1);
    let upgrade = b"GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    for bytes in [&upgrade[..], b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n"] {
        let answer = raw(house.address(), bytes);
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (501, Some("not-supported")));
    }
    assert!(house.servers[0].seen().is_empty());
}
