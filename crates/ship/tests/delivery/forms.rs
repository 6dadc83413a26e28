//! What a server is sent in each form.

use std::sync::{Arc, Mutex};

use ship::{Beside, Form, Http, Packing, Times, Trust};
use testkit::{Collector, Delivery, Reply};

use super::house::{House, brisk};

/// What arrives of three events in a form.
fn sent(form: Form, packing: Packing) -> Vec<Delivery> {
    let seen: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let books = Arc::clone(&seen);
    let server = Collector::start(move |delivery| {
        books.lock().unwrap().push(delivery.clone());
        Some(Reply::status(200))
    })
    .unwrap();
    let house = House::new();
    let stream = house.journal().stream("a/\u{e4}").unwrap();
    house.journal().append_all(&stream, [&b"{\"n\": 1}"[..], b"text", b"\xff"]).unwrap();
    let url = format!("http://{}/in/{{stream}}?x=1", server.address()).parse().unwrap();
    let beside = Beside::new(&[("X-Team".to_owned(), "7".to_owned())], None).unwrap();
    let sink = Http::new(url, (&Trust::default(), Times::default()), beside, (form, packing)).unwrap();
    let running = house.ship_to(Arc::new(sink), brisk());
    house.settled();
    house.drain(running);
    let deliveries = seen.lock().unwrap().clone();
    for delivery in &deliveries {
        assert_eq!(delivery.target, "/in/a%2F%C3%A4?x=1");
        assert_eq!(delivery.header("x-team"), Some("7"));
        assert_eq!(delivery.header("seawall-stream"), Some("a%2F%C3%A4"));
        assert!(delivery.header("user-agent").unwrap().starts_with("seawall/"));
    }
    deliveries
}

#[test]
fn an_object_and_lines_are_sent_with_the_key_of_the_batch() {
    for (form, kind) in [(Form::Json, "application/json"), (Form::Lines, "application/x-ndjson")] {
        let [delivery] = &sent(form, Packing::None)[..] else { panic!("one batch") };
        assert_eq!(delivery.header("content-type"), Some(kind));
        assert!(delivery.header("idempotency-key").unwrap().ends_with("-1-3"));
        let text = String::from_utf8(delivery.body.clone()).unwrap();
        assert_eq!(text.lines().count(), if form == Form::Lines { 3 } else { 1 }, "{text}");
        for part in ["\"data\":{\"n\": 1}", "\"data_base64\":\"dGV4dA==\"", "\"data_base64\":\"/w==\""] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn raw_events_are_sent_one_by_one_as_they_are() {
    let deliveries = sent(Form::Raw, Packing::None);
    let bodies: Vec<&[u8]> = deliveries.iter().map(|delivery| delivery.body.as_slice()).collect();
    assert_eq!(bodies, [&b"{\"n\": 1}"[..], b"text", b"\xff"]);
    for (delivery, seq) in deliveries.iter().zip(1..) {
        assert_eq!(delivery.header("seawall-seq"), Some(format!("{seq}").as_str()));
        assert_eq!(delivery.header("seawall-time"), Some("2023-11-14T22:13:20Z"));
        assert!(delivery.header("idempotency-key").unwrap().ends_with(&format!("-{seq}")));
    }
}

#[test]
fn a_body_that_is_compressed_says_so() {
    let [delivery] = &sent(Form::Json, Packing::Zstd)[..] else { panic!("one batch") };
    assert_eq!(delivery.header("content-encoding"), Some("zstd"));
    let plain = zstd::decode_all(&delivery.body[..]).unwrap();
    assert!(String::from_utf8(plain).unwrap().starts_with("{\"stream\":\"a/\u{e4}\",\"events\":["));
}
