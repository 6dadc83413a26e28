//! What is asked and what is answered, as values: a request's head, a whole request, a whole answer.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Head {
    /// What is to be done.
    pub method: Method,
    /// With what: the path, and the query if there is one.
    pub target: PathAndQuery,
    /// The end-to-end headers.
    pub headers: HeaderMap,
}

impl Head {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.path()
    }
}

/// A whole request: what is journaled, and sent to each upstream.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its head.
    pub head: Head,
    /// Its body.
    pub body: Bytes,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// The end-to-end headers. A length is not among them: it is the body's.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}
