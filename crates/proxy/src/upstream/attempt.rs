//! One attempt at one request: an answer, or why there is none, and whether the server may have got it.

use std::time::Duration;

use http::Response;

use super::Route;
use super::arrival::Arrival;
use super::connection::Connection;
use super::outbox::Outgoing;
use crate::body::Body;

/// What became of an attempt.
pub(crate) enum Attempt {
    /// The server answered. The connection goes back once the body has been read.
    Answered(Response<Arrival>),
    /// The server has not got a byte of it. The body is given back if it can be sent elsewhere.
    Absent(String, Option<Body>),
    /// The server may have got it, and may have done it.
    Unknown(Doubt),
}

/// Why it is not known what a server did.
pub(crate) struct Doubt {
    pub(crate) cause: String,
    /// The connection broke; otherwise, there was no answer in time.
    pub(crate) is_broken: bool,
}

/// Sends a request over an idle connection, or over a new one.
pub(crate) async fn send(route: &Route, mut outgoing: Outgoing<'_>, limit: Duration) -> Attempt {
    let (head, key) = (outgoing.head, outgoing.key);
    while let Some(connection) = route.pool.take() {
        match send_over(route, connection, outgoing, limit).await {
            // An idle connection that was closed while nobody looked says nothing about the server.
            Attempt::Absent(_, Some(body)) => outgoing = Outgoing { head, key, body },
            other => return other,
        }
    }
    send_afresh(route, outgoing, limit).await
}

/// Sends a request over a new connection.
pub(crate) async fn send_afresh(route: &Route, outgoing: Outgoing<'_>, limit: Duration) -> Attempt {
    match route.upstream.dialer.dial().await {
        Ok(connection) => send_over(route, connection, outgoing, limit).await,
        Err(error) => Attempt::Absent(error.to_string(), Some(outgoing.body)),
    }
}

async fn send_over(
    route: &Route,
    mut connection: Box<Connection>,
    outgoing: Outgoing<'_>,
    limit: Duration,
) -> Attempt {
    let before = connection.written;
    let whole = outgoing.body.repeated();
    let exchanged = connection.exchange(outgoing, &route.upstream, limit).await;
    let has_left = connection.written > before;
    match exchanged {
        Some(Ok(top)) => {
            let arrival = Arrival::new(connection, (top.framing, top.after), &route.pool);
            let mut response = Response::new(arrival);
            *response.status_mut() = top.status;
            *response.headers_mut() = top.headers;
            Attempt::Answered(response)
        }
        Some(Err(error)) if has_left => Attempt::Unknown(Doubt { cause: error.to_string(), is_broken: true }),
        Some(Err(error)) => Attempt::Absent(error.to_string(), whole.or_else(|| connection.give_up())),
        None if has_left => {
            Attempt::Unknown(Doubt { cause: format!("no answer within {limit:?}"), is_broken: false })
        }
        None => Attempt::Absent(format!("nothing could be sent within {limit:?}"), None),
    }
}
