//! Repair of Prometheus logs: whatever was damaged, real servers serve afterwards all that was good.
//!
//! * `sound`: logs of the own encoder, and what servers make of them.
//! * `damage`: the catalogue: each entry harms a log and says which bytes are gone.
//! * `model`: what was good, counted from the log before it was harmed and from what is gone.
//! * `chance`: without servers: logs harmed at random.
//! * `plans`: without servers: what a plan says, that its change can be taken back, that it is needed once.
//! * `servers`: every entry of the catalogue, repaired and served by three versions, twice.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says enough")]

mod chance;
mod damage;
mod model;
mod plans;
mod servers;
mod sound;
