//! What can go wrong while a test drives a server.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

/// Why a server or its tool could not be driven. Its log is part of the message, since it is gone with the test.
#[derive(Debug, Error)]
pub enum DriveError {
    /// The machine refused something.
    #[error("could not {doing}: {cause}")]
    Machine {
        /// What was being done, and to what.
        doing: String,
        /// What the machine answered.
        #[source]
        cause: io::Error,
    },
    /// The process ended by itself.
    #[error("{name} ended with {status} by itself; the end of its log:\n{log}")]
    Ended {
        /// Which process.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The process did not do what it was asked to in a time that only a broken run needs.
    #[error("{name} was not {awaited} after {limit:?}; the end of its log:\n{log}")]
    Late {
        /// Which process.
        name: String,
        /// What was waited for.
        awaited: &'static str,
        /// For how long.
        limit: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// The server answered, and the answer was no.
    #[error("the server answered {path} with status {status}: {body}")]
    Refused {
        /// What was asked for.
        path: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// The server answered with what cannot be read.
    #[error("the answer to {path} cannot be read: {body}")]
    Garbled {
        /// What was asked for.
        path: String,
        /// What it said.
        body: String,
    },
}

impl DriveError {
    /// Makes an I/O error tell what was being done.
    pub(crate) fn machine(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Machine { doing, cause }
    }
}
