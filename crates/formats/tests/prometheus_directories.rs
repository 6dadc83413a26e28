//! What a reader must make of directories: complete, incomplete, foreign, and hostile ones.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that fails says enough")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};
use formats::{Depth, DetectError, Format, Order, Role, Survey, UnixTime, Verdict, detect, survey};

fn order(depth: Depth) -> Order {
    Order::new(depth, UnixTime::from_seconds(1_767_225_600)).workers(NonZeroUsize::new(2).unwrap())
}

fn surveyed(path: &Path) -> Survey {
    survey(detect(path, None).unwrap().as_ref(), &order(Depth::Bytes))
}

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

/// A segment that declares series and has one sample of each.
fn segment(series: std::ops::Range<u64>) -> Vec<u8> {
    let mut pages = Pages::default();
    for number in series.clone() {
        let pairs =
            Labels::write_pairs([(&b"__name__"[..], &b"up"[..]), (b"job", number.to_string().as_bytes())]);
        let labels = Labels::of_pairs(&pairs).unwrap();
        pages.log(
            &encoded(&Record::Series(vec![Series { series: SeriesRef(number), labels }])),
            Compression::Snappy,
        );
    }
    let samples = series.map(|number| Point { series: SeriesRef(number), time: 1000, value: 1.0 });
    pages.log(&encoded(&Record::Samples(samples.collect())), Compression::None);
    pages.close();
    pages.bytes().to_vec()
}

/// A data directory with three segments.
fn data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let wal = data.path().join("wal");
    fs::create_dir(&wal).unwrap();
    for number in 0..3u64 {
        fs::write(wal.join(format!("{number:08}")), segment(number * 10 + 1..number * 10 + 11)).unwrap();
    }
    data
}

#[test]
fn a_whole_directory_is_sound_and_counted_whatever_the_number_of_threads() {
    let data = data();
    for workers in 1..5 {
        let order = order(Depth::Contents { top: 2 }).workers(NonZeroUsize::new(workers).unwrap());
        let survey = survey(detect(data.path(), None).unwrap().as_ref(), &order);
        assert_eq!(survey.verdict, Verdict::Starts);
        assert_eq!((survey.series, survey.samples, survey.records()), (Some(30), Some(30), Some(33)));
        assert_eq!(survey.weight().0, 3);
        let metric = &survey.top[0].rows[0];
        assert_eq!((metric.name.as_str(), metric.series, metric.samples), ("up", 30, 30));
        assert_eq!(survey.top[1].rows.len(), 2);
    }
}

#[test]
fn one_segment_is_a_log_of_its_own() {
    let data = data();
    let survey = surveyed(&data.path().join("wal/00000001"));
    assert_eq!((survey.samples, survey.damage.count()), (Some(10), 0));
}

#[test]
fn a_missing_first_segment_or_a_hole_is_damage_that_keeps_the_server_down() {
    for missing in ["00000000", "00000001"] {
        let data = data();
        fs::remove_file(data.path().join("wal").join(missing)).unwrap();
        let survey = surveyed(data.path());
        assert!(matches!(survey.verdict, Verdict::Refuses { .. }), "{:?}", survey.verdict);
        let damage = &survey.damage.listed()[0];
        assert_eq!((damage.file.as_str(), damage.start, damage.end), (&*format!("wal/{missing}"), 0, 0));
    }
}

#[test]
fn segments_behind_a_checkpoint_need_no_predecessors_but_one_must_follow_it() {
    let data = data();
    let wal = data.path().join("wal");
    fs::create_dir(wal.join("checkpoint.00000001")).unwrap();
    fs::rename(wal.join("00000000"), wal.join("checkpoint.00000001/00000000")).unwrap();
    let survey = surveyed(data.path());
    assert_eq!(survey.verdict, Verdict::Starts);
    let roles: Vec<_> = survey.parts.iter().map(|part| part.part.role).collect();
    assert_eq!(roles, [Role::Checkpoint, Role::Live, Role::Retained]);
    assert_eq!(
        (survey.series, survey.samples),
        (Some(20), Some(20)),
        "what the checkpoint covers is not counted"
    );
    fs::rename(wal.join("00000002"), wal.join("00000003")).unwrap();
    fs::remove_file(wal.join("00000001")).unwrap();
    assert!(matches!(surveyed(data.path()).verdict, Verdict::Refuses { .. }));
}

#[test]
fn damage_in_a_checkpoint_keeps_the_server_down() {
    let data = data();
    let checkpoint = data.path().join("wal/checkpoint.00000000");
    fs::create_dir(&checkpoint).unwrap();
    let mut bytes = segment(1..11);
    bytes[20] ^= 1;
    fs::write(checkpoint.join("00000000"), bytes).unwrap();
    // With a segment of the number of the checkpoint's file, the server would take that for the damaged one.
    fs::remove_file(data.path().join("wal/00000000")).unwrap();
    let survey = surveyed(data.path());
    assert!(matches!(survey.verdict, Verdict::Refuses { .. }), "{:?}", survey.verdict);
    assert_eq!(survey.damage.listed()[0].file, "wal/checkpoint.00000000/00000000");
}

#[test]
fn samples_without_a_series_are_counted_as_unknown() {
    let data = data();
    fs::write(data.path().join("wal/00000001"), {
        let mut pages = Pages::default();
        let stray = |series| Point { series: SeriesRef(series), time: 1, value: 0.0 };
        pages.log(&encoded(&Record::Samples(vec![stray(500), stray(500), stray(501)])), Compression::None);
        pages.bytes().to_vec()
    })
    .unwrap();
    let survey = survey(detect(data.path(), None).unwrap().as_ref(), &order(Depth::Contents { top: 1 }));
    let fact = |name| survey.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
    assert_eq!(fact("unknown_series"), Some(2u64.into()));
    assert_eq!(fact("unknown_samples"), Some(3u64.into()));
}

#[test]
fn a_series_that_is_declared_again_behind_its_samples_is_damage_whatever_the_number_of_threads() {
    let data = data();
    let wal = data.path().join("wal");
    fs::copy(wal.join("00000000"), wal.join("00000003")).unwrap();
    for workers in 1..5 {
        let order = order(Depth::Bytes).workers(NonZeroUsize::new(workers).unwrap());
        let survey = survey(detect(data.path(), None).unwrap().as_ref(), &order);
        let damage = &survey.damage.listed()[0];
        assert_eq!((damage.file.as_str(), damage.start), ("wal/00000003", 0));
        assert_eq!((survey.damage.count(), survey.series), (10, Some(30)), "each has a record of its own");
        let said = survey.verdict.what().unwrap();
        assert!(said.contains("the server forgets 1 samples"), "{said}");
    }
}

#[test]
fn a_segment_that_vanishes_after_listing_is_a_note() {
    let data = data();
    let log = detect(data.path(), None).unwrap();
    fs::remove_file(data.path().join("wal/00000002")).unwrap();
    let survey = survey(log.as_ref(), &order(Depth::Bytes));
    assert_eq!((survey.damage.count(), survey.unreadable.len()), (0, 0));
    assert!(survey.notes.iter().any(|note| note.code == "vanished" && note.file == "wal/00000002"));
}

#[test]
fn empty_segments_are_sound() {
    let data = data();
    fs::write(data.path().join("wal/00000003"), "").unwrap();
    let whole = surveyed(data.path());
    assert_eq!((whole.damage.count(), whole.samples), (0, Some(30)));
    for number in 0..3 {
        fs::write(data.path().join(format!("wal/{number:08}")), "").unwrap();
    }
    assert_eq!(surveyed(data.path()).records(), Some(0));
}

#[test]
fn only_the_newest_segment_with_bytes_may_be_torn() {
    let data = data();
    let cut = |name: &str| {
        let path = data.path().join("wal").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..100]).unwrap();
    };
    cut("00000002");
    fs::write(data.path().join("wal/00000003"), "").unwrap();
    let torn = surveyed(data.path());
    assert_eq!((torn.damage.count(), torn.notes.len()), (0, 1), "{:?}", torn.damage);
    assert_eq!(torn.notes[0].code, "torn-tail");
    cut("00000001");
    let damaged = surveyed(data.path());
    assert_eq!(damaged.damage.count(), 1);
    assert_eq!(damaged.damage.listed()[0].file, "wal/00000001");
}

#[test]
fn pages_of_zeros_at_the_end_of_a_finished_segment_are_damage() {
    let data = data();
    let path = data.path().join("wal/00000001");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes.resize(end + 32768, 0);
    fs::write(path, bytes).unwrap();
    let survey = surveyed(data.path());
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end), (end as u64, end as u64 + 32768));
    assert!(matches!(survey.verdict, Verdict::StartsWithLoss { .. }));
}

#[test]
fn links_in_a_circle_pipes_and_folders_among_segments_are_not_read() {
    let data = data();
    let wal = data.path().join("wal");
    std::os::unix::fs::symlink(&wal, wal.join("00000010")).unwrap();
    std::os::unix::fs::symlink(wal.join("00000011"), wal.join("00000011")).unwrap();
    std::os::unix::fs::symlink(data.path(), wal.join("checkpoint.00000000")).unwrap();
    fs::create_dir(wal.join("00000012")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, wal.join("00000013"), fifo, mode, 0).unwrap();
    let survey = surveyed(data.path());
    assert!(matches!(survey.verdict, Verdict::Refuses { .. }), "{:?}", survey.verdict);
    assert_eq!((survey.samples, survey.unreadable.len()), (Some(20), 0), "one is behind the checkpoint");
    let folders = survey.damage.listed().iter().filter(|damage| damage.cause.contains("directory"));
    assert_eq!(folders.count(), 2, "{:?}", survey.damage);
}

#[test]
fn segments_of_loki_are_recognised_by_their_records() {
    let dir = tempfile::tempdir().unwrap();
    let mut pages = Pages::default();
    for _ in 0..3 {
        pages.log(b"\x01\x04fake\x01\0\0\0\0\0\0\0\x09\x01\x03app\x01x", Compression::Snappy);
        pages.log(b"\x02\x04fake\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x09\x01\x02\x02hi", Compression::Snappy);
    }
    fs::write(dir.path().join("00000000"), pages.bytes()).unwrap();
    let log = detect(dir.path(), None).unwrap();
    assert_eq!(log.format(), Format::Loki);
    let survey = survey(log.as_ref(), &order(Depth::Bytes));
    assert_eq!((survey.records(), survey.samples, survey.damage.count()), (Some(6), Some(3), 0));
}

#[test]
fn a_directory_of_several_logs_names_them() {
    let dir = tempfile::tempdir().unwrap();
    for tenant in ["a", "b"] {
        fs::create_dir_all(dir.path().join(tenant).join("wal")).unwrap();
        fs::write(dir.path().join(tenant).join("wal/00000000"), segment(1..3)).unwrap();
    }
    match detect(dir.path(), None) {
        Err(DetectError::Several { names, .. }) => assert_eq!(names, ["a", "b"]),
        other => panic!("{:?}", other.err()),
    }
    fs::remove_dir_all(dir.path().join("b")).unwrap();
    assert!(detect(dir.path(), None).is_ok(), "with only one it is that one");
}

#[test]
fn what_is_no_log_is_refused_with_what_was_found_and_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "hello").unwrap();
    let Err(error) = detect(dir.path(), None) else { panic!("a text file is no log") };
    let message = error.to_string();
    assert!(message.contains("notes.txt") && message.contains("Prometheus"), "{message}");
}

#[test]
fn a_device_is_called_neither_a_file_nor_an_empty_directory() {
    let Some(DetectError::Unknown { found, .. }) = detect(Path::new("/dev/zero"), None).err() else {
        panic!("a device is no log");
    };
    assert_eq!(found, "neither a file nor a directory");
}
