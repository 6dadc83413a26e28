//! Samples and exemplars: points against a base.

use super::labels::Labels;
use super::{Point, SeriesRef, put};
use crate::{Bytes, Malformed};

/// A sample.
pub type Sample = Point<f64>;

/// An exemplar: a sample with labels of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// The sample.
    pub sample: Sample,
    /// What it is an example of.
    pub labels: Labels<'a>,
}

/// The reference and time that a record counts from: those of its first point.
#[derive(Clone, Copy)]
pub(crate) struct Base {
    series: u64,
    time: i64,
}

impl Base {
    /// Reads the base; `None` when the record holds no points.
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Result<Option<Self>, Malformed> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let series = bytes.u64_be("base ref")?;
        Ok(Some(Self { series, time: bytes.i64_be("base time")? }))
    }

    /// Reads reference and time of the next point. Both wrap, as the server's arithmetic does.
    #[inline]
    pub(crate) fn place(self, bytes: &mut Bytes<'_>) -> Result<(SeriesRef, i64), Malformed> {
        let series = self.series.wrapping_add_signed(bytes.varint("ref")?);
        Ok((SeriesRef(series), self.time.wrapping_add(bytes.varint("time")?)))
    }

    /// Writes the base of points that begin with this one.
    pub(super) fn write<V>(first: &Point<V>, out: &mut Vec<u8>) -> Self {
        put::u64(first.series.0, out);
        put::i64(first.time, out);
        Self { series: first.series.0, time: first.time }
    }

    pub(super) fn put<V>(self, point: &Point<V>, out: &mut Vec<u8>) {
        put::varint(point.series.0.wrapping_sub(self.series).cast_signed(), out);
        put::varint(point.time.wrapping_sub(self.time), out);
    }
}

pub(super) fn decode(mut bytes: Bytes<'_>) -> Result<Vec<Sample>, Malformed> {
    let mut all = Vec::new();
    let Some(base) = Base::read(&mut bytes)? else { return Ok(all) };
    while !bytes.is_empty() {
        let (series, time) = base.place(&mut bytes)?;
        all.push(Point { series, time, value: bytes.f64_be("value")? });
    }
    Ok(all)
}

/// Hands out the samples of a record of type 2, of which the body is given, without collecting them.
#[inline]
pub(super) fn each(mut bytes: Bytes<'_>, mut visit: impl FnMut(Sample)) -> Result<(), Malformed> {
    let Some(base) = Base::read(&mut bytes)? else { return Ok(()) };
    while !bytes.is_empty() {
        let (series, time) = base.place(&mut bytes)?;
        visit(Point { series, time, value: bytes.f64_be("value")? });
    }
    Ok(())
}

pub(super) fn encode(all: &[Sample], out: &mut Vec<u8>) {
    let Some(first) = all.first() else { return };
    let base = Base::write(first, out);
    for sample in all {
        base.put(sample, out);
        put::f64(sample.value, out);
    }
}

pub(super) fn decode_exemplars(mut bytes: Bytes<'_>) -> Result<Vec<Exemplar<'_>>, Malformed> {
    let mut all = Vec::new();
    let Some(base) = Base::read(&mut bytes)? else { return Ok(all) };
    while !bytes.is_empty() {
        let (series, time) = base.place(&mut bytes)?;
        let sample = Point { series, time, value: bytes.f64_be("value")? };
        all.push(Exemplar { sample, labels: Labels::read(&mut bytes)? });
    }
    Ok(all)
}

pub(super) fn encode_exemplars(all: &[Exemplar<'_>], out: &mut Vec<u8>) {
    let Some(first) = all.first() else { return };
    let base = Base::write(&first.sample, out);
    for exemplar in all {
        base.put(&exemplar.sample, out);
        put::f64(exemplar.sample.value, out);
        exemplar.labels.encode(out);
    }
}
