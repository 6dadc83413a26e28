//! Records: what a decompressed record says, for every type that Prometheus has written since 2.4.
//!
//! | type | record | body after the type byte (big endian; `~` zig-zag varint, `^` varint) |
//! |---|---|---|
//! | 1 | series | { ref u64, labels }; labels = n^ { name, value }; text = len^ bytes |
//! | 2 | samples | base ref u64, base time i64, { ref~ and time~ against the base, value f64 } |
//! | 3 | tombstones | { ref u64, from~, to~ } |
//! | 4 | exemplars | as samples, each followed by labels |
//! | 5 | mmap markers | { ref u64, chunk u64 }; only in the WBL |
//! | 6 | metadata | { ref^, type u8, n^ { name, value } } |
//! | 7, 9 | histograms | as samples with a histogram for the value; 9 holds custom buckets |
//! | 8, 10 | float histograms | likewise |
//! | 11 | samples v2 | { ref~ against the previous, time~ against the first, start time, value f64 } |
//! | 12, 13 | histograms v2, float histograms v2 | framed as 11 |
//!
//! A type that is not in the table is skipped by the server when it starts and dropped when it checkpoints.
//! Decoding keeps what the server would normalise (order of labels, schemas it does not know), so that nothing is
//! lost by passing through here: `encode` gives back the bytes that were decoded, up to redundant encodings that
//! no writer produces.

mod histogram;
mod labels;
mod passing;
mod put;
mod samples;
mod series;
mod v2;

pub use histogram::{Buckets, Histogram, HistogramLayout, Span};
pub use labels::Labels;
pub(crate) use labels::text;
pub(crate) use passing::pass as pass_histograms;
pub use passing::{PackedHistogram, each_histogram};
pub(crate) use samples::Base;
pub use samples::{Exemplar, Sample};
pub(crate) use series::next as series_next;
pub use series::{Marker, Metadata, Series, Tombstone};
pub use v2::Start;

use crate::{Bytes, Malformed};

/// A series' number in one log. Numbers are never reused or renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesRef(pub u64);

/// Something measured at a time, belonging to a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<V> {
    /// The series.
    pub series: SeriesRef,
    /// Milliseconds since 1970.
    pub time: i64,
    /// What was measured.
    pub value: V,
}

/// A decoded record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// Type 1.
    Series(Vec<Series<'a>>),
    /// Type 2.
    Samples(Vec<Sample>),
    /// Type 3.
    Tombstones(Vec<Tombstone>),
    /// Type 4.
    Exemplars(Vec<Exemplar<'a>>),
    /// Type 5.
    Markers(Vec<Marker>),
    /// Type 6.
    Metadata(Vec<Metadata<'a>>),
    /// Types 7 to 10 with the type they stood under.
    Histograms(Type, HistogramLayout, Vec<Point<Histogram>>),
    /// Type 11.
    SamplesV2(Vec<(Point<f64>, Start)>),
    /// Types 12 and 13.
    HistogramsV2(Type, Vec<(Point<Histogram>, Start)>),
    /// A type of servers to come: skipped when the server starts, dropped when it checkpoints.
    Unknown(u8),
    /// Nothing at all, which the server skips.
    Empty,
}

/// Hands out the samples of a record of [`Type::Samples`] without collecting them; there are none in any other.
///
/// These are the bulk of every log.
#[inline]
pub fn each_sample(record: &[u8], visit: impl FnMut(Sample)) -> Result<(), Malformed> {
    let mut bytes = Bytes::new(record);
    if Type::read(&mut bytes)? == Type::Samples { samples::each(bytes, visit) } else { Ok(()) }
}

/// The type byte of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table of the module head describes each")]
pub enum Type {
    Series,
    Samples,
    Tombstones,
    Exemplars,
    Markers,
    Metadata,
    Histograms,
    FloatHistograms,
    CustomHistograms,
    CustomFloatHistograms,
    SamplesV2,
    HistogramsV2,
    FloatHistogramsV2,
    Unknown(u8),
    Empty,
}

/// Types from here on are not taken for those of a server to come. Types were added one by one, thirteen in eight
/// years; noise that passes for a record has any.
const NOISE: u8 = 64;

impl Type {
    /// Reads the type of a record.
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Result<Self, Malformed> {
        if bytes.is_empty() {
            return Ok(Type::Empty);
        }
        match bytes.u8("type")? {
            0 | NOISE.. => Err(Malformed { what: "no record has this type", at: 0 }),
            byte => Ok(Type::of(byte)),
        }
    }

    /// The type of that byte.
    pub const fn of(byte: u8) -> Self {
        match byte {
            1 => Type::Series,
            2 => Type::Samples,
            3 => Type::Tombstones,
            4 => Type::Exemplars,
            5 => Type::Markers,
            6 => Type::Metadata,
            7 => Type::Histograms,
            8 => Type::FloatHistograms,
            9 => Type::CustomHistograms,
            10 => Type::CustomFloatHistograms,
            11 => Type::SamplesV2,
            12 => Type::HistogramsV2,
            13 => Type::FloatHistogramsV2,
            other => Type::Unknown(other),
        }
    }

    /// Its byte.
    pub const fn byte(self) -> u8 {
        match self {
            Type::Series => 1,
            Type::Samples => 2,
            Type::Tombstones => 3,
            Type::Exemplars => 4,
            Type::Markers => 5,
            Type::Metadata => 6,
            Type::Histograms => 7,
            Type::FloatHistograms => 8,
            Type::CustomHistograms => 9,
            Type::CustomFloatHistograms => 10,
            Type::SamplesV2 => 11,
            Type::HistogramsV2 => 12,
            Type::FloatHistogramsV2 => 13,
            Type::Unknown(other) => other,
            Type::Empty => 0,
        }
    }

    /// The server's own name for it, as its metrics label it.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Series => "series",
            Type::Samples => "samples",
            Type::Tombstones => "tombstones",
            Type::Exemplars => "exemplars",
            Type::Markers => "mmapmarkers",
            Type::Metadata => "metadata",
            Type::Histograms => "histogram_samples",
            Type::FloatHistograms => "float_histogram_samples",
            Type::CustomHistograms => "custom_buckets_histogram_samples",
            Type::CustomFloatHistograms => "custom_buckets_float_histogram_samples",
            Type::SamplesV2 => "samples_v2",
            Type::HistogramsV2 => "histogram_samples_v2",
            Type::FloatHistogramsV2 => "float_histogram_samples_v2",
            Type::Unknown(_) => "unknown",
            Type::Empty => "empty",
        }
    }

    /// Whether its points are native histograms.
    pub(crate) const fn holds_histograms(self) -> bool {
        matches!(
            self,
            Type::Histograms
                | Type::FloatHistograms
                | Type::CustomHistograms
                | Type::CustomFloatHistograms
                | Type::HistogramsV2
                | Type::FloatHistogramsV2
        )
    }

    /// Whether bucket counts are floating-point numbers.
    const fn has_float_buckets(self) -> bool {
        matches!(self, Type::FloatHistograms | Type::CustomFloatHistograms | Type::FloatHistogramsV2)
    }
}

impl<'a> Record<'a> {
    /// Decodes a whole record; bytes left over are an error.
    pub fn decode(record: &'a [u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(record);
        let kind = Type::read(&mut bytes)?;
        Ok(match kind {
            Type::Series => Record::Series(series::decode(bytes)?),
            Type::Samples => Record::Samples(samples::decode(bytes)?),
            Type::Tombstones => Record::Tombstones(series::decode_tombstones(bytes)?),
            Type::Exemplars => Record::Exemplars(samples::decode_exemplars(bytes)?),
            Type::Markers => Record::Markers(series::decode_markers(bytes)?),
            Type::Metadata => Record::Metadata(series::decode_metadata(bytes)?),
            Type::Histograms
            | Type::FloatHistograms
            | Type::CustomHistograms
            | Type::CustomFloatHistograms => {
                let (layout, points) = histogram::decode(bytes, kind)?;
                Record::Histograms(kind, layout, points)
            }
            Type::SamplesV2 => Record::SamplesV2(v2::decode(bytes)?),
            Type::HistogramsV2 | Type::FloatHistogramsV2 => {
                Record::HistogramsV2(kind, v2::decode_histograms(bytes, kind)?)
            }
            Type::Unknown(byte) => Record::Unknown(byte),
            Type::Empty => Record::Empty,
        })
    }

    /// Its type.
    pub const fn kind(&self) -> Type {
        match self {
            Record::Series(_) => Type::Series,
            Record::Samples(_) => Type::Samples,
            Record::Tombstones(_) => Type::Tombstones,
            Record::Exemplars(_) => Type::Exemplars,
            Record::Markers(_) => Type::Markers,
            Record::Metadata(_) => Type::Metadata,
            Record::Histograms(kind, ..) | Record::HistogramsV2(kind, _) => *kind,
            Record::SamplesV2(_) => Type::SamplesV2,
            Record::Unknown(byte) => Type::Unknown(*byte),
            Record::Empty => Type::Empty,
        }
    }

    /// Appends its bytes to `out`. A record of unknown type has no content to encode but its type.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if *self != Record::Empty {
            out.push(self.kind().byte());
        }
        match self {
            Record::Series(all) => series::encode(all, out),
            Record::Samples(all) => samples::encode(all, out),
            Record::Tombstones(all) => series::encode_tombstones(all, out),
            Record::Exemplars(all) => samples::encode_exemplars(all, out),
            Record::Markers(all) => series::encode_markers(all, out),
            Record::Metadata(all) => series::encode_metadata(all, out),
            Record::Histograms(_, layout, all) => histogram::encode(*layout, all, out),
            Record::SamplesV2(all) => v2::encode(all, out),
            Record::HistogramsV2(_, all) => v2::encode_histograms(all, out),
            Record::Unknown(_) | Record::Empty => {}
        }
    }
}
