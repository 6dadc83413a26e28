//! Bodies on their way through: as they come, with a limit on how long a piece may take, or as a whole.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use crate::patience::Patience;
use crate::upstream::Lease;

/// A body that is sent, to a server or to a client.
pub(crate) enum Body {
    Whole(Option<Bytes>),
    Stream(Box<Flow>),
}

/// A body as it comes from a connection.
pub(crate) struct Flow {
    incoming: Incoming,
    patience: Patience,
    /// The connection that it comes from, which is free once it has ended.
    lease: Option<Lease>,
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the connection failed within a body: {0}")]
    Connection(#[from] hyper::Error),
    #[error("a body stopped coming for {0:?}")]
    Stalled(Duration),
}

/// Why a body is not there as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWhole {
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Broken(#[from] BodyError),
}

impl Body {
    pub(crate) const EMPTY: Self = Self::Whole(None);

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    pub(crate) fn stream(incoming: Incoming, stall: Duration) -> Self {
        if incoming.is_end_stream() {
            Self::EMPTY
        } else {
            Self::Stream(Box::new(Flow::new(incoming, stall)))
        }
    }

    /// A body that frees the connection that it comes from.
    pub(crate) fn leased(incoming: Incoming, stall: Duration, lease: Lease) -> Self {
        if incoming.is_end_stream() {
            lease.give_back();
            return Self::EMPTY;
        }
        let mut flow = Flow::new(incoming, stall);
        flow.lease = Some(lease);
        Self::Stream(Box::new(flow))
    }

    /// Reads all of it, up to a limit.
    pub(crate) async fn collect(mut self, limit: usize) -> Result<Bytes, NotWhole> {
        if self.size_hint().lower() > limit as u64 {
            return Err(NotWhole::TooLarge(limit));
        }
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await
        {
            let Ok(data) = frame?.into_data() else { continue };
            if first.len() + rest.len() + data.len() > limit {
                return Err(NotWhole::TooLarge(limit));
            }
            if first.is_empty() && rest.is_empty() {
                first = data;
                continue;
            }
            if rest.is_empty() {
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&data);
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }
}

impl Flow {
    fn new(incoming: Incoming, stall: Duration) -> Self {
        Self { incoming, patience: Patience::new(stall), lease: None }
    }

    fn ended(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl HttpBody for Flow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.patience.rest();
                if self.incoming.is_end_stream() {
                    self.ended();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                self.ended();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let limit = ready!(self.patience.poll(context));
                Poll::Ready(Some(Err(BodyError::Stalled(limit))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(flow) => Pin::new(&mut **flow).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream(flow) => flow.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(flow) => flow.size_hint(),
        }
    }
}
