//! Calls to other programs' HTTP APIs: one connection, one request, one answer, each within a limit of time and size.
//!
//! Calls are rare, so connections are not kept. Redirects are not followed: what is sent may be confidential, and its
//! address was chosen.

mod url;
mod wire;

use std::io;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

pub use url::{Url, UrlError};
pub(crate) use wire::{Dialer, Tls, Wire};
pub use wire::{Roots, RootsError};

/// Bytes of an answer's head. More than servers send, and a bound on what a broken one costs.
const MOST_HEAD: usize = 64 << 10;

/// Bytes of an answer's body that are read unless somebody wants more; what else there is, is not waited for.
const MOST_BODY: usize = 64 << 10;

/// Who calls one server.
pub struct Caller {
    url: Url,
    dialer: Dialer,
    tls: Option<Tls>,
    authority: HeaderValue,
    limit: Duration,
    most_body: usize,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// What stands in the head beside the host.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// When the server wants to be called again, as it said that.
    pub retry_after: Option<String>,
    /// The body; nothing where it is too long or breaks off.
    pub body: Option<Bytes>,
}

impl Caller {
    /// Calls a server. Each of the phases, until there is a connection and until there is an answer, may take that long.
    pub fn new(url: Url, roots: &Roots, limit: Duration) -> Result<Self, RootsError> {
        let tls = if url.is_secret_on_the_wire() { Some(roots.for_host(url.host())?) } else { None };
        let dialer = Dialer::new(url.host(), url.port());
        let authority = HeaderValue::from_str(&url.authority()).map_err(|_| RootsError::Name)?;
        Ok(Self { url, dialer, tls, authority, limit, most_body: MOST_BODY })
    }

    /// Calls a server that listens on a socket of this machine.
    pub(crate) fn through(socket: &Path, limit: Duration) -> Self {
        let url = Url::of_this_machine();
        let authority = HeaderValue::from_static("localhost");
        Self { url, dialer: Dialer::socket(socket), tls: None, authority, limit, most_body: MOST_BODY }
    }

    /// The same for answers that may have so many bytes.
    #[must_use]
    pub(crate) fn reading(self, most_body: usize) -> Self {
        Self { most_body, ..self }
    }

    /// Whom it calls.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends, and waits for the answer.
    pub async fn call(&self, call: Call) -> io::Result<Reply> {
        self.call_at(self.url.target(), call).await
    }

    /// The same for something else that the server offers: a path, and a query if there is one.
    pub(crate) async fn call_at(&self, target: &str, call: Call) -> io::Result<Reply> {
        let late = |what: &str| {
            let message = format!("{what} within {:?}", self.limit);
            io::Error::new(io::ErrorKind::TimedOut, message)
        };
        let wire = timeout(self.limit, self.connect()).await.map_err(|_| late("no connection"))??;
        timeout(self.limit, self.send(wire, target, call)).await.map_err(|_| late("no answer"))?
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let wire = self.dialer.dial().await?;
        match &self.tls {
            None => Ok(wire),
            Some(tls) => tls.wrap(wire).await,
        }
    }

    async fn send(&self, wire: Box<dyn Wire>, target: &str, call: Call) -> io::Result<Reply> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MOST_HEAD);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(wire)).await.map_err(|error| broken(&error))?;
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = target.parse().map_err(io::Error::other)?;
        *request.headers_mut() = call.headers;
        request.headers_mut().insert(HOST, self.authority.clone());
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, self.most_body).collect().await;
            let retry_after = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            Ok(Reply {
                status: parts.status,
                retry_after: retry_after.map(str::to_owned),
                body: body.map(http_body_util::Collected::to_bytes).ok(),
            })
        };
        // The connection only moves bytes; what went wrong with it is told to the exchange.
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            reply = &mut exchange => reply,
            _ = &mut connection => exchange.await,
        }
    }
}

/// The error with what caused it.
fn broken(error: &hyper::Error) -> io::Error {
    let text = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    io::Error::other(text)
}
