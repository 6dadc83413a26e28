//! What goes into chunks comes out of them, to the bit, and hostile bytes do no harm.

use formats::prometheus::record::{Buckets, Span};
use proptest::prelude::*;

use super::*;

/// The not-a-number that marks the end of a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Packs samples; answers with all chunks.
fn packed(samples: &[Sample]) -> Vec<EncodedChunk<'static>> {
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

/// Unpacks chunks, and demands that they are what they say.
fn unpacked(chunks: &[EncodedChunk<'_>]) -> Vec<Sample> {
    let mut all = Vec::new();
    for chunk in chunks {
        let samples: Result<Vec<_>, _> = Samples::of(chunk.encoding, &chunk.data).unwrap().collect();
        let samples = samples.unwrap();
        assert_eq!(samples.len() as u64, chunk.samples);
        assert_eq!((samples[0].time, samples[samples.len() - 1].time), (chunk.min_time, chunk.max_time));
        all.extend(samples);
    }
    all
}

/// What equal samples have in common: bits, but for hints that only gauges keep.
fn bits(sample: &Sample) -> String {
    let SampleValue::Histogram(histogram) = &sample.value else {
        let SampleValue::Float(value) = sample.value else { unreachable!() };
        return format!("{} {:x}", sample.time, value.to_bits());
    };
    if histogram.sum.to_bits() == STALE.to_bits() {
        return format!("{} stale {}", sample.time, histogram.whole_counts.is_some());
    }
    let floats = |all: &[f64]| all.iter().map(|one| one.to_bits()).collect::<Vec<_>>();
    let buckets = |buckets: &Buckets| match buckets {
        Buckets::Deltas(deltas) => format!("{deltas:?}"),
        Buckets::Counts(counts) => format!("{:x?}", floats(counts)),
    };
    let numbers = [histogram.zero_threshold, histogram.zero_count, histogram.count, histogram.sum];
    format!(
        "{} {} {} {:x?} {:?} {:?} {:?} {} {} {:x?}",
        sample.time,
        histogram.hint == 3,
        histogram.schema,
        floats(&numbers),
        histogram.whole_counts,
        histogram.positive_spans,
        histogram.negative_spans,
        buckets(&histogram.positive),
        buckets(&histogram.negative),
        histogram.bounds.as_deref().map(floats),
    )
}

/// Demands that samples come back.
fn assert_kept(samples: &[Sample]) {
    let back = unpacked(&packed(samples));
    assert_eq!(back.len(), samples.len());
    for (back, sample) in back.iter().zip(samples) {
        assert_eq!(bits(back), bits(sample));
    }
}

/// Numbers that are hard for something.
fn nasty() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (0..1000u32).prop_map(f64::from),
        Just(STALE),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::NAN,
            f64::from_bits(0xfff8_dead_beef_0001),
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE / 4.0,
            f64::MAX,
        ]),
    ]
}

/// Steps of time from a millisecond to all there is.
fn step() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => Just(15_000u64),
        4 => 14_900..15_100u64,
        1 => 1..=1u64,
        1 => (0..63u32).prop_map(|shift| 1 << shift),
        1 => 1..=u64::MAX,
    ]
}

/// Times that follow each other, as many as there is room for before time ends.
fn times(begin: i64, steps: &[u64]) -> Vec<i64> {
    let mut at = Some(begin);
    let rest = steps.iter().map_while(|&step| {
        at = at.and_then(|at| at.checked_add_unsigned(step));
        at
    });
    std::iter::once(begin).chain(rest).collect()
}

fn begin() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(1_767_225_600_000), any::<i64>()]
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let offset = prop_oneof![-3..10i64, i64::from(i32::MIN)..=i64::from(i32::MAX)];
    prop::collection::vec((offset, 0..4u64).prop_map(|(offset, length)| Span { offset, length }), 0..4)
}

fn buckets(spans: &[Span], counting: Counting) -> BoxedStrategy<Buckets> {
    let count = usize::try_from(spans.iter().map(|span| span.length).sum::<u64>()).unwrap();
    if counting == Counting::Whole {
        let bucket = prop_oneof![8 => -5..20i64, 1 => any::<i64>()];
        prop::collection::vec(bucket, count).prop_map(Buckets::Deltas).boxed()
    } else {
        prop::collection::vec(nasty(), count).prop_map(Buckets::Counts).boxed()
    }
}

/// A histogram of a layout: schema, threshold, spans, bounds.
type Shape = (i64, f64, Vec<Span>, Vec<Span>, Option<Vec<f64>>);

fn shape() -> impl Strategy<Value = Shape> {
    let schema = prop_oneof![-4..=8i64, Just(-53), i64::from(i32::MIN)..=i64::from(i32::MAX)];
    let threshold = prop_oneof![Just(0.0), Just(2f64.powi(-128)), nasty()];
    let bounds = prop_oneof![
        prop::collection::vec((0..40_000_000u32).prop_map(|n| f64::from(n) / 1000.0), 0..6),
        prop::collection::vec(nasty(), 0..6),
    ];
    (schema, threshold, spans(), spans(), bounds).prop_map(
        |(schema, threshold, positive, negative, bounds)| {
            (schema, threshold, positive, negative, (schema == -53).then_some(bounds))
        },
    )
}

fn histogram(shape: Shape, counting: Counting) -> impl Strategy<Value = Histogram> {
    let (schema, zero_threshold, positive_spans, negative_spans, bounds) = shape;
    let whole = counting == Counting::Whole;
    let count = prop_oneof![4 => 0..1000u64, 1 => any::<u64>()];
    let counts = (nasty(), nasty(), count.clone(), count, nasty(), 0..4u8);
    let buckets = (buckets(&positive_spans, counting), buckets(&negative_spans, counting));
    (counts, buckets).prop_map(
        move |((zero, all, whole_zero, whole_all, sum, hint), (positive, negative))| Histogram {
            hint,
            schema,
            zero_threshold,
            zero_count: if whole { whole_zero as f64 } else { zero },
            count: if whole { whole_all as f64 } else { all },
            whole_counts: whole.then_some((whole_zero, whole_all)),
            sum,
            positive_spans: positive_spans.clone(),
            negative_spans: negative_spans.clone(),
            positive,
            negative,
            bounds: bounds.clone(),
        },
    )
}

/// A row of values of one layout.
fn row() -> impl Strategy<Value = Vec<SampleValue>> {
    let histograms = (shape(), prop::sample::select(vec![Counting::Whole, Counting::Fraction]))
        .prop_flat_map(|(shape, whole)| {
            prop::collection::vec(histogram(shape, whole).prop_map(SampleValue::Histogram), 1..30)
        });
    let floats = prop::collection::vec(nasty().prop_map(SampleValue::Float), 1..300);
    prop_oneof![3 => histograms, 1 => floats]
}

/// Rows of values, which change their layout, their kind, and their mind.
fn series() -> impl Strategy<Value = Vec<Sample>> {
    let rows =
        prop::collection::vec(row(), 1..6).prop_map(|rows| rows.into_iter().flatten().collect::<Vec<_>>());
    (begin(), rows).prop_flat_map(|(begin, values)| {
        prop::collection::vec(step(), values.len()).prop_map(move |steps| {
            let times = times(begin, &steps).into_iter();
            times.zip(&values).map(|(time, value)| Sample { time, value: value.clone() }).collect()
        })
    })
}

proptest! {
    #[test]
    fn samples_come_back_to_the_bit(samples in series()) {
        assert_kept(&samples);
    }

    #[test]
    fn within_a_chunk_counters_do_not_shrink_and_nothing_follows_an_end(samples in series()) {
        for chunk in packed(&samples) {
            let mut before: Option<Histogram> = None;
            for sample in Samples::of(chunk.encoding, &chunk.data).unwrap() {
                let SampleValue::Histogram(now) = sample.unwrap().value else { break };
                if let Some(before) = before.filter(|before| before.hint != 3) {
                    let ended = before.sum.to_bits() == STALE.to_bits();
                    let ends = now.sum.to_bits() == STALE.to_bits();
                    prop_assert!(!ended || ends);
                    prop_assert!(ends || before.whole_counts <= now.whole_counts
                        || before.whole_counts.map(|it| it.1) <= now.whole_counts.map(|it| it.1));
                    prop_assert!(ends || before.count <= now.count || now.count.is_nan() || before.count.is_nan());
                }
                before = Some(now);
            }
        }
    }

    #[test]
    fn hostile_bytes_end_in_an_error(
        encoding in 0..8u8,
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        if let Ok(mut samples) = Samples::of(encoding, &bytes) {
            let mut count = 0;
            while let Some(sample) = samples.read() {
                count += 1;
                if sample.is_err() {
                    prop_assert!(samples.read().is_none());
                }
            }
            prop_assert!(count <= 65_535);
        }
    }

    #[test]
    fn flipped_bytes_end_in_an_error_or_in_other_samples(
        samples in series(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for chunk in packed(&samples) {
            let mut data = chunk.data.into_owned();
            for (at, flip) in &flips {
                let at = at.index(data.len());
                data[at] ^= flip;
            }
            for bytes in [&data[..], &data[..cut.index(data.len())]] {
                let Ok(mut samples) = Samples::of(chunk.encoding, bytes) else { continue };
                while samples.read().is_some() {}
            }
        }
    }
}

/// Promises more spans, buckets or bounds than there are bits.
#[test]
fn a_chunk_cannot_ask_for_more_memory_than_it_has_bits() {
    for encoding in [HISTOGRAM, FLOAT_HISTOGRAM] {
        // Threshold 0, schema 0, one span of 2^56 - 1 buckets.
        let mut out = bits::BitWriter::behind(&[0xff, 0xff, 0, 0]);
        numbers::put_signed(&mut out, 0);
        numbers::put_unsigned(&mut out, 1);
        numbers::put_unsigned(&mut out, (1 << 56) - 1);
        numbers::put_signed(&mut out, 0);
        (0..100_000).for_each(|_| out.byte(0));
        let bytes = out.into_bytes(&[]);
        let first = Samples::of(encoding, &bytes).unwrap().next().unwrap();
        assert_eq!(first.unwrap_err().what, "histogram chunk: bucket");
    }
}

fn plain(count: u64) -> Histogram {
    Histogram {
        hint: 0,
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        zero_count: 2.0,
        count: count as f64,
        whole_counts: Some((2, count)),
        sum: 18.5,
        positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }],
        negative_spans: vec![],
        positive: Buckets::Deltas(vec![1, 1, -1, 0]),
        negative: Buckets::Deltas(vec![]),
        bounds: None,
    }
}

fn fractional(count: u64) -> Histogram {
    Histogram {
        whole_counts: None,
        positive: Buckets::Counts(vec![1.0, 2.0, 1.0, 1.0]),
        negative: Buckets::Counts(vec![]),
        ..plain(count)
    }
}

fn custom(count: u64) -> Histogram {
    Histogram {
        schema: -53,
        zero_threshold: 0.0,
        positive_spans: vec![Span { offset: 0, length: 4 }],
        bounds: Some(vec![0.005, 0.1, 1.0 / 3.0]),
        ..plain(count)
    }
}

fn ended(histogram: &Histogram) -> Histogram {
    Histogram { sum: STALE, ..histogram.clone() }
}

/// Chunks of histograms that lie a minute apart: how many samples each holds, and the two bits of each.
fn cuts(histograms: &[Histogram]) -> Vec<(u64, u8)> {
    let times = (0..).step_by(60_000);
    let samples: Vec<_> = times
        .zip(histograms)
        .map(|(time, histogram)| Sample { time, value: SampleValue::Histogram(histogram.clone()) })
        .collect();
    assert_kept(&samples);
    packed(&samples).iter().map(|chunk| (chunk.samples, chunk.data[2] >> 6)).collect()
}

const UNKNOWN: u8 = 0b00;
const RESET: u8 = 0b10;
const GAUGE: u8 = 0b11;

#[test]
fn counters_share_a_chunk_until_they_are_reset() {
    assert_eq!(cuts(&[plain(5), plain(5), plain(9)]), [(3, UNKNOWN)]);
    assert_eq!(cuts(&[plain(9), plain(5)]), [(1, UNKNOWN), (1, RESET)]);
    let fewer_zeros = Histogram { whole_counts: Some((1, 9)), zero_count: 1.0, ..plain(9) };
    assert_eq!(cuts(&[plain(5), fewer_zeros]), [(1, UNKNOWN), (1, RESET)]);
    let one_less = Histogram { positive: Buckets::Deltas(vec![1, 1, -2, 1]), ..plain(9) };
    assert_eq!(cuts(&[plain(5), one_less]), [(1, UNKNOWN), (1, RESET)]);
    let one_less = Histogram { positive: Buckets::Counts(vec![1.0, 2.0, 1.0, 0.5]), ..fractional(9) };
    assert_eq!(cuts(&[fractional(5), one_less]), [(1, UNKNOWN), (1, RESET)]);
    let negative = Histogram {
        negative_spans: vec![Span { offset: 0, length: 1 }],
        negative: Buckets::Deltas(vec![1]),
        ..plain(5)
    };
    let all_more = Histogram { negative: Buckets::Deltas(vec![0]), ..negative.clone() };
    assert_eq!(cuts(&[negative.clone(), negative.clone()]), [(2, UNKNOWN)]);
    assert_eq!(cuts(&[negative, all_more]), [(1, UNKNOWN), (1, RESET)]);
}

#[test]
fn a_hint_at_a_reset_begins_a_chunk_and_one_at_none_is_not_carried_over() {
    let (reset, not) = (Histogram { hint: 1, ..plain(5) }, Histogram { hint: 2, ..plain(5) });
    assert_eq!(cuts(&[reset.clone(), plain(6), reset]), [(2, RESET), (1, RESET)]);
    assert_eq!(cuts(&[not.clone(), not]), [(2, UNKNOWN)]);
}

#[test]
fn gauges_may_shrink_and_do_not_share_a_chunk_with_counters() {
    let gauge = |count| Histogram { hint: 3, ..plain(count) };
    assert_eq!(cuts(&[gauge(5), gauge(1), gauge(9)]), [(3, GAUGE)]);
    assert_eq!(cuts(&[plain(1), gauge(5), plain(9)]), [(1, UNKNOWN), (1, GAUGE), (1, UNKNOWN)]);
}

#[test]
fn every_other_layout_and_kind_begins_a_chunk() {
    let others = [
        Histogram { schema: 2, ..plain(5) },
        Histogram { zero_threshold: 0.5, ..plain(5) },
        Histogram {
            positive_spans: vec![Span { offset: 1, length: 2 }, Span { offset: 1, length: 2 }],
            ..plain(5)
        },
        custom(5),
        Histogram { bounds: Some(vec![0.005, 0.1, 0.5]), ..custom(5) },
        fractional(5),
    ];
    for other in others {
        assert_eq!(cuts(&[plain(5), other.clone(), custom(9)]).len(), 2 + usize::from(other != custom(5)));
        assert_eq!(cuts(&[plain(5), other.clone(), plain(5)]), [(1, UNKNOWN); 3]);
    }
}

#[test]
fn nothing_but_ends_follows_an_end() {
    for histogram in [plain(5), fractional(5), custom(5)] {
        let end = ended(&histogram);
        let row = [histogram.clone(), end.clone(), end.clone(), histogram.clone()];
        assert_eq!(cuts(&row), [(3, UNKNOWN), (1, UNKNOWN)]);
        assert_eq!(cuts(&[end.clone(), end, histogram]), [(2, UNKNOWN), (1, UNKNOWN)]);
    }
    assert_eq!(cuts(&[plain(5), ended(&fractional(5))]), [(1, UNKNOWN), (1, UNKNOWN)]);
}

#[test]
fn a_chunk_is_full_at_the_servers_size() {
    let floats = |value: fn(i64) -> f64| {
        let samples: Vec<_> =
            (0..1000).map(|n| Sample { time: n * 15_000, value: SampleValue::Float(value(n)) }).collect();
        packed(&samples)
    };
    let steady = floats(|n| n as f64);
    assert!(steady.iter().rev().skip(1).all(|chunk| chunk.samples == 120));
    let noise = floats(|n| f64::from_bits(n.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    assert!(noise.iter().rev().skip(1).all(|chunk| (1006..=1024).contains(&chunk.data.len())));
    let counts: Vec<_> = (0..500).map(|n| plain(5 + n)).collect();
    assert!(cuts(&counts).iter().rev().skip(1).all(|&(samples, _)| samples == 120));
    let wide = Histogram {
        positive_spans: vec![Span { offset: 0, length: 500 }],
        positive: Buckets::Counts(vec![0.1; 500]),
        ..fractional(5)
    };
    assert_eq!(cuts(&vec![wide; 30]), [(10, UNKNOWN); 3]);
}

#[test]
fn what_no_chunk_can_hold_is_refused_and_leaves_the_chunk_as_it_was() {
    let broken = [
        Histogram { positive: Buckets::Deltas(vec![1]), ..plain(9) },
        Histogram { positive: Buckets::Counts(vec![1.0; 4]), ..plain(9) },
        Histogram { negative: Buckets::Deltas(vec![]), ..fractional(9) },
        Histogram { schema: 1 << 40, ..plain(9) },
        Histogram { bounds: None, ..custom(9) },
        Histogram { bounds: Some(vec![]), ..plain(9) },
        Histogram { negative_spans: vec![Span { offset: 1 << 40, length: 0 }], ..plain(9) },
        Histogram { negative_spans: vec![Span { offset: 0, length: u64::MAX }; 2], ..plain(9) },
    ];
    let mut encoder = Encoder::default();
    encoder.histogram(0, &plain(5)).unwrap();
    for histogram in broken {
        assert!(matches!(encoder.histogram(1, &histogram), Err(Refused::Broken(_))), "{histogram:?}");
    }
    assert_eq!(encoder.histogram(0, &plain(5)), Err(Refused::NotLater));
    assert_eq!(encoder.float(-1, 0.0), Err(Refused::NotLater));
    let chunk = encoder.finish().unwrap();
    assert_eq!((chunk.samples, chunk.max_time), (1, 0));
    assert_eq!(encoder.finish(), None);
    assert_eq!(encoder.float(-1, 0.0), Ok(None), "a finished encoder begins anew");
}

#[test]
fn an_unknown_encoding_is_not_read() {
    for encoding in [0, 4, 5, 6, 255] {
        assert_eq!(Samples::of(encoding, &[0, 1, 0, 0]).unwrap_err().what, "chunk: unknown encoding");
    }
    assert!(Samples::of(XOR, &[0]).is_err());
    assert!(Samples::of(XOR, &[0, 0]).unwrap().next().is_none());
}

/// Pins the description: what a server wrote of the same samples is compared with what is written here, in the tests
/// with servers.
#[test]
fn the_bytes_of_chunks_are_golden() {
    let hex = |samples: &[Sample]| {
        let chunks = packed(samples);
        assert_eq!(chunks.len(), 1);
        chunks[0].data.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    let floats = [(1_000, 1.0), (16_000, 1.0), (31_000, 2.5), (46_001, 2.5), (161_001, -0.0)];
    let floats = floats.map(|(time, value)| Sample { time, value: SampleValue::Float(value) });
    assert_eq!(hex(&floats), GOLDEN[0]);
    for (histogram, golden) in [plain, fractional, custom].into_iter().zip(&GOLDEN[1..]) {
        let times = [1_000, 16_000, 31_000, 46_001];
        let values = [histogram(5), histogram(9), histogram(9), ended(&histogram(9))];
        let samples: Vec<_> = times
            .into_iter()
            .zip(values)
            .map(|(time, value)| Sample { time, value: SampleValue::Histogram(value) })
            .collect();
        assert_eq!(&hex(&samples), golden);
    }
}

const GOLDEN: [&str; 4] = [
    "0005d00f3ff00000000000009875309bffd800170c34fe03b001",
    "000400749ca4945e3e8ac900ca00000000000231bbe0ea6280378044c5eff850000000000040",
    "000400749ca4945e3e84014000000000000400000000000000040328000000000003ff000000000000040000000000000003ff00000000000003ff0000000000000f83a98d42ec0008e13a011c20f17bfe14000000000010",
    "00040000ee5c684edc651feaaaaaaaaaaaaaf8fa2b240328000000000008c6ef83a98a00de011317bfe1400000000001",
];
