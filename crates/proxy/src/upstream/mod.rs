//! A server behind the proxy: whether it is there, the connections to it, and one attempt at one request.

mod arrival;
mod attempt;
mod circuit;
mod connection;
mod framing;
mod outbox;
mod pool;
mod probe;
mod whole;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::sync::Semaphore;

use crate::error::StartError;
use crate::settings::{Scheme, Server, Settings};

pub(crate) use arrival::Arrival;
pub(crate) use attempt::{Attempt, Doubt, send, send_afresh};
pub(crate) use circuit::{Backoff, Change, Circuit};
pub(crate) use connection::Dialer;
pub use framing::Garbage;
pub(crate) use outbox::Outgoing;
pub(crate) use pool::Pool;
pub(crate) use probe::{probe, says_absent};
pub use whole::Whole;

/// A server, as all threads share it.
pub(crate) struct Upstream {
    pub(crate) server: Server,
    pub(crate) circuit: Circuit,
    pub(crate) dialer: Dialer,
    /// What stands in the `Host` header.
    pub(crate) authority: HeaderValue,
    /// Lanes that may be drained to it at the same time.
    pub(crate) drains: Semaphore,
    /// When it was checked last, in milliseconds since 1970; zero if it was not.
    pub(crate) checked: AtomicI64,
}

impl Upstream {
    pub(crate) fn new(server: &Server, settings: &Settings) -> Result<Self, StartError> {
        let bad = |cause: String| StartError::Server { name: server.name.clone(), cause };
        let authority =
            HeaderValue::from_str(&server.origin.authority()).map_err(|error| bad(error.to_string()))?;
        let tls = match server.origin.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = ServerName::try_from(server.origin.host.clone())
                    .map_err(|error| bad(error.to_string()))?;
                Some((crate::tls::connector(&settings.roots)?, name))
            }
        };
        Ok(Self {
            server: server.clone(),
            circuit: Circuit::default(),
            dialer: Dialer::new(&server.origin, tls, settings.times.connect),
            authority,
            drains: Semaphore::new(settings.replay.parallel.max(1)),
            checked: AtomicI64::new(0),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.server.name
    }
}

/// A server and the connections to it that one thread has.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) pool: Arc<Pool>,
}
