//! Why a proxy does not start.

use std::io;
use std::net::SocketAddr;

/// Why a proxy does not start. Nothing was served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its name would make its streams those of another.
    #[error("neither a proxy nor a server can be called {0:?}: a name has letters, and no slash")]
    Name(String),
    /// There is no server to stand in front of, or there are too many.
    #[error("the proxy {name} has {count} servers; it takes a primary that it feeds, and {most} in all")]
    Servers {
        /// The proxy.
        name: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A server cannot be reached the way it is written.
    #[error("the server {name} cannot be used: {cause}; look at its name and address")]
    Server {
        /// The server.
        name: String,
        /// Why.
        cause: String,
    },
    /// A server had another name until now.
    #[error(
        "{address} was called {before} until now, and as {name} it would get what another server lacks; write it as \
         {before}={address}"
    )]
    Renamed {
        /// The name that it would have.
        name: String,
        /// Where it is.
        address: String,
        /// The name that it had.
        before: String,
    },
    /// It cannot listen there.
    #[error("cannot listen on {address}: {cause}; stop what listens there, or choose another address")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// A certificate or a key cannot be used.
    #[error("cannot use the {object}: {cause}; it has to be PEM")]
    Tls {
        /// What it is.
        object: &'static str,
        /// Why.
        cause: String,
    },
    /// A path that a dialect asks for is none.
    #[error("{path} cannot be asked for: {cause}; write it like /health")]
    Probe {
        /// The path.
        path: String,
        /// Why.
        cause: String,
    },
    /// The journal does not take what the proxy needs.
    #[error("the journal cannot hold the writes of the proxy {name}: {cause}")]
    Journal {
        /// The proxy.
        name: String,
        /// Why.
        cause: String,
    },
    /// The process cannot have another thread.
    #[error("cannot start a thread: {0}; raise the limit of threads")]
    Thread(io::Error),
}
