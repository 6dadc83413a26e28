//! Encodings 2 and 3 the other way: the histograms of a chunk.

use formats::Malformed;
use formats::prometheus::record::{Buckets, Histogram};

use super::bits::BitReader;
use super::histogram::{Counter, is_stale};
use super::layout::Layout;
use super::numbers::{Xor, take_signed, take_unsigned};

const TIME: &str = "histogram chunk: time";
const COUNT: &str = "histogram chunk: count";
const SUM: &str = "histogram chunk: sum";
const BUCKET: &str = "histogram chunk: bucket";

/// Which numbers histograms count with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    Whole,
    Fraction,
}

/// The histograms of a chunk. One at a time is unpacked, in place.
#[derive(Debug)]
pub(super) struct HistogramSamples<'a> {
    bits: BitReader<'a>,
    counter: Counter,
    counting: Counting,
    open: Option<Open>,
}

/// What is behind the first sample.
#[derive(Debug)]
struct Open {
    time: i64,
    delta: i64,
    histogram: Histogram,
    /// What is handed out instead at the end of a series.
    stale: Histogram,
    sum: Xor,
    differences: Differences,
}

#[derive(Debug)]
enum Differences {
    /// Of the count, of the zero count, of each bucket.
    Whole(i64, i64, Vec<i64>),
    /// Count, zero count, each bucket.
    Fraction(Xor, Xor, Vec<Xor>),
}

impl<'a> HistogramSamples<'a> {
    /// Reads behind the count.
    pub(super) fn new(mut bits: BitReader<'a>, counting: Counting) -> Result<Self, Malformed> {
        let flags = bits.take(8, "histogram chunk: flags")?;
        let counter = Counter::of_flags(u8::try_from(flags).unwrap_or(0));
        Ok(Self { bits, counter, counting, open: None })
    }

    /// Reads one sample.
    pub(super) fn read(&mut self) -> Result<(i64, &Histogram), Malformed> {
        let first = self.open.is_none();
        match &mut self.open {
            None => self.open = Some(Open::take(&mut self.bits, self.counting)?),
            Some(open) => open.go_on(&mut self.bits)?,
        }
        let hint = match self.counter {
            Counter::IsNone => 3,
            Counter::WasReset if first => 1,
            Counter::Unknown if first => 0,
            _ => 2,
        };
        let open = self.open.as_mut().ok_or(self.bits.malformed(TIME))?;
        if is_stale(open.sum.value) {
            return Ok((open.time, &open.stale));
        }
        open.histogram.hint = hint;
        Ok((open.time, &open.histogram))
    }
}

impl Open {
    /// Reads the layout and the first sample.
    fn take(bits: &mut BitReader<'_>, counting: Counting) -> Result<Self, Malformed> {
        let layout = Layout::take(bits)?;
        let (positive, negative) = layout.buckets(bits.left()).ok_or(bits.malformed(BUCKET))?;
        let time = take_signed(bits, TIME)?;
        let (count, zero_count, whole_counts) = match counting {
            Counting::Whole => {
                let (count, zero) = (take_unsigned(bits, COUNT)?, take_unsigned(bits, COUNT)?);
                (count as f64, zero as f64, Some((zero, count)))
            }
            Counting::Fraction => (bits.float(COUNT)?, bits.float(COUNT)?, None),
        };
        let sum = bits.float(SUM)?;
        let histogram = Histogram {
            hint: 0,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count,
            count,
            whole_counts,
            sum,
            positive_spans: layout.positive_spans,
            negative_spans: layout.negative_spans,
            positive: take_buckets(bits, counting, positive)?,
            negative: take_buckets(bits, counting, negative)?,
            bounds: layout.bounds,
        };
        let differences = Differences::behind(&histogram);
        Ok(Self { time, delta: 0, stale: stale(counting, sum), sum: Xor::after(sum), histogram, differences })
    }

    /// Reads a later sample.
    fn go_on(&mut self, bits: &mut BitReader<'_>) -> Result<(), Malformed> {
        self.delta = self.delta.wrapping_add(take_signed(bits, TIME)?);
        self.time = self.time.wrapping_add(self.delta);
        let histogram = &mut self.histogram;
        match &mut self.differences {
            Differences::Whole(of_count, of_zero, _) => {
                let (zero, count) = histogram.whole_counts.unwrap_or_default();
                let count = take_whole(bits, of_count, count.cast_signed(), COUNT)?.cast_unsigned();
                let zero = take_whole(bits, of_zero, zero.cast_signed(), COUNT)?.cast_unsigned();
                histogram.whole_counts = Some((zero, count));
                (histogram.count, histogram.zero_count) = (count as f64, zero as f64);
            }
            Differences::Fraction(count, zero, _) => {
                histogram.count = count.take(bits, COUNT)?;
                histogram.zero_count = zero.take(bits, COUNT)?;
            }
        }
        let sum = self.sum.take(bits, SUM)?;
        if is_stale(sum) {
            self.stale.sum = sum;
            return Ok(());
        }
        histogram.sum = sum;
        self.differences.take_buckets(bits, histogram)
    }
}

impl Differences {
    fn behind(first: &Histogram) -> Self {
        match (&first.positive, &first.negative) {
            (Buckets::Counts(positive), Buckets::Counts(negative)) => {
                let buckets = positive.iter().chain(negative).map(|&count| Xor::after(count)).collect();
                Differences::Fraction(Xor::after(first.count), Xor::after(first.zero_count), buckets)
            }
            (positive, negative) => {
                let buckets = positive.len() + negative.len();
                Differences::Whole(0, 0, vec![0; usize::try_from(buckets).unwrap_or(0)])
            }
        }
    }

    fn take_buckets(&mut self, bits: &mut BitReader<'_>, histogram: &mut Histogram) -> Result<(), Malformed> {
        let both = [&mut histogram.positive, &mut histogram.negative].into_iter();
        match self {
            Differences::Whole(.., of_buckets) => {
                let buckets = both.flat_map(|buckets| match buckets {
                    Buckets::Deltas(deltas) => deltas.as_mut_slice(),
                    Buckets::Counts(_) => &mut [],
                });
                for (bucket, difference) in buckets.zip(of_buckets) {
                    *bucket = take_whole(bits, difference, *bucket, BUCKET)?;
                }
            }
            Differences::Fraction(.., xors) => {
                let buckets = both.flat_map(|buckets| match buckets {
                    Buckets::Counts(counts) => counts.as_mut_slice(),
                    Buckets::Deltas(_) => &mut [],
                });
                for (bucket, xor) in buckets.zip(xors) {
                    *bucket = xor.take(bits, BUCKET)?;
                }
            }
        }
        Ok(())
    }
}

/// Reads how the difference to the number before has changed; answers with the number.
fn take_whole(
    bits: &mut BitReader<'_>,
    difference: &mut i64,
    before: i64,
    what: &'static str,
) -> Result<i64, Malformed> {
    *difference = difference.wrapping_add(take_signed(bits, what)?);
    Ok(before.wrapping_add(*difference))
}

fn take_buckets(bits: &mut BitReader<'_>, counting: Counting, count: usize) -> Result<Buckets, Malformed> {
    Ok(match counting {
        Counting::Whole => {
            Buckets::Deltas((0..count).map(|_| take_signed(bits, BUCKET)).collect::<Result<_, _>>()?)
        }
        Counting::Fraction => {
            Buckets::Counts((0..count).map(|_| bits.float(BUCKET)).collect::<Result<_, _>>()?)
        }
    })
}

/// The end of a series.
fn stale(counting: Counting, sum: f64) -> Histogram {
    let none = || match counting {
        Counting::Whole => Buckets::Deltas(Vec::new()),
        Counting::Fraction => Buckets::Counts(Vec::new()),
    };
    Histogram {
        hint: 0,
        schema: 0,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: 0.0,
        whole_counts: (counting == Counting::Whole).then_some((0, 0)),
        sum,
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        positive: none(),
        negative: none(),
        bounds: None,
    }
}
