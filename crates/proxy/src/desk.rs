//! What a proxy answers to others than its clients: how its journal is, and what became of writes.

use std::sync::Arc;

use journal::Health;
use serde_json::Value;

use crate::core::Shared;
use crate::own::writes;
use crate::status::Status;

/// Where a proxy is asked about its writes by whoever runs it. Copies are the same desk; the journal stays open as long as
/// there is one.
#[derive(Clone)]
pub struct Desk {
    pub(crate) shared: Arc<Shared>,
}

/// What became of writes that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// They are to be sent.
    Pending,
    /// They were put aside.
    Parked,
}

impl Desk {
    /// The name of its proxy.
    pub fn proxy(&self) -> &str {
        &self.shared.settings.name
    }

    /// How its proxy stands. It reads from the journal, so it may take a moment.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Whether its journal takes writes.
    pub fn health(&self) -> Health {
        self.shared.journal.stats().health
    }

    /// What became of a write, as the proxy's own route tells it; nothing if it is none of this proxy.
    pub fn write(&self, id: &str) -> Option<Value> {
        writes::find(&self.shared, id).map(|id| writes::told(&self.shared, id))
    }

    /// Writes that are left on a server, or on any, as the proxy's own route lists them; so many at most. It reads from the
    /// journal, so it may take a moment.
    pub fn writes(&self, left: Left, upstream: Option<String>, most: usize) -> Vec<Value> {
        writes::listed(&self.shared, &writes::Wanted { left, upstream, most, most_bytes: usize::MAX })
    }
}
