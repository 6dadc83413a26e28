//! Logs of the own encoder with everything in them that a replay treats in a way of its own.

use std::fs;
use std::path::{Path, PathBuf};

use formats::prometheus::record::{
    Buckets, Exemplar, Histogram, HistogramLayout, Labels, Metadata, Point, Record, Series, SeriesRef, Span,
    Tombstone, Type,
};
use formats::prometheus::{Compression, Pages};
use tempfile::TempDir;
use testkit::prometheus::Prometheus;

/// 2026-01-01T00:00:00Z, a boundary of two hours.
pub(crate) const MIDNIGHT: i64 = 1_767_225_600_000;
pub(crate) const HOUR: i64 = 3_600_000;
/// Half an hour later the log begins.
pub(crate) const BEGIN: i64 = MIDNIGHT + HOUR / 2;
/// Scrape interval: six hours have 360 scrapes.
pub(crate) const STEP: i64 = 60_000;
pub(crate) const SCRAPES: i64 = 360;
/// Scrapes in a segment.
const PER_SEGMENT: i64 = 60;

/// The time of a scrape.
pub(crate) const fn at(scrape: i64) -> i64 {
    BEGIN + scrape * STEP
}

/// A data directory.
pub(crate) struct Data {
    dir: TempDir,
}

impl Data {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A copy of all that it holds.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { dir: TempDir::new().unwrap() };
        copy_tree(self.path(), copy.path());
        copy
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), bytes).unwrap();
    }

    /// Every file below, by its path, with its bytes.
    pub(crate) fn tree(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.path(), self.path(), &mut files);
        files.sort();
        files
    }

    /// Names in a directory, sorted.
    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(dir)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Names of the blocks.
    pub(crate) fn blocks(&self) -> Vec<String> {
        self.names("").into_iter().filter(|name| name.len() == 26).collect()
    }

    /// The same log where the first two segments have become a checkpoint.
    pub(crate) fn checkpointed(self) -> Self {
        fs::create_dir_all(self.at("wal/checkpoint.00000001")).unwrap();
        for segment in ["00000000", "00000001"] {
            let to = self.at(&format!("wal/checkpoint.00000001/{segment}"));
            fs::copy(self.at(&format!("wal/{segment}")), to).unwrap();
            fs::remove_file(self.at(&format!("wal/{segment}"))).unwrap();
        }
        self
    }

    /// The same log after a run of the server, which leaves `chunks_head`.
    pub(crate) fn after_a_run(self, prometheus: &Prometheus) -> Self {
        prometheus.on(self.path()).start().unwrap().stop().unwrap();
        self
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(&path).unwrap()));
        }
    }
}

/// A log that is being written.
pub(crate) struct Writer {
    data: Data,
    pages: Pages,
    segment: u64,
    count: usize,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { data: Data { dir: TempDir::new().unwrap() }, pages: Pages::default(), segment: 0, count: 0 }
    }

    pub(crate) fn log(&mut self, record: &Record<'_>) {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        self.count += 1;
        let compression = if self.count.is_multiple_of(3) { Compression::None } else { Compression::Snappy };
        self.pages.log(&bytes, compression);
    }

    pub(crate) fn roll(&mut self) {
        let mut pages = std::mem::take(&mut self.pages);
        pages.close();
        self.data.write(&format!("wal/{:08}", self.segment), pages.bytes());
        self.segment += 1;
    }

    pub(crate) fn finish(mut self) -> Data {
        self.roll();
        self.data
    }

    pub(crate) fn declare(&mut self, number: u64, name: &str) {
        let pairs = labels(name);
        let labels = Labels::of_pairs(&pairs).unwrap();
        self.log(&Record::Series(vec![Series { series: SeriesRef(number), labels }]));
    }

    pub(crate) fn samples(&mut self, all: &[(u64, i64, f64)]) {
        let point = |(series, time, value): &(u64, i64, f64)| Point {
            series: SeriesRef(*series),
            time: *time,
            value: *value,
        };
        if !all.is_empty() {
            self.log(&Record::Samples(all.iter().map(point).collect()));
        }
    }

    pub(crate) fn delete(&mut self, number: u64, from: i64, to: i64) {
        self.log(&Record::Tombstones(vec![Tombstone { series: SeriesRef(number), from, to }]));
    }
}

/// The labels of a series of that name.
pub(crate) fn labels(name: &str) -> Vec<u8> {
    Labels::write_pairs([(&b"__name__"[..], name.as_bytes()), (b"instance", b"one"), (b"job", b"cut")])
}

/// Which records a version of the server knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knows {
    /// Numbers and native histograms.
    Histograms,
    /// Those with custom buckets, too.
    CustomBuckets,
}

impl Knows {
    pub(crate) fn of(prometheus: &Prometheus) -> Self {
        if prometheus.version().starts_with("3.") { Knows::CustomBuckets } else { Knows::Histograms }
    }
}

/// Six segments with everything in them.
pub(crate) fn rich(knows: Knows) -> Data {
    let mut writer = Writer::new();
    declare_all(&mut writer, knows);
    for scrape in 0..SCRAPES {
        if scrape > 0 && scrape % PER_SEGMENT == 0 {
            writer.roll();
        }
        events(&mut writer, scrape);
        numbers(&mut writer, scrape);
        histograms(&mut writer, knows, scrape);
    }
    writer.finish()
}

const COUNTERS: std::ops::RangeInclusive<u64> = 1..=10;
const GAUGES: std::ops::RangeInclusive<u64> = 11..=20;
const WHOLE: std::ops::RangeInclusive<u64> = 21..=24;
const FLOATS: std::ops::RangeInclusive<u64> = 25..=28;
const CUSTOM: std::ops::RangeInclusive<u64> = 31..=34;

fn declare_all(writer: &mut Writer, knows: Knows) {
    COUNTERS.for_each(|number| writer.declare(number, &format!("counter_{number}")));
    GAUGES.for_each(|number| writer.declare(number, &format!("gauge_{number}")));
    WHOLE.chain(FLOATS).for_each(|number| writer.declare(number, &format!("histogram_{number}")));
    if knows == Knows::CustomBuckets {
        CUSTOM.for_each(|number| writer.declare(number, &format!("custom_{number}")));
    }
    let names =
        [(40, "early"), (42, "renumbered"), (44, "repeated"), (45, "disorderly"), (46, "deleted_within")];
    let more = [(47, "deleted_across"), (48, "deleted_all"), (50, "flapping"), (51, "rare"), (52, "ancient")];
    names.iter().chain(&more).for_each(|(number, name)| writer.declare(*number, name));
    // The highest number belongs to a series that ends early.
    writer.declare(90, "highest");
    let pairs = Labels::write_pairs([(&b"HELP"[..], &b"counts"[..]), (b"UNIT", b"things")]);
    let fields = Labels::of_pairs(&pairs).unwrap();
    writer.log(&Record::Metadata(vec![Metadata { series: SeriesRef(1), kind: 1, fields }]));
}

/// What happens only now and then.
fn events(writer: &mut Writer, scrape: i64) {
    match scrape {
        100 => writer.delete(46, at(50), at(70)),
        // Two boundaries lie at scrapes 90 and 210: this goes over the second.
        235 => writer.delete(47, at(200), at(230)),
        240 => writer.delete(48, BEGIN, at(239)),
        180 => writer.declare(43, "renumbered"),
        200 => writer.declare(44, "repeated"),
        250 => writer.declare(41, "late"),
        _ => {}
    }
    if scrape % 50 == 7 {
        let pairs = Labels::write_pairs([(&b"trace"[..], &b"x"[..])]);
        let sample = Point { series: SeriesRef(1), time: at(scrape), value: 0.5 };
        writer.log(&Record::Exemplars(vec![Exemplar { sample, labels: Labels::of_pairs(&pairs).unwrap() }]));
    }
}

fn numbers(writer: &mut Writer, scrape: i64) {
    let time = at(scrape);
    let mut all: Vec<(u64, i64, f64)> = Vec::new();
    for number in COUNTERS {
        // Counters that are reset, and scrapes that are not quite in step.
        let count = (scrape % 170) as f64 * number as f64;
        all.push((number, time + i64::try_from(number).unwrap() * 7 + scrape % 3, count));
    }
    for number in GAUGES {
        let value = match (number + scrape.unsigned_abs()) % 9 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            4 => f64::MIN_POSITIVE,
            other => (scrape as f64).sin() * other as f64,
        };
        all.push((number, time, value));
    }
    match scrape {
        0..100 => all.push((40, time, 1.0)),
        250.. => all.push((41, time, 2.0)),
        _ => {}
    }
    all.push((if scrape < 180 { 42 } else { 43 }, time, scrape as f64));
    all.extend([44, 46, 47, 48].map(|number| (number, time, scrape as f64)));
    // Nobody has declared this one.
    all.push((49, time, 0.0));
    if scrape % 7 != 3 {
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        all.push((50, time, if scrape % 7 == 2 { stale } else { 5.0 }));
    }
    if scrape == 3 || scrape == 300 {
        all.push((51, time, 51.0));
    }
    if scrape == 30 {
        all.push((52, BEGIN - 5 * 24 * HOUR, 52.0));
    }
    if scrape < 5 {
        all.push((90, time, 90.0));
    }
    writer.samples(&all);
    disorder(writer, scrape);
}

/// Repeated, contradicting and late samples.
fn disorder(writer: &mut Writer, scrape: i64) {
    let time = at(scrape);
    writer.samples(&[(45, time, scrape as f64)]);
    match scrape % 5 {
        0 => writer.samples(&[(45, time, scrape as f64)]),
        1 => writer.samples(&[(45, time, -1.0)]),
        2 => writer.samples(&[(45, time - 3 * STEP / 2, -2.0), (45, time + 1, 0.25)]),
        3 => writer.samples(&[(45, time - 2 * HOUR, -3.0)]),
        _ => {}
    }
}

fn histograms(writer: &mut Writer, knows: Knows, scrape: i64) {
    let time = at(scrape);
    let points = |numbers: std::ops::RangeInclusive<u64>, make: &dyn Fn(u64) -> Histogram| -> Vec<_> {
        numbers.map(|number| Point { series: SeriesRef(number), time, value: make(number) }).collect()
    };
    let with_hint = HistogramLayout::WithHint;
    let whole = points(WHOLE, &|number| histogram(number, scrape, 2));
    writer.log(&Record::Histograms(Type::Histograms, with_hint, whole));
    let floats = points(FLOATS, &|number| float(histogram(number, scrape, 1)));
    writer.log(&Record::Histograms(Type::FloatHistograms, with_hint, floats));
    if knows == Knows::CustomBuckets {
        let custom = points(31..=32, &|number| custom(histogram(number, scrape, 2)));
        writer.log(&Record::Histograms(Type::CustomHistograms, with_hint, custom));
        let custom = points(33..=34, &|number| float(self::custom(histogram(number, scrape, 2))));
        writer.log(&Record::Histograms(Type::CustomFloatHistograms, with_hint, custom));
    }
}

/// A histogram whose counts grow, are reset now and then, and whose buckets become more; every fourth is a gauge.
fn histogram(number: u64, scrape: i64, schema: i64) -> Histogram {
    if scrape % 97 == 96 {
        return stale();
    }
    let age = scrape % 120 + 1;
    let buckets = 2 + scrape / 80;
    let is_gauge = number.is_multiple_of(4);
    let first = if is_gauge { 3 + scrape % 11 } else { age };
    let deltas: Vec<i64> = std::iter::once(first).chain((1..buckets).map(|bucket| bucket % 3 - 1)).collect();
    let total: i64 = deltas
        .iter()
        .scan(0, |count, delta| {
            *count += delta;
            Some(*count)
        })
        .sum();
    let zero = age.unsigned_abs();
    let count = zero + total.unsigned_abs();
    Histogram {
        hint: if is_gauge { 3 } else { u8::from(age == 1) },
        schema,
        zero_threshold: 0.001,
        zero_count: zero as f64,
        count: count as f64,
        whole_counts: Some((zero, count)),
        sum: scrape as f64 * 1.5,
        positive_spans: vec![
            Span { offset: -1, length: 1 },
            Span { offset: 2, length: buckets.unsigned_abs() - 1 },
        ],
        negative_spans: Vec::new(),
        positive: Buckets::Deltas(deltas),
        negative: Buckets::Deltas(Vec::new()),
        bounds: None,
    }
}

fn stale() -> Histogram {
    Histogram {
        hint: 0,
        schema: 0,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: 0.0,
        whole_counts: Some((0, 0)),
        sum: f64::from_bits(0x7ff0_0000_0000_0002),
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        positive: Buckets::Deltas(Vec::new()),
        negative: Buckets::Deltas(Vec::new()),
        bounds: None,
    }
}

fn float(histogram: Histogram) -> Histogram {
    let counts = |buckets: &Buckets| match buckets {
        Buckets::Deltas(deltas) => {
            let running = deltas.iter().scan(0, |count, delta| {
                *count += delta;
                Some(*count as f64)
            });
            Buckets::Counts(running.collect())
        }
        Buckets::Counts(counts) => Buckets::Counts(counts.clone()),
    };
    Histogram {
        whole_counts: None,
        positive: counts(&histogram.positive),
        negative: counts(&histogram.negative),
        ..histogram
    }
}

fn custom(histogram: Histogram) -> Histogram {
    let buckets = histogram.positive.len();
    if buckets == 0 {
        return histogram;
    }
    let (zero, count) = histogram.whole_counts.unwrap();
    Histogram {
        schema: -53,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: (count - zero) as f64,
        whole_counts: Some((0, count - zero)),
        positive_spans: vec![Span { offset: 0, length: buckets }],
        bounds: Some((1..buckets).map(|bound| bound as f64 * 0.25).collect()),
        ..histogram
    }
}
