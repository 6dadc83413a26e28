//! A write-buffering HTTP proxy: writes are journaled before they are forwarded, and replayed in order after an outage.
//!
//! * A [`Dialect`] is what the proxy knows about one API: what reads, what writes, and which writes have an order.

mod call;
pub mod dialect;
mod known;

pub use call::{Answer, Call, Head};
pub use dialect::{Chroma, Dialect, Plain};
pub use known::{Known, Lesson};
