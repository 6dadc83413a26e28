//! The proxy in front of real servers: HTTP over real sockets, a real journal, and servers that go and come.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod client;
mod house;
mod service;

mod faults;
mod guide;
mod hostile;
mod live;
mod outage;
mod own;
mod reads;
mod starting;
mod transport;
mod wire;
