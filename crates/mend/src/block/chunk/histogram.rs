//! Encodings 2 and 3: native histograms.
//!
//! ```text
//! chunk:   count u16 | flags u8 | layout | first | later*
//! flags:   counter 2 bits: 00 unknown, 01 goes on, 10 was reset, 11 is none | 0
//!
//! whole numbers
//! first:   time signed | count unsigned | zero count unsigned | sum +64 | { bucket signed }
//! later:   change of the difference of time, count, zero count, signed each | sum xor | { the same of each bucket }
//!          buckets are themselves differences to the bucket before
//!
//! floating-point numbers
//! first:   time signed | count, zero count, sum +64 each | { bucket +64 }
//! later:   change of the difference of time, signed | count, zero count, sum xor | { bucket xor }
//! ```
//! Positive buckets come before negative ones. The end of a series is a histogram whose sum is a certain not-a-number:
//! the layout is empty if it is the first of its chunk, counts do not change (floating-point ones become 0), buckets are
//! left out, and nothing but ends may follow.
//!
//! The flags say how the first sample follows what came before the chunk. This says unknown, where the server looks for
//! itself, unless it knows of a reset. Within a chunk there is none.

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

use formats::prometheus::record::{Buckets, Histogram};

use super::bits::BitWriter;
use super::layout::Layout;
use super::numbers::{Xor, put_signed, put_unsigned};
use super::{EncodedChunk, FLOAT_HISTOGRAM, HISTOGRAM};

/// Samples after which a chunk is full.
const FULL_SAMPLES: u16 = 120;

/// Bytes after which a chunk is full, if it has some samples: what the server aims at.
const FULL_BYTES: usize = 1024;

/// Samples without which a chunk is not full, however large.
const FEW_SAMPLES: u16 = 10;

/// The sum of a histogram that marks the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Whether a histogram marks the end of a series.
pub(super) fn is_stale(sum: f64) -> bool {
    sum.to_bits() == STALE
}

/// How the first sample of a chunk follows what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Unknown,
    GoesOn,
    WasReset,
    IsNone,
}

impl Counter {
    /// What a hint of the log says of a sample that begins a chunk.
    fn hinted(hint: u8) -> Self {
        match hint {
            1 => Counter::WasReset,
            3 => Counter::IsNone,
            // That it goes on is true of the sample before it in the log, which may lie elsewhere.
            _ => Counter::Unknown,
        }
    }

    pub(super) fn of_flags(flags: u8) -> Self {
        match flags >> 6 {
            0 => Counter::Unknown,
            1 => Counter::GoesOn,
            2 => Counter::WasReset,
            _ => Counter::IsNone,
        }
    }

    fn flags(self) -> u8 {
        match self {
            Counter::Unknown => 0,
            Counter::GoesOn => 1 << 6,
            Counter::WasReset => 2 << 6,
            Counter::IsNone => 3 << 6,
        }
    }
}

/// What becomes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It goes on with the chunk.
    Here,
    /// It begins a chunk.
    New(Counter),
}

/// A chunk that is being written. It has at least one sample.
#[derive(Debug)]
pub(super) struct HistogramChunk {
    out: BitWriter,
    samples: u16,
    min_time: i64,
    time: i64,
    delta: i64,
    counter: Counter,
    layout: Layout,
    sum: Xor,
    counts: Counts,
}

/// What the next sample is written as a difference to.
#[derive(Debug)]
enum Counts {
    Whole { count: Whole, zero: Whole, buckets: Vec<Whole> },
    Fraction { count: Xor, zero: Xor, buckets: Vec<Xor> },
}

/// A whole number, and how it differed from the one before.
#[derive(Clone, Copy, Debug)]
struct Whole {
    value: i64,
    delta: i64,
}

impl Whole {
    fn first(value: i64) -> Self {
        Self { value, delta: 0 }
    }

    #[inline]
    fn put(&mut self, out: &mut BitWriter, value: i64) {
        let delta = value.wrapping_sub(self.value);
        put_signed(out, delta.wrapping_sub(self.delta));
        *self = Self { value, delta };
    }
}

impl HistogramChunk {
    /// Begins with a sample; what its hint says about resets is not new to the caller.
    pub(super) fn begin(time: i64, histogram: &Histogram, counter: Counter) -> Self {
        let layout = if is_stale(histogram.sum) { Layout::empty() } else { Layout::of(histogram) };
        let mut out = BitWriter::behind(&[0; 3]);
        layout.put(&mut out);
        put_signed(&mut out, time);
        let counts = Counts::begin(&mut out, histogram);
        let sum = Xor::after(histogram.sum);
        Self { out, samples: 1, min_time: time, time, delta: 0, counter, layout, sum, counts }
    }

    /// The time of its last sample.
    pub(super) fn time(&self) -> i64 {
        self.time
    }

    /// Where a sample goes that follows.
    pub(super) fn place(&self, histogram: &Histogram) -> Place {
        if histogram.whole_counts.is_some() != matches!(self.counts, Counts::Whole { .. }) {
            return Place::New(Self::counter(histogram));
        }
        let full =
            self.samples >= FULL_SAMPLES || (self.samples >= FEW_SAMPLES && self.out.len() >= FULL_BYTES);
        if is_stale(histogram.sum) {
            return if full { Place::New(Counter::Unknown) } else { Place::Here };
        }
        let counter = Self::counter(histogram);
        let is_gauge = counter == Counter::IsNone;
        if is_stale(self.sum.value)
            || is_gauge != (self.counter == Counter::IsNone)
            || !self.layout.is_of(histogram)
        {
            return Place::New(counter);
        }
        if counter == Counter::WasReset || (!is_gauge && self.counts.shrink_to(histogram)) {
            return Place::New(Counter::WasReset);
        }
        if full { Place::New(counter) } else { Place::Here }
    }

    /// What is known of a sample that begins a chunk, when nothing is known of what came before.
    pub(super) fn counter(histogram: &Histogram) -> Counter {
        if is_stale(histogram.sum) { Counter::Unknown } else { Counter::hinted(histogram.hint) }
    }

    /// Appends a sample that belongs here.
    pub(super) fn append(&mut self, time: i64, histogram: &Histogram) {
        let delta = time.wrapping_sub(self.time);
        put_signed(&mut self.out, delta.wrapping_sub(self.delta));
        (self.time, self.delta) = (time, delta);
        self.counts.put(&mut self.out, &mut self.sum, histogram);
        self.samples += 1;
    }

    /// Ends it.
    pub(super) fn finish(self) -> EncodedChunk<'static> {
        let [high, low] = self.samples.to_be_bytes();
        EncodedChunk {
            min_time: self.min_time,
            max_time: self.time,
            encoding: match self.counts {
                Counts::Whole { .. } => HISTOGRAM,
                Counts::Fraction { .. } => FLOAT_HISTOGRAM,
            },
            samples: u64::from(self.samples),
            data: self.out.into_bytes(&[high, low, self.counter.flags()]).into(),
        }
    }
}

impl Counts {
    fn begin(out: &mut BitWriter, histogram: &Histogram) -> Self {
        let stale = is_stale(histogram.sum);
        match histogram.whole_counts {
            Some(whole) => {
                let (zero, count) = if stale { (0, 0) } else { whole };
                put_unsigned(out, count);
                put_unsigned(out, zero);
                out.float(histogram.sum);
                let deltas = if stale { Vec::new() } else { deltas(histogram).collect() };
                deltas.iter().for_each(|&delta| put_signed(out, delta));
                Counts::Whole {
                    count: Whole::first(count.cast_signed()),
                    zero: Whole::first(zero.cast_signed()),
                    buckets: deltas.into_iter().map(Whole::first).collect(),
                }
            }
            None => {
                let (zero, count) = if stale { (0.0, 0.0) } else { (histogram.zero_count, histogram.count) };
                [count, zero, histogram.sum].into_iter().for_each(|number| out.float(number));
                let counts = if stale { Vec::new() } else { counts(histogram).collect() };
                counts.iter().for_each(|&count| out.float(count));
                Counts::Fraction {
                    count: Xor::after(count),
                    zero: Xor::after(zero),
                    buckets: counts.into_iter().map(Xor::after).collect(),
                }
            }
        }
    }

    fn put(&mut self, out: &mut BitWriter, sum: &mut Xor, histogram: &Histogram) {
        let stale = is_stale(histogram.sum);
        match self {
            Counts::Whole { count, zero, buckets } => {
                if stale {
                    out.put(0b00, 2);
                    return sum.put(out, histogram.sum);
                }
                let (new_zero, new_count) = histogram.whole_counts.unwrap_or_default();
                count.put(out, new_count.cast_signed());
                zero.put(out, new_zero.cast_signed());
                sum.put(out, histogram.sum);
                buckets.iter_mut().zip(deltas(histogram)).for_each(|(bucket, delta)| bucket.put(out, delta));
            }
            Counts::Fraction { count, zero, buckets } => {
                let (new_zero, new_count) =
                    if stale { (0.0, 0.0) } else { (histogram.zero_count, histogram.count) };
                count.put(out, new_count);
                zero.put(out, new_zero);
                sum.put(out, histogram.sum);
                if !stale {
                    buckets
                        .iter_mut()
                        .zip(counts(histogram))
                        .for_each(|(bucket, count)| bucket.put(out, count));
                }
            }
        }
    }

    /// Whether any count of a histogram of the same layout is smaller, as after a restart of what counts.
    fn shrink_to(&self, histogram: &Histogram) -> bool {
        match self {
            Counts::Whole { count, zero, buckets } => {
                let (new_zero, new_count) = histogram.whole_counts.unwrap_or_default();
                let positive = usize::try_from(histogram.positive.len()).unwrap_or(usize::MAX);
                let (mut before, mut after) = (0i64, 0i64);
                let shrinks = |(at, (bucket, delta)): (usize, (&Whole, i64))| {
                    if at == positive {
                        (before, after) = (0, 0);
                    }
                    before = before.wrapping_add(bucket.value);
                    after = after.wrapping_add(delta);
                    after < before
                };
                new_count < count.value.cast_unsigned()
                    || new_zero < zero.value.cast_unsigned()
                    || buckets.iter().zip(deltas(histogram)).enumerate().any(shrinks)
            }
            Counts::Fraction { count, zero, buckets } => {
                histogram.count < count.value
                    || histogram.zero_count < zero.value
                    || buckets.iter().zip(counts(histogram)).any(|(bucket, count)| count < bucket.value)
            }
        }
    }
}

/// The buckets of a histogram of whole numbers, each as the difference to the one before.
fn deltas(histogram: &Histogram) -> impl Iterator<Item = i64> + '_ {
    [&histogram.positive, &histogram.negative]
        .into_iter()
        .flat_map(|buckets| match buckets {
            Buckets::Deltas(deltas) => deltas.as_slice(),
            Buckets::Counts(_) => &[],
        })
        .copied()
}

/// The buckets of a histogram of floating-point numbers.
fn counts(histogram: &Histogram) -> impl Iterator<Item = f64> + '_ {
    [&histogram.positive, &histogram.negative]
        .into_iter()
        .flat_map(|buckets| match buckets {
            Buckets::Counts(counts) => counts.as_slice(),
            Buckets::Deltas(_) => &[],
        })
        .copied()
}
