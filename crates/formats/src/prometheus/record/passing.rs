//! Passing over native histograms: most of them are only counted, timed or copied, and taking each apart costs ten times
//! as much.
//!
//! What is odd in any way is left to the decoder of [`super::histogram`], which also says what is wrong with it.

use super::histogram::{CUSTOM_BUCKETS, MAX_HINT, SCHEMAS};
use super::samples::Base;
use super::{Record, SeriesRef, Type};
use crate::{Bytes, Malformed};

/// A histogram's bytes, as [`Histogram::pack`](super::Histogram::pack) writes them.
#[derive(Clone, Copy, Debug)]
pub struct PackedHistogram<'a> {
    kind: u8,
    body: &'a [u8],
}

impl PackedHistogram<'_> {
    /// Appends the bytes to `out`; [`Histogram::unpack`](super::Histogram::unpack) reads them.
    pub fn append(&self, out: &mut Vec<u8>) {
        out.push(self.kind);
        out.extend_from_slice(self.body);
    }
}

/// Hands out the histograms of a record of type 7 to 10; a record of another type has none.
pub fn each_histogram(
    record: &[u8],
    mut visit: impl FnMut(SeriesRef, i64, PackedHistogram<'_>),
) -> Result<(), Malformed> {
    let mut bytes = Bytes::new(record);
    let kind = Type::read(&mut bytes)?;
    if pass(bytes, kind, |_, _, _| {}).is_some() {
        pass(bytes, kind, &mut visit);
        return Ok(());
    }
    let Record::Histograms(_, _, all) = Record::decode(record)? else { return Ok(()) };
    let mut packed = Vec::new();
    for point in &all {
        packed.clear();
        point.value.pack(&mut packed);
        if let Some((kind, body)) = packed.split_first() {
            visit(point.series, point.time, PackedHistogram { kind: *kind, body });
        }
    }
    Ok(())
}

/// Hands out what stands in a record behind its type byte; `None` if that is not the usual layout from end to end, or is
/// cut.
pub(crate) fn pass(
    mut bytes: Bytes<'_>,
    kind: Type,
    mut visit: impl FnMut(SeriesRef, i64, PackedHistogram<'_>),
) -> Option<()> {
    let is_known = matches!(
        kind,
        Type::Histograms | Type::FloatHistograms | Type::CustomHistograms | Type::CustomFloatHistograms
    );
    if !is_known {
        return None;
    }
    let Some(base) = Base::read(&mut bytes).ok()? else { return Some(()) };
    let packed = if kind.has_float_buckets() { Type::FloatHistograms } else { Type::Histograms }.byte();
    while !bytes.is_empty() {
        let (series, time) = base.place(&mut bytes).ok()?;
        let (start, all) = (bytes.position(), bytes.rest());
        pass_one(&mut bytes, kind).ok()??;
        let body = all.get(..bytes.position() - start)?;
        visit(series, time, PackedHistogram { kind: packed, body });
    }
    Some(())
}

/// Passes over one in the layout with a hint; `None` if it does not make sense in that.
fn pass_one(bytes: &mut Bytes<'_>, kind: Type) -> Result<Option<()>, Malformed> {
    let hint = bytes.u8("hint")?;
    let schema = bytes.varint("schema")?;
    bytes.take(8, "zero threshold")?;
    if kind.has_float_buckets() {
        bytes.take(16, "counts")?;
    } else {
        bytes.uvarint("zero count")?;
        bytes.uvarint("count")?;
    }
    bytes.take(8, "sum")?;
    let spans = [pass_spans(bytes)?, pass_spans(bytes)?];
    let buckets = [pass_buckets(bytes, kind)?, pass_buckets(bytes, kind)?];
    if schema == CUSTOM_BUCKETS {
        let count = bytes.uvarint("bound count")?;
        pass_floats(bytes, count)?;
    }
    let makes_sense = hint <= MAX_HINT
        && (schema == CUSTOM_BUCKETS || SCHEMAS.contains(&schema))
        && spans.map(|buckets| buckets.unwrap_or(u64::MAX)) == buckets;
    Ok(makes_sense.then_some(()))
}

/// How many buckets spans announce; `None` if more than can be counted.
fn pass_spans(bytes: &mut Bytes<'_>) -> Result<Option<u64>, Malformed> {
    let mut buckets = Some(0u64);
    for _ in 0..bytes.uvarint("span count")? {
        bytes.varint("offset")?;
        let length = bytes.uvarint("length")?;
        buckets = buckets.and_then(|buckets| buckets.checked_add(length));
    }
    Ok(buckets)
}

fn pass_buckets(bytes: &mut Bytes<'_>, kind: Type) -> Result<u64, Malformed> {
    let count = bytes.uvarint("bucket count")?;
    if kind.has_float_buckets() {
        pass_floats(bytes, count)?;
    } else {
        for _ in 0..count {
            bytes.varint("bucket")?;
        }
    }
    Ok(count)
}

fn pass_floats(bytes: &mut Bytes<'_>, count: u64) -> Result<(), Malformed> {
    let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(8));
    let len = len.ok_or_else(|| bytes.malformed("more numbers than there can be"))?;
    bytes.take(len, "numbers").map(drop)
}
