//! Wires that fail: what is known about a write then, and what becomes of it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use proxy::{Ambiguous, Settings};
use testkit::{Manner, Wire};

use crate::house::{House, eventually, server};

/// A proxy that reaches its primary over a wire.
fn wired(servers: usize, change: impl FnOnce(&mut Settings)) -> (House, Wire) {
    let mut wire = None;
    let house = House::built(servers, |settings| {
        let origin = &settings.upstreams[0].origin;
        let between = Wire::to(format!("{}:{}", origin.host, origin.port).parse().unwrap()).unwrap();
        settings.upstreams[0] = server("primary", between.address());
        settings.times.request = Duration::from_millis(500);
        change(settings);
        wire = Some(between);
    });
    (house, wire.unwrap())
}

fn id_of(answer: &crate::client::Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn state(house: &House, id: &str) -> String {
    house.ask("GET", &format!("/seawall/writes/{id}"), "").json()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_write_that_was_sent_and_not_answered_is_unknown_and_repeated_with_its_key() {
    for manner in [Manner::Cut, Manner::Deafen, Manner::Garble, Manner::Flood] {
        let (house, wire) = wired(1, |_| ());
        wire.set(manner);
        let answer = house.ask("POST", "/a", "one");
        assert_eq!((answer.status, answer.json()["state"].as_str()), (202, Some("unknown")), "{manner:?}");
        wire.set(Manner::Pass);
        let id = id_of(&answer);
        eventually("it is applied", || state(&house, &id) == "applied");
        let seen = house.servers[0].seen();
        assert!(seen.len() >= 2, "{manner:?}");
        assert!(seen.iter().all(|one| one.key() == seen[0].key() && one.body == "one"), "{manner:?}");
        assert_eq!(house.ask("POST", "/a", "two").status, 200, "{manner:?}");
    }
}

#[test]
fn a_write_of_which_no_byte_was_taken_arrives_once() {
    for manner in [Manner::Reset, Manner::Swallow] {
        let (house, wire) = wired(1, |_| ());
        wire.set(manner);
        assert_eq!(house.ask("POST", "/a", "one").status, 202);
        wire.set(Manner::Pass);
        house.expect_bodies(0, &["one"]);
        assert_eq!(house.ask("POST", "/a", "two").status, 200);
        house.expect_bodies(0, &["one", "two"]);
    }
}

#[test]
fn a_replica_answers_for_a_primary_that_says_nothing() {
    let (house, wire) = wired(2, |_| ());
    wire.set(Manner::Deafen);
    let answer = house.ask("POST", "/a", "one");
    assert_eq!((answer.status, answer.text().as_str()), (200, "replica: /a one"));
    wire.set(Manner::Pass);
    eventually("the primary has it as well", || house.status().upstreams[0].feeding.unwrap().pending == 0);
}

#[test]
fn where_a_write_may_be_sent_once_only_it_is_put_aside_until_somebody_decides() {
    let (house, wire) = wired(2, |settings| settings.replay.ambiguous = Ambiguous::Park);
    let token = [("authorization", "Bearer open sesame")];
    wire.set(Manner::Cut);
    let answer = house.ask("POST", "/a", "doubtful");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (504, Some("unknown")));
    wire.set(Manner::Pass);
    eventually("the lane goes on", || house.ask("POST", "/a", "next").status == 200);
    let list = house.ask_with(("GET", "/seawall/writes?state=parked"), &token, "").json();
    let parked = list["writes"].as_array().unwrap();
    assert_eq!(
        parked.iter().map(|one| one["upstream"].as_str().unwrap()).collect::<Vec<_>>(),
        ["primary", "replica"]
    );
    let id = parked[0]["id"].as_str().unwrap();
    assert_eq!(state(&house, id), "parked");
    assert_eq!(house.servers[0].bodies().iter().filter(|body| *body == "doubtful").count(), 1);

    let retried = house.ask_with(("POST", &format!("/seawall/writes/{id}/retry")), &token, "");
    assert_eq!(retried.json()["retried"], serde_json::json!(["primary", "replica"]));
    eventually("it is applied", || state(&house, id) == "applied");
    eventually("on the replica as well", || house.servers[1].bodies().contains(&"doubtful".to_owned()));
}

#[test]
fn a_read_is_asked_elsewhere_when_a_wire_fails() {
    for manner in [Manner::Cut, Manner::Deafen, Manner::Reset, Manner::Swallow, Manner::Garble, Manner::Flood]
    {
        let (house, wire) = wired(2, |settings| settings.reads.replica_ratio = 0.0);
        assert!(house.ask("GET", "/a", "").text().starts_with("primary"));
        wire.set(manner);
        assert!(house.ask("GET", "/a", "").text().starts_with("replica"), "{manner:?}");
    }
}

#[test]
fn an_answer_that_drips_arrives_whole() {
    let (house, wire) = wired(1, |settings| settings.times.request = Duration::from_mins(1));
    wire.set(Manner::Drip);
    assert_eq!(house.ask("POST", "/a", "one").text(), "primary: /a one");
    assert_eq!(house.ask("GET", "/a", "").text(), "primary: /a ");
}

#[test]
fn a_server_that_closes_idle_connections_costs_no_answer() {
    let mut house = House::with(1);
    for number in 0..5 {
        assert_eq!(house.ask("POST", "/a", &number.to_string()).status, 200);
        assert_eq!(house.ask("GET", "/a", "").status, 200);
        house.servers[0].go();
        house.servers[0].come();
    }
    house.expect_bodies(0, &["0", "1", "2", "3", "4"]);
}

#[test]
fn a_refusal_that_comes_before_the_whole_body_was_sent_is_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap_or(0);
            let answer: &[u8] = if buffer[..count].starts_with(b"GET") {
                b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            } else {
                b"HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno"
            };
            stream.write_all(answer).ok();
            // What is still being sent is not read. The end comes once the other side has given up.
            std::thread::spawn(move || {
                stream.shutdown(std::net::Shutdown::Write).ok();
                while matches!(stream.read(&mut buffer), Ok(1..)) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    let house = House::built(1, |settings| settings.upstreams[0] = server("primary", address));
    let answer = house.ask("POST", "/a", &"x".repeat(3 << 20));
    assert_eq!((answer.status, answer.text().as_str()), (413, "no"));
    assert_eq!(house.status().upstreams[0].feeding.unwrap().pending, 0);
}
