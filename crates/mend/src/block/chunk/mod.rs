//! Chunks: samples of one series, packed.

use std::borrow::Cow;

use formats::Malformed;
use formats::prometheus::record::Histogram;

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
pub struct Encoder {}

impl Encoder {
    /// Appends a sample; answers with the chunk that it ended, if it did.
    pub fn append(&mut self, time: i64, value: ValueRef<'_>) -> Result<Option<EncodedChunk<'static>>, Refused> {
        match value {
            ValueRef::Float(value) => self.float(time, value),
            ValueRef::Histogram(histogram) => self.histogram(time, histogram),
        }
    }

    /// Appends a number.
    pub fn float(&mut self, _time: i64, _value: f64) -> Result<Option<EncodedChunk<'static>>, Refused> {
        Err(Refused::NotLater)
    }

    /// Appends a histogram.
    pub fn histogram(
        &mut self,
        _time: i64,
        _histogram: &Histogram,
    ) -> Result<Option<EncodedChunk<'static>>, Refused> {
        Err(Refused::NotLater)
    }

    /// Ends the open chunk, if there is one. What is appended next may be of any time.
    pub fn finish(&mut self) -> Option<EncodedChunk<'static>> {
        None
    }
}

/// The samples of a chunk, one after the other. Hostile bytes end in an error, never in more work or memory than the
/// bytes are worth.
#[derive(Debug)]
pub struct Samples<'a> {
    data: &'a [u8],
}

impl<'a> Samples<'a> {
    /// Opens a chunk; one of an encoding other than the three is an error.
    pub fn of(_encoding: u8, data: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self { data })
    }

    /// Reads the next sample, without copying histograms. After an error there is nothing more.
    pub fn read(&mut self) -> Option<Result<(i64, ValueRef<'_>), Malformed>> {
        self.data.is_empty().then_some(Err(Malformed { what: "", at: 0 }))
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
