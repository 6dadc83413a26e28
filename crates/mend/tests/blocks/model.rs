//! Series to be written, and how to write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use formats::prometheus::record::{Buckets, Histogram, Span};
use mend::MendError;
use mend::block::chunk::{EncodedChunk, Encoder, Sample, SampleValue, ValueRef};
use mend::block::{BlockWriter, Description, Label, Pool, Segments, Symbols, TextId, Ulid, Written};

use crate::reader::Labels;

/// 2026-01-01T00:00:00Z.
pub(crate) const BEGIN: i64 = 1_767_225_600_000;

/// The not-a-number that marks the end of a series.
pub(crate) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Everything of some series.
pub(crate) type Content = BTreeMap<Labels, Vec<Sample>>;

/// The name of a block of a time.
pub(crate) fn ulid(number: u64) -> Ulid {
    Ulid::new(BEGIN.unsigned_abs() + number, 0x1234_5678_9abc_def0_1234)
}

/// Writes a block below a data directory; answers also with where it lies.
pub(crate) fn write(data: &Path, number: u64, content: &Content, segments: Segments) -> (PathBuf, Written) {
    let dir = data.join(ulid(number).to_string());
    let chunks = content.iter().map(|(labels, samples)| (labels.clone(), packed(samples)));
    let written = write_chunks(&dir, number, &chunks.collect::<Vec<_>>(), segments).unwrap();
    (dir, written)
}

/// Writes a block of finished chunks, in the order in which they are given.
pub(crate) fn write_chunks(
    dir: &Path,
    number: u64,
    series: &[(Labels, Vec<EncodedChunk<'static>>)],
    segments: Segments,
) -> Result<Written, MendError> {
    let mut pool = Pool::default();
    let intern = |text: &String, pool: &mut Pool| pool.intern(text.as_bytes()).unwrap();
    let ids: Vec<Vec<(TextId, TextId)>> = series
        .iter()
        .map(|(labels, _)| {
            let pairs = labels.iter();
            pairs.map(|(name, value)| (intern(name, &mut pool), intern(value, &mut pool))).collect()
        })
        .collect();
    pool.intern(b"a text that no series uses").unwrap();
    let symbols = Symbols::of(&pool, ids.iter().flatten().flat_map(|&(name, value)| [name, value]));
    let mut writer = BlockWriter::create(dir, &symbols, segments)?;
    for (ids, (_, chunks)) in ids.iter().zip(series) {
        let ordinal = |id| symbols.ordinal(id).unwrap();
        let labels: Vec<_> =
            ids.iter().map(|&(name, value)| Label { name: ordinal(name), value: ordinal(value) }).collect();
        writer.series(&labels, chunks)?;
    }
    writer.finish(&Description::of_head(ulid(number)))
}

/// Packs samples.
pub(crate) fn packed(samples: &[Sample]) -> Vec<EncodedChunk<'static>> {
    let mut encoder = Encoder::default();
    let mut chunks = Vec::new();
    for sample in samples {
        let value = match &sample.value {
            SampleValue::Float(value) => ValueRef::Float(*value),
            SampleValue::Histogram(histogram) => ValueRef::Histogram(histogram),
        };
        chunks.extend(encoder.append(sample.time, value).unwrap());
    }
    chunks.extend(encoder.finish());
    chunks
}

/// A label set from pairs.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Samples every 15 seconds from a time on.
pub(crate) fn row(begin: i64, values: impl IntoIterator<Item = SampleValue>) -> Vec<Sample> {
    let times = (0..).map(|step| begin + step * 15_000);
    times.zip(values).map(|(time, value)| Sample { time, value }).collect()
}

/// Series of numbers for two hours: counters, noise, what is hard to write, ends, labels that sort differently as whole
/// texts than as pairs.
pub(crate) fn floats(begin: i64) -> Content {
    let noise = |n: u32| f64::from_bits(u64::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2);
    let hard = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, STALE, 1e-310, f64::MAX, 0.1];
    let mut content = Content::new();
    for instance in 0..300u32 {
        let instance_name = format!("host-{}", instance % 150);
        let name = if instance < 150 { "requests_total" } else { "temperature" };
        let values = (0..480u32).map(|n| match instance % 4 {
            0 => f64::from(n * instance),
            1 => noise(n * 300 + instance),
            2 => hard[(n / 7) as usize % hard.len()],
            _ => f64::from(n / 60) + 0.25,
        });
        let values = values.map(SampleValue::Float);
        let labels = labels(&[("__name__", name), ("instance", &instance_name), ("job", "node")]);
        content.insert(labels, row(begin, values));
    }
    for pairs in [
        &[("__name__", "up")][..],
        &[("__name__", "up"), ("a", "b")],
        &[("__name__", "up"), ("a", "b"), ("c", "d")],
        &[("__name__", "up"), ("a", "bc")],
        &[("__name__", "up"), ("a.b", "\u{fc}\u{10ffff}")],
        &[("__name__", "upper")],
        &[("lonely", "x")],
    ] {
        content.insert(labels(pairs), row(begin + 1, [SampleValue::Float(1.0)]));
    }
    content
}

/// A histogram of whole numbers with so many observations.
pub(crate) fn whole(count: u64) -> Histogram {
    let bucket = i64::try_from(count / 4).unwrap();
    Histogram {
        hint: 0,
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        zero_count: (count / 8) as f64,
        count: count as f64,
        whole_counts: Some((count / 8, count)),
        sum: count as f64 * 1.5,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 1, length: 1 }],
        negative_spans: vec![Span { offset: 0, length: 1 }],
        positive: Buckets::Deltas(vec![bucket, 1, -1]),
        negative: Buckets::Deltas(vec![bucket / 2]),
        bounds: None,
    }
}

/// The same with floating-point numbers.
pub(crate) fn fraction(count: u64) -> Histogram {
    let bucket = count as f64 / 4.0;
    Histogram {
        whole_counts: None,
        positive: Buckets::Counts(vec![bucket, bucket + 0.5, bucket]),
        negative: Buckets::Counts(vec![bucket / 2.0]),
        ..whole(count)
    }
}

/// The same with listed bounds.
pub(crate) fn custom(count: u64) -> Histogram {
    Histogram {
        schema: -53,
        zero_threshold: 0.0,
        zero_count: 0.0,
        whole_counts: Some((0, count)),
        positive_spans: vec![Span { offset: 0, length: 3 }],
        negative_spans: vec![],
        negative: Buckets::Deltas(vec![]),
        bounds: Some(vec![0.005, 1.0 / 3.0]),
        ..whole(count)
    }
}

/// What a series measures, by the number of the sample.
type Row<'a> = Box<dyn Fn(u64) -> Histogram + 'a>;

/// Series of histograms for two hours: counters that restart, gauges, layouts that come and go, ends, kinds that change.
pub(crate) fn histograms(begin: i64) -> Content {
    let ended = |histogram: Histogram| Histogram { sum: STALE, ..histogram };
    let wider = |histogram: Histogram| Histogram {
        positive_spans: vec![Span { offset: -2, length: 4 }],
        positive: match histogram.positive {
            Buckets::Deltas(_) => Buckets::Deltas(vec![3, 0, 2, -1]),
            Buckets::Counts(_) => Buckets::Counts(vec![3.0, 3.0, 5.0, 4.0]),
        },
        ..histogram
    };
    let mut content = Content::new();
    for (kind, histogram) in [("whole", whole as fn(u64) -> Histogram), ("fraction", fraction)] {
        let series: [(&str, Row<'_>); 5] = [
            ("steady", Box::new(|n| histogram(100 + 8 * n))),
            ("restarting", Box::new(|n| histogram(8 * (n % 50)))),
            ("gauge", Box::new(|n| Histogram { hint: 3, ..histogram(8 * (n * 37 % 11)) })),
            ("ending", Box::new(|n| if n % 40 > 37 { ended(histogram(n)) } else { histogram(n) })),
            ("growing", Box::new(|n| if n / 30 % 2 == 0 { histogram(100) } else { wider(histogram(100)) })),
        ];
        for (name, value) in series {
            let values = (0..480).map(|n| SampleValue::Histogram(value(n)));
            content.insert(labels(&[("__name__", name), ("kind", kind)]), row(begin, values));
        }
    }
    let changing = (0..480).map(|n| match n / 20 % 3 {
        0 => SampleValue::Float(n as f64),
        1 => SampleValue::Histogram(whole(n)),
        _ => SampleValue::Histogram(fraction(n)),
    });
    content.insert(labels(&[("__name__", "changing"), ("kind", "both")]), row(begin, changing));
    content
}
