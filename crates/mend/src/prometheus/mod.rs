//! Changes to logs of Prometheus, and of programs that frame theirs alike.
//!
//! * [`Repair`] keeps what is good on both sides of any damage.
//! * [`Drain`] moves the old part of a log into blocks: nothing is lost, and the next start is quick and small.
//! * [`Trim`] drops it.

mod cut;
mod repair;

pub use cut::drain::{Cut, Drain};
pub use cut::trim::{Trim, TrimTo};
pub use repair::Repair;
