//! Writes `fuzz/seeds`: small sound files of every kind, from which the targets start.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`

mod journals;
mod postgres;
mod trees;

use std::fs;
use std::path::{Path, PathBuf};

use formats::prometheus::record::{
    Buckets, Exemplar, Histogram, HistogramLayout, Labels, Marker, Metadata, Point, Record, Series,
    SeriesRef, Span, Start, Tombstone, Type,
};
use formats::prometheus::{Compression, Pages};
use fuzz::control::{CONTROL, Control};
use fuzz::repair::put_etcd;

fn main() {
    prometheus();
    loki();
    arwal();
    influxdb3();
    journals::write();
    postgres::write();
    others();
    trees::write();
}

/// A write as a proxy journals it: lane, method, target, two headers of one name, body.
const PROXY_ENTRY: &[u8] = b"\x01\x02\0\0\0/x\x03\0\0\0PUT\x08\0\0\0/x?y=%20\x02\0\
    \x01\0\0\0a\x01\0\0\x001\x01\0\0\0a\x01\0\0\0\xffhi";

/// What servers answer to a proxy, behind the byte that chooses a method and pieces.
const PROXY_ANSWERS: [(&str, &str); 6] = [
    ("length", "\0HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"),
    ("head", "\u{1}HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"),
    ("closed", "\u{4}HTTP/1.0 200 OK\r\nx: 1\r\n\r\nabc"),
    ("empty", "\u{6}HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ("chunks", "\u{8}HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nt: 1\r\n\r\nHTTP"),
    ("both", "\u{a}HTTP/1.1 200 OK\ncontent-length: 9\ntransfer-encoding: gzip, chunked\n\n1\r\na\r\n0\r\n\r\n"),
];

/// Writes one seed.
fn put(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(folder.join(name), bytes).expect("the seed can be written");
}

/// Control bytes that leave the file as it is but for a stretch, and the file.
fn with_control(stretch: u8, file: &[u8]) -> Vec<u8> {
    let mut all = vec![0; CONTROL];
    all[CONTROL - 1] = stretch;
    all.extend_from_slice(file);
    all
}

/// What makes everything right.
fn whole() -> Control {
    Control::split(&with_control(0, &[])).expect("whole control bytes").0
}

fn kept(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/formats");
    fs::read(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

fn prometheus() {
    let pairs = Labels::write_pairs([(&b"__name__"[..], &b"up"[..]), (b"job", b"x")]);
    let labels = Labels::of_pairs(&pairs).expect("whole pairs");
    let records = records(labels);
    for (number, record) in records.iter().enumerate() {
        put("prometheus_record", &format!("{number:02}-{}", record.kind().name()), &encoded(record));
    }
    for (name, compression) in
        [("plain", Compression::None), ("snappy", Compression::Snappy), ("zstd", Compression::Zstd)]
    {
        let mut pages = Pages::default();
        records.iter().for_each(|record| pages.log(&encoded(record), compression));
        put("prometheus_segment", name, &with_control(0, pages.bytes()));
        put("prometheus_segment", &format!("{name}-across-blocks"), &with_control(1, pages.bytes()));
    }
    let mut pages = Pages::default();
    pages.log(&[63; 32 * 1024 - 7 - 100], Compression::None);
    pages.log(&encoded(&samples(60, 100)), Compression::None);
    put("prometheus_segment", "two-pages", &with_control(0, &pages.bytes()));
    let series = [&[1][..], &9u64.to_be_bytes(), &[2], &pairs].concat();
    let chunk = [&[1][..], &[0; 15], &[60], &[1, 3, 0, 2, 9], &[0; 64]].concat();
    put("prometheus_snapshot", "closed", &[&series[..], &[0; 9]].concat());
    put("prometheus_snapshot", "open", &[&series[..], &[0; 8], &chunk].concat());
    put("prometheus_snapshot", "tombstones", &[2, 5, 1, 0x30, 0xba, 0x30, 1]);
    let exemplars = encoded(&records[3]);
    put("prometheus_snapshot", "exemplars", &[&[3], &exemplars[1..]].concat());
    let mut head = head_chunks_file();
    put("prometheus_head_chunks", "whole", &with_control(0, &head));
    head.extend([0; 200]);
    put("prometheus_head_chunks", "ahead", &with_control(0, &head));
    put("prometheus_head_chunks", "across-views", &with_control(1, &head));
    put(
        "prometheus_block",
        "block",
        br#"{"ulid":"01J8Z0Q0000000000000000000","minTime":1,"maxTime":2,"version":1,"stats":{"numSamples":3,"numSeries":1,"numChunks":1},"compaction":{"level":1,"sources":["01J8Z0Q0000000000000000000"],"hints":["from-out-of-order"]}}"#,
    );
}

fn head_chunks_file() -> Vec<u8> {
    let mut head = vec![1, 0x30, 0xbc, 0x91, 1, 0, 0, 0];
    for (series, data) in [(1u64, &[0, 1, 7, 7, 7][..]), (2, &[0, 2, 1]), (300, &[0; 140])] {
        head.extend(series.to_be_bytes());
        head.extend(1000i64.to_be_bytes());
        head.extend(2000i64.to_be_bytes());
        head.push(1);
        head.extend(if data.len() < 128 { vec![data.len() as u8] } else { vec![data.len() as u8, 1] });
        head.extend_from_slice(data);
        head.extend([0; 4]);
    }
    head
}

fn samples(count: u64, time: i64) -> Record<'static> {
    let point =
        |series| Point { series: SeriesRef(series), time: time + series as i64 / 20, value: series as f64 };
    Record::Samples((1..=count).map(point).collect())
}

fn records(labels: Labels<'_>) -> Vec<Record<'_>> {
    let series = SeriesRef(9);
    let float = |kind, float| {
        let all = vec![point(histogram(float, None)), point(histogram(float, None))];
        Record::Histograms(kind, HistogramLayout::WithHint, all)
    };
    let custom = |kind, float| {
        Record::Histograms(
            kind,
            HistogramLayout::WithHint,
            vec![point(histogram(float, Some(vec![1.0, 2.0])))],
        )
    };
    let started = |float| {
        let one = || point(histogram(float, None));
        vec![(one(), Start::At(3)), (one(), Start::Same), (one(), Start::None)]
    };
    vec![
        Record::Series(vec![Series { series, labels }, Series { series: SeriesRef(10), labels }]),
        samples(40, 1000),
        Record::Tombstones(vec![Tombstone { series, from: 1, to: 2 }]),
        Record::Exemplars(vec![Exemplar { sample: point(1.0), labels }]),
        Record::Markers(vec![Marker { series, chunk: 4 }]),
        Record::Metadata(vec![Metadata { series, kind: 1, fields: labels }]),
        float(Type::Histograms, false),
        float(Type::FloatHistograms, true),
        custom(Type::CustomHistograms, false),
        custom(Type::CustomFloatHistograms, true),
        Record::SamplesV2(vec![
            (point(1.0), Start::At(2)),
            (point(2.0), Start::Same),
            (point(3.0), Start::At(4)),
        ]),
        Record::HistogramsV2(Type::HistogramsV2, started(false)),
        Record::HistogramsV2(Type::FloatHistogramsV2, started(true)),
        Record::Unknown(40),
    ]
}

fn point<V>(value: V) -> Point<V> {
    Point { series: SeriesRef(9), time: 5, value }
}

fn histogram(float: bool, bounds: Option<Vec<f64>>) -> Histogram {
    let buckets = || if float { Buckets::Counts(vec![1.0, 2.0]) } else { Buckets::Deltas(vec![1, -1]) };
    Histogram {
        hint: 1,
        schema: if bounds.is_some() { -53 } else { 3 },
        zero_threshold: 0.001,
        zero_count: 1.0,
        count: 5.0,
        whole_counts: (!float).then_some((1, 5)),
        sum: 8.5,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        negative_spans: vec![Span { offset: -1, length: 2 }],
        positive: buckets(),
        negative: buckets(),
        bounds,
    }
}

const LOKI_SERIES: &[u8] = b"\x01\x04fake\x01\0\0\0\0\0\0\0\x09\x01\x03app\x01x";

fn loki() {
    put("loki_record", "series", LOKI_SERIES);
    for kind in [2, 4, 5] {
        put("loki_record", &format!("entries-{kind}"), &loki_entries(kind));
    }
}

fn loki_entries(kind: u8) -> Vec<u8> {
    let mut bytes = vec![kind, 4];
    bytes.extend_from_slice(b"fake\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x09");
    if kind > 2 {
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7]);
    }
    bytes.extend_from_slice(b"\x01\x02\x02hi");
    if kind == 5 {
        bytes.extend_from_slice(b"\x01\x01k\x01v");
    }
    bytes
}

fn arwal() {
    for (name, rule) in [("whole", 0), ("rest", 1)] {
        let log = arwal_log(rule);
        put("arwal", name, &with_control(rule, &log));
        let archive = zstd::bulk::compress(&log, 3).expect("memory can be compressed");
        put("arwal_archive", name, &archive[4..]);
    }
}

/// A job log with one of the two rules of lengths.
fn arwal_log(rule: u8) -> Vec<u8> {
    let mut log = b"ARWAL001\x01\0\0\0\0\0\0\0".to_vec();
    for sequence in 1..=4i64 {
        let payload = [8, sequence as u8, 0x18, 7, 0x22, 3, b'a', b'b', b'c'];
        let total = 32 + payload.len() as u32;
        log.extend((total - 4 * u32::from(rule)).to_le_bytes());
        log.extend(sequence.to_le_bytes());
        log.extend([1, 0, 0, 0]);
        log.extend(1_704_067_200_000i64.to_le_bytes());
        log.extend(payload);
        log.extend([0; 8]);
    }
    let whole = with_control(rule, &[]);
    let (control, _) = Control::split(&whole).expect("whole control bytes");
    fuzz::repair::arwal(control, &mut log);
    log
}

/// Logs that servers wrote.
fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/formats/tests/corpus")
}

fn influxdb3() {
    let mut files = Vec::new();
    collect(&corpus().join("influxdb3"), &mut files);
    files.sort_by_key(|(path, bytes)| (bytes.len(), path.clone()));
    let (mut wal, mut json): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        if path.ends_with(".json") {
            json.push(bytes)
        } else if bytes.len() > 20 {
            wal.push(bytes)
        }
    }
    for (target, mut seeds) in [("influxdb3_file", wal), ("influxdb3_snapshot", json)] {
        seeds.dedup();
        seeds.dedup_by_key(|seed| seed.len() / 32);
        for (number, seed) in seeds.iter().filter(|seed| seed.len() < 3000).take(8).enumerate() {
            put(target, &format!("{number:02}"), seed);
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("the corpus is there").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push((path.to_string_lossy().into_owned(), fs::read(&path).expect("a readable file")));
        }
    }
}

fn others() {
    put("proxy_entry", "write", PROXY_ENTRY);
    for (name, answer) in PROXY_ANSWERS {
        put("proxy_answer", name, answer.as_bytes());
    }
    let (log, index) = (kept("golden/sqlite.db-wal"), kept("golden/sqlite.db-shm"));
    put("sqlite_wal", "golden", &with_control(0, &[&index[..136], &log].concat()));
    put("sqlite_shm", "golden", &with_control(0, &index[..136]));
    let file = etcd_file();
    put("etcd", "written", &with_control(0, &file));
    put("etcd", "ahead", &with_control(1, &file));
}

fn etcd_file() -> Vec<u8> {
    let mut file = Vec::new();
    put_etcd(4, 0, &[], &mut file);
    put_etcd(1, 0, &[8, 7, 0x10, 9], &mut file);
    put_etcd(5, 0, &[8, 0, 0x10, 0], &mut file);
    for index in 1..=5 {
        put_etcd(2, 0, &[8, 0, 0x10, 3, 0x18, index, 0x22, 5, 1, 2, 3, 4, 5], &mut file);
    }
    put_etcd(3, 0, &[8, 3, 0x10, 7, 0x18, 4], &mut file);
    file
}
