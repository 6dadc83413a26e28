//! Answers that the proxy gives by itself.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use journal::CommitError;
use serde_json::json;

use crate::body::Body;
use crate::call::Answer;
use crate::dialect::Refusal;

/// Seconds after which a client that was turned away may come again.
const RETRY_SECONDS: &str = "1";

/// An error: a word for programs, a sentence for people, and what to do.
pub(crate) fn error(status: StatusCode, code: &str, (message, hint): (&str, &str)) -> Response<Body> {
    let body = json!({"error": {"code": code, "message": message, "hint": hint}});
    let answer = json_answer(status, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE { retry_later(answer) } else { answer }
}

/// The answer, with when to come again.
pub(crate) fn retry_later(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    answer
}

pub(crate) fn json_answer(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    text(status, "application/json", value.to_string())
}

pub(crate) fn text(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// What a dialect refuses.
pub(crate) fn refusal(refusal: &Refusal) -> Response<Body> {
    error(refusal.status, refusal.code, (&refusal.message, &refusal.hint))
}

/// A whole answer on its way to a client.
pub(crate) fn whole(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::whole(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A write that is durable, and was not applied yet.
pub(crate) struct Accepted<'a> {
    pub(crate) id: &'a str,
    pub(crate) lane: &'a str,
    /// What is known about it: `queued`, or `unknown` if it was sent and not answered.
    pub(crate) state: &'static str,
    /// Writes of its lane that are not applied either, itself included.
    pub(crate) pending: u64,
}

pub(crate) fn accepted(accepted: &Accepted<'_>) -> Response<Body> {
    let Accepted { id, lane, state, pending } = accepted;
    let body = json!({"id": id, "state": state, "lane": lane, "pending": pending});
    located(json_answer(StatusCode::ACCEPTED, &body), id)
}

/// What a dialect answers in a server's place.
pub(crate) fn promised(answer: Answer, id: &str) -> Response<Body> {
    match answer.status {
        StatusCode::ACCEPTED => located(whole(answer), id),
        _ => whole(answer),
    }
}

/// The answer, with where to ask what became of the write.
fn located(mut answer: Response<Body>, id: &str) -> Response<Body> {
    if let Ok(location) = HeaderValue::from_str(&format!("/seawall/writes/{id}")) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// The journal did not take a write.
pub(crate) fn not_journaled(cause: &CommitError) -> Response<Body> {
    let (status, code, hint) = match cause {
        CommitError::EventTooLarge { .. } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "send less at once, or raise the limits of bodies and events",
        ),
        CommitError::DiskFull(_) | CommitError::OverBudget { .. } => (
            StatusCode::INSUFFICIENT_STORAGE,
            "journal-full",
            "nothing was written; make room or let the servers catch up, and send it again",
        ),
        CommitError::TooManyPending { .. } | CommitError::TooManyStreams { .. } => (
            StatusCode::INSUFFICIENT_STORAGE,
            "too-many-pending",
            "nothing was written; let the servers catch up, and send it again",
        ),
        CommitError::Unknown(_) => return journal_unknown(cause),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "journal-stopped",
            "nothing was written; look at the disk of the journal",
        ),
    };
    error(status, code, (&cause.to_string(), hint))
}

/// The journal may or may not have what matters for this write.
pub(crate) fn journal_unknown(cause: &CommitError) -> Response<Body> {
    let hint = "the disk failed while it was written, so it may be applied later; \
                send it again with the same idempotency key";
    error(StatusCode::SERVICE_UNAVAILABLE, "journal-unknown", (&cause.to_string(), hint))
}

/// No server could be asked.
pub(crate) fn no_upstream(cause: &str) -> Response<Body> {
    error(
        StatusCode::SERVICE_UNAVAILABLE,
        "no-upstream",
        (&format!("no server could answer: {cause}"), "try again; /status shows which servers are there"),
    )
}
