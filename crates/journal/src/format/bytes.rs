//! The one place that turns bytes into numbers and numbers into bytes.

#![expect(clippy::little_endian_bytes, reason = "the format's numbers are little-endian")]

/// The bytes do not hold what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is cut off or out of range")]
pub struct Malformed {
    /// What was being read.
    pub what: &'static str,
}

/// A cursor over hostile bytes: every read is checked, nothing panics, nothing allocates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) const fn new(all: &'a [u8]) -> Self {
        Self(all)
    }

    /// What is left.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed { what })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed { what })?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array(what).map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, Malformed> {
        self.array(what).map(i64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self, what: &'static str) -> Result<u128, Malformed> {
        self.array(what).map(u128::from_le_bytes)
    }

    /// Reads an LEB128 number of at most 64 bits.
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            // The tenth byte holds the 64th bit alone; more would overflow.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed { what })
    }

    /// Reads a text that stands behind its length.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        let len = usize::try_from(self.varint(what)?).map_err(|_| Malformed { what })?;
        std::str::from_utf8(self.take(len, what)?).map_err(|_| Malformed { what })
    }

    pub(crate) fn zigzag(&mut self, what: &'static str) -> Result<i64, Malformed> {
        let value = self.varint(what)?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }
}

/// Puts numbers behind each other.
pub(crate) trait Put {
    fn put(&mut self, bytes: &[u8]);

    fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    fn put_i64(&mut self, value: i64) {
        self.put(&value.to_le_bytes());
    }

    fn put_u128(&mut self, value: u128) {
        self.put(&value.to_le_bytes());
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put_u8(0x80 | low_byte(value));
            value >>= 7;
        }
        self.put_u8(low_byte(value));
    }

    fn put_zigzag(&mut self, value: i64) {
        self.put_varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn put_text(&mut self, text: &str) {
        self.put_varint(text.len() as u64);
        self.put(text.as_bytes());
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Room that is filled from its start on. What does not fit is left out.
impl Put for &mut [u8] {
    fn put(&mut self, bytes: &[u8]) {
        if let Some((room, rest)) = std::mem::take(self).split_at_mut_checked(bytes.len()) {
            room.copy_from_slice(bytes);
            *self = rest;
        }
    }
}

fn low_byte(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_varint_of_more_than_64_bits_is_malformed() {
        assert!(Bytes::new(&[0xff; 10]).varint("n").is_err());
        assert!(Bytes::new(&[0xff; 3]).varint("n").is_err());
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Bytes::new(&most).varint("n"), Ok(u64::MAX));
    }

    proptest! {
        #[test]
        fn numbers_come_back_as_they_were_put(value: u64, signed: i64, text: String) {
            let mut bytes = Vec::new();
            bytes.put_varint(value);
            bytes.put_zigzag(signed);
            bytes.put_text(&text);
            let mut read = Bytes::new(&bytes);
            prop_assert_eq!(read.varint("n"), Ok(value));
            prop_assert_eq!(read.zigzag("n"), Ok(signed));
            prop_assert_eq!(read.text("n"), Ok(text.as_str()));
            prop_assert!(read.is_empty());
        }
    }
}
