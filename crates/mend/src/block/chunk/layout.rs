//! Where the buckets of a chunk of histograms lie, which is the same for all of them.
//!
//! ```text
//! layout:    zero threshold | schema signed | positive spans | negative spans | bounds, if schema = -53
//! threshold: byte 0 for 0; 1 to 254 for the power of two 2^(byte - 244); else 255 and +64 bits
//! spans:     count unsigned | { length unsigned | offset signed }
//! bounds:    count unsigned | { thousandths + 1 unsigned, or 0 and +64 bits }
//! ```
//! Signed and unsigned are varbit numbers.

use formats::Malformed;
use formats::prometheus::record::{Buckets, Histogram, Span};

use super::Refused;
use super::bits::{BitReader, BitWriter};
use super::numbers::{put_signed, put_unsigned, take_signed, take_unsigned};

/// The schema of histograms whose bucket bounds are listed.
const CUSTOM_BUCKETS: i64 = -53;

/// More buckets than any histogram has: at the finest resolution the whole range of numbers has half as many.
const MOST_BUCKETS: u64 = 1 << 20;

/// More spans than any histogram has.
const MOST_SPANS: usize = 1 << 16;

/// The largest number of thousandths that a bound is written in.
const MOST_THOUSANDTHS: u64 = 33_554_430;

/// What a byte that stands for a power of two is more than its exponent.
const POWER: i64 = 244;

/// Marks a threshold that is written in full.
const IN_FULL: u8 = 255;

/// Bits of the mantissa.
const MANTISSA: u32 = 52;

/// What the exponents of floating-point numbers are written with more.
const EXPONENT_BIAS: i64 = 1023;

/// The layout of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) schema: i64,
    pub(super) zero_threshold: f64,
    pub(super) positive_spans: Vec<Span>,
    pub(super) negative_spans: Vec<Span>,
    pub(super) bounds: Option<Vec<f64>>,
}

impl Layout {
    /// That of chunks which begin with the end of a series.
    pub(super) fn empty() -> Self {
        Self {
            schema: 0,
            zero_threshold: 0.0,
            positive_spans: Vec::new(),
            negative_spans: Vec::new(),
            bounds: None,
        }
    }

    /// That of a histogram.
    pub(super) fn of(histogram: &Histogram) -> Self {
        Self {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            positive_spans: histogram.positive_spans.clone(),
            negative_spans: histogram.negative_spans.clone(),
            bounds: histogram.bounds.clone(),
        }
    }

    /// Whether a histogram has this layout, to the bit.
    pub(super) fn is_of(&self, histogram: &Histogram) -> bool {
        let same_bounds = match (&self.bounds, &histogram.bounds) {
            (Some(ours), Some(theirs)) => {
                ours.iter().map(|it| it.to_bits()).eq(theirs.iter().map(|it| it.to_bits()))
            }
            (None, None) => true,
            _ => false,
        };
        self.schema == histogram.schema
            && self.zero_threshold.to_bits() == histogram.zero_threshold.to_bits()
            && self.positive_spans == histogram.positive_spans
            && self.negative_spans == histogram.negative_spans
            && same_bounds
    }

    pub(super) fn put(&self, out: &mut BitWriter) {
        put_threshold(out, self.zero_threshold);
        put_signed(out, self.schema);
        for spans in [&self.positive_spans, &self.negative_spans] {
            put_unsigned(out, spans.len() as u64);
            for span in spans {
                put_unsigned(out, span.length);
                put_signed(out, span.offset);
            }
        }
        if let Some(bounds) = &self.bounds {
            put_unsigned(out, bounds.len() as u64);
            bounds.iter().for_each(|&bound| put_bound(out, bound));
        }
    }

    pub(super) fn take(bits: &mut BitReader<'_>) -> Result<Self, Malformed> {
        let zero_threshold = take_threshold(bits)?;
        let schema = take_signed(bits, "histogram chunk: schema")?;
        Ok(Self {
            zero_threshold,
            schema,
            positive_spans: take_spans(bits)?,
            negative_spans: take_spans(bits)?,
            bounds: if schema == CUSTOM_BUCKETS { Some(take_bounds(bits)?) } else { None },
        })
    }

    /// How many buckets of each sign there are. Each takes at least one of the `left` bits.
    pub(super) fn buckets(&self, left: usize) -> Option<(usize, usize)> {
        let (positive, negative) = (count(&self.positive_spans)?, count(&self.negative_spans)?);
        let most = MOST_BUCKETS.min(left as u64);
        positive.checked_add(negative).filter(|&all| all <= most)?;
        Some((usize::try_from(positive).ok()?, usize::try_from(negative).ok()?))
    }
}

/// How many buckets spans have.
fn count(spans: &[Span]) -> Option<u64> {
    spans.iter().try_fold(0u64, |sum, span| sum.checked_add(span.length))
}

/// Refuses a histogram that cannot be written, or that the server would stumble over.
pub(super) fn check(histogram: &Histogram) -> Result<(), Refused> {
    let is_whole = |buckets: &Buckets| matches!(buckets, Buckets::Deltas(_));
    let whole = histogram.whole_counts.is_some();
    if is_whole(&histogram.positive) != whole || is_whole(&histogram.negative) != whole {
        return Err(Refused::Broken("its counts are of two kinds"));
    }
    if i32::try_from(histogram.schema).is_err() {
        return Err(Refused::Broken("there is no such schema"));
    }
    if (histogram.schema == CUSTOM_BUCKETS) != histogram.bounds.is_some() {
        return Err(Refused::Broken("its bounds do not go with its schema"));
    }
    let mut all = 0;
    for (spans, buckets) in
        [(&histogram.positive_spans, &histogram.positive), (&histogram.negative_spans, &histogram.negative)]
    {
        let fits = |span: &Span| i32::try_from(span.offset).is_ok() && u32::try_from(span.length).is_ok();
        if spans.len() > MOST_SPANS || !spans.iter().all(fits) {
            return Err(Refused::Broken("its spans are out of range"));
        }
        if count(spans) != Some(buckets.len()) {
            return Err(Refused::Broken("it has more or fewer buckets than its spans"));
        }
        all += buckets.len();
    }
    if all > MOST_BUCKETS { Err(Refused::Broken("it has more than a million buckets")) } else { Ok(()) }
}

fn put_threshold(out: &mut BitWriter, threshold: f64) {
    let bits = threshold.to_bits();
    let power = match bits {
        0 => Some(0),
        _ if bits.trailing_zeros() >= MANTISSA => {
            // With its sign, so that negative ones are out of range.
            let exponent = (bits >> MANTISSA).cast_signed() - EXPONENT_BIAS;
            u8::try_from(exponent + POWER).ok().filter(|byte| (1..IN_FULL).contains(byte))
        }
        _ => None,
    };
    out.byte(power.unwrap_or(IN_FULL));
    if power.is_none() {
        out.float(threshold);
    }
}

fn take_threshold(bits: &mut BitReader<'_>) -> Result<f64, Malformed> {
    const WHAT: &str = "histogram chunk: zero threshold";
    match bits.take(8, WHAT)? {
        0 => Ok(0.0),
        255 => bits.float(WHAT),
        byte => {
            let exponent = byte.cast_signed() - POWER + EXPONENT_BIAS;
            Ok(f64::from_bits(exponent.cast_unsigned() << MANTISSA))
        }
    }
}

fn take_spans(bits: &mut BitReader<'_>) -> Result<Vec<Span>, Malformed> {
    const WHAT: &str = "histogram chunk: spans";
    let mut spans = Vec::new();
    for _ in 0..take_unsigned(bits, WHAT)? {
        if spans.len() == MOST_SPANS {
            return Err(bits.malformed(WHAT));
        }
        let length = take_unsigned(bits, WHAT)?;
        spans.push(Span { offset: take_signed(bits, WHAT)?, length });
    }
    Ok(spans)
}

fn put_bound(out: &mut BitWriter, bound: f64) {
    let thousandths = (bound * 1000.0).round();
    // What is negative or no number becomes 0 here.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is not exact is seen below"
    )]
    let whole = thousandths as u64;
    let exact = (whole as f64 / 1000.0).to_bits() == bound.to_bits();
    if exact && whole <= MOST_THOUSANDTHS {
        put_unsigned(out, whole + 1);
    } else {
        put_unsigned(out, 0);
        out.float(bound);
    }
}

fn take_bounds(bits: &mut BitReader<'_>) -> Result<Vec<f64>, Malformed> {
    const WHAT: &str = "histogram chunk: bounds";
    let mut bounds = Vec::new();
    for _ in 0..take_unsigned(bits, WHAT)? {
        bounds.push(match take_unsigned(bits, WHAT)? {
            0 => bits.float(WHAT)?,
            more => (more - 1) as f64 / 1000.0,
        });
    }
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(value: f64) -> (usize, u8) {
        let mut out = BitWriter::behind(&[]);
        put_threshold(&mut out, value);
        let bytes = out.into_bytes(&[]);
        let back = take_threshold(&mut BitReader::new(&bytes)).unwrap();
        assert_eq!(back.to_bits(), value.to_bits(), "{value}");
        (bytes.len(), bytes[0])
    }

    #[test]
    fn a_usual_threshold_is_one_byte() {
        assert_eq!(threshold(0.0), (1, 0));
        // The server's default, 2^-128.
        assert_eq!(threshold(2f64.powi(-128)), (1, 116));
        assert_eq!(threshold(2f64.powi(-243)), (1, 1));
        assert_eq!(threshold(1024.0), (1, 254));
        for other in
            [2f64.powi(-244), 2048.0, 0.1, -0.0, -1.0, f64::INFINITY, f64::NAN, f64::MIN_POSITIVE / 2.0]
        {
            assert_eq!(threshold(other), (9, 255), "{other}");
        }
    }

    #[test]
    fn a_bound_in_thousandths_is_short_and_every_other_exact() {
        let len = |bound: f64| {
            let mut out = BitWriter::behind(&[]);
            put_unsigned(&mut out, 1);
            put_bound(&mut out, bound);
            let bytes = out.into_bytes(&[]);
            let back = take_bounds(&mut BitReader::new(&bytes)).unwrap();
            assert_eq!(back[0].to_bits(), bound.to_bits(), "{bound}");
            bytes.len()
        };
        for short in [0.0, 0.005, 0.25, 10.0, 33_554.43] {
            assert!(len(short) <= 5, "{short}");
        }
        for long in [-0.0, 33_554.431, 0.0005, -1.0, 0.1 + 0.2, f64::INFINITY, f64::NAN] {
            assert_eq!(len(long), 9, "{long}");
        }
    }
}
