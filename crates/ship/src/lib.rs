//! At-least-once delivery of a journal's events to a server: in order, in batches, until the server says that it has them.
//!
//! * A [`Sink`] is a kind of server: it makes one request of a [`Batch`], and says what the [`Answer`] was.
//! * A [`Verdict`] is what an answer means: delivered, retry, or refused. [`judge`] is a pure function.
//! * A [`Course`] is what becomes of a batch: sent again after a pause, split until the event stands alone that the
//!   server does not take, parked. It is a pure state machine.
//! * A [`Shipper`] carries all that out for the streams of a journal, by a [`Policy`].
//!
//! `docs/guides/ship.md` in the repository says what is guaranteed.

mod address;
mod answer;
mod batch;
mod chance;
mod client;
mod course;
mod error;
mod gate;
mod notice;
mod pace;
mod policy;
mod settings;
mod shipper;
mod sink;
mod standing;
mod verdict;

pub use address::{Address, AddressError, Scheme};
pub use answer::{Answer, RetryAfter};
pub use batch::{Batch, Origin};
pub use client::{Times, Trust};
pub use course::{Cause, Course, Turn};
pub use error::StartError;
pub use notice::{Notice, Weight};
pub use pace::Pace;
pub use policy::{Backoff, BatchLimits, OnRefused, Policy};
pub use settings::Settings;
pub use shipper::{Ended, Listener, Running, Shipper, View};
pub use sink::airunner::{Airunner, TaskTokens};
pub use sink::beside::{Beside, Secret};
pub use sink::http::{Form, Http, Packing};
pub use sink::{Sending, Sink};
pub use standing::{State, Status, Totals};
pub use verdict::{Fault, Verdict, judge};
