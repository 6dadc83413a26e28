//! The sink `airunner` against a service on the Connect protocol's own implementation.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use serde_json::Value;
use ship::{Airunner, Beside, Policy, Secret, State, TaskTokens, Times, Trust};
use testkit::{Collector, JobService, Reply};

use super::house::{House, brisk, stands};

/// A `JobEvent` with a sequence number of its own, and an output of so many bytes.
fn event(sequence: u8, output: usize) -> Vec<u8> {
    let mut bytes = vec![0x08, sequence, 0x18, 7];
    if output > 0 {
        // Field 10, `output_batch`, of which the test's service knows nothing but the size.
        bytes.push(10 << 3 | 2);
        let bits = |from: usize| u8::try_from(output >> from & 0x7f).unwrap();
        bytes.extend([0x80 | bits(0), 0x80 | bits(7), bits(14)]);
        bytes.extend(vec![b'x'; output]);
    }
    bytes
}

fn sink(url: &str, jwt: &str, tasks: TaskTokens) -> Arc<Airunner> {
    let beside = Beside::new(&[], Some(Secret::Fixed(jwt.to_owned()))).unwrap();
    Arc::new(
        Airunner::new(url.parse().unwrap(), (&Trust::default(), Times::default()), beside, tasks).unwrap(),
    )
}

fn one(token: &str) -> TaskTokens {
    TaskTokens::One(Secret::Fixed(token.to_owned()))
}

#[test]
#[ignore = "starts a real server"]
fn a_service_of_the_protocol_takes_jobs_in_order_each_with_its_token() {
    let Some(service) = JobService::need().unwrap() else { return };
    let house = House::new();
    let tokens = tempfile::tempdir().unwrap();
    for job in ["a/1", "b"] {
        let stream = house.journal().stream(job).unwrap();
        house.journal().append_all(&stream, (1..=100).map(|sequence| event(sequence, 0))).unwrap();
        let file = format!("{}.token", journal::archive::file_stem(job));
        fs::write(tokens.path().join(file), format!("token-{job}\n")).unwrap();
    }
    let tasks = TaskTokens::Folder(tokens.path().to_owned());
    let policy = Policy { batch: ship::BatchLimits { events: 7, ..brisk().batch }, ..brisk() };
    let running = house.ship_to(sink(&service.url(), "jwt", tasks), policy);
    house.settled();
    let mut jobs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for taken in service.taken() {
        assert_eq!(taken["event_type"], 7);
        let job = taken["job"].as_str().unwrap().to_owned();
        jobs.entry(job).or_default().push(taken["sequence"].as_u64().unwrap());
    }
    let whole: Vec<u64> = (1..=100).collect();
    assert_eq!(jobs, BTreeMap::from([("a/1".to_owned(), whole.clone()), ("b".to_owned(), whole)]));
    house.drain(running);
}

#[test]
#[ignore = "starts a real server"]
fn an_event_that_the_service_cannot_take_is_parked_and_the_others_arrive() {
    let Some(service) = JobService::need().unwrap() else { return };
    let house = House::new();
    let stream = house.journal().stream("s").unwrap();
    let events = [event(1, 0), b"{\"no\":\"protobuf\"}".to_vec(), event(3, 360 << 10), event(4, 0)];
    house.journal().append_all(&stream, events).unwrap();
    let running = house.ship_to(sink(&service.url(), "jwt", one("token-s")), brisk());
    house.settled();
    let sequences: Vec<Value> = service.taken().into_iter().map(|taken| taken["sequence"].clone()).collect();
    assert_eq!(sequences, [1, 4]);
    let [(_, 2, unfit), (_, 3, large)] = &house.parked()[..] else { panic!("{:?}", house.parked()) };
    assert_eq!(unfit, "event 2 is no protobuf, so it is no JobEvent");
    assert!(large.contains("exceeds limit"), "{large}");
    house.drain(running);
}

#[test]
#[ignore = "starts a real server"]
fn what_is_no_fault_of_an_event_parks_nothing() {
    let Some(service) = JobService::need().unwrap() else { return };
    let house = House::new();
    let stream = house.journal().stream("s").unwrap();
    house.journal().append_all(&stream, [event(1, 0)]).unwrap();
    for (jwt, task, word) in [
        ("wrong", "token-s", "401: unauthenticated invalid token"),
        ("jwt", "wrong", "500: invalid_argument invalid task token"),
        ("jwt", "token-gone", "500: invalid_argument job not found"),
    ] {
        let running = house.ship_to(sink(&service.url(), jwt, one(task)), brisk());
        let status = stands(&running, |status| status.state == State::Held);
        assert!(status.waiting[0].1.ends_with(word), "{status:?}");
        house.drain(running);
    }
    assert!(service.taken().is_empty() && house.parked().is_empty());
    let running = house.ship_to(sink(&service.url(), "jwt", one("token-s")), brisk());
    house.settled();
    assert_eq!(service.taken().len(), 1);
    house.drain(running);
}

#[test]
fn a_status_of_200_without_the_end_of_the_stream_delivers_nothing() {
    for (kind, body) in [
        ("text/html", &b"<html>a proxy</html>"[..]),
        ("application/connect+proto", b""),
        ("application/connect+proto", b"\0\0\0\0\0"),
        ("application/connect+proto", b"\x02\0\0\0\x63{\"error\":null}"),
    ] {
        let server = Collector::start(move |_| {
            let headers = vec![("Content-Type", kind.to_owned())];
            Some(Reply { headers, body: body.to_vec(), ..Reply::status(200) })
        })
        .unwrap();
        let house = House::new();
        let stream = house.journal().stream("s").unwrap();
        house.journal().append_all(&stream, [event(1, 0)]).unwrap();
        let url = format!("http://{}", server.address());
        let running = house.ship_to(sink(&url, "jwt", one("t")), brisk());
        let status = stands(&running, |status| status.totals.requests > 2);
        assert_eq!((status.totals.delivered, house.pending()), (0, 1));
        assert!(
            status.waiting[0].1.contains("not of the Connect protocol")
                || status.waiting[0].1.contains("type")
        );
        house.drain(running);
    }
}
