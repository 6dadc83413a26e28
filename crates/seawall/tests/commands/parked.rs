//! What is given up can be had back, and is given up only once it can.

use std::fs;

use crate::append::events;
use crate::world::World;

#[test]
fn what_was_dropped_is_appended_anew_from_its_export() {
    let world = World::of_events();
    let ran = world.run(&["parked", "drop", "--yes", "--json", "--consumer", "server"]);
    assert_eq!((ran.code, &ran.json()["events"]), (Some(0), &2.into()), "{ran:?}");
    let export = ran.json()["export"].as_str().unwrap().to_owned();
    assert_eq!(world.run(&["parked", "list", "--json"]).stdout, "");
    for _ in 0..2 {
        let ran = world.run(&["import", "--json", &export]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let found = events(&world.path("events"), "jobs");
    assert_eq!(found.get(4..).unwrap(), [r#"{"job":"two"}"#, "not JSON"]);
}

#[test]
fn nothing_is_given_up_without_its_export() {
    let world = World::of_events();
    let before = world.run(&["parked", "list", "--json"]).stdout;
    fs::write(world.path("taken"), "").unwrap();
    for export in ["taken", "taken/below"] {
        let ran = world.run(&["parked", "drop", "--yes", "--all", "--export", export]);
        assert!(matches!(ran.code, Some(3 | 64)), "{ran:?}");
        let ran = world.run(&["consumers", "drop", "--yes", "server", "--export", export]);
        assert!(matches!(ran.code, Some(3 | 64)), "{ran:?}");
    }
    assert_eq!(world.run(&["parked", "list", "--json"]).stdout, before);
}

#[test]
fn what_a_consumer_had_not_delivered_is_exported_when_it_goes() {
    let world = World::of_events();
    let ran = world.run(&["consumers", "drop", "--yes", "--json", "mirror"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let export = fs::read_to_string(world.path(ran.json()["export"].as_str().unwrap())).unwrap();
    assert_eq!(export.lines().count(), 6, "{export}");
    // Delivered by the other one, so it is gone now.
    let ran = world.run(&["replay", "--dry-run", "--json", "jobs"]);
    assert_eq!(ran.json()["events"], 3, "{ran:?}");
    // The last one takes nothing with it.
    assert_eq!(world.run(&["consumers", "drop", "--yes", "server"]).code, Some(0));
    assert_eq!(world.run(&["replay", "--dry-run", "--json", "jobs"]).json()["events"], 3);
}

#[test]
fn what_is_requeued_is_pending_again_in_its_place() {
    let world = World::of_events();
    assert_eq!(world.run(&["parked", "requeue", "server:jobs:2"]).code, Some(0));
    let ran = world.run(&["consumers", "list", "--json"]);
    let server = ran.stdout.lines().find(|line| line.contains("server")).unwrap().to_owned();
    let server: serde_json::Value = serde_json::from_str(&server).unwrap();
    // One of jobs is requeued, one was never settled, and two are in the other stream.
    assert_eq!((&server["pending"], &server["parked"]), (&4.into(), &1.into()));
}

#[test]
fn an_archive_comes_out_as_it_went_in() {
    let world = World::of_events();
    assert_eq!(world.run(&["archive", "run"]).code, Some(0));
    assert_eq!(world.run(&["archive", "extract", "--as", "wal", "--to", "out", "web"]).code, Some(0));
    assert_eq!(world.run(&["archive", "extract", "--as", "lines", "web"]).stdout, "GET /\nGET /a b\n");
    assert_eq!(world.run(&["verify", "out/web.wal"]).code, Some(0));
    let ran = world.run(&["archive", "extract", "--as", "wal", "--to", "out", "web"]);
    assert_eq!(ran.code, Some(64), "nothing is written over: {ran:?}");
    assert_eq!(world.run(&["import", "--stream", "again", "out/web.wal"]).code, Some(0));
    assert_eq!(events(&world.path("events"), "again"), ["GET /", "GET /a b"]);
}
