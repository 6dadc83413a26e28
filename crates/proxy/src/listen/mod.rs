//! The proxy's own side towards clients: threads, connections, requests.

mod accept;
mod doorstep;
mod head_timer;
mod patient;
mod seats;
mod serve;
mod threads;
mod unread;

pub(crate) use doorstep::Doorstep;
pub(crate) use threads::{Threads, bind, join};
pub(crate) use unread::Unread;
