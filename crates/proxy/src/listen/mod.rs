//! The proxy's own side towards clients: threads, connections, requests.

mod accept;
mod patient;
mod serve;
mod threads;

pub(crate) use threads::{Threads, bind};
