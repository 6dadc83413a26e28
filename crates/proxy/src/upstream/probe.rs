//! A check whether a server is there.

use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};

use super::Route;
use super::attempt::{Attempt, send_afresh};
use super::outbox::Outgoing;
use crate::body::Body;
use crate::call::Head;

/// A check takes no longer than this, whatever requests may take.
const MOST: Duration = Duration::from_secs(5);

/// Asks a server for a path over a new connection. Whatever it answers, it is there, unless it says that it is not.
pub(crate) async fn probe(route: &Route, path: &PathAndQuery, limit: Duration) -> Result<(), String> {
    let head = Head { method: Method::GET, target: path.clone(), headers: HeaderMap::new() };
    let outgoing = Outgoing { head: &head, key: None, body: Body::EMPTY };
    match send_afresh(route, outgoing, limit.min(MOST)).await {
        Attempt::Answered(answer) if says_absent(answer.status()) => {
            Err(format!("it answered {}", answer.status()))
        }
        // The connection is closed with the answer: a probe keeps nothing.
        Attempt::Answered(_) => Ok(()),
        Attempt::Absent(cause, _) => Err(cause),
        Attempt::Unknown(doubt) => Err(doubt.cause),
    }
}

/// What a gateway answers in place of a server that is not there, or the server itself before it is ready.
pub(crate) fn says_absent(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}
