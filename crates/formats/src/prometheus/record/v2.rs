//! Records of servers that store start times (types 11 to 13, Prometheus 3.11 and later).
//!
//! References count from the previous point, times from the first. A marker before the value says whether the
//! point has a start time: 0 none, 1 that of the previous point, 2 (and above, as the server reads it) its own.

use super::histogram::Histogram;
use super::{Point, SeriesRef, Type, put};
use crate::{Bytes, Malformed};

/// Since when a point counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Not known.
    None,
    /// As the previous point.
    Same,
    /// Milliseconds since 1970. The first point of a record always has one, 0 where it is not known.
    At(i64),
}

#[derive(Clone, Copy)]
struct Origin {
    previous: u64,
    time: i64,
    start: i64,
}

pub(super) fn decode(bytes: Bytes<'_>) -> Result<Vec<(Point<f64>, Start)>, Malformed> {
    decode_points(bytes, |bytes| bytes.f64_be("value"))
}

pub(super) fn decode_histograms(
    bytes: Bytes<'_>,
    kind: Type,
) -> Result<Vec<(Point<Histogram>, Start)>, Malformed> {
    decode_points(bytes, |bytes| Histogram::read(bytes, kind, super::HistogramLayout::WithHint))
}

fn decode_points<V>(
    mut bytes: Bytes<'_>,
    mut value: impl FnMut(&mut Bytes<'_>) -> Result<V, Malformed>,
) -> Result<Vec<(Point<V>, Start)>, Malformed> {
    let mut all = Vec::new();
    let mut origin: Option<Origin> = None;
    while !bytes.is_empty() {
        let (series, time, start) = match &mut origin {
            None => first_place(&mut bytes, &mut origin)?,
            Some(origin) => next_place(&mut bytes, origin)?,
        };
        all.push((Point { series: SeriesRef(series), time, value: value(&mut bytes)? }, start));
    }
    Ok(all)
}

fn first_place(bytes: &mut Bytes<'_>, origin: &mut Option<Origin>) -> Result<(u64, i64, Start), Malformed> {
    let previous = bytes.varint("ref")?.cast_unsigned();
    let time = bytes.varint("time")?;
    let start = bytes.varint("start time")?;
    *origin = Some(Origin { previous, time, start });
    Ok((previous, time, Start::At(start)))
}

fn next_place(bytes: &mut Bytes<'_>, origin: &mut Origin) -> Result<(u64, i64, Start), Malformed> {
    origin.previous = origin.previous.wrapping_add_signed(bytes.varint("ref")?);
    let time = origin.time.wrapping_add(bytes.varint("time")?);
    let start = match bytes.u8("start time marker")? {
        0 => Start::None,
        1 => Start::Same,
        _ => Start::At(origin.start.wrapping_add(bytes.varint("start time")?)),
    };
    Ok((origin.previous, time, start))
}

pub(super) fn encode(all: &[(Point<f64>, Start)], out: &mut Vec<u8>) {
    encode_points(all, out, |value, out| put::f64(*value, out));
}

pub(super) fn encode_histograms(all: &[(Point<Histogram>, Start)], out: &mut Vec<u8>) {
    encode_points(all, out, |histogram, out| histogram.encode(super::HistogramLayout::WithHint, out));
}

fn encode_points<V>(all: &[(Point<V>, Start)], out: &mut Vec<u8>, value: impl Fn(&V, &mut Vec<u8>)) {
    let mut origin: Option<Origin> = None;
    for (point, start) in all {
        match &mut origin {
            None => {
                let since = if let Start::At(since) = start { *since } else { 0 };
                put::varint(point.series.0.cast_signed(), out);
                put::varint(point.time, out);
                put::varint(since, out);
                origin = Some(Origin { previous: point.series.0, time: point.time, start: since });
            }
            Some(origin) => put_next(origin, point, *start, out),
        }
        value(&point.value, out);
    }
}

fn put_next<V>(origin: &mut Origin, point: &Point<V>, start: Start, out: &mut Vec<u8>) {
    put::varint(point.series.0.wrapping_sub(origin.previous).cast_signed(), out);
    put::varint(point.time.wrapping_sub(origin.time), out);
    origin.previous = point.series.0;
    match start {
        Start::None => out.push(0),
        Start::Same => out.push(1),
        Start::At(since) => {
            out.push(2);
            put::varint(since.wrapping_sub(origin.start), out);
        }
    }
}
