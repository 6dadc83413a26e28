//! What `doctor disk` says about a real disk, and what it leaves there.

use std::fs;

use crate::world::World;

#[test]
fn a_disk_is_measured_in_every_way_and_left_as_it_was() {
    let world = World::empty();
    let ran = world.run(&["doctor", "disk", "--json", "--time", "30ms", "."]);
    assert!(matches!(ran.code, Some(0..=2)), "{ran:?}");
    let document = ran.json();
    let latencies = document["latency"].as_array().unwrap();
    for (method, least) in [("none", 1), ("fdatasync", 2)] {
        assert_eq!(latencies.iter().filter(|one| one["method"] == method).count(), least, "{document}");
    }
    for one in latencies {
        let (p50, p99) = (one["p50_seconds"].as_f64().unwrap(), one["p99_seconds"].as_f64().unwrap());
        assert!(one["writes"].as_u64().unwrap() > 0 && p50 > 0.0 && p50 <= p99, "{one}");
    }
    assert!(document["free_bytes"].as_u64().unwrap() <= document["total_bytes"].as_u64().unwrap());
    assert!(["lost", "doubtful", "no-objection"].contains(&document["sync"].as_str().unwrap()));
    assert_eq!(fs::read_dir(world.path("")).unwrap().count(), 0);
    assert_eq!(world.run(&["doctor", "disk", "nowhere"]).code, Some(3));
}

#[test]
fn a_disk_in_memory_keeps_nothing_and_that_is_said() {
    let world = World::empty();
    let directory = testkit::quick_directory().unwrap();
    let ran = world.run(&["doctor", "disk", "--json", "--time", "5ms", directory.path().to_str().unwrap()]);
    let document = ran.json();
    if document["filesystem"]["type"] == "tmpfs" {
        assert_eq!((ran.code, document["sync"].as_str()), (Some(2), Some("lost")), "{document}");
    }
}
