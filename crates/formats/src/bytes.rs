//! The one place that turns bytes into numbers.

#![expect(clippy::big_endian_bytes, reason = "Prometheus, InfluxDB 3 and SQLite store big-endian numbers")]
#![expect(clippy::little_endian_bytes, reason = "ARWAL001, PostgreSQL and etcd store little-endian numbers")]

/// Why bytes do not decode: what was being read, and at which offset of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at} of the record")]
pub struct Malformed {
    /// What is wrong, such as `series: label runs past the end`.
    pub what: &'static str,
    /// Offset in the bytes that were being decoded.
    pub at: usize,
}

/// A cursor over hostile bytes: every read is checked, nothing panics, nothing allocates.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

macro_rules! fixed_width {
    ($($name:ident: $type:ty = $from:ident),* $(,)?) => {$(
        #[doc = concat!("Reads a `", stringify!($type), "` with `", stringify!($from), "`.")]
        #[inline]
        pub fn $name(&mut self, what: &'static str) -> Result<$type, Malformed> {
            Ok(<$type>::$from(self.array(what)?))
        }
    )*};
}

impl<'a> Bytes<'a> {
    /// A cursor at the start of `all`.
    #[inline]
    pub const fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// How far the cursor is.
    #[inline]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// What is left.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.all.get(self.at..).unwrap_or_default()
    }

    /// Whether nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.at >= self.all.len()
    }

    /// Moves on to where `left` bytes are left; never back.
    #[inline]
    pub(crate) fn skip_to(&mut self, left: usize) {
        self.at = self.at.max(self.all.len().saturating_sub(left));
    }

    /// The error `what` at this position.
    #[inline]
    pub const fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    /// Takes the next `len` bytes.
    #[inline]
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(len).ok_or(self.malformed(what))?;
        let taken = self.all.get(self.at..end).ok_or(self.malformed(what))?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (taken, _) = self.rest().split_first_chunk::<N>().ok_or(self.malformed(what))?;
        self.at += N;
        Ok(*taken)
    }

    fixed_width! {
        u8: u8 = from_be_bytes,
        u16_be: u16 = from_be_bytes, u32_be: u32 = from_be_bytes, u64_be: u64 = from_be_bytes,
        i64_be: i64 = from_be_bytes, f64_be: f64 = from_be_bytes,
        u16_le: u16 = from_le_bytes, u32_le: u32 = from_le_bytes, u64_le: u64 = from_le_bytes,
        i32_le: i32 = from_le_bytes, i64_le: i64 = from_le_bytes,
        f64_le: f64 = from_le_bytes,
    }

    /// Reads an unsigned LEB128 number of at most 64 bits, as Go's `binary.Uvarint` does.
    #[inline]
    pub fn uvarint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let rest = self.rest();
        if let Some(&first) = rest.first()
            && first < 0x80
        {
            self.at += 1;
            return Ok(u64::from(first));
        }
        let (value, len) = long_uvarint(rest).ok_or(self.malformed(what))?;
        self.at += len;
        Ok(value)
    }

    /// Reads a zig-zag number, as Go's `binary.Varint` does.
    #[inline]
    pub fn varint(&mut self, what: &'static str) -> Result<i64, Malformed> {
        self.uvarint(what).map(unzigzag)
    }

    /// Reads a length as a number that can index memory and lies within what is left.
    #[inline]
    pub fn length(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let before = *self;
        let len = usize::try_from(self.uvarint(what)?).map_err(|_| before.malformed(what))?;
        if len > self.rest().len() { Err(before.malformed(what)) } else { Ok(len) }
    }
}

fn long_uvarint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        // The tenth byte holds the 64th bit alone; more would overflow.
        if index == 9 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Undoes zig-zag: 0, -1, 1, -2, .. from 0, 1, 2, 3, ..
#[inline]
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// The 32-bit little-endian words of `bytes`, without an incomplete last one.
#[inline]
pub(crate) fn words_le(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}

/// The 32-bit big-endian words of `bytes`, without an incomplete last one.
#[inline]
pub(crate) fn words_be(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uvarint_of_more_than_64_bits_is_malformed() {
        let mut bytes = Bytes::new(&[0xff; 10]);
        assert!(bytes.uvarint("n").is_err());
        let mut max = Bytes::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(max.uvarint("n"), Ok(u64::MAX));
    }

    #[test]
    fn zigzag_reaches_both_ends() {
        assert_eq!(unzigzag(u64::MAX), i64::MIN);
        assert_eq!(unzigzag(u64::MAX - 1), i64::MAX);
    }

    #[test]
    fn a_failed_read_leaves_the_cursor_where_it_was() {
        let mut bytes = Bytes::new(&[1, 2]);
        assert_eq!(bytes.u32_be("n"), Err(Malformed { what: "n", at: 0 }));
        assert_eq!(bytes.position(), 0);
    }
}
