//! The daemon as the commands ask it: HTTP/1.1 over TCP or its Unix socket, one request after the other.
//!
//! A request is answered, was never taken, or its fate is unknown: [`Lost`] tells the last two apart, and nobody guesses.

mod answers;
mod patience;
mod place;

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::config::{Door, Token};
use crate::failure::{Failure, RemoteFailure, Told};
pub(crate) use answers::{Found, archived, archives, asides, consumers, event, events, marks, streams};
pub(crate) use patience::Patience;
pub(crate) use place::{Machine, Place, encoded};

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(5);

/// How long an answer may take: longer than the daemon gives a request by default, body and work.
const ANSWERING: Duration = Duration::from_mins(2);

/// Bytes of an answer at most: the longest list, and an event of the largest size in base64.
const LARGEST_ANSWER: usize = 128 << 20;

/// What the lines of `append` are called: each is an event, whatever its bytes are.
pub(crate) const LINES: &str = "application/vnd.seawall.lines";

/// The daemon that runs.
pub(crate) struct Client {
    place: Place,
    token: Option<Token>,
    runtime: Runtime,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Its path and query, encoded.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// There was no connection, so nothing was taken.
    Untaken(io::Error),
    /// It was sent, as a whole or in part, and what became of it is unknown.
    Unknown(String),
}

impl Ask {
    /// A request without a body.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }
}

impl Client {
    /// Reaches the daemon behind a door.
    pub(crate) fn connect(door: Door) -> Result<Self, RemoteFailure> {
        let place = Place::of(&door);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| unreachable(&place, source))?;
        let open = runtime.block_on(connect(&place)).map_err(|source| unreachable(&place, source))?;
        Ok(Self { place, token: door.token, runtime, open: Some(open) })
    }

    /// Where it is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Asks for what can be read, again on a new connection if the daemon has let go of this one.
    pub(crate) fn get(&mut self, path: &str) -> Result<Reply, RemoteFailure> {
        let ask = Ask::new(Method::GET, path);
        let answered = match self.send(&ask) {
            Err(_) => self.send(&ask),
            answered => answered,
        };
        self.good(answered)
    }

    /// Asks for a change, on a connection that is new: one that the daemon lets go of just now would leave its fate unknown.
    pub(crate) fn change(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, RemoteFailure> {
        self.open = None;
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let answered = self.send(&Ask { body, ..Ask::new(method, path) });
        let reply = self.good(answered)?;
        serde_json::from_slice(&reply.body).map_err(|error| self.odd(&error.to_string()))
    }

    /// Sends a request, and gives back a good answer.
    pub(crate) fn answered(&mut self, ask: &Ask) -> Result<Reply, RemoteFailure> {
        let answered = self.send(ask);
        self.good(answered)
    }

    /// Sends a request, over the connection that is open or a new one.
    pub(crate) fn send(&mut self, ask: &Ask) -> Result<Reply, Lost> {
        let open = self.open.take();
        let Self { place, token, runtime, .. } = self;
        let exchanged = runtime.block_on(async {
            let mut open = match ready(open).await {
                Some(open) => open,
                None => connect(place).await.map_err(Lost::Untaken)?,
            };
            let request = request(ask, place, token.as_ref())
                .map_err(|error| Lost::Untaken(io::Error::other(error)))?;
            let reply = match timeout(ANSWERING, exchange(&mut open, request)).await {
                Ok(reply) => reply.map_err(Lost::Unknown)?,
                Err(_) => return Err(Lost::Unknown(format!("no answer came within {ANSWERING:?}"))),
            };
            Ok((reply, open))
        });
        let (reply, open) = exchanged?;
        self.open = Some(open);
        Ok(reply)
    }

    /// Sends a request whose answer may be long, and hands its parts out as they come.
    pub(crate) fn follow(
        &mut self,
        ask: &Ask,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // It is not used again: what is not read of an answer would be in the way of the next.
        self.open = None;
        let Self { place, token, runtime, .. } = self;
        let begun = runtime.block_on(async {
            let mut open = connect(place).await.map_err(Lost::Untaken)?;
            let request = request(ask, place, token.as_ref())
                .map_err(|error| Lost::Untaken(io::Error::other(error)))?;
            timed(open.send_request(request)).await.map_err(Lost::Unknown)
        });
        let answer = match begun {
            Ok(answer) => answer,
            Err(lost) => return Err(self.lost(lost).into()),
        };
        if !answer.status().is_success() {
            let reply = self.runtime.block_on(read(answer)).map_err(|what| self.lost(Lost::Unknown(what)))?;
            return Err(RemoteFailure::Refused(self.told(&reply)).into());
        }
        let mut body = answer.into_body();
        while let Some(frame) = self
            .runtime
            .block_on(timed(async { body.frame().await.transpose() }))
            .map_err(|what| self.lost(Lost::Unknown(format!("its answer was cut: {what}"))))?
        {
            if let Some(data) = frame.data_ref() {
                each(data)?;
            }
        }
        Ok(())
    }

    /// The same daemon over a connection of its own.
    pub(crate) fn beside(&self) -> Result<Self, RemoteFailure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| unreachable(&self.place, source))?;
        Ok(Self { place: self.place.clone(), token: self.token.clone(), runtime, open: None })
    }

    /// Why there is no answer.
    pub(crate) fn lost(&self, lost: Lost) -> RemoteFailure {
        match lost {
            Lost::Untaken(source) => unreachable(&self.place, source),
            Lost::Unknown(what) => RemoteFailure::Cut { place: self.place.to_string(), what },
        }
    }

    /// A good answer, or why there is none.
    fn good(&self, answered: Result<Reply, Lost>) -> Result<Reply, RemoteFailure> {
        let reply = answered.map_err(|lost| self.lost(lost))?;
        if reply.status.is_success() { Ok(reply) } else { Err(RemoteFailure::Refused(self.told(&reply))) }
    }

    /// What the daemon says in an answer that is an error.
    pub(crate) fn told(&self, reply: &Reply) -> Told {
        let told = Told::read(&reply.body).unwrap_or_else(|| Told {
            code: String::new(),
            message: format!("{} answered {}, and not as Seawall does", self.place, reply.status),
            hint: Some("another program listens there, or something between".to_owned()),
            retry_after: None,
        });
        Told { retry_after: reply.retry_after, ..told }
    }

    /// An answer that makes no sense.
    pub(crate) fn odd(&self, what: &str) -> RemoteFailure {
        RemoteFailure::Odd { place: self.place.to_string(), what: what.to_owned() }
    }
}

fn unreachable(place: &Place, source: io::Error) -> RemoteFailure {
    RemoteFailure::Unreachable { place: place.to_string(), machine: place.machine(), source }
}

fn request(
    ask: &Ask,
    place: &Place,
    token: Option<&Token>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let mut request = Request::builder().method(ask.method.clone()).uri(&ask.path).header(HOST, place.host());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token.header());
    }
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    if ask.headers.iter().all(|(name, _)| *name != "content-type") && !ask.body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request.body(Full::new(ask.body.clone()))
}

/// The connection, if it still takes a request.
async fn ready(open: Option<SendRequest<Full<Bytes>>>) -> Option<SendRequest<Full<Bytes>>> {
    let mut open = open?;
    open.ready().await.is_ok().then_some(open)
}

async fn connect(place: &Place) -> io::Result<SendRequest<Full<Bytes>>> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {CONNECTING:?}"));
    match place {
        Place::Network(address) => {
            let stream = timeout(CONNECTING, TcpStream::connect(address)).await.map_err(late)??;
            stream.set_nodelay(true)?;
            open(stream).await
        }
        Place::Socket(path) => {
            open(timeout(CONNECTING, UnixStream::connect(path)).await.map_err(late)??).await
        }
    }
}

async fn open<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (open, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends with the connection, and what it ends with is told to who has sent something.
    tokio::spawn(connection);
    Ok(open)
}

async fn exchange(
    open: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Reply, String> {
    read(open.send_request(request).await.map_err(|error| error.to_string())?).await
}

/// What comes, within the time that an answer may take.
async fn timed<T>(what: impl Future<Output = Result<T, hyper::Error>>) -> Result<T, String> {
    match timeout(ANSWERING, what).await {
        Ok(come) => come.map_err(|error| error.to_string()),
        Err(_) => Err(format!("nothing came within {ANSWERING:?}")),
    }
}

/// All of an answer.
async fn read(answer: Response<Incoming>) -> Result<Reply, String> {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| format!("its answer was cut: {error}"))?.to_bytes();
    Ok(Reply { status, retry_after: after.map(Duration::from_secs), body })
}
