//! Real Prometheus servers as judges of drain and trim: what they serve of a log that was cut is held, sample by sample,
//! against what they serve of the same log as it was.
//!
//! * `logs`: logs of the own encoder with everything in them that a replay treats in a way of its own.
//! * `drained`: drained logs, also after a restart, a scrape and a compaction.
//! * `served`: what a server serves, to be compared.
//! * `trimmed`: trimmed logs, of which what is missing is what was said.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says enough")]

mod drained;
mod logs;
mod served;
mod trimmed;
