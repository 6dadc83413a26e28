//! What is refused, what there is nothing to do about, and which files a cut leaves: without a server.

#![expect(clippy::unwrap_used, reason = "a test that fails says enough")]

use std::fs;
use std::path::Path;

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef, Tombstone};
use formats::prometheus::{Compression, Directory, Framing, Pages};
use formats::{Depth, Order, Progress, UnixTime};
use mend::prometheus::{Cut, Drain, Trim, TrimTo};
use mend::{MendError, Mending, Terms, apply};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z.
const MIDNIGHT: i64 = 1_767_225_600_000;
const HOUR: i64 = 3_600_000;

fn now() -> UnixTime {
    UnixTime::from_millis(MIDNIGHT + 24 * HOUR)
}

fn order() -> Order {
    Order::new(Depth::Bytes, now())
}

fn terms() -> Terms {
    Terms { now: now(), progress: Progress::default() }
}

fn pairs(name: &str) -> Vec<u8> {
    Labels::write_pairs([(&b"__name__"[..], name.as_bytes())])
}

/// Records of a segment, encoded.
fn segment(records: &[Record<'_>]) -> Vec<u8> {
    let mut pages = Pages::default();
    for record in records {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        pages.log(&bytes, Compression::Snappy);
    }
    pages.close();
    pages.bytes().to_vec()
}

fn declared(number: u64, pairs: &[u8]) -> Record<'_> {
    Record::Series(vec![Series { series: SeriesRef(number), labels: Labels::of_pairs(pairs).unwrap() }])
}

/// A sample of the series every ten minutes between two hours after midnight.
fn samples(number: u64, hours: std::ops::Range<i64>) -> Record<'static> {
    let times = (hours.start * 6..hours.end * 6).map(|step| MIDNIGHT + step * HOUR / 6);
    Record::Samples(times.map(|time| Point { series: SeriesRef(number), time, value: 1.0 }).collect())
}

/// A data directory with these segments.
fn data(segments: &[&[Record<'_>]]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("wal")).unwrap();
    for (number, records) in segments.iter().enumerate() {
        fs::write(dir.path().join(format!("wal/{number:08}")), segment(records)).unwrap();
    }
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn drain(dir: &Path, cut: Cut) {
    let drain = Drain::plan(dir, cut, &order()).unwrap();
    apply(&drain, &terms()).unwrap();
}

/// Numbers that a log declares, and times of its samples, in order.
fn held(dir: &Path) -> (Vec<u64>, Vec<i64>) {
    let directory = Directory::list(dir).unwrap().unwrap();
    let (mut numbers, mut times) = (Vec::new(), Vec::new());
    for part in directory.parts().iter().filter(|part| part.role.counts()) {
        let mut visit = |framing: Framing<'_>| {
            let Framing::Record(frame) = framing else { panic!("{framing:?}") };
            match Record::decode(frame.record).unwrap() {
                Record::Series(all) => numbers.extend(all.iter().map(|one| one.series.0)),
                Record::Samples(all) => times.extend(all.iter().map(|one| one.time)),
                _ => {}
            }
            std::ops::ControlFlow::Continue(())
        };
        directory.frames(part, &Progress::default(), &mut visit).unwrap();
    }
    (numbers, times)
}

#[test]
fn a_log_that_a_cut_replaces_to_its_end_goes_on_behind_the_checkpoint() {
    let one = pairs("one");
    let dir = data(&[&[declared(1, &one), samples(1, 0..3)], &[samples(1, 3..6)]]);
    fs::create_dir(dir.path().join("chunk_snapshot.000001.0000000000")).unwrap();
    drain(dir.path(), Cut::Default);
    assert_eq!(names(&dir.path().join("wal")), ["00000002", "checkpoint.00000001"]);
    assert!(!dir.path().join("chunk_snapshot.000001.0000000000").exists());
    let (numbers, times) = held(dir.path());
    assert_eq!(numbers, [1]);
    assert_eq!((times.len(), times.first()), (12, Some(&(MIDNIGHT + 4 * HOUR))));
    assert_eq!(names(dir.path()).iter().filter(|name| name.len() == 26).count(), 2);
}

#[test]
fn of_series_that_end_before_the_cut_only_the_highest_number_stays_declared() {
    let all = [pairs("stays"), pairs("ends"), pairs("highest")];
    let [stays, ends, highest] = &all;
    let early =
        [declared(1, stays), declared(2, ends), declared(9, highest), samples(2, 0..1), samples(9, 0..1)];
    let dir = data(&[&early, &[samples(1, 0..6)]]);
    drain(dir.path(), Cut::Default);
    assert_eq!(held(dir.path()).0, [1, 9]);
}

#[test]
fn a_series_that_was_deleted_as_a_whole_is_not_brought_back() {
    let all = [pairs("one"), pairs("other")];
    let [one, other] = &all;
    let gone = Record::Tombstones(vec![Tombstone { series: SeriesRef(1), from: i64::MIN, to: i64::MAX }]);
    let first =
        [declared(1, one), samples(1, 0..2), gone, declared(2, one), samples(2, 2..3), declared(3, other)];
    let dir = data(&[&first, &[samples(3, 0..6), samples(1, 3..6)]]);
    drain(dir.path(), Cut::Default);
    // Blocks from two o'clock on have the series of the second number and the other; the first one has only the other.
    let blocks = names(dir.path()).into_iter().filter(|name| name.len() == 26);
    let meta = blocks.map(|name| fs::read_to_string(dir.path().join(name).join("meta.json")).unwrap());
    let mut counts: Vec<(i64, u64, u64)> = meta
        .map(|meta| {
            let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
            let stats = &meta["stats"];
            (
                meta["minTime"].as_i64().unwrap(),
                stats["numSeries"].as_u64().unwrap(),
                stats["numSamples"].as_u64().unwrap(),
            )
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [(MIDNIGHT, 1, 12), (MIDNIGHT + 2 * HOUR, 2, 18)]);
    assert_eq!(held(dir.path()).0, [3]);
}

#[test]
fn a_damaged_log_or_one_with_a_hole_is_refused() {
    let one = pairs("one");
    let parts: [&[Record<'_>]; 3] =
        [&[declared(1, &one), samples(1, 0..3)], &[samples(1, 3..5)], &[samples(1, 5..6)]];
    let refused = |dir: &Path| {
        let drain = Drain::plan(dir, Cut::Default, &order()).unwrap_err();
        let trim = Trim::plan(dir, TrimTo::MaxAge(HOUR, MIDNIGHT + 24 * HOUR), &order()).unwrap_err();
        for error in [drain, trim] {
            assert!(matches!(error, MendError::Impossible { .. }), "{error}");
            assert_eq!(error.advice().as_deref(), Some("repair the log first"));
        }
    };
    let dir = data(&parts);
    let path = dir.path().join("wal/00000001");
    let mut bytes = fs::read(&path).unwrap();
    if let Some(byte) = bytes.get_mut(20) {
        *byte ^= 1;
    }
    fs::write(&path, bytes).unwrap();
    refused(dir.path());
    fs::remove_file(&path).unwrap();
    refused(dir.path());
}

#[test]
fn where_nothing_is_older_than_the_cut_there_is_nothing_to_do() {
    let one = pairs("one");
    let dir = data(&[&[declared(1, &one), samples(1, 0..1)]]);
    assert!(Drain::plan(dir.path(), Cut::Default, &order()).unwrap().plan().is_empty());
    let trim = Trim::plan(dir.path(), TrimTo::MaxSize(1 << 20), &order()).unwrap();
    assert!(trim.plan().is_empty() && trim.plan().loss.is_none());
}

#[test]
fn a_trim_says_what_is_lost_and_leaves_nothing_older() {
    let one = pairs("one");
    let dir = data(&[&[declared(1, &one), samples(1, 0..3)], &[samples(1, 3..6)]]);
    let cut = MIDNIGHT + 4 * HOUR;
    let trim = Trim::plan(dir.path(), TrimTo::MaxAge(HOUR, cut + HOUR), &order()).unwrap();
    let loss = trim.plan().loss;
    assert_eq!((loss.samples, loss.series, loss.records), (Some(24), Some(0), Some(1)));
    assert_eq!(loss.times.map(|span| (span.from, span.to)), Some((MIDNIGHT, cut - HOUR / 6)));
    apply(&trim, &terms()).unwrap();
    let (_, times) = held(dir.path());
    assert_eq!((times.len(), times.first()), (12, Some(&cut)));
    assert!(names(dir.path()).iter().all(|name| name.len() != 26));
}
