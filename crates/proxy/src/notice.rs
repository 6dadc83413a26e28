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
    /// A lane waits before it tries a server again.
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
    /// The journal cannot be read just now.
    Unreadable {
        /// Of which lane.
        lane: u16,
        /// Why.
        cause: String,
    },
    /// What a server's answer taught is not durable.
    NotLearned {
        /// The server.
        upstream: String,
        /// Why.
        cause: String,
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
            Self::Back { .. } | Self::Held { .. } => Weight::Info,
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
            Self::Held { lane, cause } => write!(f, "lane {lane} waits before it tries again: {cause}"),
            Self::Parked { upstream, id, reason } => {
                write!(f, "{upstream} did not take the write {id}: {reason}")
            }
            Self::Unreadable { lane, cause } => write!(f, "cannot read the writes of lane {lane}: {cause}"),
            Self::NotLearned { upstream, cause } => {
                write!(f, "what {upstream} answered could not be kept: {cause}")
            }
            Self::NotSettled { upstream, cause } => {
                write!(f, "{upstream} may get a write again after a restart: {cause}")
            }
        }
    }
}
