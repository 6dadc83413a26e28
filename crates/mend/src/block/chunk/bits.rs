//! Streams of bits, the highest of each byte first; the last byte is filled with zeros.

#![expect(clippy::big_endian_bytes, reason = "the highest bit of a stream stands in its first byte")]

use formats::Malformed;

/// Bits of the word that is filled before it is appended.
const WORD: u32 = u64::BITS;

/// A stream that is being written.
#[derive(Debug)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are not yet in `bytes`, from the highest on; the others are zero.
    word: u64,
    /// How many they are: less than a word.
    filled: u32,
}

impl BitWriter {
    /// Begins behind these bytes.
    pub(super) fn behind(header: &[u8]) -> Self {
        Self { bytes: header.to_vec(), word: 0, filled: 0 }
    }

    /// Appends the lower `count` bits of `value`, at most 64; the others must be zero.
    #[inline]
    pub(super) fn put(&mut self, value: u64, count: u32) {
        let room = WORD - self.filled;
        if count < room {
            self.word |= value << (room - count);
            self.filled += count;
            return;
        }
        let over = count - room;
        let word = self.word | (value >> over);
        self.bytes.extend_from_slice(&word.to_be_bytes());
        // What is over is less than a word; a shift by a whole one is none that the machine has.
        self.word = value.checked_shl(WORD - over).unwrap_or(0);
        self.filled = over;
    }

    /// Appends a whole byte.
    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(u64::from(byte), 8);
    }

    /// Appends all bits of a number.
    #[inline]
    pub(super) fn float(&mut self, value: f64) {
        self.put(value.to_bits(), WORD);
    }

    /// How many bytes it has so far, the last of which may not be full.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.filled.div_ceil(8) as usize
    }

    /// The bytes, beginning with this header instead of the one that the stream began with.
    pub(super) fn into_bytes(mut self, header: &[u8]) -> Vec<u8> {
        let rest = self.word.to_be_bytes();
        self.bytes.reserve_exact(8);
        self.bytes.extend(rest.iter().take(self.filled.div_ceil(8) as usize));
        if let Some(place) = self.bytes.get_mut(..header.len()) {
            place.copy_from_slice(header);
        }
        self.bytes.shrink_to_fit();
        self.bytes
    }
}

/// A stream that is being read.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The bit that comes next.
    at: usize,
}

impl<'a> BitReader<'a> {
    /// Begins at the first bit of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bits are left.
    pub(super) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// Takes the next `count` bits, at most 64.
    #[inline]
    pub(super) fn take(&mut self, count: u32, what: &'static str) -> Result<u64, Malformed> {
        if count == 0 {
            return Ok(0);
        }
        if self.left() < count as usize {
            return Err(self.malformed(what));
        }
        let bits = self.peek() >> (WORD - count);
        self.at += count as usize;
        Ok(bits)
    }

    /// The next 64 bits, with zeros behind the end.
    #[inline]
    fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let shift = self.at % 8;
        if let Some((word, [next, ..])) = rest.split_first_chunk::<8>() {
            return (u64::from_be_bytes(*word) << shift) | (u64::from(*next) << shift >> 8);
        }
        let mut word = [0; 8];
        word.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        u64::from_be_bytes(word) << shift
    }

    /// Takes the ones that come next and the zero behind them, at most `most` bits, and answers with how many ones.
    #[inline]
    pub(super) fn ones(&mut self, most: u32, what: &'static str) -> Result<u32, Malformed> {
        let ones = self.peek().leading_ones().min(most);
        self.take(if ones < most { ones + 1 } else { most }, what)?;
        Ok(ones)
    }

    /// Takes a number.
    #[inline]
    pub(super) fn float(&mut self, what: &'static str) -> Result<f64, Malformed> {
        self.take(WORD, what).map(f64::from_bits)
    }

    /// The error `what` at this position.
    pub(super) fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at / 8 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_back_as_they_went_in(pieces in prop::collection::vec((any::<u64>(), 1..=64u32), 0..200)) {
            let masked = |&(value, count): &(u64, u32)| (value >> (64 - count), count);
            let pieces: Vec<_> = pieces.iter().map(masked).collect();
            let mut writer = BitWriter::behind(&[1, 2]);
            let mut bits = 16;
            for &(value, count) in &pieces {
                writer.put(value, count);
                bits += count;
                prop_assert_eq!(writer.len(), bits.div_ceil(8) as usize);
            }
            let bytes = writer.into_bytes(&[3, 4]);
            prop_assert_eq!(bytes.len(), bits.div_ceil(8) as usize);
            prop_assert_eq!(&bytes[..2], &[3, 4]);
            let mut reader = BitReader::new(&bytes[2..]);
            for (value, count) in pieces {
                prop_assert_eq!(reader.take(count, ""), Ok(value));
            }
            let left = u32::try_from(reader.left()).unwrap();
            prop_assert!(left < 8);
            prop_assert_eq!(reader.take(left, ""), Ok(0));
            prop_assert!(reader.take(1, "").is_err());
        }
    }

    #[test]
    fn the_highest_bit_comes_first() {
        let mut writer = BitWriter::behind(&[]);
        writer.put(0b1, 1);
        writer.byte(0b0100_0001);
        writer.put(0b11, 2);
        assert_eq!(writer.into_bytes(&[]), [0b1010_0000, 0b1110_0000]);
    }

    #[test]
    fn ones_end_at_a_zero_or_when_there_are_enough() {
        let mut reader = BitReader::new(&[0b0110_1111, 0b1111_1111]);
        assert_eq!(reader.ones(4, ""), Ok(0));
        assert_eq!(reader.ones(4, ""), Ok(2));
        assert_eq!(reader.ones(8, ""), Ok(8));
        assert_eq!(reader.ones(4, ""), Ok(4));
        assert!(reader.ones(4, "").is_err(), "the zeros behind the end are none");
    }
}
