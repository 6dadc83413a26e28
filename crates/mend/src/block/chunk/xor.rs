//! Encoding 1: floating-point numbers.
//!
//! ```text
//! chunk:  count u16 | first | second | later*
//! first:  time varint | value +64 bits
//! second: time as the difference to the first, uvarint | value xor
//! later:  time as the difference between the last two differences | value xor
//!         0 for 0, 10 +14, 110 +17, 1110 +20, 1111 +64 bits
//! ```

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

use formats::Malformed;

use super::bits::{BitReader, BitWriter};
use super::numbers::{Xor, fits, low, signed};
use super::{EncodedChunk, XOR};

/// Samples after which a chunk is full: what the server aims at.
const FULL_SAMPLES: u16 = 120;

/// Bytes after which a chunk is full: the server keeps chunks below 1024, and a sample takes at most 19.
const FULL_BYTES: usize = 1024 - 19;

/// Bits of the times of later samples, by how many ones stand before them.
const TIME_WIDTHS: [u32; 4] = [14, 17, 20, 64];

/// Ones before the widest times.
const MOST_ONES: u32 = 4;

/// A chunk that is being written. It has at least one sample.
#[derive(Debug)]
pub(super) struct XorChunk {
    out: BitWriter,
    samples: u16,
    min_time: i64,
    time: i64,
    delta: i64,
    value: Xor,
}

impl XorChunk {
    /// Begins with a sample.
    pub(super) fn begin(time: i64, value: f64) -> Self {
        let mut out = BitWriter::behind(&[0; 2]);
        put_uvarint(&mut out, ((time << 1) ^ (time >> 63)).cast_unsigned());
        out.float(value);
        Self { out, samples: 1, min_time: time, time, delta: 0, value: Xor::after(value) }
    }

    /// The time of its last sample.
    #[inline]
    pub(super) fn time(&self) -> i64 {
        self.time
    }

    /// Whether the next sample begins a new one.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.samples >= FULL_SAMPLES || self.out.len() > FULL_BYTES
    }

    /// Appends a sample.
    #[inline]
    pub(super) fn append(&mut self, time: i64, value: f64) {
        let delta = time.wrapping_sub(self.time);
        if self.samples == 1 {
            put_uvarint(&mut self.out, delta.cast_unsigned());
        } else {
            self.put_time(delta.wrapping_sub(self.delta));
        }
        self.value.put(&mut self.out, value);
        (self.time, self.delta) = (time, delta);
        self.samples += 1;
    }

    #[inline]
    fn put_time(&mut self, change: i64) {
        match change {
            0 => self.out.put(0, 1),
            _ if fits(change, 14) => self.out.put(0b10 << 14 | low(change, 14), 16),
            _ if fits(change, 17) => self.out.put(0b110 << 17 | low(change, 17), 20),
            _ if fits(change, 20) => self.out.put(0b1110 << 20 | low(change, 20), 24),
            _ => {
                self.out.put(0b1111, 4);
                self.out.put(change.cast_unsigned(), 64);
            }
        }
    }

    /// Ends it.
    pub(super) fn finish(self) -> EncodedChunk<'static> {
        EncodedChunk {
            min_time: self.min_time,
            max_time: self.time,
            encoding: XOR,
            samples: u64::from(self.samples),
            data: self.out.into_bytes(&self.samples.to_be_bytes()).into(),
        }
    }
}

fn put_uvarint(out: &mut BitWriter, mut value: u64) {
    while value >= 0x80 {
        out.put(value & 0x7f | 0x80, 8);
        value >>= 7;
    }
    out.put(value, 8);
}

/// The samples of a chunk.
#[derive(Debug)]
pub(super) struct XorSamples<'a> {
    bits: BitReader<'a>,
    read: u16,
    time: i64,
    delta: i64,
    value: Xor,
}

impl<'a> XorSamples<'a> {
    /// Reads behind the count.
    pub(super) fn new(bits: BitReader<'a>) -> Self {
        Self { bits, read: 0, time: 0, delta: 0, value: Xor::after(0.0) }
    }

    /// Reads one sample.
    #[inline]
    pub(super) fn read(&mut self) -> Result<(i64, f64), Malformed> {
        let bits = &mut self.bits;
        match self.read {
            0 => {
                let zigzag = take_uvarint(bits)?;
                self.time = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
                self.value = Xor::after(bits.float(VALUE)?);
            }
            1 => {
                self.delta = take_uvarint(bits)?.cast_signed();
                self.time = self.time.wrapping_add(self.delta);
                self.value.take(bits, VALUE)?;
            }
            _ => {
                self.delta = self.delta.wrapping_add(take_time(bits)?);
                self.time = self.time.wrapping_add(self.delta);
                self.value.take(bits, VALUE)?;
            }
        }
        self.read = self.read.saturating_add(1);
        Ok((self.time, self.value.value))
    }
}

const TIME: &str = "chunk: time";
const VALUE: &str = "chunk: value";

#[inline]
fn take_time(bits: &mut BitReader<'_>) -> Result<i64, Malformed> {
    let ones = bits.ones(MOST_ONES, TIME)? as usize;
    match ones.checked_sub(1).and_then(|index| TIME_WIDTHS.get(index)) {
        Some(&width) => Ok(signed(bits.take(width, TIME)?, width)),
        None => Ok(0),
    }
}

fn take_uvarint(bits: &mut BitReader<'_>) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = bits.take(8, TIME)?;
        // The tenth byte holds the 64th bit alone.
        if shift == 63 && byte > 1 {
            break;
        }
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(bits.malformed(TIME))
}
