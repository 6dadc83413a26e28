//! Records: every type goes through encoding and decoding and comes back the same, bytes and meaning.

use formats::prometheus::record::{
    Buckets, Exemplar, Histogram, HistogramLayout, Labels, Marker, Metadata, Point, Record, Series,
    SeriesRef, Span, Start, Tombstone, Type, each_histogram,
};
use proptest::prelude::*;

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

/// Encodes, decodes, encodes: the bytes must be the same, which holds for NaN payloads too.
fn comes_back(record: &Record<'_>) {
    let bytes = encoded(record);
    let decoded = Record::decode(&bytes).unwrap_or_else(|error| panic!("{error} in {record:?}"));
    assert_eq!(decoded.kind(), record.kind());
    assert_eq!(encoded(&decoded), bytes);
}

fn pairs() -> impl Strategy<Value = Vec<u8>> {
    let text = || prop::collection::vec(any::<u8>(), 0..12);
    prop::collection::vec((text(), text()), 0..6).prop_map(|pairs| {
        Labels::write_pairs(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
    })
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        Just(f64::from_bits(0x7ff0_0000_0000_0002)),
        any::<i32>().prop_map(f64::from)
    ]
}

fn point<V: std::fmt::Debug>(value: impl Strategy<Value = V>) -> impl Strategy<Value = Point<V>> {
    (any::<u64>(), any::<i64>(), value).prop_map(|(series, time, value)| Point {
        series: SeriesRef(series),
        time,
        value,
    })
}

fn points<V: std::fmt::Debug>(value: impl Strategy<Value = V>) -> impl Strategy<Value = Vec<Point<V>>> {
    prop::collection::vec(point(value), 0..20)
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![Just(Start::None), Just(Start::Same), any::<i64>().prop_map(Start::At)]
}

#[derive(Clone, Copy, Debug)]
enum Counts {
    Whole,
    Float,
}

/// Buckets of both signs whose spans cover them, as a server writes them.
fn histogram(counts: Counts) -> impl Strategy<Value = Histogram> {
    let schema = prop_oneof![-9i64..=8, Just(-53i64)];
    let sizes = (0usize..5, 0usize..5);
    (schema, sizes, 0u8..4, any::<(u64, u64)>(), value(), prop::collection::vec(any::<i64>(), 10)).prop_map(
        move |(schema, (positive, negative), hint, (zero, count), sum, numbers)| {
            let span = |length: usize| {
                if length == 0 { vec![] } else { vec![Span { offset: -3, length: length as u64 }] }
            };
            let buckets = |length: usize| match counts {
                Counts::Whole => Buckets::Deltas(numbers.iter().take(length).copied().collect()),
                Counts::Float => Buckets::Counts(numbers.iter().take(length).map(|n| *n as f64).collect()),
            };
            Histogram {
                hint,
                schema,
                zero_threshold: 1e-128,
                zero_count: zero as f64,
                count: count as f64,
                whole_counts: matches!(counts, Counts::Whole).then_some((zero, count)),
                sum,
                positive_spans: span(positive),
                negative_spans: span(negative),
                positive: buckets(positive),
                negative: buckets(negative),
                bounds: (schema == -53).then(|| vec![0.5, 1.0, f64::INFINITY]),
            }
        },
    )
}

/// What is handed out packed must be what decoding yields, and fail where that fails.
fn packed_histograms_agree(record: &[u8]) {
    let mut handed_out = Vec::new();
    let outcome = each_histogram(record, |series, time, packed| {
        let mut bytes = Vec::new();
        packed.append(&mut bytes);
        let mut again = Vec::new();
        let Ok(histogram) = Histogram::unpack(&bytes) else { panic!("{bytes:?}") };
        histogram.pack(&mut again);
        handed_out.push((series, time, again));
    });
    let decoded = Record::decode(record);
    assert_eq!(outcome.is_ok(), decoded.is_ok());
    let Ok(Record::Histograms(_, _, all)) = decoded else { return assert!(handed_out.is_empty()) };
    let packed = all.iter().map(|point| {
        let mut bytes = Vec::new();
        point.value.pack(&mut bytes);
        (point.series, point.time, bytes)
    });
    assert_eq!(handed_out, packed.collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn series_and_metadata_come_back(numbers in prop::collection::vec(any::<u64>(), 0..5), pairs in pairs(), kind in any::<u8>()) {
        let labels = Labels::of_pairs(&pairs).unwrap();
        comes_back(&Record::Series(numbers.iter().map(|number| Series { series: SeriesRef(*number), labels }).collect()));
        comes_back(&Record::Metadata(
            numbers.iter().map(|number| Metadata { series: SeriesRef(*number), kind, fields: labels }).collect(),
        ));
    }

    #[test]
    fn samples_come_back(all in points(value())) {
        comes_back(&Record::Samples(all));
    }

    #[test]
    fn exemplars_come_back(all in points(value()), pairs in pairs()) {
        let labels = Labels::of_pairs(&pairs).unwrap();
        comes_back(&Record::Exemplars(all.into_iter().map(|sample| Exemplar { sample, labels }).collect()));
    }

    #[test]
    fn tombstones_and_markers_come_back(all in prop::collection::vec(any::<(u64, i64, i64)>(), 0..20)) {
        let tombstone = |&(series, from, to): &(u64, i64, i64)| Tombstone { series: SeriesRef(series), from, to };
        comes_back(&Record::Tombstones(all.iter().map(tombstone).collect()));
        let marker = |&(series, chunk, _): &(u64, i64, i64)| Marker { series: SeriesRef(series), chunk: chunk.cast_unsigned() };
        comes_back(&Record::Markers(all.iter().map(marker).collect()));
    }

    #[test]
    fn histograms_come_back(whole in points(histogram(Counts::Whole)), float in points(histogram(Counts::Float))) {
        for kind in [Type::Histograms, Type::CustomHistograms] {
            let record = Record::Histograms(kind, HistogramLayout::WithHint, whole.clone());
            comes_back(&record);
            packed_histograms_agree(&encoded(&record));
        }
        for kind in [Type::FloatHistograms, Type::CustomFloatHistograms] {
            let record = Record::Histograms(kind, HistogramLayout::WithHint, float.clone());
            comes_back(&record);
            packed_histograms_agree(&encoded(&record));
        }
    }

    #[test]
    fn histograms_of_the_old_layout_are_told_from_the_new(mut all in prop::collection::vec(point(histogram(Counts::Whole)), 1..20)) {
        all.iter_mut().for_each(|point| point.value.hint = 0);
        let old = Record::Histograms(Type::Histograms, HistogramLayout::WithoutHint, all);
        comes_back(&old);
        let bytes = encoded(&old);
        packed_histograms_agree(&bytes);
        prop_assert!(matches!(Record::decode(&bytes), Ok(Record::Histograms(_, HistogramLayout::WithoutHint, _))));
    }

    #[test]
    fn records_with_start_times_come_back(
        samples in prop::collection::vec((point(value()), start()), 0..20),
        whole in prop::collection::vec((point(histogram(Counts::Whole)), start()), 0..10),
        float in prop::collection::vec((point(histogram(Counts::Float)), start()), 0..10),
    ) {
        comes_back(&Record::SamplesV2(samples));
        comes_back(&Record::HistogramsV2(Type::HistogramsV2, whole));
        comes_back(&Record::HistogramsV2(Type::FloatHistogramsV2, float));
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0u8..16) {
        let mut record = vec![kind];
        record.extend(bytes);
        packed_histograms_agree(&record);
        if let Ok(decoded) = Record::decode(&record) {
            let again = encoded(&decoded);
            prop_assert_eq!(Record::decode(&again).map(|record| encoded(&record)), Ok(again));
        }
    }
}

/// One record of each type as bytes: the format's description in `record` must stay true of these.
#[test]
fn golden_bytes_of_every_type() {
    let pairs = Labels::write_pairs([(&b"__name__"[..], &b"up"[..])]);
    let labels = Labels::of_pairs(&pairs).unwrap();
    let label_bytes = [&[1, 8][..], b"__name__", &[2], b"up"].concat();
    let at = |series, time, value| Point { series: SeriesRef(series), time, value };
    let golden: Vec<(Record<'_>, Vec<u8>)> = vec![
        (
            Record::Series(vec![Series { series: SeriesRef(258), labels }]),
            [&[1, 0, 0, 0, 0, 0, 0, 1, 2][..], &label_bytes].concat(),
        ),
        (
            Record::Samples(vec![at(5, 1000, 1.0), at(4, 1064, -0.0)]),
            [
                &[2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 3, 0xe8][..],
                &[0, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
                &[1, 0x80, 1, 0x80, 0, 0, 0, 0, 0, 0, 0],
            ]
            .concat(),
        ),
        (
            Record::Tombstones(vec![Tombstone { series: SeriesRef(1), from: -1, to: 1 }]),
            vec![3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2],
        ),
        (
            Record::Exemplars(vec![Exemplar { sample: at(1, 2, 1.0), labels }]),
            [
                &[4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0][..],
                &label_bytes,
            ]
            .concat(),
        ),
        (
            Record::Markers(vec![Marker { series: SeriesRef(1), chunk: (3 << 32) | 8 }]),
            vec![5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 8],
        ),
        (
            Record::Metadata(vec![Metadata { series: SeriesRef(300), kind: 2, fields: labels }]),
            [&[6, 0xac, 2, 2][..], &label_bytes].concat(),
        ),
        (
            Record::SamplesV2(vec![(at(5, 1000, 1.0), Start::At(0)), (at(6, 1001, 1.0), Start::None)]),
            [
                &[11, 10, 0xd0, 0x0f, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0][..],
                &[2, 2, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
            ]
            .concat(),
        ),
    ];
    for (record, bytes) in golden {
        assert_eq!(encoded(&record), bytes, "{record:?}");
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
}

#[test]
fn golden_bytes_of_an_integer_histogram() {
    let histogram = Histogram {
        hint: 2,
        schema: 3,
        zero_threshold: 0.5,
        zero_count: 1.0,
        count: 4.0,
        whole_counts: Some((1, 4)),
        sum: 2.0,
        positive_spans: vec![Span { offset: -1, length: 2 }],
        negative_spans: vec![],
        positive: Buckets::Deltas(vec![1, 1]),
        negative: Buckets::Deltas(vec![]),
        bounds: None,
    };
    let point = Point { series: SeriesRef(1), time: 2, value: histogram };
    let bytes = [
        &[7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0][..],
        &[2, 6, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 1, 4, 0x40, 0, 0, 0, 0, 0, 0, 0],
        &[1, 1, 2, 0, 2, 2, 2, 0],
    ]
    .concat();
    let record = Record::Histograms(Type::Histograms, HistogramLayout::WithHint, vec![point]);
    assert_eq!(encoded(&record), bytes);
    assert_eq!(Record::decode(&bytes), Ok(record));
}

#[test]
fn a_type_that_noise_has_is_refused_and_one_of_a_newer_server_is_not() {
    assert!(Record::decode(&[0, 1, 2]).is_err());
    assert!(Record::decode(&[200, 1, 2]).is_err());
    assert_eq!(Record::decode(&[14, 1, 2]), Ok(Record::Unknown(14)));
    assert_eq!(Record::decode(&[]), Ok(Record::Empty));
}
