//! Chance that only spreads load and needs no quality: xorshift.

/// The next state; a state is not zero.
pub(crate) fn next(state: u64) -> u64 {
    let mut x = state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

/// A state as a share of one: 0 to just below 1.
pub(crate) fn share(state: u64) -> f64 {
    (state >> 11) as f64 / (1_u64 << 53) as f64
}
