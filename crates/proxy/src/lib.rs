//! A write-buffering HTTP proxy: writes are journaled before they are forwarded, and replayed in order after an outage.
//!
//! * [`Proxy::start`] takes [`Settings`] and a journal, and serves until it is [drained](Running::drain). [`Proxy::bind`] listens
//!   before there is a journal.
//! * A [`Dialect`] is what it knows about one API: what reads, what writes, and which writes have an order.
//! * A [`Notice`] is something that happened; whoever logs hears of it.
//!
//! `docs/guides/proxy.md` in the repository says what is guaranteed, and what a client sees in each case.

mod answer;
mod asking;
mod bodies;
mod body;
mod call;
mod chance;
mod core;
mod counts;
mod desk;
pub mod dialect;
mod draft;
mod entry;
mod error;
mod head;
mod id;
mod known;
mod lane;
mod listen;
mod notice;
mod own;
mod patience;
mod proxy;
mod reading;
mod roster;
mod settings;
mod status;
mod teacher;
mod tls;
mod upstream;
mod writing;

pub use call::{Answer, Call, Head};
pub use core::{Listener, MOST_SERVERS};
pub use desk::{Desk, Left};
pub use dialect::{Chroma, Dialect, Plain};
pub use entry::{BadEntry, Entry};
pub use error::StartError;
pub use known::{Known, Lesson};
pub use notice::{Notice, Weight};
pub use own::figures;
pub use proxy::{Bound, Observer, Proxy, Running};
pub use settings::{
    Ambiguous, Feed, Identity, Limits, Origin, OriginError, Reads, Replay, Scheme, Server, Settings, Times,
};
pub use status::{Counters, Feeding, Status, UpstreamStatus};
pub use upstream::{Garbage, Whole};
