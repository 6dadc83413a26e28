//! Why delivery cannot be started.

use journal::CommitError;

/// Why delivery cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The journal does not register its consumer.
    #[error("failed to register the consumer {name} in the journal: {source}")]
    Consumer {
        /// Its name.
        name: String,
        /// Why.
        source: CommitError,
    },
    /// The address cannot be used.
    #[error("cannot deliver to {place}: {cause}")]
    Address {
        /// Which one.
        place: String,
        /// Why.
        cause: String,
    },
    /// A certificate or a key cannot be used.
    #[error("cannot use the {object} for TLS: {cause}")]
    Tls {
        /// Which of them.
        object: &'static str,
        /// Why.
        cause: String,
    },
    /// A header cannot be sent.
    #[error("cannot send the header {name}: {cause}")]
    Header {
        /// Its name.
        name: String,
        /// Why.
        cause: String,
    },
}
