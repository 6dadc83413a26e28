//! Chunks: samples of one series, packed.
//!
//! Every encoding begins with the number of samples in two bytes; then come bits, the highest of each byte first.
//!
//! | encoding | samples | described in |
//! |---|---|---|
//! | 1 | floating-point numbers | `xor` |
//! | 2 | histograms of whole numbers | `histogram` |
//! | 3 | histograms of floating-point numbers | `histogram` |
//!
//! Other encodings, of servers to come, are passed through as [`EncodedChunk`]s and not looked into.

mod bits;
mod histogram;
mod layout;
mod numbers;
mod unpacked;
mod xor;

use std::borrow::Cow;

use formats::Malformed;
use formats::prometheus::record::Histogram;

use bits::BitReader;
use histogram::{HistogramChunk, Place};
use unpacked::{Counting, HistogramSamples};
use xor::{XorChunk, XorSamples};

/// Encoding of floating-point numbers.
pub const XOR: u8 = 1;
/// Encoding of histograms of whole numbers.
pub const HISTOGRAM: u8 = 2;
/// Encoding of histograms of floating-point numbers.
pub const FLOAT_HISTOGRAM: u8 = 3;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub time: i64,
    /// What was measured.
    pub value: SampleValue,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A native histogram; of whole numbers if it has `whole_counts`.
    Histogram(Histogram),
}

/// What was measured, where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(&'a Histogram),
}

/// A finished chunk, of any encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedChunk<'a> {
    /// Time of its first sample.
    pub min_time: i64,
    /// Time of its last sample.
    pub max_time: i64,
    /// How `data` is to be read.
    pub encoding: u8,
    /// How many samples it holds.
    pub samples: u64,
    /// The packed samples.
    pub data: Cow<'a, [u8]>,
}

/// Why a sample was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not later than the sample before it.
    #[error("the sample is not later than the one before it")]
    NotLater,
    /// A histogram that no chunk can hold, such as one with more buckets than its spans have.
    #[error("the histogram is broken: {0}")]
    Broken(&'static str),
}

/// Packs the samples of one series into chunks.
///
/// A chunk ends where the server would end it: at about 120 samples or a kilobyte, or where a sample does not fit the
/// layout, the kind or the counter of those before. Where chunks must end for the sake of a block, the caller calls
/// [`finish`](Self::finish).
#[derive(Debug, Default)]
pub struct Encoder {
    open: Option<Open>,
}

/// The chunk that samples are appended to.
#[derive(Debug)]
enum Open {
    Floats(XorChunk),
    Histograms(Box<HistogramChunk>),
}

impl Encoder {
    /// Appends a sample; answers with the chunk that it ended, if it did.
    pub fn append(
        &mut self,
        time: i64,
        value: ValueRef<'_>,
    ) -> Result<Option<EncodedChunk<'static>>, Refused> {
        match value {
            ValueRef::Float(value) => self.float(time, value),
            ValueRef::Histogram(histogram) => self.histogram(time, histogram),
        }
    }

    /// Appends a number.
    #[inline]
    pub fn float(&mut self, time: i64, value: f64) -> Result<Option<EncodedChunk<'static>>, Refused> {
        self.demand_later(time)?;
        match &mut self.open {
            Some(Open::Floats(chunk)) if !chunk.is_full() => {
                chunk.append(time, value);
                Ok(None)
            }
            _ => Ok(self.begin(Open::Floats(XorChunk::begin(time, value)))),
        }
    }

    /// Appends a histogram.
    pub fn histogram(
        &mut self,
        time: i64,
        histogram: &Histogram,
    ) -> Result<Option<EncodedChunk<'static>>, Refused> {
        self.demand_later(time)?;
        if !histogram::is_stale(histogram.sum) {
            layout::check(histogram)?;
        }
        let mut counter = HistogramChunk::counter(histogram);
        if let Some(Open::Histograms(chunk)) = &mut self.open {
            match chunk.place(histogram) {
                Place::Here => {
                    chunk.append(time, histogram);
                    return Ok(None);
                }
                Place::New(known) => counter = known,
            }
        }
        let chunk = HistogramChunk::begin(time, histogram, counter);
        Ok(self.begin(Open::Histograms(Box::new(chunk))))
    }

    /// Ends the open chunk, if there is one. What is appended next may be of any time.
    pub fn finish(&mut self) -> Option<EncodedChunk<'static>> {
        self.open.take().map(Open::finish)
    }

    fn begin(&mut self, chunk: Open) -> Option<EncodedChunk<'static>> {
        self.open.replace(chunk).map(Open::finish)
    }

    #[inline]
    fn demand_later(&self, time: i64) -> Result<(), Refused> {
        let last = match &self.open {
            Some(Open::Floats(chunk)) => chunk.time(),
            Some(Open::Histograms(chunk)) => chunk.time(),
            None => return Ok(()),
        };
        if time > last { Ok(()) } else { Err(Refused::NotLater) }
    }
}

impl Open {
    fn finish(self) -> EncodedChunk<'static> {
        match self {
            Open::Floats(chunk) => chunk.finish(),
            Open::Histograms(chunk) => chunk.finish(),
        }
    }
}

/// The samples of a chunk, one after the other. Hostile bytes end in an error, never in more work or memory than the
/// bytes are worth.
#[derive(Debug)]
pub struct Samples<'a> {
    left: u16,
    packed: Packed<'a>,
}

#[derive(Debug)]
enum Packed<'a> {
    Floats(XorSamples<'a>),
    Histograms(Box<HistogramSamples<'a>>),
}

impl<'a> Samples<'a> {
    /// Opens a chunk; one of an encoding other than the three is an error.
    pub fn of(encoding: u8, data: &'a [u8]) -> Result<Self, Malformed> {
        let mut bits = BitReader::new(data);
        let count = bits.take(16, "chunk: count")?;
        let counting = match encoding {
            HISTOGRAM => Some(Counting::Whole),
            FLOAT_HISTOGRAM => Some(Counting::Fraction),
            XOR => None,
            _ => return Err(Malformed { what: "chunk: unknown encoding", at: 0 }),
        };
        let packed = match counting {
            Some(counting) => Packed::Histograms(Box::new(HistogramSamples::new(bits, counting)?)),
            None => Packed::Floats(XorSamples::new(bits)),
        };
        // The count has 16 bits.
        Ok(Self { left: u16::try_from(count).unwrap_or(0), packed })
    }

    /// Reads the next sample, without copying histograms. After an error there is nothing more.
    pub fn read(&mut self) -> Option<Result<(i64, ValueRef<'_>), Malformed>> {
        let left = self.left.checked_sub(1)?;
        let sample = match &mut self.packed {
            Packed::Floats(samples) => samples.read().map(|(time, value)| (time, ValueRef::Float(value))),
            Packed::Histograms(samples) => {
                samples.read().map(|(time, histogram)| (time, ValueRef::Histogram(histogram)))
            }
        };
        self.left = if sample.is_ok() { left } else { 0 };
        Some(sample)
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.read()?.map(|(time, value)| Sample { time, value: value.into() }))
    }
}

impl From<ValueRef<'_>> for SampleValue {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Float(value) => Self::Float(value),
            ValueRef::Histogram(histogram) => Self::Histogram(histogram.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
