//! The daemon as a whole: a real process, real requests, and what the journal holds afterwards.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by failing")]

mod access;
mod alerts;
mod books;
mod fronts;
mod hostile;
mod http;
mod intake;
mod life;
mod postgres;
mod room;
mod routes;
mod running;
mod watch;
