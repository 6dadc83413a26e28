//! Logs of the own encoder: the server takes them without a word and serves what went into them.

use std::collections::BTreeMap;

use formats::prometheus::record::{
    Buckets, Exemplar, Histogram, HistogramLayout, Labels, Metadata, Point, Record, Series, SeriesRef, Span,
    Tombstone, Type,
};
use formats::prometheus::{Compression, Pages};
use formats::{Depth, Order, Verdict, detect, survey};
use testkit::prometheus::{Prometheus, assert_same};

use crate::counts::total;
use crate::model::{Content, Measured, bits, now, served};
use crate::sound::{BEGIN, PAGE, STEP, Sound, encoded, segment_name};

/// Bytes before the data of a fragment.
const HEADER: usize = 7;

/// What is written, and what must come of it.
struct Model {
    pages: Pages,
    compression: Compression,
    names: Vec<String>,
    content: Content,
}

/// What a version of the server can read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Snappy, native histograms.
    V2_42,
    /// And Zstandard.
    V2_53,
    /// And histograms with custom buckets.
    V3_5,
}

impl Age {
    fn of(prometheus: &Prometheus) -> Self {
        match prometheus.version() {
            version if version.starts_with("2.42.") => Age::V2_42,
            version if version.starts_with("2.") => Age::V2_53,
            _ => Age::V3_5,
        }
    }
}

impl Model {
    fn new(compression: Compression) -> Self {
        Self { pages: Pages::default(), compression, names: Vec::new(), content: Content::new() }
    }

    fn log(&mut self, record: &Record<'_>) {
        self.pages.log(&encoded(record), self.compression);
    }

    fn labels(&self, series: SeriesRef) -> BTreeMap<String, String> {
        let name = &self.names[usize::try_from(series.0).unwrap() - 1];
        [("__name__".to_owned(), "made".to_owned()), ("of".to_owned(), name.clone())].into()
    }

    fn declare(&mut self, name: &str) -> SeriesRef {
        self.names.push(name.to_owned());
        let series = SeriesRef(self.names.len() as u64);
        let pairs = Labels::write_pairs([(&b"__name__"[..], &b"made"[..]), (b"of", name.as_bytes())]);
        self.log(&Record::Series(vec![Series { series, labels: Labels::of_pairs(&pairs).unwrap() }]));
        series
    }

    fn expect(&mut self, series: SeriesRef, time: i64, value: Measured) {
        self.content.entry(self.labels(series)).or_default().insert(time, value);
    }

    fn floats(&mut self, series: SeriesRef, times: impl Iterator<Item = i64>) {
        const ODD: [f64; 6] = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX];
        let values = ODD.into_iter().chain((0..).map(|number| f64::from(number) / 8.0));
        let points: Vec<_> = times.zip(values).map(|(time, value)| Point { series, time, value }).collect();
        self.log(&Record::Samples(points.clone()));
        points.iter().for_each(|point| self.expect(series, point.time, Measured::Float(bits(point.value))));
    }

    fn histograms(&mut self, kind: Type, series: SeriesRef, all: impl Fn(u64) -> Histogram) {
        let point =
            |number: u64| Point { series, time: BEGIN + number.cast_signed() * STEP, value: all(number) };
        let points: Vec<_> = (0..6).map(point).collect();
        self.log(&Record::Histograms(kind, HistogramLayout::WithHint, points.clone()));
        points.iter().for_each(|point| self.expect(series, point.time, shown(&point.value)));
    }
}

/// A histogram as the server shows it.
fn shown(histogram: &Histogram) -> Measured {
    let counts = |buckets: &Buckets| -> Vec<f64> {
        match buckets {
            Buckets::Counts(counts) => counts.clone(),
            Buckets::Deltas(deltas) => deltas
                .iter()
                .scan(0, |count, delta| {
                    *count += delta;
                    Some(*count as f64)
                })
                .collect(),
        }
    };
    let mut all = counts(&histogram.negative);
    all.reverse();
    all.push(histogram.zero_count);
    all.extend(counts(&histogram.positive));
    let filled = all.into_iter().filter(|count| *count != 0.0).map(bits).collect();
    Measured::Histogram(bits(histogram.count), bits(histogram.sum), filled)
}

fn whole(hint: u8) -> impl Fn(u64) -> Histogram {
    move |number| Histogram {
        hint,
        schema: 2,
        zero_threshold: 0.001,
        zero_count: (1 + number) as f64,
        count: (17 + 6 * number) as f64,
        whole_counts: Some((1 + number, 17 + 6 * number)),
        sum: -12.5 + number as f64,
        positive_spans: vec![Span { offset: -1, length: 2 }, Span { offset: 3, length: 1 }],
        negative_spans: vec![Span { offset: 0, length: 2 }],
        positive: Buckets::Deltas(vec![2 + number.cast_signed(), 1, -1]),
        negative: Buckets::Deltas(vec![4 + number.cast_signed(), 1]),
        bounds: None,
    }
}

fn float(hint: u8) -> impl Fn(u64) -> Histogram {
    move |number| {
        let more = number as f64;
        Histogram {
            zero_count: 0.5 + more,
            count: 10.25 + 3.0 * more,
            whole_counts: None,
            negative_spans: Vec::new(),
            negative: Buckets::Counts(Vec::new()),
            positive: Buckets::Counts(vec![2.5 + more, 4.0, 3.25 + more]),
            ..whole(hint)(number)
        }
    }
}

fn custom(like: impl Fn(u64) -> Histogram) -> impl Fn(u64) -> Histogram {
    move |number| {
        let histogram = like(number);
        let zero = histogram.whole_counts.map_or(histogram.zero_count, |(zero, _)| zero as f64);
        let negative = if histogram.whole_counts.is_some() { 9 + 2 * number } else { 0 };
        let count = histogram.count - zero - negative as f64;
        Histogram {
            schema: -53,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole")]
            whole_counts: histogram.whole_counts.map(|_| (0, count as u64)),
            positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }],
            negative_spans: Vec::new(),
            negative: match histogram.negative {
                Buckets::Deltas(_) => Buckets::Deltas(Vec::new()),
                Buckets::Counts(_) => Buckets::Counts(Vec::new()),
            },
            bounds: Some(vec![0.1, 0.5, 1.0, 7.25]),
            ..histogram
        }
    }
}

/// Everything that a version knows, in one compression.
fn everything(age: Age, compression: Compression) -> Model {
    let mut model = Model::new(compression);
    let plain = model.declare("floats");
    model.floats(plain, (0..200).map(|number| BEGIN + number * STEP));
    let accented = model.declare("Ünïcode \"quoted\" \\ \n");
    model.floats(accented, (0..3).map(|number| BEGIN + number));
    let mut kinds = vec![(Type::Histograms, false), (Type::FloatHistograms, true)];
    if age == Age::V3_5 {
        kinds.extend([(Type::CustomHistograms, false), (Type::CustomFloatHistograms, true)]);
    }
    for (kind, is_float) in kinds {
        for hint in [0, 2, 3] {
            let series = model.declare(&format!("{} {hint}", kind.name()));
            match (kind, is_float) {
                (Type::CustomHistograms, _) => model.histograms(kind, series, custom(whole(hint))),
                (Type::CustomFloatHistograms, _) => model.histograms(kind, series, custom(float(hint))),
                (_, true) => model.histograms(kind, series, float(hint)),
                (_, false) => model.histograms(kind, series, whole(hint)),
            }
        }
    }
    said_about_series(&mut model, plain);
    deletes(&mut model);
    frames(&mut model);
    model
}

/// Metadata and exemplars, and records with nothing in them.
fn said_about_series(model: &mut Model, series: SeriesRef) {
    let fields = Labels::write_pairs([(&b"UNIT"[..], &b"seconds"[..]), (b"HELP", b"helps"), (b"NEW", b"x")]);
    let fields = Labels::of_pairs(&fields).unwrap();
    model.log(&Record::Metadata(vec![Metadata { series, kind: 2, fields }]));
    let labels = Labels::write_pairs([(&b"trace"[..], &b"abc"[..])]);
    let exemplar = |number: i64| Exemplar {
        sample: Point { series, time: BEGIN + number * STEP, value: number as f64 },
        labels: Labels::of_pairs(&labels).unwrap(),
    };
    model.log(&Record::Exemplars((0..EXEMPLARS).map(exemplar).collect()));
    for record in [Record::Samples(vec![]), Record::Exemplars(vec![]), Record::Series(vec![]), Record::Empty]
    {
        model.log(&record);
    }
}

/// How many exemplars are written.
const EXEMPLARS: i64 = 5;

/// A series of which the middle is deleted.
fn deletes(model: &mut Model) {
    let series = model.declare("deleted");
    model.floats(series, (0..100).map(|number| BEGIN + number * STEP));
    let (from, to) = (BEGIN + 10 * STEP, BEGIN + 20 * STEP + 1);
    model.log(&Record::Tombstones(vec![Tombstone { series, from, to }]));
    let labels = model.labels(series);
    model.content.get_mut(&labels).unwrap().retain(|time, _| !(from..=to).contains(time));
}

/// Records that end at every distance from the end of a page, and one that spans several pages.
fn frames(model: &mut Model) {
    let series = model.declare("frames");
    let mut time = BEGIN;
    let mut floats = |model: &mut Model, count: i64| {
        model.floats(series, (0..count).map(|number| time + number));
        time += count;
    };
    for left in 0..32 {
        // Close to the end of the page, but with room for one more record.
        while room(model) > 1000 {
            floats(model, 10);
        }
        let filler = noise(room(model) - HEADER - left);
        model.pages.log(&filler, Compression::None);
        // With less than a header's room the page is filled with zeros.
        assert_eq!(room(model), if left < HEADER { PAGE } else { left });
        floats(model, 10);
    }
    floats(model, 20_000);
}

/// Bytes left in the page.
fn room(model: &Model) -> usize {
    PAGE - model.pages.bytes().len() % PAGE
}

/// A record of a type to come, which may have any length and which the server passes over.
#[expect(clippy::big_endian_bytes, reason = "the highest byte is the most random one")]
fn noise(len: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let bytes = std::iter::successors(Some(1), next).map(|state| state.to_be_bytes()[0]);
    std::iter::once(20).chain(bytes).take(len).collect()
}

fn every_record_in_every_compression_is_taken_and_served(prometheus: &Prometheus) {
    let age = Age::of(prometheus);
    let mut compressions = vec![Compression::None, Compression::Snappy];
    if age != Age::V2_42 {
        compressions.push(Compression::Zstd);
    }
    for compression in compressions {
        let mut model = everything(age, compression);
        let sound = Sound::empty();
        model.pages.close();
        sound.write(&segment_name(0), model.pages.bytes());
        let log = detect(sound.path(), None).unwrap();
        let survey = survey(log.as_ref(), &Order::new(Depth::Contents { top: 5 }, now()));
        assert_eq!((survey.damage.count(), &survey.verdict), (0, &Verdict::Starts), "{:?}", survey.damage);
        assert_eq!(survey.series, Some(model.names.len() as u64));

        let server = prometheus
            .on(sound.path())
            .feature("exemplar-storage,native-histograms")
            .config("storage: { exemplars: { max_exemplars: 100 } }")
            .start()
            .unwrap();
        // One by one: 2.42 puts the last of the floating-point histograms of an answer in the place of all others.
        let all =
            model.names.iter().flat_map(|name| served(&server, &format!("__name__=\"made\",of={name:?}")));
        assert_same(&all.collect(), &model.content, &format!("{compression:?}"));
        assert_eq!(total(&server, "prometheus_tsdb_wal_corruptions_total"), 0);
        assert_eq!(total(&server, "prometheus_tsdb_exemplar_exemplars_in_storage"), EXEMPLARS.unsigned_abs());
        let log = server.kill().unwrap();
        for word in ["repair", "orrupt", "Unknown series", "invalid"] {
            assert!(!log.contains(word), "{compression:?}: {log}");
        }
    }
}

testkit::for_each_version! { every_record_in_every_compression_is_taken_and_served }
