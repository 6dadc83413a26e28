//! A client of one server: connections that are kept, TLS, and one request at a time over each, within limits of time and
//! of what is read.
//!
//! What was sent and not answered may have arrived. A request over a connection that had been idle is repeated once over a
//! new one, since a server closes idle connections when it likes: it gets the same batch with the same key.

mod dial;
mod tls;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{Address, StartError};
use dial::{Dialer, Sender};

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the request to the end of its answer. What has not come of an answer's body then is left out.
    pub request: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            // Shorter than what servers allow, so that they seldom close it while a request is on its way.
            idle: Duration::from_secs(4),
        }
    }
}

/// Whom a server is trusted by, and what it is shown: all in PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates that vouch for the server.
    pub roots: Vec<u8>,
    /// The certificate of the client with its chain, and its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// A client of one server.
pub(crate) struct Client {
    pub(crate) address: Address,
    dialer: Dialer,
    authority: HeaderValue,
    idle: Mutex<Vec<(Instant, Sender)>>,
    times: Times,
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Its body, or the beginning of it: it may be cut off, be too long, or not have come in time.
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// There was no connection: nothing has left.
    Absent(String),
    /// It has left, or a part of it.
    Silent(String),
}

/// Idle connections that are kept. More are closed after their answer.
const MOST_IDLE: usize = 64;

impl Client {
    pub(crate) fn new(address: Address, trust: &Trust, times: Times) -> Result<Self, StartError> {
        let dialer = Dialer::new(&address, trust, times.connect)?;
        let authority = HeaderValue::from_str(&address.authority())
            .map_err(|error| StartError::Address { place: address.to_string(), cause: error.to_string() })?;
        Ok(Self { address, dialer, authority, idle: Mutex::default(), times })
    }

    /// Posts a body and reads the answer, of which `most` bytes are taken.
    pub(crate) async fn post(&self, post: Post, most: usize) -> Result<Reply, NoReply> {
        if let Some(sender) = self.idle_one()
            && let Ok(reply) = self.post_over(sender, post.clone(), most).await
        {
            return Ok(reply);
        }
        let absent =
            |error: std::io::Error| NoReply::Absent(format!("no connection to {}: {error}", self.address));
        let sender = self.dialer.dial().await.map_err(absent)?;
        self.post_over(sender, post, most).await.map_err(NoReply::Silent)
    }

    async fn post_over(&self, mut sender: Sender, post: Post, most: usize) -> Result<Reply, String> {
        let mut request = Request::new(Full::new(post.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = post.target.parse().map_err(|error| format!("the target is none: {error}"))?;
        *request.headers_mut() = post.headers;
        request.headers_mut().insert(HOST, self.authority.clone());
        let limit = self.times.request;
        let deadline = Instant::now() + limit;
        let answered = timeout_at(deadline, async {
            sender.ready().await?;
            sender.send_request(request).await
        });
        let response = answered.await.map_err(|_| format!("no answer within {limit:?}"))?;
        let (parts, mut body) = response.map_err(|error| describe(&error))?.into_parts();
        let mut read = BytesMut::new();
        let end = timeout_at(deadline, read_up_to(&mut body, &mut read, most)).await;
        if end == Ok(End::Reached) {
            self.give_back(sender);
        }
        Ok(Reply { status: parts.status, headers: parts.headers, body: read.freeze() })
    }

    fn idle_one(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = self.times.idle;
        idle.retain(|(since, sender)| since.elapsed() < keep && !sender.is_closed());
        idle.pop().map(|(_, sender)| sender)
    }

    fn give_back(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            idle.push((Instant::now(), sender));
        }
    }
}

/// Whether a body was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reached,
    /// There is more than is wanted, or the rest did not come.
    Missing,
}

async fn read_up_to(body: &mut Incoming, read: &mut BytesMut, most: usize) -> End {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return End::Missing };
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > most {
            return End::Missing;
        }
        read.extend_from_slice(data);
    }
    End::Reached
}

/// The error with what caused it.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What a server said, for people: one line of it, and not much.
pub(crate) fn said(body: &[u8]) -> String {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(body.get(..MOST.min(body.len())).unwrap_or_default());
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "?")
}
