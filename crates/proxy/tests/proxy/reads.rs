//! Which server answers a read.

use std::sync::Arc;
use std::time::Duration;

use proxy::dialect::LaneRule;
use proxy::{Feed, Plain, Reads};

use crate::house::{House, eventually};

fn always_replicas(settings: &mut proxy::Settings) {
    settings.reads = Reads { replica_ratio: 1.0, ..Reads::default() };
}

#[test]
fn a_read_goes_to_a_replica_only_if_it_has_what_the_client_was_told() {
    let house = House::built(2, always_replicas);
    assert!(house.ask("GET", "/a", "").text().starts_with("replica"));
    // The replica takes its time, and the client does not.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    house.servers[1].answer(move |seen| {
        if seen.method == "POST" {
            gate.lock().unwrap().recv_timeout(Duration::from_mins(1)).ok();
        }
        (200, "replica".to_owned())
    });
    assert_eq!(house.ask("POST", "/a", "one").status, 200);
    for _ in 0..20 {
        let answer = house.ask("GET", "/b", "");
        assert!(answer.text().starts_with("primary"), "{}", answer.text());
        assert_eq!(answer.header("seawall-pending"), None);
    }
    open.send(()).unwrap();
    eventually("the replica answers again", || house.ask("GET", "/b", "").text() == "replica");
}

#[test]
fn a_lane_that_joins_paths_holds_only_its_own_reads_back() {
    let mut house = House::built(2, |settings| {
        always_replicas(settings);
        settings.dialect = Arc::new(Plain::new(LaneRule::Segments(1), "/probe"));
    });
    house.servers[1].answer(|seen| {
        if seen.method == "POST" { (503, String::new()) } else { (200, "replica".to_owned()) }
    });
    assert_eq!(house.ask("POST", "/a/1", "one").status, 200);
    for _ in 0..5 {
        assert!(house.ask("GET", "/a/2", "").text().starts_with("primary"));
        eventually("other lanes are read from the replica", || {
            house.ask("GET", "/b", "").text() == "replica"
        });
    }
    // When the primary is gone, a read that is behind is better than none, and says so.
    house.servers[0].go();
    eventually("it says what it lacks", || {
        let answer = house.ask("GET", "/a/2", "");
        answer.text() == "replica" && answer.header("seawall-pending") == Some("1")
    });
}

#[test]
fn a_replica_that_is_fed_by_the_primary_is_left_alone_for_the_window() {
    let house = House::built(2, |settings| {
        settings.reads = Reads { replica_ratio: 1.0, consistency_window: Duration::from_hours(1) };
        settings.upstreams[1].feed = Feed::Primary;
    });
    assert!(house.ask("GET", "/a", "").text().starts_with("replica"));
    assert_eq!(house.ask("POST", "/a", "one").status, 200);
    assert!(house.ask("GET", "/a", "").text().starts_with("primary"));
    assert!(house.servers[1].bodies().is_empty(), "it is not sent writes");
}

#[test]
fn a_read_goes_on_to_the_next_server_when_one_is_gone() {
    let mut house = House::built(2, always_replicas);
    house.servers[1].go();
    for _ in 0..10 {
        assert!(house.ask("GET", "/a?b=c", "").text().starts_with("primary: /a?b=c"));
    }
    house.servers[0].go();
    let answer = house.ask("GET", "/a", "");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("no-upstream")));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn the_share_of_replicas_is_what_was_asked_for() {
    let house = House::built(2, |settings| settings.reads.replica_ratio = 0.5);
    let answers: Vec<String> = (0..200).map(|_| house.ask("GET", "/a", "").text()).collect();
    let replicas = answers.iter().filter(|text| text.starts_with("replica")).count();
    assert!((60..=140).contains(&replicas), "{replicas} of 200");
}
