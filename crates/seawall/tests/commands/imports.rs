//! However often a file is imported and wherever that ends, each of its records is in the journal once, in order.

use std::fs;
use std::process::Command;

use testkit::{FILE_CALLS, Fault, Faults};

use crate::append::events;
use crate::sample;
use crate::world::World;

fn payloads(tag: &str, records: u32) -> Vec<String> {
    (1..=records).map(|number| format!("{tag} {number}")).collect()
}

#[test]
fn a_file_that_has_grown_brings_what_is_new_and_older_copies_bring_nothing() {
    let world = World::of_events();
    let grow = |records| fs::write(world.path("job.wal"), sample::log(records, "a", 0)).unwrap();
    for records in [3, 3, 10, 3, 10] {
        grow(records);
        let ran = world.run(&["import", "job.wal"]);
        assert_eq!(ran.code, Some(0), "{records}: {ran:?}");
    }
    assert_eq!(events(&world.path("events"), "job"), payloads("a", 10));
}

#[test]
fn an_archive_of_a_file_that_was_imported_brings_nothing() {
    let world = World::of_events();
    let log = sample::log(5, "a", 0);
    fs::write(world.path("job.wal.zst"), zstd::encode_all(log.as_slice(), 1).unwrap()).unwrap();
    fs::write(world.path("job.wal"), log).unwrap();
    assert_eq!(world.run(&["import", "job.wal", "job.wal.zst"]).code, Some(0));
    assert_eq!(events(&world.path("events"), "job"), payloads("a", 5));
}

#[test]
fn another_log_of_the_same_name_is_refused_and_may_go_elsewhere() {
    let world = World::of_events();
    for (tag, records) in [("a", 5), ("b", 9), ("b", 2)] {
        fs::write(world.path("job.wal"), sample::log(records, tag, 0)).unwrap();
        let ran = world.run(&["import", "--json", "job.wal"]);
        let expected = if tag == "a" { Some(0) } else { Some(3) };
        assert_eq!(ran.code, expected, "{ran:?}");
        assert_eq!(ran.json()["error"]["code"].as_str(), (tag == "b").then_some("differs"), "{ran:?}");
    }
    assert_eq!(events(&world.path("events"), "job"), payloads("a", 5));
    assert_eq!(world.run(&["import", "--stream", "job-again", "job.wal"]).code, Some(0));
    assert_eq!(events(&world.path("events"), "job-again"), payloads("b", 2));
}

#[test]
fn what_was_imported_stays_known_when_its_stream_has_ended() {
    let world = World::of_events();
    assert_eq!(world.run(&["import", "--close", "worker/wal/job-1.wal"]).code, Some(0));
    for consumer in ["server", "mirror"] {
        assert_eq!(world.run(&["consumers", "drop", "--yes", consumer]).code, Some(0));
    }
    let ran = world.run(&["archive", "run", "--json"]);
    assert!(ran.stdout.contains("\"job-1.wal.zst\""), "{ran:?}");
    assert_eq!(events(&world.path("events"), "job-1"), [] as [&str; 0]);
    let ran = world.run(&["import", "--json", "worker/wal/job-1.wal"]);
    assert_eq!(
        (ran.code, &ran.json()["already"], &ran.json()["imported"]),
        (Some(0), &3.into(), &0.into()),
        "{ran:?}"
    );
    // The archive has the times at which the journal took the events, so it is another log.
    let ran = world.run(&["import", "--json", "events/archive/job-1.wal.zst"]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (Some(3), &"differs".into()), "{ran:?}");
    assert_eq!(events(&world.path("events"), "job-1"), [] as [&str; 0]);
}

#[test]
#[ignore = "kills a process at every one of its system calls on files"]
fn an_import_that_was_killed_or_failed_anywhere_is_finished_by_the_next_one() {
    let Some(faults) = Faults::need() else { return };
    for fault in [Fault::Kill, Fault::Error("ENOSPC")] {
        let prepare = || {
            let world = World::empty();
            // More than one batch, so that the ledger is written in between.
            fs::write(world.path("a.wal"), sample::log(1500, "a", 0)).unwrap();
            fs::write(world.path("b.wal"), sample::log(4, "b", 4)).unwrap();
            let mut import = Command::new(env!("CARGO_BIN_EXE_seawall"));
            import.args(["import", "--journal", "own", "a.wal", "b.wal"]).current_dir(world.path(""));
            import.env("SEAWALL_JOURNAL_SEGMENT_SIZE", "64KiB");
            (world, import)
        };
        let hits = faults.everywhere((fault, &FILE_CALLS), prepare, |world, struck| {
            let mut again = world.seawall(&["import", "--journal", "own", "a.wal", "b.wal"]);
            let again = again.output().unwrap();
            let when = format!("{fault:?} at {}: {}", struck.point, struck.stderr);
            assert!(again.status.success(), "{when}\n{}", String::from_utf8_lossy(&again.stderr));
            for (stream, records) in [("a", 1500), ("b", 4)] {
                let found = events(&world.path("own"), stream);
                assert!(found == payloads(stream, records), "{when}: {stream} has {} events", found.len());
            }
        });
        assert!(hits > 40, "{fault:?}: only {hits} calls were hit");
    }
}
