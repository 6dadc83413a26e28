//! Series, and what is said about them: tombstones, mmap markers, metadata.

use super::labels::Labels;
use super::{SeriesRef, put};
use crate::{Bytes, Malformed};

/// A series and its labels: written once, when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series<'a> {
    /// Its number.
    pub series: SeriesRef,
    /// Its labels.
    pub labels: Labels<'a>,
}

/// A deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The series.
    pub series: SeriesRef,
    /// First deleted millisecond.
    pub from: i64,
    /// Last deleted millisecond. From `i64::MIN` to `i64::MAX` means that the series itself is gone.
    pub to: i64,
}

/// In the log of late samples: from here on, samples of the series belong to a new chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The series.
    pub series: SeriesRef,
    /// Where the finished chunk lies in `chunks_head`; 0 when there is none.
    pub chunk: u64,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The series.
    pub series: SeriesRef,
    /// Type of the metric as a number; see [`Metadata::type_name`].
    pub kind: u8,
    /// `UNIT`, `HELP` and whatever else the writer knew.
    pub fields: Labels<'a>,
}

impl Metadata<'_> {
    /// The name of the metric's type.
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            1 => "counter",
            2 => "gauge",
            3 => "histogram",
            4 => "gaugehistogram",
            5 => "summary",
            6 => "info",
            7 => "stateset",
            _ => "unknown",
        }
    }
}

pub(super) fn decode(mut bytes: Bytes<'_>) -> Result<Vec<Series<'_>>, Malformed> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(next(&mut bytes)?);
    }
    Ok(all)
}

/// The next series of a series record.
#[inline]
pub(crate) fn next<'a>(bytes: &mut Bytes<'a>) -> Result<Series<'a>, Malformed> {
    Ok(Series { series: SeriesRef(bytes.u64_be("series: ref")?), labels: Labels::read(bytes)? })
}

pub(super) fn encode(all: &[Series<'_>], out: &mut Vec<u8>) {
    for series in all {
        put::u64(series.series.0, out);
        series.labels.encode(out);
    }
}

pub(super) fn decode_tombstones(mut bytes: Bytes<'_>) -> Result<Vec<Tombstone>, Malformed> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(Tombstone {
            series: SeriesRef(bytes.u64_be("tombstones: ref")?),
            from: bytes.varint("tombstones: from")?,
            to: bytes.varint("tombstones: to")?,
        });
    }
    Ok(all)
}

pub(super) fn encode_tombstones(all: &[Tombstone], out: &mut Vec<u8>) {
    for tombstone in all {
        put::u64(tombstone.series.0, out);
        put::varint(tombstone.from, out);
        put::varint(tombstone.to, out);
    }
}

pub(super) fn decode_markers(mut bytes: Bytes<'_>) -> Result<Vec<Marker>, Malformed> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let series = SeriesRef(bytes.u64_be("mmap markers: ref")?);
        all.push(Marker { series, chunk: bytes.u64_be("mmap markers: chunk")? });
    }
    Ok(all)
}

pub(super) fn encode_markers(all: &[Marker], out: &mut Vec<u8>) {
    for marker in all {
        put::u64(marker.series.0, out);
        put::u64(marker.chunk, out);
    }
}

pub(super) fn decode_metadata(mut bytes: Bytes<'_>) -> Result<Vec<Metadata<'_>>, Malformed> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(Metadata {
            series: SeriesRef(bytes.uvarint("metadata: ref")?),
            kind: bytes.u8("metadata: type")?,
            fields: Labels::read(&mut bytes)?,
        });
    }
    Ok(all)
}

pub(super) fn encode_metadata(all: &[Metadata<'_>], out: &mut Vec<u8>) {
    for metadata in all {
        put::uvarint(metadata.series.0, out);
        out.push(metadata.kind);
        metadata.fields.encode(out);
    }
}
