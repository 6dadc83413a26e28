//! A proxy whose journal is not open yet: it listens, takes nothing, and says so.

use std::io::{Read, Write};
use std::sync::Arc;

use journal::{Journal, Millis};
use proxy::{Proxy, StartError};

use crate::client::{ask, connect, raw};
use crate::house::{eventually, options, server, settings};
use crate::service::Service;

#[test]
fn until_its_journal_is_open_a_proxy_answers_that_it_is_starting_and_takes_nothing() {
    let service = Service::start("primary");
    let bound = Proxy::bind(settings(vec![server("primary", service.address)])).unwrap();
    let address = bound.address();
    // More than a socket holds: its client hears the answer all the same.
    for body in ["", "x", &"y".repeat(900 << 10)] {
        let answer = ask(address, "POST", "/a", body.as_bytes());
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("starting")));
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
    }
    let health = ask(address, "GET", "/health", b"");
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("starting")));
    assert!(health.json()["pending_writes"].is_null(), "what is not known is not zero");
    let bad = raw(address, b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(bad.status, 400);

    // Who is silent, or in the middle of a head, holds up no start.
    let silent = connect(address);
    let mut half = connect(address);
    half.write_all(b"GET /a HTTP/1.1\r\nho").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), options()).unwrap();
    let running = bound.start(journal, Arc::new(|| Millis::new(0)), Arc::new(|_| ())).unwrap();
    assert_eq!(running.address(), address);
    assert_eq!(ask(address, "POST", "/a", b"1").status, 200);
    assert_eq!(service.bodies(), ["1"]);
    let rest = half.read_to_end(&mut Vec::new()).unwrap_or(0);
    assert_eq!(rest, 0, "its connection ended with the start");
    drop(silent);
    eventually("it is healthy", || ask(address, "GET", "/health", b"").status == 200);
}

#[test]
fn a_port_that_a_proxy_has_is_no_other_ones_too() {
    let service = Service::start("primary");
    let mut settings = settings(vec![server("primary", service.address)]);
    let bound = Proxy::bind(settings.clone()).unwrap();
    settings.listen = bound.address();
    let refused = Proxy::bind(settings.clone()).err().unwrap();
    assert!(matches!(refused, StartError::Listen { .. }), "{refused}");
    drop(bound);
    Proxy::bind(settings).unwrap();
}
