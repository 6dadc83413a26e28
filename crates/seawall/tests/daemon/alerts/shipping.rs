//! Trouble with ships: what is told of it, once, and that it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::running::House;
use crate::watch::events;

#[test]
fn a_ship_that_is_stuck_and_a_stream_that_is_blocked_are_told_once_with_their_ends() {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let server = Receiver::start(move |_, _| {
        if is_mended.load(Ordering::Relaxed) {
            return (200, "\r\n".to_owned());
        }
        (422, "\r\nno such job".to_owned())
    });
    let hook = Receiver::willing();
    let ship = format!(
        "[[ship]]\nname = 'out'\nurl = '{}'\non_refused = 'block'\nstuck_after = '1s'\nbackoff_initial = '50ms'\nbackoff_max = '200ms'\n",
        server.url("/events")
    );
    let alert = format!("[[alert]]\nkind = 'webhook'\nurl = '{}'\n", hook.url("/hook"));
    let house = House::new(&format!("{ship}{alert}"));
    let daemon = house.start();
    assert_eq!(daemon.post("/v1/streams/jobs/events", b"{\"job\":1}").status, 200);
    let names = |events: &[Value]| -> Vec<(String, String)> {
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        events.iter().map(|event| (word(&event["event"]), word(&event["details"]["state"]))).collect()
    };
    let firing = |name: &str| (name.to_owned(), "firing".to_owned());
    let mut seen = 0;
    let begun = events(&daemon, |_| {
        seen += 1;
        seen == 2
    });
    let mut told = names(&begun);
    told.sort();
    assert_eq!(told, [firing("ship.blocked"), firing("ship.delivery")]);
    let blocked = begun.iter().find(|event| event["event"] == "ship.blocked").unwrap();
    assert_eq!(blocked["target"], "out");
    let message = blocked["details"]["message"].as_str().unwrap();
    assert!(message.contains("jobs: the server answered 422: no such job"), "{message}");
    let ships = daemon.get("/api/v1/ships").json();
    assert_eq!(ships["blocked_count"], 1);
    assert!(ships["oldest_pending_seconds"].as_f64().unwrap() >= ships["waiting_seconds"].as_f64().unwrap());
    let figures = daemon.get("/metrics").body;
    assert!(figures.contains("\nseawall_ship_oldest_pending_seconds{ship=\"out\"} "), "{figures}");
    mended.store(true, Ordering::Relaxed);
    let posts = hook.wait(4);
    let letters: Vec<_> =
        posts.iter().map(|post| (post.body["event"].clone(), post.body["state"].clone())).collect();
    for event in ["ship.blocked", "ship.delivery"] {
        let of: Vec<_> = letters.iter().filter(|(name, _)| name == event).map(|(_, state)| state).collect();
        assert_eq!(of, [&json!("firing"), &json!("resolved")], "{event}");
    }
    let all = events(&daemon, |event| event["seq"] == 4);
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(!daemon.get("/metrics").body.contains("seawall_ship_oldest_pending_seconds{"), "nothing waits");
    assert!(daemon.stop().success());
}
