//! One attempt at one request: an answer, or why there is none, and whether the server may have got it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::Route;
use super::connection::Connection;
use super::pool::Lease;
use crate::body::Body;
use crate::call::{Call, Head};
use crate::head::IDEMPOTENCY_KEY;

/// A request for one server.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) target: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// What became of an attempt.
pub(crate) enum Attempt {
    /// The server answered. The connection goes back once the body has been read.
    Answered(Box<(Response<Incoming>, Lease)>),
    /// The server has not got a byte of it. The request is given back if it can be sent elsewhere.
    Absent(String, Option<Box<Outgoing>>),
    /// The server may have got it, and may have done it.
    Unknown(Doubt),
}

/// Why it is not known what a server did.
pub(crate) struct Doubt {
    pub(crate) cause: String,
    /// The connection broke; otherwise, there was no answer in time.
    pub(crate) is_broken: bool,
}

impl Outgoing {
    /// A write as it is sent, with the key that it has every time unless the client gave it one.
    pub(crate) fn of(call: &Call, key: &HeaderValue) -> Self {
        let mut headers = call.head.headers.clone();
        headers.entry(IDEMPOTENCY_KEY).or_insert_with(|| key.clone());
        let Head { method, target, .. } = &call.head;
        Self { method: method.clone(), target: target.clone(), headers, body: Body::whole(call.body.clone()) }
    }
}

/// Sends a request over an idle connection, or over a new one.
pub(crate) async fn send(route: &Route, mut outgoing: Outgoing, limit: Duration) -> Attempt {
    while let Some(connection) = route.pool.take().await {
        match send_over(route, connection, outgoing, limit).await {
            // An idle connection that was closed while nobody looked says nothing about the server.
            Attempt::Absent(_, Some(back)) => outgoing = *back,
            other => return other,
        }
    }
    match route.upstream.dialer.dial().await {
        Ok(connection) => send_over(route, connection, outgoing, limit).await,
        Err(error) => Attempt::Absent(error.to_string(), Some(Box::new(outgoing))),
    }
}

/// Sends a request over a new connection.
pub(crate) async fn send_afresh(route: &Route, outgoing: Outgoing, limit: Duration) -> Attempt {
    match route.upstream.dialer.dial().await {
        Ok(connection) => send_over(route, connection, outgoing, limit).await,
        Err(error) => Attempt::Absent(error.to_string(), Some(Box::new(outgoing))),
    }
}

async fn send_over(
    route: &Route,
    mut connection: Connection,
    outgoing: Outgoing,
    limit: Duration,
) -> Attempt {
    let request = match request(route, outgoing) {
        Ok(request) => request,
        Err(cause) => return Attempt::Absent(cause, None),
    };
    let before = connection.written.load(Ordering::Relaxed);
    let sent = timeout(limit, connection.sender.try_send_request(request)).await;
    let has_left = connection.written.load(Ordering::Relaxed) > before;
    match sent {
        Ok(Ok(response)) => {
            let lease = Lease { connection, pool: Arc::clone(&route.pool) };
            Attempt::Answered(Box::new((response, lease)))
        }
        Ok(Err(mut error)) => match error.take_message() {
            Some(request) => Attempt::Absent(error.error().to_string(), Some(Box::new(back(route, request)))),
            None if has_left => Attempt::Unknown(Doubt { cause: describe(error.error()), is_broken: true }),
            None => Attempt::Absent(describe(error.error()), None),
        },
        Err(_) if has_left => {
            Attempt::Unknown(Doubt { cause: format!("no answer within {limit:?}"), is_broken: false })
        }
        Err(_) => Attempt::Absent(format!("nothing could be sent within {limit:?}"), None),
    }
}

/// The error with what caused it.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn request(route: &Route, outgoing: Outgoing) -> Result<Request<Body>, String> {
    let Outgoing { method, target, headers, body } = outgoing;
    let base = &route.upstream.server.origin.base;
    let target = if base.is_empty() {
        Uri::from(target)
    } else {
        format!("{base}{target}").parse().map_err(|error| format!("the target is none: {error}"))?
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, route.upstream.authority.clone());
    Ok(request)
}

fn back(route: &Route, request: Request<Body>) -> Outgoing {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let base = &route.upstream.server.origin.base;
    let bare = target.as_str().strip_prefix(base.as_str()).and_then(|bare| bare.parse().ok());
    Outgoing { method: parts.method, target: bare.unwrap_or(target), headers: parts.headers, body }
}
