//! Node directories of `InfluxDB` 3 that no server left behind, or only a dying one.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::little_endian_bytes, clippy::big_endian_bytes, reason = "the file's own byte orders")]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use formats::influxdb3::decode_file;
use formats::{
    Body, Depth, DetectError, Entry, Format, Log, Order, Survey, UnixTime, Value, Verdict, detect, survey,
};
use proptest::prelude::*;
use tempfile::TempDir;

fn order() -> Order {
    Order::new(Depth::Bytes, UnixTime::from_seconds(1_800_000_000))
}

fn framed(body: &[u8]) -> Vec<u8> {
    let sum = u32::try_from(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body)).unwrap();
    [b"idb3.001".as_slice(), &sum.to_be_bytes(), body].concat()
}

/// A sound file of that number without an operation in it; its first time is its last.
fn wal(number: u64) -> Vec<u8> {
    framed(&[&[6, 0, 6, 0, 6, 0, 0], number.to_le_bytes().as_slice(), &[0, 0]].concat())
}

/// A snapshot file.
fn snapshot(number: u64, wal: u64) -> String {
    format!(
        r#"{{"version":"1","node_id":"n","next_file_id":0,"snapshot_sequence_number":{number},
        "wal_file_sequence_number":{wal},"catalog_sequence_number":1,"parquet_size_bytes":0,"row_count":0,
        "min_time":0,"max_time":0,"databases":[]}}"#
    )
}

/// A node directory in the making.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn wal(self, number: u64) -> Self {
        self.with(&format!("wal/{number:011}.wal"), wal(number))
    }

    fn snapshot(self, number: u64, up_to: u64) -> Self {
        self.with(&format!("snapshots/{:020}.info.json", u64::MAX - number), snapshot(number, up_to))
    }

    fn log(&self) -> Box<dyn Log> {
        let log = detect(self.0.path(), None).unwrap();
        assert_eq!(log.format(), Format::Influxdb3);
        log
    }

    fn survey(&self) -> Survey {
        survey(self.log().as_ref(), &order())
    }

    fn is_recognised(&self) -> bool {
        match detect(self.0.path(), None) {
            Ok(log) => log.format() == Format::Influxdb3,
            Err(DetectError::Unknown { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn fact<'s>(survey: &'s Survey, name: &str) -> &'s Value {
    &survey.facts.iter().find(|fact| fact.name == name).unwrap_or_else(|| panic!("no fact {name}")).value
}

fn codes(survey: &Survey) -> Vec<&str> {
    survey.notes.iter().map(|note| note.code).collect()
}

#[test]
fn a_sound_node_starts() {
    let survey = Node::new().snapshot(1, 2).wal(2).wal(3).survey();
    assert_eq!(survey.verdict, Verdict::Starts);
    assert_eq!(fact(&survey, "next_number"), &Value::Unsigned(4));
    assert!(survey.damage.is_empty());
}

#[test]
fn a_directory_of_blank_files_is_recognised_and_loops() {
    for blank in [vec![], vec![0; 516]] {
        let node = Node::new().with("wal/00000000001.wal", &blank).with("wal/00000000002.wal", &blank);
        let survey = node.survey();
        assert_eq!(survey.damage.count(), 2);
        assert_eq!(survey.verdict.name(), "crash-loops");
    }
}

#[test]
fn one_good_file_among_garbage_makes_a_log() {
    let node = Node::new().with("wal/00000000001.wal", b"garbage, and more of it").wal(2);
    let survey = node.survey();
    assert_eq!(survey.damage.count(), 1);
    assert_eq!(survey.verdict.name(), "starts-with-loss");
}

#[test]
fn snapshots_alone_are_a_node() {
    let survey = Node::new().snapshot(7, 40).survey();
    assert_eq!(survey.verdict, Verdict::Starts);
    assert_eq!(fact(&survey, "next_number"), &Value::Unsigned(41));
}

#[test]
fn other_logs_are_not_claimed() {
    assert!(!Node::new().with("wal/00000001", [0; 64]).with("wal/00000002", [0; 64]).is_recognised());
    assert!(!Node::new().with("wal/_00001.wal", [1; 64]).is_recognised());
    assert!(!Node::new().with("wal/00000000001.wal", b"something else").is_recognised());
    assert!(!Node::new().with("snapshots/20260314T092600Z-0123/meta.json", "{}").is_recognised());
    assert!(
        !Node::new().with("catalogs/00000000000000000001.catalog", b"idb3.001.l and so on").is_recognised()
    );
    let catalog = Node::new().with("00000000000000000001.catalog", b"idb3.001.l and so on");
    assert!(detect(&catalog.path("00000000000000000001.catalog"), None).is_err());
}

#[test]
fn files_of_another_engine_are_no_damage_and_leave_the_verdict_open() {
    let other = [b"idb3.007".as_slice(), &[1; 40]].concat();
    let node = Node::new().with("wal/00000000001.wal", &other).with("wal/00000000002.wal", &other);
    let survey = node.survey();
    assert_eq!((survey.damage.count(), &survey.verdict), (0, &Verdict::Unknown));
    assert_eq!(fact(&survey, "engine"), &Value::from("idb3.007"));
    assert!(codes(&survey).contains(&"unknown-engine"));
    let mixed = Node::new().with("wal/00000000001.wal", &other).wal(2).survey();
    assert_eq!((mixed.damage.count(), fact(&mixed, "engine")), (1, &Value::from("core")));
    let two =
        Node::new().with("wal/00000000001.wal", &other).with("wal/00000000002.wal", b"idb3.008 and more");
    assert_eq!(two.survey().damage.count(), 2);
}

#[test]
fn a_file_too_large_to_decode_is_checked_and_said_to_be() {
    let node = Node::new().wal(1).wal(3);
    let length: u64 = (256 << 20) + 1;
    let path = node.path("wal/00000000002.wal");
    let mut sum = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32IsoHdlc);
    let zeros = vec![0; 1 << 20];
    for _ in 0..(length - 12) >> 20 {
        sum.update(&zeros);
    }
    sum.update(&zeros[..usize::try_from((length - 12) % (1 << 20)).unwrap()]);
    let sum = u32::try_from(sum.finalize()).unwrap();
    let write = |sum: u32| {
        fs::write(&path, [b"idb3.001".as_slice(), &sum.to_be_bytes()].concat()).unwrap();
        // A hole: it takes no room on the disk.
        fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        node.survey()
    };
    let survey = write(sum);
    assert!(survey.damage.is_empty(), "{:?}", survey.damage.listed());
    assert!(codes(&survey).contains(&"not-decoded"));
    assert_eq!(
        (fact(&survey, "rows_to_replay"), fact(&survey, "next_number")),
        (&Value::Null, &Value::Unsigned(4))
    );
    let survey = write(sum ^ 1);
    assert_eq!(survey.damage.listed()[0].start, 8);
    assert_eq!(survey.damage.listed()[0].end, length);
}

#[test]
fn whatever_lies_among_the_snapshots_has_to_parse() {
    let foreign = Node::new().snapshot(1, 2).wal(3).with("snapshots/README.txt", "hello").survey();
    assert_eq!(foreign.verdict.name(), "refuses");
    assert!(codes(&foreign).contains(&"foreign-snapshot"));
    let old = Node::new().snapshot(2, 2).wal(3).with("snapshots/18446744073709551614.info.json", "").survey();
    assert_eq!(old.verdict.name(), "refuses");
    assert_eq!(old.damage.listed()[0].file, "snapshots/18446744073709551614.info.json");
    let leftover = Node::new().snapshot(1, 2).wal(3).with("snapshots/00000000000000000000.info.json#1", "");
    assert_eq!(leftover.survey().verdict, Verdict::Starts);
}

#[test]
fn a_snapshot_that_lacks_a_key_does_not_parse() {
    let whole = snapshot(1, 2);
    for key in ["version", "next_file_id", "wal_file_sequence_number", "databases"] {
        let lacking = whole.replace(key, "another");
        let node = Node::new().with("snapshots/18446744073709551614.info.json", &lacking).wal(3);
        assert_eq!(node.survey().verdict.name(), "refuses", "{key}");
    }
    let later = whole.replace(r#""version":"1""#, r#""version":"2""#);
    let node = Node::new().with("snapshots/18446744073709551614.info.json", &later).wal(3);
    assert_eq!(node.survey().verdict.name(), "refuses");
}

#[test]
fn a_checkpoint_holds_the_watermark_when_no_snapshot_is_left() {
    let checkpoint = |wal| {
        format!(
            r#"{{"version":"1","last_snapshot_sequence_number":9,"wal_file_sequence_number":{wal},"row_count":1}}"#
        )
    };
    let node = Node::new()
        .with("snapshot-checkpoints/2026-02/18446744073709551600.checkpoint.json", checkpoint(1))
        .with("snapshot-checkpoints/2026-03/18446744073709551606.checkpoint.json", checkpoint(2))
        .with("snapshot-checkpoints/2026-03/18446744073709551610.checkpoint.json", checkpoint(1))
        .wal(2)
        .wal(3);
    let survey = node.survey();
    assert_eq!(fact(&survey, "watermark"), &Value::Unsigned(2));
    assert_eq!(fact(&survey, "live_files"), &Value::Unsigned(1));
}

#[test]
fn an_unlistable_name_stops_the_start() {
    let node = Node::new().wal(1);
    fs::write(node.path("wal").join(std::ffi::OsStr::from_bytes(b"bad\xff")), "").unwrap();
    assert_eq!(node.survey().verdict.name(), "refuses");
}

#[test]
fn a_circle_of_links_ends() {
    let node = Node::new().wal(1);
    symlink(node.path("wal"), node.path("wal/again")).unwrap();
    let survey = node.survey();
    // The copies that the links lead to would be replayed again.
    assert_eq!(survey.verdict.name(), "refuses");
    assert!(survey.parts.len() < 20);
}

#[test]
fn files_apart_from_their_node_are_checked_and_leave_the_verdict_open() {
    let node = Node::new().with("kept/00000000001.wal", wal(1)).with("kept/00000000002.wal", [0; 9]);
    let survey = survey(detect(&node.path("kept"), None).unwrap().as_ref(), &order());
    assert_eq!((survey.damage.count(), &survey.verdict), (1, &Verdict::Unknown));
    assert_eq!(fact(&survey, "live_files"), &Value::Null);
}

#[test]
fn a_snapshot_too_old_to_be_loaded_may_be_broken() {
    let mut node = Node::new().wal(3).with("snapshots/18446744073709551614.info.json", "");
    for number in 2..4_322 {
        node = node.snapshot(number, 2);
    }
    let survey = node.survey();
    assert_eq!((survey.damage.count(), &survey.verdict), (0, &Verdict::Starts));
    assert!(codes(&survey).contains(&"retained-damaged"));
    fs::remove_file(node.path("snapshots/18446744073709547294.info.json")).unwrap();
    assert_eq!(node.survey().verdict.name(), "refuses");
}

#[test]
fn a_deleted_file_is_a_note() {
    let node = Node::new().snapshot(1, 1).wal(1).wal(2).wal(3);
    let log = node.log();
    fs::remove_file(node.path("wal/00000000003.wal")).unwrap();
    let survey = survey(log.as_ref(), &order().live());
    assert!(codes(&survey).contains(&"vanished"));
    assert_eq!((survey.verdict.clone(), survey.unreadable.len()), (Verdict::Starts, 0));
    assert_eq!(fact(&survey, "next_number"), &Value::Unsigned(3));
}

#[test]
fn a_fifo_is_never_waited_for() {
    let node = Node::new().wal(1);
    let made = std::process::Command::new("mkfifo").arg(node.path("wal/00000000002.wal")).status().unwrap();
    assert!(made.success());
    assert_eq!(node.log().parts().len(), 1);
}

#[test]
fn a_reader_that_breaks_off_gets_no_more() {
    let body = [&[6, 0, 6, 0, 6, 0, 6, 1, 2, 1, 1], [6, 7, 8].as_slice(), &[0]].concat();
    let node = Node::new().with("wal/00000000001.wal", framed(&body));
    let log = node.log();
    let mut seen = 0;
    let mut visit = |_: Entry| {
        seen += 1;
        ControlFlow::Break(())
    };
    log.read(&log.parts()[0], &order(), &mut visit).unwrap();
    assert_eq!(seen, 1);
}

/// Reads everything there is and forgets it.
fn read_all(path: &Path) {
    let Ok(log) = detect(path, Some(Format::Influxdb3)) else { return };
    let survey = survey(log.as_ref(), &order());
    for part in log.parts() {
        let mut records = 0;
        let mut damages = 0;
        let mut visit = |entry: Entry| {
            assert!(entry.span.end <= part.bytes);
            match entry.body {
                Body::Record(_) => records += 1,
                Body::Damage(damage) => {
                    damages += 1;
                    assert!(damage.start <= damage.end && damage.end == part.bytes);
                }
                Body::Note(_) => {}
            }
            ControlFlow::Continue(())
        };
        log.read(part, &order(), &mut visit).unwrap();
        assert!(records == 0 || damages == 0, "records of a damaged file");
        let surveyed = survey.parts.iter().find(|survey| survey.part.name == part.name).unwrap();
        assert_eq!((surveyed.records, surveyed.damage), (Some(records), damages));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_the_reader_panic(
        files in prop::collection::vec(
            (1..6_u64, prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                prop::collection::vec(prop_oneof![0..12_u8, any::<u8>()], 0..200).prop_map(|body| framed(&body)),
                (0..8_u64).prop_map(wal),
            ]),
            1..5,
        ),
        snapshot in prop_oneof![
            Just(None),
            "\\PC{0,40}".prop_map(Some),
            any::<u64>().prop_map(|up_to| Some(snapshot(1, up_to))),
            (0..7_u64).prop_map(|up_to| Some(snapshot(1, up_to))),
        ],
    ) {
        let mut node = Node::new();
        for (number, bytes) in files {
            node = node.with(&format!("wal/{number:011}.wal"), bytes);
        }
        if let Some(snapshot) = snapshot {
            node = node.with("snapshots/18446744073709551614.info.json", snapshot);
        }
        read_all(node.0.path());
    }

    #[test]
    fn a_body_of_noise_with_a_matching_checksum_is_decoded_or_damaged_from_the_body_on(
        body in prop::collection::vec(any::<u8>(), 0..4096),
    ) {
        if let Err(flaw) = decode_file(&framed(&body)) {
            prop_assert_eq!((flaw.start(), flaw.is_skipped()), (12, false));
        }
    }
}
