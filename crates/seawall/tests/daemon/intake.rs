//! Events that come in: what is answered, what is refused, and what a repetition gets.

use std::io::Write;

use serde_json::json;

use super::http::{connect, read};
use super::running::{House, PATIENCE, names};
use testkit::wait_for;

const NDJSON: &str = "application/x-ndjson";

#[test]
fn a_body_is_an_event_and_lines_are_events() {
    let house = House::new("");
    let daemon = house.start();
    let answer = daemon.post("/v1/streams/a%20b/events", b"\x00any bytes\xff");
    assert_eq!((answer.status, answer.json()), (200, json!({"stream": "a b", "first": 1, "last": 1})));
    let lines = b"{\"n\":1}\r\n\n \"two\" \n3";
    let answer =
        daemon.request("POST", "/v1/streams/a%20b/events").header("Content-Type", NDJSON).body(lines).send();
    assert_eq!(answer.json(), json!({"stream": "a b", "first": 2, "last": 4}));
    let streams = daemon.get("/v1/streams");
    assert_eq!(streams.json()["last"], 4);
    assert!(daemon.stop().success());
    let events: Vec<Vec<u8>> = house.events("a b").into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(events, [&b"\x00any bytes\xff"[..], b"{\"n\":1}", b"\"two\"", b"3"]);
}

#[test]
fn a_body_without_a_length_is_taken_in_chunks() {
    let house = House::new("");
    let daemon = house.start();
    let mut stream = connect(daemon.address).unwrap();
    let head =
        format!("POST /v1/streams/s/events HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", daemon.address);
    write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap();
    assert_eq!(read(&mut stream).unwrap().status, 200);
    assert!(daemon.stop().success());
    assert_eq!(house.events("s"), [(1, b"abcde".to_vec())]);
}

#[test]
fn what_cannot_be_appended_is_refused_and_leaves_nothing() {
    let house = House::new("[server]\nmax_body = '1MiB'\n[journal]\nmax_event = '64KiB'\n");
    let daemon = house.start();
    let post = |path: &str, kind: &str, body: &[u8]| {
        let answer = daemon.request("POST", path).header("Content-Type", kind).body(body).send();
        (answer.status, answer.code())
    };
    let events = "/v1/streams/s/events";
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(post(events, NDJSON, b"{}\n{\n"), refused(400, "bad-line"));
    assert_eq!(post(events, "text/plain", b""), refused(400, "no-events"));
    assert_eq!(post(events, NDJSON, b"\n\n"), refused(400, "no-events"));
    assert_eq!(post(events, "text/plain", &vec![b'x'; 65 << 10]), refused(413, "event-too-large"));
    assert_eq!(post(events, "text/plain", &vec![b'x'; (1 << 20) + 1]), refused(413, "body-too-large"));
    assert_eq!(post("/v1/streams/a%0Ab/events", "text/plain", b"x"), refused(400, "bad-name"));
    assert_eq!(
        post(&format!("/v1/streams/{}/events", "x".repeat(513)), "text/plain", b"x"),
        refused(400, "bad-name")
    );
    let mut large = vec![b'x'; 64 << 10];
    large.extend_from_slice(b"\n1\n");
    assert_eq!(post(events, NDJSON, &large).0, 400);
    assert_eq!(daemon.get("/v1/streams").body, "");
}

#[test]
fn a_repetition_with_the_same_key_is_answered_as_the_first_was() {
    let house = House::new("");
    let daemon = house.start();
    let post = |stream: &str, key: &str, body: &'static [u8]| {
        let path = format!("/v1/streams/{stream}/events");
        daemon.request("POST", &path).header("Idempotency-Key", key).body(body).send()
    };
    let first = post("s", "k-1", b"event");
    assert_eq!(first.json()["first"], 1);
    assert_eq!(post("s", "k-1", b"event").json(), first.json());
    assert_eq!(post("s", "k-2", b"event").json()["first"], 2);
    assert_eq!(post("t", "k-1", b"event").json()["first"], 1);
    let other = post("s", "k-1", b"another");
    assert_eq!((other.status, other.code().as_str()), (422, "key-reused"));
    let bad = post("s", "a b", b"event");
    assert_eq!((bad.status, bad.code().as_str()), (400, "bad-key"));
    assert_eq!(post("s", &"k".repeat(256), b"event").status, 400);
    assert!(daemon.stop().success());
    assert_eq!(house.events("s").len(), 2);
}

#[test]
fn a_closed_stream_is_archived_and_its_name_is_free() {
    let house = House::new("");
    let daemon = house.start();
    let missing = daemon.post("/v1/streams/jobs/close", b"");
    assert_eq!((missing.status, missing.code().as_str()), (404, "no-stream"));
    daemon.post("/v1/streams/jobs/events", b"one");
    let closed = daemon.post("/v1/streams/jobs/close", b"");
    assert_eq!(closed.json(), json!({"stream": "jobs", "state": "closed", "last": 1, "applied": true}));
    let archived = || (names(&house.path("journal/archive")) == ["jobs.wal.zst"]).then_some(());
    wait_for(PATIENCE, archived).expect("it is archived without being asked");
    wait_for(PATIENCE, || daemon.get("/v1/streams").body.is_empty().then_some(())).expect("it is gone");
    assert_eq!(daemon.post("/v1/streams/jobs/events", b"again").json()["first"], 1);
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("\nseawall_archives_made_total 1\n"), "{metrics}");
}

#[test]
fn streams_are_listed_in_pages() {
    let house = House::new("");
    let daemon = house.start();
    for name in ["b", "a", "c", "other"] {
        daemon.post(&format!("/v1/streams/{name}/events"), b"x");
    }
    let list = |query: &str| {
        let body = daemon.get(&format!("/v1/streams{query}")).body;
        let ids =
            body.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone());
        ids.map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(list(""), ["a", "b", "c", "other"]);
    assert_eq!(list("?limit=2"), ["a", "b"]);
    assert_eq!(list("?limit=2&after=b"), ["c", "other"]);
    assert_eq!(list("?prefix=o"), ["other"]);
    assert_eq!(daemon.get("/v1/streams?limit=x").code(), "bad-query");
    assert_eq!(daemon.get("/v1/streams?limt=2").code(), "bad-query");
}

#[test]
fn parked_events_are_listed_shown_delivered_again_and_given_up() {
    let house = House::new("");
    house.park("jobs", "server");
    let daemon = house.start();
    let ids = |query: &str| {
        let answer = daemon.get(&format!("/api/v1/parked{query}"));
        let lines = answer.body.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["id"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(ids(""), ["server:jobs:1", "server:jobs:2", "server:jobs:3"]);
    assert_eq!(ids("?stream=jobs&limit=1"), ["server:jobs:1"]);
    assert_eq!(daemon.get("/api/v1/parked?stream=other").code(), "no-stream");
    let shown = |id: &str| daemon.get(&format!("/api/v1/parked/{id}")).json();
    assert_eq!(shown("server:jobs:1")["data"], json!({"n": 1}));
    assert_eq!(shown("server%3Ajobs%3A2")["text"], "text");
    assert_eq!(shown("server:jobs:3")["base64"], "/w==");
    assert_eq!(daemon.post("/api/v1/parked/server:jobs:1/requeue", b"").status, 200);
    let dropped = daemon.request("DELETE", "/api/v1/parked/server:jobs:2").send().json();
    let export = std::fs::read_to_string(dropped["export"].as_str().unwrap()).unwrap();
    assert!(export.contains("\"text\":\"text\""), "the way back: {export}");
    assert_eq!(ids(""), ["server:jobs:3"]);
    for id in ["server:jobs:1", "server:jobs:2", "nonsense"] {
        let answer = daemon.request("DELETE", &format!("/api/v1/parked/{id}")).send();
        assert_eq!((answer.status, answer.code().as_str()), (404, "not-parked"), "{id}");
    }
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("\nwal_pending_events 1\n"), "requeued: {metrics}");
}
