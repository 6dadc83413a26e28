//! Numbers of few bits: the server's varbit numbers, and floating-point numbers as the difference to the one before.
//!
//! ```text
//! varbit: 0 for 0, else a prefix and the number
//!         10 +3, 110 +6, 1110 +9, 11110 +12, 111110 +18, 1111110 +25, 11111110 +56, 11111111 +64 bits
//!         signed numbers of n bits go from -(2^(n-1) - 1) to 2^(n-1), modulo 2^n
//! xor:    0                                   the same number again
//!         10 bits                             the bits that lie in the window differ
//!         11 leading +5, count +6, bits       a new window; 64 bits are written as 0
//! ```

use formats::Malformed;

use super::bits::{BitReader, BitWriter};

/// How many bits a number may have, by how many ones stand before it.
const WIDTHS: [u32; 8] = [3, 6, 9, 12, 18, 25, 56, 64];

/// Ones before the widest numbers.
const MOST_ONES: u32 = 8;

/// Leading zeros have five bits.
const MOST_LEADING: u32 = 31;

/// Whether a signed number fits into so many bits, 63 at most.
#[inline]
pub(super) const fn fits(value: i64, bits: u32) -> bool {
    let half = 1i64 << (bits - 1);
    -(half - 1) <= value && value <= half
}

/// The lower bits of a signed number.
#[inline]
pub(super) const fn low(value: i64, bits: u32) -> u64 {
    value.cast_unsigned() & (u64::MAX >> (u64::BITS - bits))
}

/// The signed number that has these lower bits.
#[inline]
pub(super) const fn signed(low: u64, bits: u32) -> i64 {
    if bits < u64::BITS && low > 1 << (bits - 1) {
        low.wrapping_sub(1 << bits).cast_signed()
    } else {
        low.cast_signed()
    }
}

/// Appends a signed number.
#[inline]
pub(super) fn put_signed(out: &mut BitWriter, value: i64) {
    if value == 0 {
        return out.put(0, 1);
    }
    let ones = (1..).zip(WIDTHS).find(|&(_, width)| width == u64::BITS || fits(value, width));
    if let Some((ones, width)) = ones {
        put_prefix(out, ones);
        out.put(low(value, width), width);
    }
}

/// Appends an unsigned number.
#[inline]
pub(super) fn put_unsigned(out: &mut BitWriter, value: u64) {
    if value == 0 {
        return out.put(0, 1);
    }
    let wanted = u64::BITS - value.leading_zeros();
    if let Some((ones, width)) = (1..).zip(WIDTHS).find(|&(_, width)| wanted <= width) {
        put_prefix(out, ones);
        out.put(value, width);
    }
}

/// So many ones, and a zero unless they are as many as there can be.
#[inline]
fn put_prefix(out: &mut BitWriter, ones: u32) {
    if ones == MOST_ONES { out.put(0xff, 8) } else { out.put((1 << (ones + 1)) - 2, ones + 1) }
}

/// Takes a signed number.
#[inline]
pub(super) fn take_signed(bits: &mut BitReader<'_>, what: &'static str) -> Result<i64, Malformed> {
    let width = take_width(bits, what)?;
    Ok(signed(bits.take(width, what)?, width.max(1)))
}

/// Takes an unsigned number.
#[inline]
pub(super) fn take_unsigned(bits: &mut BitReader<'_>, what: &'static str) -> Result<u64, Malformed> {
    let width = take_width(bits, what)?;
    bits.take(width, what)
}

/// Takes the prefix of a number; 0 bits for the number 0.
#[inline]
fn take_width(bits: &mut BitReader<'_>, what: &'static str) -> Result<u32, Malformed> {
    let ones = bits.ones(MOST_ONES, what)? as usize;
    Ok(ones.checked_sub(1).and_then(|index| WIDTHS.get(index)).copied().unwrap_or(0))
}

/// The number before, and the window in which numbers last differed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Xor {
    pub(super) value: f64,
    window: Option<Window>,
}

/// Which bits of a number are written.
#[derive(Clone, Copy, Debug)]
struct Window {
    leading: u8,
    trailing: u8,
}

impl Window {
    fn bits(self) -> u32 {
        u64::BITS - u32::from(self.leading) - u32::from(self.trailing)
    }
}

impl Xor {
    /// What follows `value`, which was written in full.
    pub(super) fn after(value: f64) -> Self {
        Self { value, window: None }
    }

    /// Appends the next number.
    #[inline]
    pub(super) fn put(&mut self, out: &mut BitWriter, value: f64) {
        let difference = value.to_bits() ^ self.value.to_bits();
        self.value = value;
        if difference == 0 {
            return out.put(0, 1);
        }
        let leading = difference.leading_zeros().min(MOST_LEADING);
        let trailing = difference.trailing_zeros();
        if let Some(window) = self.window
            && leading >= u32::from(window.leading)
            && trailing >= u32::from(window.trailing)
        {
            out.put(0b10, 2);
            return out.put(difference >> window.trailing, window.bits());
        }
        let count = u64::BITS - leading - trailing;
        // Both are less than 64. A count of 64 loses its only bit, and reads as the 0 that never occurs.
        #[expect(clippy::cast_possible_truncation, reason = "both are less than 64")]
        let window = Window { leading: leading as u8, trailing: trailing as u8 };
        self.window = Some(window);
        out.put((0b11 << 11) | u64::from(leading) << 6 | u64::from(count % 64), 13);
        out.put(difference >> trailing, count);
    }

    /// Takes the next number.
    #[inline]
    pub(super) fn take(&mut self, bits: &mut BitReader<'_>, what: &'static str) -> Result<f64, Malformed> {
        let window = match bits.ones(2, what)? {
            0 => return Ok(self.value),
            1 => self.window.ok_or(bits.malformed(what))?,
            _ => {
                let leading = bits.take(5, what)?;
                let count = match bits.take(6, what)? {
                    0 => 64,
                    count => count,
                };
                let trailing = 64u64.checked_sub(leading + count).ok_or(bits.malformed(what))?;
                #[expect(clippy::cast_possible_truncation, reason = "both are less than 64")]
                let window = Window { leading: leading as u8, trailing: trailing as u8 };
                window
            }
        };
        self.window = Some(window);
        let difference = bits.take(window.bits(), what)? << window.trailing;
        self.value = f64::from_bits(self.value.to_bits() ^ difference);
        Ok(self.value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bits of what `put` appends, as text.
    fn bits(put: impl FnOnce(&mut BitWriter)) -> String {
        let mut out = BitWriter::behind(&[]);
        put(&mut out);
        out.put(1, 1);
        let bytes = out.into_bytes(&[]);
        let text = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:08b}"));
        text.trim_end_matches('0').strip_suffix('1').unwrap().to_owned()
    }

    #[test]
    fn signed_numbers_take_the_narrowest_width_that_holds_them() {
        for (value, expected) in [
            (0, "0"),
            (1, "10001"),
            (-3, "10101"),
            (4, "10100"),
            (5, "110000101"),
            (-4, "110111100"),
            (32, "110100000"),
            (-31, "110100001"),
            (33, "1110000100001"),
        ] {
            assert_eq!(bits(|out| put_signed(out, value)), expected, "{value}");
        }
        for (value, len) in [
            (256, 13),
            (257, 17),
            (-2047, 17),
            (-2048, 24),
            (131_072, 24),
            (131_073, 32),
            (-16_777_215, 32),
            (1 << 24, 32),
            ((1 << 24) + 1, 64),
            (1 << 55, 64),
            ((1 << 55) + 1, 72),
            (i64::MIN, 72),
            (i64::MAX, 72),
        ] {
            assert_eq!(bits(|out| put_signed(out, value)).len(), len, "{value}");
        }
    }

    #[test]
    fn unsigned_numbers_take_the_narrowest_width_that_holds_them() {
        for (value, expected) in [(0, "0"), (7, "10111"), (8, "110001000"), (63, "110111111")] {
            assert_eq!(bits(|out| put_unsigned(out, value)), expected, "{value}");
        }
        for (value, len) in [
            (511, 13),
            (512, 17),
            (4095, 17),
            (262_143, 24),
            ((1 << 25) - 1, 32),
            (1 << 25, 64),
            ((1 << 56) - 1, 64),
            (1 << 56, 72),
            (u64::MAX, 72),
        ] {
            assert_eq!(bits(|out| put_unsigned(out, value)).len(), len, "{value}");
        }
    }

    #[test]
    fn a_window_is_kept_while_the_difference_fits() {
        let mut xor = Xor::after(0.0);
        // 1.0 has ten ones behind two zeros: leading 2, ten bits.
        let ones = format!("11{:05b}{:06b}{}", 2, 10, "1".repeat(10));
        assert_eq!(bits(|out| xor.put(out, 1.0)), ones);
        assert_eq!(bits(|out| xor.put(out, 1.0)), "0");
        assert_eq!(bits(|out| xor.put(out, 0.0)), format!("10{}", "1".repeat(10)));
        let all = f64::from_bits(1 << 63 | 1);
        assert_eq!(bits(|out| xor.put(out, all)), format!("11{:05b}{:06b}1{}1", 0, 0, "0".repeat(62)));
    }

    proptest! {
        #[test]
        fn numbers_come_back_as_they_went_in(
            numbers in prop::collection::vec((any::<i64>(), 0..64u32, any::<u64>(), 0..64u32), 0..50),
            floats in prop::collection::vec(any::<u64>().prop_map(f64::from_bits), 0..50),
        ) {
            let mut out = BitWriter::behind(&[]);
            for &(value, shift, other, other_shift) in &numbers {
                put_signed(&mut out, value >> shift);
                put_unsigned(&mut out, other >> other_shift);
            }
            let mut xor = Xor::after(0.0);
            floats.iter().for_each(|&value| xor.put(&mut out, value));
            let bytes = out.into_bytes(&[]);
            let mut reader = BitReader::new(&bytes);
            for (value, shift, other, other_shift) in numbers {
                prop_assert_eq!(take_signed(&mut reader, ""), Ok(value >> shift));
                prop_assert_eq!(take_unsigned(&mut reader, ""), Ok(other >> other_shift));
            }
            let mut xor = Xor::after(0.0);
            for value in floats {
                prop_assert_eq!(xor.take(&mut reader, "").unwrap().to_bits(), value.to_bits());
            }
        }
    }
}
