//! Why the daemon could not be started, or its configuration not be read.

use std::io;

use journal::archive::ArchiveError;
use journal::storage::Fault;
use proxy::StartError;

use crate::config::Problem;
use crate::exit::Exit;

/// Why the daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonFailure {
    /// The configuration is wrong.
    #[error("the configuration cannot be used\n{}", listed(.0))]
    Config(Vec<Problem>),
    /// The directory of archives could not be opened.
    #[error(transparent)]
    Archives(#[from] Fault),
    /// Closed streams cannot be archived.
    #[error("failed to begin archiving: {0}")]
    Archiver(#[from] ArchiveError),
    /// An address or a socket could not be listened on.
    #[error("failed to listen on {place}: {source}")]
    Listen {
        /// The address, or the path.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A proxy could not be started.
    #[error("failed to start the proxy {name}: {source}")]
    Proxy {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: StartError,
    },
    /// A ship could not be started.
    #[error("failed to start the ship {name}: {source}")]
    Ship {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Box<ship::StartError>,
    },
    /// The system refused what every daemon needs: threads, signals.
    #[error("failed to start {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DaemonFailure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "configuration",
            Self::Archives(_) | Self::Archiver(_) => "journal",
            Self::Listen { .. } | Self::Proxy { source: StartError::Listen { .. }, .. } => "not-listening",
            Self::Proxy { .. } => "proxy",
            Self::Ship { .. } => "ship",
            Self::System { .. } => "system",
        }
    }

    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(_) => Some(
                "`seawall config schema` lists every key, and docs/configuration.md says what each is for",
            ),
            Self::Listen { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another process listens there; stop it, or set server.listen to another port")
                }
                io::ErrorKind::PermissionDenied => Some("ports below 1024 are for root; take a higher one"),
                io::ErrorKind::AddrNotAvailable => Some("this machine has no such address"),
                _ => None,
            },
            Self::Ship { source, .. } if matches!(**source, ship::StartError::Consumer { .. }) => Some(
                "a ship keeps its streams for life: give it another name, or end the one that is there with `seawall consumers drop`",
            ),
            Self::Archives(_)
            | Self::Archiver(_)
            | Self::Proxy { .. }
            | Self::Ship { .. }
            | Self::System { .. } => None,
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}
