//! The dialect of Chroma with two real servers and the real Python client, unchanged.

#![expect(clippy::unwrap_used, reason = "tests")]

mod house;

mod ids;
mod outages;
mod page;
mod paths;
mod servers;
