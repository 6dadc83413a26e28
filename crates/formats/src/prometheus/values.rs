//! Records in the terms that all formats share.

use std::borrow::Cow;

use super::record::{
    Buckets, Exemplar, Histogram, Labels, Metadata, Point, Record as WalRecord, Span, Start,
};
use super::skim::of_record;
use crate::{Record, UnixTime, Value};

/// A WAL record as a dump shows it.
pub(super) fn record(record: &WalRecord<'_>) -> Record {
    let skim = of_record(record);
    let (name, elements) = elements(record);
    Record {
        kind: skim.kind.name(),
        times: skim.range(),
        series: if let WalRecord::Series(all) = record { all.len() as u64 } else { 0 },
        samples: skim.points,
        fields: vec![(Cow::Borrowed(name), Value::List(elements))],
    }
}

fn elements(record: &WalRecord<'_>) -> (&'static str, Vec<Value>) {
    match record {
        WalRecord::Series(all) => (
            "series",
            all.iter()
                .map(|one| Value::map([("ref", one.series.0.into()), ("labels", labels(one.labels))]))
                .collect(),
        ),
        WalRecord::Samples(all) => {
            ("samples", all.iter().map(|one| point(one, one.value.into())).map(Value::Map).collect())
        }
        WalRecord::Tombstones(all) => {
            let element = |one: &super::record::Tombstone| {
                let (from, to) = (UnixTime::from_millis(one.from), UnixTime::from_millis(one.to));
                Value::map([("ref", one.series.0.into()), ("from", from.into()), ("to", to.into())])
            };
            ("tombstones", all.iter().map(element).collect())
        }
        WalRecord::Exemplars(all) => ("exemplars", all.iter().map(exemplar).collect()),
        WalRecord::Markers(all) => {
            let element = |one: &super::record::Marker| {
                Value::map([("ref", one.series.0.into()), ("chunk", one.chunk.into())])
            };
            ("markers", all.iter().map(element).collect())
        }
        WalRecord::Metadata(all) => ("metadata", all.iter().map(metadata).collect()),
        WalRecord::Histograms(_, _, all) => {
            ("histograms", all.iter().map(|one| point(one, histogram(&one.value))).map(Value::Map).collect())
        }
        WalRecord::SamplesV2(all) => (
            "samples",
            all.iter().map(|(one, start)| started(point(one, one.value.into()), *start)).collect(),
        ),
        WalRecord::HistogramsV2(_, all) => (
            "histograms",
            all.iter().map(|(one, start)| started(point(one, histogram(&one.value)), *start)).collect(),
        ),
        WalRecord::Unknown(byte) => ("type", vec![Value::from(*byte)]),
        WalRecord::Empty => ("type", Vec::new()),
    }
}

type Fields = Vec<(Cow<'static, str>, Value)>;

fn point<V>(point: &Point<V>, value: Value) -> Fields {
    vec![
        (Cow::Borrowed("ref"), point.series.0.into()),
        (Cow::Borrowed("time"), UnixTime::from_millis(point.time).into()),
        (Cow::Borrowed("value"), value),
    ]
}

fn started(mut fields: Fields, start: Start) -> Value {
    match start {
        Start::None => {}
        Start::Same => fields.push((Cow::Borrowed("start_time"), "same".into())),
        Start::At(0) => fields.push((Cow::Borrowed("start_time"), Value::Null)),
        Start::At(at) => fields.push((Cow::Borrowed("start_time"), UnixTime::from_millis(at).into())),
    }
    Value::Map(fields)
}

fn exemplar(exemplar: &Exemplar<'_>) -> Value {
    let mut fields = point(&exemplar.sample, exemplar.sample.value.into());
    // Not `labels`: those would be taken for the labels of the series.
    fields.push((Cow::Borrowed("exemplar_labels"), labels(exemplar.labels)));
    Value::Map(fields)
}

fn metadata(metadata: &Metadata<'_>) -> Value {
    Value::map([
        ("ref", metadata.series.0.into()),
        ("type", metadata.type_name().into()),
        ("fields", labels(metadata.fields)),
    ])
}

/// A label set as a map.
pub(super) fn labels(labels: Labels<'_>) -> Value {
    let pair = |(name, value): (&[u8], &[u8])| {
        (Cow::Owned(String::from_utf8_lossy(name).into_owned()), Value::text_or_bytes(value))
    };
    Value::Map(labels.iter().map(pair).collect())
}

fn histogram(histogram: &Histogram) -> Value {
    let (zero_count, count) = match histogram.whole_counts {
        Some((zero, count)) => (Value::from(zero), Value::from(count)),
        None => (histogram.zero_count.into(), histogram.count.into()),
    };
    let mut value = vec![
        (Cow::Borrowed("hint"), hint(histogram.hint)),
        (Cow::Borrowed("schema"), histogram.schema.into()),
        (Cow::Borrowed("zero_threshold"), histogram.zero_threshold.into()),
        (Cow::Borrowed("zero_count"), zero_count),
        (Cow::Borrowed("count"), count),
        (Cow::Borrowed("sum"), histogram.sum.into()),
        (Cow::Borrowed("positive_spans"), spans(&histogram.positive_spans)),
        (Cow::Borrowed("positive_buckets"), buckets(&histogram.positive)),
        (Cow::Borrowed("negative_spans"), spans(&histogram.negative_spans)),
        (Cow::Borrowed("negative_buckets"), buckets(&histogram.negative)),
    ];
    if let Some(bounds) = &histogram.bounds {
        value.push((Cow::Borrowed("bounds"), floats(bounds)));
    }
    Value::Map(value)
}

fn hint(hint: u8) -> Value {
    match hint {
        0 => "unknown".into(),
        1 => "reset".into(),
        2 => "not_reset".into(),
        3 => "gauge".into(),
        other => other.into(),
    }
}

fn spans(spans: &[Span]) -> Value {
    let span = |span: &Span| Value::map([("offset", span.offset.into()), ("length", span.length.into())]);
    Value::List(spans.iter().map(span).collect())
}

/// Bucket counts, not differences: what a person wants to see.
fn buckets(buckets: &Buckets) -> Value {
    match buckets {
        Buckets::Counts(counts) => floats(counts),
        Buckets::Deltas(deltas) => {
            let running = deltas.iter().scan(0i64, |count, delta| {
                *count = count.wrapping_add(*delta);
                Some(Value::Signed(*count))
            });
            Value::List(running.collect())
        }
    }
}

fn floats(values: &[f64]) -> Value {
    Value::List(values.iter().map(|value| Value::Float(*value)).collect())
}
