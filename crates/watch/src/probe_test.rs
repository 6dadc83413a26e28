//! What a look at each kind of log shows.

use std::fs;
use std::time::Duration;

use super::*;
use crate::Bounds;

const NOW: UnixTime = UnixTime::from_seconds(4_000_000_000);

fn target(path: &Path, kind: Kind) -> Target {
    Target {
        name: "it".to_owned(),
        path: path.to_owned(),
        kind,
        interval: Duration::from_secs(1),
        bounds: Bounds::default(),
        server: None,
        scrub: crate::Scrub { every: None, rate: 1 },
        database: None,
        checkpoint: None,
        restart: None,
    }
}

fn seen(path: &Path, kind: Kind) -> Result<Seen, String> {
    look(&target(path, kind), None, formats::detect, NOW)
}

#[test]
fn a_directory_is_all_files_in_it_and_links_lead_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(directory.path().join("a"), [0; 10]).unwrap();
    fs::write(inner.join("b"), [0; 5]).unwrap();
    std::os::unix::fs::symlink(directory.path(), inner.join("round")).unwrap();
    let found = seen(directory.path(), Kind::Directory).unwrap();
    assert_eq!((found.facts.files, found.facts.bytes), (Some(2), Some(15)));
    assert!(found.facts.room.is_some() && found.facts.oldest.unwrap().seconds > 0);
    let names: Vec<&str> = found.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["a", "inner/b"]);
    let age = Some(Duration::from_secs(1));
    let old = |facts: &Facts| {
        crate::breaches(facts, &crate::Limits { max_age: age, ..crate::Limits::default() }).len()
    };
    assert_eq!(old(&found.facts), 1);
    fs::remove_dir_all(&inner).unwrap();
    fs::remove_file(directory.path().join("a")).unwrap();
    let empty = seen(directory.path(), Kind::Directory).unwrap();
    assert_eq!((empty.facts.files, empty.facts.oldest, old(&empty.facts)), (Some(0), None, 0));
    fs::write(directory.path().join("a"), "").unwrap();
    let hollow = seen(directory.path(), Kind::Directory).unwrap();
    assert_eq!((hollow.facts.files, old(&hollow.facts)), (Some(1), 0), "what is empty is not old");
}

#[test]
fn what_is_not_there_or_not_known_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let gone = directory.path().join("gone");
    assert!(seen(&gone, Kind::Directory).unwrap_err().contains("failed to list"));
    assert!(seen(&gone, Kind::Detected).unwrap_err().contains("failed to open"));
    assert!(seen(directory.path(), Kind::Detected).unwrap_err().contains("no log that is known"));
}

#[test]
fn a_node_of_influxdb_counts_what_a_start_replays_and_says_when_a_snapshot_is_due() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, snapshots) = (directory.path().join("wal"), directory.path().join("snapshots"));
    fs::create_dir(&wal).unwrap();
    fs::create_dir(&snapshots).unwrap();
    for number in 1..=20 {
        fs::write(wal.join(format!("{number:011}.wal")), b"idb3.001....").unwrap();
    }
    let found = seen(directory.path(), Kind::Detected).unwrap();
    assert_eq!(found.format, Some(Format::Influxdb3));
    assert_eq!(found.facts.replay, Some(Replay { count: 20, unit: "files" }));
    assert_eq!(found.facts.files, Some(20));
    assert!(found.facts.blockers[0].0.contains("no snapshot is due"), "{:?}", found.facts.blockers);
    let of = |count| not_snapshotted(Replay { count, unit: "files" }).map(|blocker| blocker.0);
    assert_eq!(of(0), None);
    assert!(of(900).unwrap().contains("times in the future"));
    assert!(of(1_800).unwrap().contains("why it fails"));
}
