//! Delivery as a whole: a real journal on a disk, a shipper, and a server on a socket that answers as a test says.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod airunner;
mod faults;
mod forms;
mod house;
mod order;
mod refusals;
mod restarts;
mod tls;
mod waiting;
