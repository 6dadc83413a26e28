//! Changes to logs of Prometheus.
//!
//! * [`Drain`] moves the old part of a log into blocks: nothing is lost, and the next start is quick and small.
//! * [`Trim`] drops it.

mod cut;

pub use cut::drain::{Cut, Drain};
pub use cut::trim::{Trim, TrimTo};
