//! A request on its way out: its head as bytes, and its body behind it, in as few writes as may be.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderValue, Method};
use http_body::Body as _;
use tokio::io::AsyncWrite;

use super::Upstream;
use crate::body::{Body, BodyError};
use crate::call::Head;
use crate::head::IDEMPOTENCY_KEY;

/// A body that is no longer than this is written with the head, from one buffer.
const SMALL: usize = 4 << 10;

/// A request for a server.
pub(crate) struct Outgoing<'a> {
    pub(crate) head: &'a Head,
    /// The idempotency key that it has, unless its client gave it one.
    pub(crate) key: Option<&'a HeaderValue>,
    pub(crate) body: Body,
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Outbox {
    front: BytesMut,
    /// Comes behind the front.
    piece: Bytes,
    /// Comes behind the piece.
    body: Option<Body>,
    chunks: Chunks,
}

/// How the body's end is told.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Chunks {
    /// By its length.
    #[default]
    None,
    /// In chunks, of which none was written.
    First,
    /// In chunks; the last one lacks the end of its line.
    Next,
}

/// Why a request was not sent to its end.
pub(super) enum Unsent {
    Wire(io::Error),
    /// Its body did not come.
    Body(BodyError),
}

impl Outbox {
    pub(super) fn fill(&mut self, outgoing: Outgoing<'_>, upstream: &Upstream) {
        let Outgoing { head, key, body } = outgoing;
        self.front.clear();
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| self.front.extend_from_slice(part));
        let base = upstream.server.origin.base.as_bytes();
        put(&[
            head.method.as_str().as_bytes(),
            b" ",
            base,
            head.target.as_str().as_bytes(),
            b" HTTP/1.1\r\n",
        ]);
        put(&[b"host: ", upstream.authority.as_bytes(), b"\r\n"]);
        for (name, value) in head.headers.iter().filter(|(name, _)| *name != HOST) {
            put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        if let Some(key) = key.filter(|_| !head.headers.contains_key(IDEMPOTENCY_KEY)) {
            put(&[IDEMPOTENCY_KEY.as_str().as_bytes(), b": ", key.as_bytes(), b"\r\n"]);
        }
        self.chunks = Chunks::None;
        match body.size_hint().exact() {
            Some(0) if !expects_body(&head.method) => {}
            Some(length) => put(&[b"content-length: ", length.to_string().as_bytes(), b"\r\n"]),
            None => {
                put(&[b"transfer-encoding: chunked\r\n"]);
                self.chunks = Chunks::First;
            }
        }
        self.front.extend_from_slice(b"\r\n");
        self.piece = Bytes::new();
        self.body = (!body.is_end_stream()).then_some(body);
        // What is there as a whole goes with the head.
        if let Some(Body::Whole(bytes)) = &mut self.body {
            let whole = bytes.take().unwrap_or_default();
            self.body = None;
            if whole.len() <= SMALL {
                self.front.extend_from_slice(&whole);
            } else {
                self.piece = whole;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty() && self.piece.is_empty() && self.body.is_none()
    }

    /// Gives up what was not written, and with it a body of which nothing was taken.
    pub(super) fn clear(&mut self) -> Option<Body> {
        self.front.clear();
        self.let_go();
        self.body.take()
    }

    /// An empty piece would hold the memory of the whole body as long as the connection is idle.
    fn let_go(&mut self) {
        self.piece = Bytes::new();
    }

    /// Ready once all of it is written; what was is added to `written`.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
        written: &mut u64,
    ) -> Poll<Result<(), Unsent>> {
        loop {
            while !(self.front.is_empty() && self.piece.is_empty()) {
                let count = ready!(self.write(context, stream)).map_err(Unsent::Wire)?;
                *written += count as u64;
                let of_front = count.min(self.front.len());
                self.front.advance(of_front);
                self.piece.advance(count - of_front);
                if self.piece.is_empty() {
                    self.let_go();
                }
            }
            let Some(body) = &mut self.body else { break };
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => self.put(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Err(Unsent::Body(error)));
                }
                None => {
                    self.body = None;
                    self.front.extend_from_slice(match self.chunks {
                        Chunks::None => b"",
                        Chunks::First => b"0\r\n\r\n",
                        Chunks::Next => b"\r\n0\r\n\r\n",
                    });
                }
            }
        }
        Pin::new(stream).poll_flush(context).map_err(Unsent::Wire)
    }

    fn write(
        &self,
        context: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let count = match (self.front.is_empty(), self.piece.is_empty()) {
            (false, true) => ready!(stream.poll_write(context, &self.front))?,
            (true, _) => ready!(stream.poll_write(context, &self.piece))?,
            (false, false) => {
                let slices = [IoSlice::new(&self.front), IoSlice::new(&self.piece)];
                ready!(stream.poll_write_vectored(context, &slices))?
            }
        };
        Poll::Ready(if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(count) })
    }

    /// Puts a piece of a body behind what was written.
    fn put(&mut self, piece: Bytes) {
        // An empty chunk would be the last one.
        if piece.is_empty() {
            return;
        }
        if self.chunks != Chunks::None {
            let end: &[u8] = if self.chunks == Chunks::Next { b"\r\n" } else { b"" };
            self.front.extend_from_slice(end);
            self.front.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            self.chunks = Chunks::Next;
        }
        self.piece = piece;
    }
}

/// Whether a server expects to be told that there is no body.
fn expects_body(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::DELETE].contains(method)
}
