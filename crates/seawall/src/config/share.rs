//! Numbers with a fraction: parts of a whole, and factors.

use std::str::FromStr;

/// A part of a whole: 0 to 1.
pub(super) struct Share(f64);

impl Share {
    /// It.
    pub(super) fn value(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("{text:?} is no number from 0 to 1"))
    }
}

/// By how much something grows: 1 to 100.
pub(super) struct Factor(f64);

impl Factor {
    /// It.
    pub(super) fn value(self) -> f64 {
        self.0
    }
}

impl FromStr for Factor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let factor = text.parse().ok().filter(|factor| (1.0..=100.0).contains(factor));
        factor.map(Self).ok_or_else(|| format!("{text:?} is no number from 1 to 100"))
    }
}
