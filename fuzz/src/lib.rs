//! What the targets share: laws that every reading keeps, and checksums made right so that mutated files get past them.

pub mod control;
pub mod influxdb3;
pub mod journal;
pub mod laws;
pub mod postgres;
pub mod repair;
pub mod tree;
