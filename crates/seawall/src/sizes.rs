//! Sizes as people type them: `5GB`, `5GiB`, `512Mi`, `1.5 TiB`, plain bytes, and shares such as `20%`.
//!
//! Decimal and binary units are what they say: `5GB` is 5 000 000 000 bytes, `5GiB` is 5 368 709 120. Lowercase single
//! letters are refused, since `512m` is a thousandth to Kubernetes and 2^20 to Docker.

use std::str::FromStr;

/// A number of bytes that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u64);

impl Size {
    /// The number of bytes.
    pub(crate) const fn bytes(self) -> u64 {
        self.0
    }
}

/// How much room has to be left: bytes, or a share of the file system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Floor(watch::Floor);

impl Floor {
    /// The room.
    pub(crate) const fn meant(self) -> watch::Floor {
        self.0
    }
}

/// Why a text is no size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    /// There is no number in front.
    #[error("a size begins with a number, such as 5GB, 5GiB, 512Mi or 1048576")]
    NoNumber,
    /// The unit is not known.
    #[error("unknown unit {unit:?}: use B, kB, MB, GB, TB, PB or KiB, MiB, GiB, TiB, PiB")]
    Unit {
        /// What stands there.
        unit: String,
    },
    /// The unit means different things to different programs.
    #[error("{unit:?} is ambiguous: write {upper}B for decimal or {upper}iB for binary units")]
    Ambiguous {
        /// What stands there.
        unit: String,
        /// The letter of the units that could be meant.
        upper: String,
    },
    /// More bytes than 64 bits can count.
    #[error("more bytes than any disk has")]
    TooLarge,
    /// Not a share.
    #[error("a share lies between 0% and 100%")]
    Share,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).ok_or(SizeError::NoNumber)?;
        if number.is_empty() {
            return Err(SizeError::NoNumber);
        }
        scaled(number, factor(unit.trim())?)
    }
}

fn scaled(number: &str, factor: u64) -> Result<Size, SizeError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(SizeError::NoNumber);
    }
    let whole: u64 = whole.parse().map_err(|_| SizeError::TooLarge)?;
    // More digits than these lie below one byte of the largest unit.
    let fraction: String = fraction.chars().take(18).collect();
    let parts: u128 = fraction.parse().map_err(|_| SizeError::NoNumber)?;
    let denominator = u32::try_from(fraction.len()).ok().and_then(|len| 10u128.checked_pow(len));
    let rest = denominator.map_or(0, |denominator| parts * u128::from(factor) / denominator);
    let bytes = u128::from(whole) * u128::from(factor) + rest;
    u64::try_from(bytes).map(Size).map_err(|_| SizeError::TooLarge)
}

fn factor(unit: &str) -> Result<u64, SizeError> {
    match unit {
        "k" => return Ok(1_000),
        "m" | "g" | "t" | "p" => {
            return Err(SizeError::Ambiguous { unit: unit.to_owned(), upper: unit.to_ascii_uppercase() });
        }
        _ => {}
    }
    Ok(match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "p" | "pb" => 1_000_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        "pi" | "pib" => 1 << 50,
        _ => return Err(SizeError::Unit { unit: unit.to_owned() }),
    })
}

impl FromStr for Floor {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let Some(share) = text.trim().strip_suffix('%') else {
            return text.parse::<Size>().map(|size| Floor(watch::Floor::Bytes(size.bytes())));
        };
        let percent: f64 = share.trim().parse().map_err(|_| SizeError::Share)?;
        if (0.0..=100.0).contains(&percent) {
            Ok(Floor(watch::Floor::Percent(percent)))
        } else {
            Err(SizeError::Share)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Result<u64, SizeError> {
        text.parse::<Size>().map(Size::bytes)
    }

    #[test]
    fn decimal_and_binary_units_are_what_they_say() {
        let table: &[(&str, u64)] = &[
            ("0", 0),
            ("1048576", 1 << 20),
            ("5GB", 5_000_000_000),
            ("5GiB", 5 << 30),
            ("5 gib", 5 << 30),
            ("512Mi", 512 << 20),
            ("512M", 512_000_000),
            ("1.5KiB", 1536),
            ("1k", 1000),
            ("0.5TB", 500_000_000_000),
            ("3PiB", 3 << 50),
        ];
        for (text, expected) in table {
            assert_eq!(bytes(text), Ok(*expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        assert_eq!(bytes("GB"), Err(SizeError::NoNumber));
        assert_eq!(bytes(""), Err(SizeError::NoNumber));
        assert_eq!(bytes("1..5GB"), Err(SizeError::NoNumber));
        assert_eq!(bytes("-5GB"), Err(SizeError::NoNumber));
        assert!(matches!(bytes("5 parsecs"), Err(SizeError::Unit { .. })));
        assert!(matches!(bytes("512m"), Err(SizeError::Ambiguous { .. })));
        assert_eq!(bytes("99999999999PB"), Err(SizeError::TooLarge));
        assert_eq!(bytes("99999999999999999999999"), Err(SizeError::TooLarge));
    }

    #[test]
    fn a_floor_is_a_size_or_a_share_of_the_whole() {
        assert_eq!("20%".parse(), Ok(Floor(watch::Floor::Percent(20.0))));
        assert_eq!("2GiB".parse(), Ok(Floor(watch::Floor::Bytes(2 << 30))));
        for wrong in ["120%", "-1%", "%", "NaN%"] {
            assert_eq!(wrong.parse::<Floor>(), Err(SizeError::Share), "{wrong}");
        }
    }
}
