//! Changes of logs, by format, with the directories that they leave.
//!
//! * `influxdb3`: repairs of every directory of a corpus that real servers wrote and judged.
//! * `arwal`: repairs of job logs.
//! * `reset`: whole logs that are taken away; `reset_servers`: what real servers make of that.
//! * `other`: logs that are left alone.
//! * `interrupted`: the same changes in a process that is killed, or refused, at every one of its system calls.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says enough")]

mod arwal;
mod influxdb3;
mod interrupted;
mod log;
mod other;
mod reset;
mod reset_servers;
mod tree;
