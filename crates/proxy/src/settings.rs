//! What a proxy is started with: plain values, already checked by whoever read them.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::dialect::Dialect;

/// What a proxy is started with.
#[derive(Clone)]
pub struct Settings {
    /// Its name: it is part of the names of its streams and consumers, so another name is another proxy.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The certificate that it shows; nothing: it speaks without TLS.
    pub tls: Option<Identity>,
    /// The API behind it.
    pub dialect: Arc<dyn Dialect>,
    /// The servers, the primary first.
    pub upstreams: Vec<Server>,
    /// Certificates in PEM by which the servers are trusted that are spoken to with TLS.
    pub roots: Vec<u8>,
    /// Threads, each with its runtime, its listener and its connections.
    pub threads: usize,
    /// How long things may take.
    pub times: Times,
    /// How much there may be of things.
    pub limits: Limits,
    /// How reads are shared out.
    pub reads: Reads,
    /// How writes are sent again.
    pub replay: Replay,
    /// The word that opens the routes that change something. Without it, they are closed.
    pub token: Option<String>,
}

/// The certificate of a listener, with its chain, and its key: both in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The chain, the listener's own certificate first.
    pub chain: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// A server behind the proxy.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name: `primary`, `replica`. It is part of the name of its consumer.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// Who brings the writes to it.
    pub feed: Feed,
}

/// Who brings the writes to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The proxy, from its journal.
    Journal,
    /// The primary, in its own way. The proxy reads from it once the consistency window has passed.
    Primary,
}

/// Where a server is: `http://host:port` or `https://...`, with a path if everything lies below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// With or without TLS.
    pub scheme: Scheme,
    /// The host's name or address, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What stands before every path, without a slash at its end.
    pub base: String,
}

/// Whether a server is spoken to with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without.
    Http,
    /// With.
    Https,
}

/// How long things may take.
#[derive(Clone, Debug)]
pub struct Times {
    /// Until a server has accepted a connection.
    pub connect: Duration,
    /// Until a server has begun to answer. A client whose write waits for others is told that it is queued after twice this
    /// and twice `connect`.
    pub request: Duration,
    /// Between checks of a server that is there.
    pub check_interval: Duration,
    /// Until a request's head is there, from the first byte or from the end of the request before it.
    pub header: Duration,
    /// Between two pieces of a body, and until a client takes what it is sent.
    pub stall: Duration,
    /// How long an idle connection to a server is kept. Shorter than what servers allow, so that they don't close it
    /// while a write is on its way.
    pub idle: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            request: Duration::from_secs(15),
            check_interval: Duration::from_secs(30),
            header: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(4),
        }
    }
}

/// How much there may be of things.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections of clients.
    pub connections: usize,
    /// Bytes of a request's head, at least 8 KiB.
    pub header_bytes: usize,
    /// Bytes of a body that is journaled or has to be there as a whole.
    pub body_bytes: usize,
    /// Bytes of all those bodies together.
    pub inflight_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, header_bytes: 64 << 10, body_bytes: 4 << 20, inflight_bytes: 64 << 20 }
    }
}

/// How reads are shared out.
#[derive(Clone, Debug)]
pub struct Reads {
    /// The share of reads that go to replicas, of those that may: 0 to 1.
    pub replica_ratio: f64,
    /// How long after a write a replica is left alone that the proxy does not feed.
    pub consistency_window: Duration,
}

impl Default for Reads {
    fn default() -> Self {
        Self { replica_ratio: 0.8, consistency_window: Duration::from_secs(30) }
    }
}

/// How writes are sent again.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Lanes that are drained at the same time, for each server.
    pub parallel: usize,
    /// The first pause before a write is sent again; it doubles.
    pub backoff_initial: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// What happens to a write of which nobody knows whether it arrived.
    pub ambiguous: Ambiguous,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            parallel: 8,
            backoff_initial: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            ambiguous: Ambiguous::Replay,
        }
    }
}

/// What happens to a write that was sent and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguous {
    /// It is sent again, with the same idempotency key: it arrives at least once.
    Replay,
    /// It is parked, and somebody decides: it arrives at most once, unless it is requeued.
    Park,
}

/// Why an address of a server is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url} is no address of a server: {cause}; write it like http://host:port")]
pub struct OriginError {
    url: String,
    cause: &'static str,
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(url: &str) -> Result<Self, OriginError> {
        let refuse = |cause| OriginError { url: url.to_owned(), cause };
        let parsed: http::Uri = url.parse().map_err(|_| refuse("it cannot be parsed"))?;
        let (scheme, standard) = match parsed.scheme_str() {
            Some("http") => (Scheme::Http, 80),
            Some("https") => (Scheme::Https, 443),
            _ => return Err(refuse("it begins with neither http:// nor https://")),
        };
        if parsed.query().is_some() {
            return Err(refuse("it has a query"));
        }
        let authority = parsed.authority().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it has a user or a password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(standard);
        Ok(Self { scheme, host, port, base: parsed.path().trim_end_matches('/').to_owned() })
    }
}

impl Origin {
    /// The host, and the port unless it is the usual one: what stands in the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_it_was_read() {
        for url in ["http://a", "https://a.b:8443/base", "http://[::1]:9000", "http://127.0.0.1:1"] {
            assert_eq!(url.parse::<Origin>().unwrap().to_string(), url);
        }
        let padded: Origin = "http://a:80/".parse().unwrap();
        assert_eq!(padded.to_string(), "http://a");
        assert_eq!("http://[::1]:9".parse::<Origin>().unwrap().host, "::1");
    }

    #[test]
    fn what_is_no_origin_is_refused_with_its_cause() {
        for (url, cause) in [
            ("ftp://a", "neither http:// nor https://"),
            ("a:80", "neither"),
            ("http://u:p@a", "user or a password"),
            ("http://a/?x=1", "query"),
            ("http://", "parsed"),
        ] {
            let error = url.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains(cause), "{url}: {error}");
        }
    }
}
