//! Why the daemon did not do what a command has asked it for.

use std::io;
use std::time::Duration;

use serde::Deserialize;

use crate::client::Machine;

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteFailure {
    /// Nobody answers there.
    #[error("failed to reach the daemon at {place}: {source}")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// Whose machine that is.
        machine: Machine,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It answered, and said why not.
    #[error("{}", .0.message)]
    Refused(Told),
    /// The server that events are replayed to does not take them.
    #[error("{place} did not take events for {patience:?}: {reason}")]
    Untaken {
        /// Where it is.
        place: String,
        /// How long that was waited for.
        patience: Duration,
        /// What it said last.
        reason: String,
    },
    /// The connection ended.
    #[error("the daemon at {place} gave no answer: {what}")]
    Cut {
        /// Where it is.
        place: String,
        /// What happened.
        what: String,
    },
    /// The answer makes no sense.
    #[error("the daemon at {place} gave no answer: its answer is not understood: {what}")]
    Odd {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// It was waited for, and gave no answer.
    #[error("the daemon at {place} did not answer for {patience:?}: {reason}")]
    Silent {
        /// Where it is.
        place: String,
        /// How long that was waited for.
        patience: Duration,
        /// What came of the last attempt.
        reason: String,
        /// How whoever runs the command goes on.
        onward: &'static str,
    },
}

/// What the daemon says when it refuses something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// When it may work, as the head of the answer says.
    #[serde(skip)]
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Document {
    error: Told,
}

/// Words of the daemon that mean the same as one of the commands.
const WORDS: [(&str, &str); 16] = [
    ("no-consumer", "no-consumer"),
    ("no-stream", "no-stream"),
    ("not-parked", "not-parked"),
    ("closed", "closed"),
    ("bad-name", "usage"),
    ("event-too-large", "too-large"),
    ("body-too-large", "too-large"),
    ("over-budget", "no-room"),
    ("disk-full", "no-room"),
    ("no-room", "no-room"),
    ("too-many-streams", "too-many"),
    ("too-many-pending", "too-many"),
    ("unauthorized", "unauthorized"),
    ("forbidden", "unauthorized"),
    ("behind", "behind"),
    ("unknown", "io"),
];

/// Words of the daemon for what is over before long.
const PASSING: [&str; 5] = ["busy", "starting", "timeout", "body-timeout", "too-many-pending"];

impl Told {
    /// What an answer says; nothing if it is none of the daemon's.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Document>(body).ok().map(|document| document.error)
    }

    /// The word for scripts.
    pub(crate) fn word(&self) -> &'static str {
        WORDS.iter().find(|(theirs, _)| *theirs == self.code).map_or("refused", |(_, ours)| ours)
    }
}

impl RemoteFailure {
    /// Whether it may be over when it is tried again.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.kind() != io::ErrorKind::PermissionDenied,
            Self::Refused(told) => PASSING.contains(&told.code.as_str()),
            Self::Cut { .. } => true,
            Self::Untaken { .. } | Self::Odd { .. } | Self::Silent { .. } => false,
        }
    }

    /// When that may be, where it is told.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(told) => told.retry_after,
            _ => None,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "no-daemon",
            Self::Cut { .. } | Self::Odd { .. } | Self::Silent { .. } => "no-answer",
            Self::Untaken { .. } => "not-taken",
            Self::Refused(told) => told.word(),
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(told) if told.word() == "unauthorized" => Some(
                "name the daemon's configuration with -c FILE, or its token in SEAWALL_SERVER_TOKEN or SEAWALL_SERVER_TOKEN_FILE"
                    .to_owned(),
            ),
            Self::Refused(told) => told.hint.clone(),
            Self::Unreachable { source, .. } => Some(match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "its socket lets in whom server.socket_mode says; run as such a user".to_owned()
                }
                _ => "start it with `seawall run`, or name its journal with --journal DIR to work on that directly"
                    .to_owned(),
            }),
            Self::Untaken { .. } => Some("the same command with --resume goes on where this one ended".to_owned()),
            Self::Cut { .. } | Self::Odd { .. } => {
                Some("look at its log; what was asked for may be done or not".to_owned())
            }
            Self::Silent { onward, .. } => Some(format!("look whether it runs; {onward}")),
        }
    }
}
