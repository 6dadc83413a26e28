//! Names of blocks: a time and a random number, as text that sorts by time.

use std::fmt;

use serde::{Serialize, Serializer};

/// The 32 digits of Crockford: no I, L, O and U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bits of the random number.
const ENTROPY_BITS: u32 = 80;

/// A block's name: 48 bits of milliseconds, 80 bits of entropy, in 26 digits of five bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ulid(u128);

impl Ulid {
    /// The name of a block made `millis` after 1970. Of the time, the lower 48 bits count; of the entropy, 80.
    pub const fn new(millis: u64, entropy: u128) -> Self {
        let random = entropy & ((1 << ENTROPY_BITS) - 1);
        // What lies above the 48 bits is shifted out.
        Self(((millis as u128) << ENTROPY_BITS) | random)
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = (0..26).rev().map(|place| {
            let five = (self.0 >> (place * 5)) & 0x1f;
            DIGITS.get(five as usize).map_or('0', |&digit| char::from(digit))
        });
        f.pad(&digits.collect::<String>())
    }
}

impl Serialize for Ulid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_time_and_the_entropy_in_crockfords_digits() {
        // The example of the ULID specification: 1469918176385 is 01ARYZ6S41.
        let ulid = Ulid::new(1_469_918_176_385, u128::MAX);
        assert_eq!(ulid.to_string(), "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
        assert_eq!(Ulid::new(0, 0).to_string(), "0".repeat(26));
        assert_eq!(Ulid::new(u64::MAX, u128::MAX).to_string(), format!("7{}", "Z".repeat(25)));
    }

    #[test]
    fn names_sort_by_time() {
        let (earlier, later) = (Ulid::new(1000, u128::MAX), Ulid::new(1001, 0));
        assert!(earlier < later && earlier.to_string() < later.to_string());
    }
}
