//! Bodies on their way through: as they come, with a limit on how long a piece may take, or as a whole.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use crate::patience::Patience;
use crate::upstream::Arrival;

/// Bytes that there is memory for at first, of a body of which it is not known how long it is.
const FIRST: usize = 8 << 10;

/// A body that is sent, to a server or to a client.
pub(crate) enum Body {
    Whole(Option<Bytes>),
    Stream(Box<Flow>),
}

/// A body as it comes from a connection.
pub(crate) struct Flow {
    source: Source,
    patience: Patience,
}

/// Where a body comes from.
enum Source {
    Client(Incoming),
    Server(Arrival),
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the client failed within its request: {0}")]
    Client(#[from] hyper::Error),
    #[error("the server failed within its answer: {0}")]
    Server(#[from] std::io::Error),
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

    /// A body that comes from a client.
    pub(crate) fn stream(incoming: Incoming, stall: Duration) -> Self {
        if incoming.is_end_stream() {
            return Self::EMPTY;
        }
        Self::Stream(Box::new(Flow { source: Source::Client(incoming), patience: Patience::new(stall) }))
    }

    /// A body that comes from a server.
    pub(crate) fn arriving(mut arrival: Arrival, stall: Duration) -> Self {
        if let Some(whole) = arrival.whole() {
            return Self::whole(whole);
        }
        Self::Stream(Box::new(Flow { source: Source::Server(arrival), patience: Patience::new(stall) }))
    }

    /// The same body once more, if it can be sent more than once.
    pub(crate) fn repeated(&self) -> Option<Self> {
        match self {
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    /// Reads all of it, up to a limit, into memory that begins with so many bytes of room. It takes what was announced, or
    /// grows to at most the limit.
    pub(crate) async fn collect_behind(mut self, room: usize, limit: usize) -> Result<Vec<u8>, NotWhole> {
        let hint = self.size_hint();
        if hint.lower() > limit as u64 {
            return Err(NotWhole::TooLarge(limit));
        }
        let announced = hint.exact().and_then(|bytes| usize::try_from(bytes).ok());
        let mut whole = Vec::new();
        whole.reserve_exact(room + announced.unwrap_or(FIRST.min(limit)));
        whole.resize(room, 0);
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await
        {
            let Ok(data) = frame?.into_data() else { continue };
            let wanted = whole.len() + data.len();
            if wanted > room + limit {
                return Err(NotWhole::TooLarge(limit));
            }
            if wanted > whole.capacity() {
                let grown = (2 * whole.capacity()).clamp(wanted, room + limit);
                whole.reserve_exact(grown - whole.len());
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole)
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

impl Source {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Client(incoming) => {
                Pin::new(incoming).poll_frame(context).map(|frame| frame.map(|frame| Ok(frame?)))
            }
            Self::Server(arrival) => {
                arrival.poll_piece(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece?))))
            }
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
        let polled = self.source.poll(context);
        if polled.is_pending() {
            let limit = ready!(self.patience.poll(context));
            return Poll::Ready(Some(Err(BodyError::Stalled(limit))));
        }
        self.patience.rest();
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Client(incoming) => incoming.is_end_stream(),
            Source::Server(arrival) => arrival.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Client(incoming) => incoming.size_hint(),
            Source::Server(arrival) => arrival.size_hint(),
        }
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
