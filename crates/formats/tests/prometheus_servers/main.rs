//! Real Prometheus servers as judges: what is read from a log, and what is said about its next start, must be what
//! three versions of the server make of it.
//!
//! * `counts`: logs that servers wrote, stopped and killed, with everything that fills a data directory.
//! * `live`: the same while the server writes, compacts and deletes.
//! * `verdicts`: sound logs that were damaged, and what the server then does.
//! * `records`: logs of the own encoder, which the server must take without a word.
//! * `agents`: servers that keep nothing but a log.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says enough")]

mod agents;
mod counts;
mod exposition;
mod live;
mod model;
mod records;
mod sound;
mod verdicts;
