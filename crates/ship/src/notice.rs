//! What happens in a shipper that somebody should know, for whoever logs.

use std::fmt;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The server is not there, or has too much to do: all streams wait.
    Lost {
        /// What it did.
        cause: String,
    },
    /// The server takes events again.
    Back,
    /// A batch of a stream was not taken, and is sent again. Told once until no stream waits for this reason any more.
    Held {
        /// The stream.
        stream: String,
        /// Why.
        cause: String,
    },
    /// No stream waits by itself any more.
    Flowing,
    /// The server refuses the event at the head of a stream, which waits.
    Blocked {
        /// The stream.
        stream: String,
        /// The event's number.
        seq: u64,
        /// Why.
        cause: String,
    },
    /// An event was put aside.
    Parked {
        /// The stream.
        stream: String,
        /// The event's number.
        seq: u64,
        /// Why.
        reason: String,
    },
    /// The journal cannot be read just now.
    Unreadable {
        /// Of which stream.
        stream: String,
        /// Why.
        cause: String,
    },
    /// That events arrived cannot be noted just now, so they are sent again after a restart.
    NotSettled {
        /// Of which stream.
        stream: String,
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
            Self::Back | Self::Flowing => Weight::Info,
            _ => Weight::Warning,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { cause } => write!(f, "all streams wait: {cause}"),
            Self::Back => f.write_str("the server takes events again"),
            Self::Held { stream, cause } => write!(f, "{stream} waits: {cause}"),
            Self::Flowing => f.write_str("no stream waits by itself any more"),
            Self::Blocked { stream, seq, cause } => {
                write!(f, "{stream} is blocked by its event {seq}: {cause}")
            }
            Self::Parked { stream, seq, reason } => write!(f, "parked event {seq} of {stream}: {reason}"),
            Self::Unreadable { stream, cause } => write!(f, "cannot read the events of {stream}: {cause}"),
            Self::NotSettled { stream, cause } => {
                write!(f, "events of {stream} have arrived and are sent again after a restart: {cause}")
            }
        }
    }
}
