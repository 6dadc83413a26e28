//! Native histograms, in the two layouts that servers have written under the same type.

use std::ops::RangeInclusive;

use super::samples::Base;
use super::{Point, Type, put};
use crate::{Bytes, Malformed};

/// The schema of histograms whose bucket bounds are listed.
pub(super) const CUSTOM_BUCKETS: i64 = -53;

/// The highest hint at a counter reset.
pub(super) const MAX_HINT: u8 = 3;

/// Resolutions that servers know, now or in what they have reserved.
pub(super) const SCHEMAS: RangeInclusive<i64> = -9..=52;

/// Which layout a histogram record is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistogramLayout {
    /// Since 2.42: a byte that hints at counter resets comes first.
    WithHint,
    /// 2.40 and 2.41: without it. The type byte is the same; which one it is shows only in which one fits.
    WithoutHint,
}

/// A run of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Gap to the previous run, or index of the first bucket.
    pub offset: i64,
    /// How many buckets.
    pub length: u64,
}

/// Bucket counts of one sign.
#[derive(Clone, Debug, PartialEq)]
pub enum Buckets {
    /// Whole numbers, each as the difference to the one before.
    Deltas(Vec<i64>),
    /// Floating-point numbers.
    Counts(Vec<f64>),
}

/// A native histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// 0 unknown, 1 reset, 2 not reset, 3 gauge; 0 in the layout without a hint.
    pub hint: u8,
    /// Resolution, or -53 for custom bounds.
    pub schema: i64,
    /// Width of the bucket around zero.
    pub zero_threshold: f64,
    /// Observations in the bucket around zero; whole for integer histograms.
    pub zero_count: f64,
    /// All observations; whole for integer histograms.
    pub count: f64,
    /// Exact counts of integer histograms: zero bucket and total.
    pub whole_counts: Option<(u64, u64)>,
    /// Sum of all observations.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// Positive buckets.
    pub positive: Buckets,
    /// Negative buckets.
    pub negative: Buckets,
    /// Custom bounds; only with schema -53.
    pub bounds: Option<Vec<f64>>,
}

pub(super) fn decode(
    bytes: Bytes<'_>,
    kind: Type,
) -> Result<(HistogramLayout, Vec<Point<Histogram>>), Malformed> {
    let modern = decode_as(bytes, kind, HistogramLayout::WithHint);
    if kind != Type::Histograms || modern.as_ref().is_ok_and(|points| points.iter().all(is_plausible)) {
        return modern.map(|points| (HistogramLayout::WithHint, points));
    }
    match decode_as(bytes, kind, HistogramLayout::WithoutHint) {
        Ok(points) if points.iter().all(is_plausible) => Ok((HistogramLayout::WithoutHint, points)),
        _ => modern.map(|points| (HistogramLayout::WithHint, points)),
    }
}

fn decode_as(
    mut bytes: Bytes<'_>,
    kind: Type,
    layout: HistogramLayout,
) -> Result<Vec<Point<Histogram>>, Malformed> {
    let mut all = Vec::new();
    let Some(base) = Base::read(&mut bytes)? else { return Ok(all) };
    while !bytes.is_empty() {
        let (series, time) = base.place(&mut bytes)?;
        all.push(Point { series, time, value: Histogram::read(&mut bytes, kind, layout)? });
    }
    Ok(all)
}

/// Whether a histogram makes sense, which a layout read wrongly practically never does.
fn is_plausible(point: &Point<Histogram>) -> bool {
    let histogram = &point.value;
    let buckets = |spans: &[Span]| spans.iter().try_fold(0u64, |sum, span| sum.checked_add(span.length));
    histogram.hint <= MAX_HINT
        && (histogram.schema == CUSTOM_BUCKETS || SCHEMAS.contains(&histogram.schema))
        && buckets(&histogram.positive_spans) == Some(histogram.positive.len())
        && buckets(&histogram.negative_spans) == Some(histogram.negative.len())
}

impl Buckets {
    /// How many there are.
    pub fn len(&self) -> u64 {
        match self {
            Buckets::Deltas(deltas) => deltas.len() as u64,
            Buckets::Counts(counts) => counts.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(bytes: &mut Bytes<'_>, kind: Type) -> Result<Self, Malformed> {
        let count = bytes.uvarint("histogram: bucket count")?;
        Ok(if kind.has_float_buckets() {
            Buckets::Counts(list(bytes, count, |bytes| bytes.f64_be("histogram: bucket"))?)
        } else {
            Buckets::Deltas(list(bytes, count, |bytes| bytes.varint("histogram: bucket"))?)
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put::uvarint(self.len(), out);
        match self {
            Buckets::Deltas(deltas) => deltas.iter().for_each(|delta| put::varint(*delta, out)),
            Buckets::Counts(counts) => counts.iter().for_each(|count| put::f64(*count, out)),
        }
    }
}

/// Reads `count` items. Each takes at least a byte, so a false count ends at the end of the record, and memory is
/// taken only for what is really there.
fn list<'a, T>(
    bytes: &mut Bytes<'a>,
    count: u64,
    mut item: impl FnMut(&mut Bytes<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(item(bytes)?);
    }
    Ok(all)
}

fn read_spans(bytes: &mut Bytes<'_>) -> Result<Vec<Span>, Malformed> {
    let count = bytes.uvarint("histogram: span count")?;
    list(bytes, count, |bytes| {
        let offset = bytes.varint("histogram: span offset")?;
        Ok(Span { offset, length: bytes.uvarint("histogram: span length")? })
    })
}

impl Histogram {
    pub(super) fn read(
        bytes: &mut Bytes<'_>,
        kind: Type,
        layout: HistogramLayout,
    ) -> Result<Self, Malformed> {
        let hint = match layout {
            HistogramLayout::WithHint => bytes.u8("histogram: hint")?,
            HistogramLayout::WithoutHint => 0,
        };
        let schema = bytes.varint("histogram: schema")?;
        let zero_threshold = bytes.f64_be("histogram: zero threshold")?;
        let (zero_count, count, whole_counts) = if kind.has_float_buckets() {
            (bytes.f64_be("histogram: zero count")?, bytes.f64_be("histogram: count")?, None)
        } else {
            let zero = bytes.uvarint("histogram: zero count")?;
            let count = bytes.uvarint("histogram: count")?;
            (zero as f64, count as f64, Some((zero, count)))
        };
        Ok(Self {
            hint,
            schema,
            zero_threshold,
            zero_count,
            count,
            whole_counts,
            sum: bytes.f64_be("histogram: sum")?,
            positive_spans: read_spans(bytes)?,
            negative_spans: read_spans(bytes)?,
            positive: Buckets::read(bytes, kind)?,
            negative: Buckets::read(bytes, kind)?,
            bounds: Self::read_bounds(bytes, schema)?,
        })
    }

    /// Appends it as it stands in a record of its kind, behind the byte of that kind.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let kind = if self.whole_counts.is_some() { Type::Histograms } else { Type::FloatHistograms };
        out.push(kind.byte());
        self.encode(HistogramLayout::WithHint, out);
    }

    /// Reads what [`pack`](Self::pack) has written.
    pub fn unpack(packed: &[u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(packed);
        let kind = Type::read(&mut bytes)?;
        Self::read(&mut bytes, kind, HistogramLayout::WithHint)
    }

    /// Servers of 3.0 and 3.1 wrote custom bounds under types 7 and 8: the schema decides, not the type.
    fn read_bounds(bytes: &mut Bytes<'_>, schema: i64) -> Result<Option<Vec<f64>>, Malformed> {
        if schema != CUSTOM_BUCKETS {
            return Ok(None);
        }
        let count = bytes.uvarint("histogram: bound count")?;
        list(bytes, count, |bytes| bytes.f64_be("histogram: bound")).map(Some)
    }

    pub(super) fn encode(&self, layout: HistogramLayout, out: &mut Vec<u8>) {
        if layout == HistogramLayout::WithHint {
            out.push(self.hint);
        }
        put::varint(self.schema, out);
        put::f64(self.zero_threshold, out);
        match self.whole_counts {
            Some((zero, count)) => {
                put::uvarint(zero, out);
                put::uvarint(count, out);
            }
            None => {
                put::f64(self.zero_count, out);
                put::f64(self.count, out);
            }
        }
        put::f64(self.sum, out);
        for spans in [&self.positive_spans, &self.negative_spans] {
            put::uvarint(spans.len() as u64, out);
            for span in spans {
                put::varint(span.offset, out);
                put::uvarint(span.length, out);
            }
        }
        self.positive.encode(out);
        self.negative.encode(out);
        if let Some(bounds) = &self.bounds {
            put::uvarint(bounds.len() as u64, out);
            bounds.iter().for_each(|bound| put::f64(*bound, out));
        }
    }
}

pub(super) fn encode(layout: HistogramLayout, all: &[Point<Histogram>], out: &mut Vec<u8>) {
    let Some(first) = all.first() else { return };
    let base = Base::write(first, out);
    for point in all {
        base.put(point, out);
        point.value.encode(layout, out);
    }
}
