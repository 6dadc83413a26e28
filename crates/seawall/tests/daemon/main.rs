//! The daemon as a whole: a real process, real requests, and what the journal holds afterwards.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by failing")]

mod access;
mod alerts;
mod asking;
mod board;
mod books;
mod chroma;
mod drains;
mod figures;
mod fronts;
mod hostile;
mod http;
mod intake;
mod interrupted;
mod kept;
mod life;
mod past;
mod postgres;
mod replays;
mod restarts;
mod room;
mod roomless;
mod routes;
mod runbook;
mod running;
#[expect(dead_code, reason = "the journal of the sample is for the tests of documents and commands")]
#[path = "../docs/sample.rs"]
mod sample;
mod scrub;
mod ships;
mod strangers;
mod through;
mod unread;
mod watch;
