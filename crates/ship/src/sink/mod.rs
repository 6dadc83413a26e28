//! Kinds of servers: each makes one request of a batch.

pub(crate) mod airunner;
pub(crate) mod beside;
pub(crate) mod http;

use std::future::Future;
use std::pin::Pin;

use crate::client::NoReply;
use crate::{Answer, Batch};

/// A request on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A server that events are delivered to.
pub trait Sink: Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// How many events one request may have, whatever the policy says.
    fn most_events(&self) -> usize {
        usize::MAX
    }

    /// Makes one request of a batch. It is bounded in time and in what it reads, and needs a runtime of tokio.
    fn send<'a>(&'a self, batch: &'a Batch) -> Sending<'a>;
}

impl From<NoReply> for Answer {
    fn from(none: NoReply) -> Self {
        match none {
            NoReply::Absent(cause) => Self::Absent(cause),
            NoReply::Silent(cause) => Self::Silent(cause),
        }
    }
}
