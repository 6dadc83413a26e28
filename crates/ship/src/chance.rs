//! Chance that only spreads load and needs no quality: xorshift.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of chance that many may ask.
pub(crate) struct Chance(AtomicU64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed | 1))
    }

    /// A share of one: 0 to just below 1.
    pub(crate) fn share(&self) -> f64 {
        // Two that ask at once may get the same, which does no harm.
        let mut x = self.0.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.store(x, Ordering::Relaxed);
        (x >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lie_between_nothing_and_all_and_differ() {
        let chance = Chance::new(7);
        let shares: Vec<f64> = (0..100).map(|_| chance.share()).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        assert!(shares.iter().any(|share| *share < 0.3) && shares.iter().any(|share| *share > 0.7));
    }
}
