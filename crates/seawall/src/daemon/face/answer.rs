//! Answers, and refusals in the one form that all of them have.

use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Receiver;

use super::unread;

/// An answer in the making.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    kind: &'static str,
    body: Content,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    /// All of it.
    Whole(Bytes),
    /// What is there so far; more comes until whoever sends it has ended.
    Growing(Receiver<Bytes>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Growing(more) => {
                more.poll_recv(context).map(|more| more.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Growing(_) => SizeHint::default(),
        }
    }
}

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// A stable word for programs.
    pub(super) code: &'static str,
    /// What went wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: Option<String>,
    beside: Option<Box<Beside>>,
}

/// What few refusals have.
#[derive(Debug, Default)]
struct Beside {
    fields: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// JSON.
    pub(super) fn json(status: StatusCode, document: &Value) -> Self {
        Self::new(status, "application/json", format!("{document}\n"))
    }

    /// JSON lines.
    pub(super) fn lines(documents: &[Value]) -> Self {
        let mut text = String::new();
        for document in documents {
            // Writing to text does not fail.
            writeln!(text, "{document}").ok();
        }
        Self::new(StatusCode::OK, "application/x-ndjson", text)
    }

    /// The same, within the room that all answers have which nobody has read yet.
    pub(super) fn within(self, rooms: &Arc<Semaphore>) -> Result<Self, Refusal> {
        match self.body {
            Content::Whole(bytes) => Ok(Self { body: Content::Whole(unread::within(bytes, rooms)?), ..self }),
            Content::Growing(_) => Ok(self),
        }
    }

    /// Anything.
    pub(super) fn new(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, kind, body: Content::Whole(body.into()), headers: Vec::new() }
    }

    /// What comes, as long as something does.
    pub(super) fn growing(kind: &'static str, parts: Receiver<Bytes>) -> Self {
        Self { status: StatusCode::OK, kind, body: Content::Growing(parts), headers: Vec::new() }
    }

    /// So many bytes, which come in parts. Where fewer come, the connection is cut.
    pub(super) fn file(kind: &'static str, bytes: u64, parts: Receiver<Bytes>) -> Self {
        let headers = vec![(CONTENT_LENGTH, HeaderValue::from(bytes))];
        Self { headers, ..Self::growing(kind, parts) }
    }

    /// The answer as it is sent.
    pub(super) fn response(self) -> Response<Content> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        // What is served here is data: nothing may take it for a page.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

impl Refusal {
    /// A refusal without advice.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, beside: None }
    }

    /// What to do.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It may work after so many seconds.
    #[must_use]
    pub(super) fn retry_after(self, seconds: u32) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// With another header.
    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.beside.get_or_insert_default().headers.push((name, value));
        self
    }

    /// With a field beside the error.
    #[must_use]
    pub(super) fn beside(mut self, name: &'static str, value: Value) -> Self {
        self.beside.get_or_insert_default().fields.push((name, value));
        self
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let error = json!({"code": refusal.code, "message": refusal.message, "hint": refusal.hint});
        let Beside { fields, headers } = refusal.beside.map(|beside| *beside).unwrap_or_default();
        let mut document = Map::new();
        document.insert("error".to_owned(), error);
        document.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Self { headers, ..Self::json(refusal.status, &Value::Object(document)) }
    }
}
