//! What happens in a proxy that somebody should know, for whoever logs.

use std::fmt;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A server is gone; writes go elsewhere or are queued.
    Lost {
        /// The server.
        upstream: String,
        /// What it did last.
        cause: String,
    },
    /// A server is back, and gets what it has missed.
    Back {
        /// The server.
        upstream: String,
        /// Writes that it has missed.
        pending: u64,
    },
    /// A write of a lane has to wait, for a reason that is not the server's.
    Held {
        /// The lane.
        lane: u16,
        /// Why.
        cause: String,
    },
    /// A write was put aside.
    Parked {
        /// By which server's refusal.
        upstream: String,
        /// The write.
        id: String,
        /// Why.
        reason: String,
    },
    /// A server had a position in this proxy's lanes, and is not among its servers any more. What it lacks is kept.
    Orphan {
        /// Its name.
        upstream: String,
    },
    /// The journal cannot be read just now.
    Unreadable {
        /// Of which lane.
        lane: u16,
        /// Why.
        cause: String,
    },
    /// What clients sent was no request that could be read, or too large a head. They were told so.
    Unread {
        /// The address of the last one.
        client: String,
        /// Why.
        cause: String,
        /// How many there were since this was told last.
        count: u64,
    },
    /// That a server has a write is not durable, so it may get it again after a restart.
    NotSettled {
        /// The server.
        upstream: String,
        /// Why.
        cause: String,
    },
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It is good to know.
    Info,
    /// Somebody may have to do something.
    Warning,
}

impl Notice {
    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Back { .. } | Self::Unread { .. } => Weight::Info,
            _ => Weight::Warning,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { upstream, cause } => write!(f, "{upstream} is gone: {cause}"),
            Self::Back { upstream, pending } => {
                write!(f, "{upstream} is back; writes that it has to catch up with: {pending}")
            }
            Self::Held { lane, cause } => write!(f, "lane {lane} waits: {cause}"),
            Self::Parked { upstream, id, reason } => {
                write!(f, "{upstream} did not take the write {id}: {reason}")
            }
            Self::Orphan { upstream } => {
                write!(f, "{upstream} is not configured any more, and what it lacks is kept in the journal")
            }
            Self::Unreadable { lane, cause } => write!(f, "cannot read the writes of lane {lane}: {cause}"),
            Self::Unread { client, cause, count } => {
                write!(
                    f,
                    "refused what {client} sent, which is no request: {cause}; since this was told last: {count}"
                )
            }
            Self::NotSettled { upstream, cause } => {
                write!(f, "{upstream} may get a write again after a restart: {cause}")
            }
        }
    }
}
