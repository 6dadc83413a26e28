//! Connections to servers: dialing, TLS, sending a request and reading the answer, without a task in between.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Upstream;
use super::framing::{self, Top};
use super::outbox::{Outbox, Outgoing, Unsent};
use crate::body::Body;
use crate::patience::Patience;
use crate::settings::Origin;

/// Bytes that are read at once, and how many there have to be room for at least.
const MOST_READ: usize = 128 << 10;
const LEAST_READ: usize = 8 << 10;
/// Heads before the one that counts: `100 Continue`, `103 Early Hints`.
const MOST_INTERIM: u32 = 16;

thread_local! {
    /// Where the connections of a thread read, one after the other: what was used just now is still in the cache.
    static ROOM: Cell<BytesMut> = Cell::default();
}

/// How one server is reached.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limit: Duration,
}

/// A connection that is sent one request after the other.
pub(crate) struct Connection {
    stream: Box<dyn Wire>,
    outbox: Outbox,
    /// What was read and not taken.
    pub(super) inbox: BytesMut,
    /// Bytes that were handed to the kernel.
    pub(super) written: u64,
    patience: Patience,
}

/// How far an exchange has come.
struct Progress {
    /// Bytes that had been written when it began.
    before: u64,
    /// Of the head, this much was looked at.
    searched: usize,
    interim: u32,
    /// Why the rest of the request cannot be sent.
    broken: Option<io::Error>,
}

/// What a connection speaks over: with TLS or without.
trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<IO: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for IO {}

impl Dialer {
    pub(crate) fn new(
        origin: &Origin,
        tls: Option<(TlsConnector, ServerName<'static>)>,
        limit: Duration,
    ) -> Self {
        Self { host: origin.host.clone(), port: origin.port, tls, limit }
    }

    /// A new connection. If there is none, nothing was sent.
    pub(crate) async fn dial(&self) -> io::Result<Box<Connection>> {
        match timeout(self.limit, self.connect()).await {
            Ok(outcome) => outcome.map(Connection::new),
            Err(_) => {
                let message = format!("no connection within {:?}", self.limit);
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((connector, name)) => Ok(Box::new(connector.connect(name.clone(), stream).await?)),
        }
    }
}

impl Connection {
    fn new(stream: Box<dyn Wire>) -> Box<Self> {
        Box::new(Self {
            stream,
            outbox: Outbox::default(),
            inbox: BytesMut::new(),
            written: 0,
            patience: Patience::new(Duration::ZERO),
        })
    }

    /// Whether an idle connection can be used: nothing has come, and the server has not closed it.
    pub(super) fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Sends a request, and reads the head of the answer; nothing, if that takes longer than `limit`. The server may answer
    /// before it has all of the request.
    pub(super) async fn exchange(
        &mut self,
        outgoing: Outgoing<'_>,
        upstream: &Upstream,
        limit: Duration,
    ) -> Option<io::Result<Top>> {
        let method = &outgoing.head.method;
        self.outbox.fill(outgoing, upstream);
        self.patience.begin(limit);
        let mut progress = Progress { before: self.written, searched: 0, interim: 0, broken: None };
        std::future::poll_fn(|context| match self.poll_top(context, method, &mut progress) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => self.patience.poll(context).map(|_| None),
        })
        .await
    }

    fn poll_top(
        &mut self,
        context: &mut Context<'_>,
        method: &Method,
        progress: &mut Progress,
    ) -> Poll<io::Result<Top>> {
        match self.poll_send(context) {
            Poll::Ready(Err(Unsent::Body(error))) => return Poll::Ready(Err(io::Error::other(error))),
            Poll::Ready(Err(Unsent::Wire(error))) if self.written == progress.before => {
                return Poll::Ready(Err(error));
            }
            // The server may have closed because it has answered already.
            Poll::Ready(Err(Unsent::Wire(error))) => {
                self.outbox.clear();
                progress.broken = Some(error);
            }
            _ => {}
        }
        loop {
            while let Some(top) = self.top(&mut progress.searched, method)? {
                if !top.status.is_informational() {
                    return Poll::Ready(Ok(top));
                }
                progress.interim += 1;
                if progress.interim > MOST_INTERIM {
                    return Poll::Ready(Err(io::Error::other("its answer does not begin")));
                }
            }
            let closed = || io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection");
            match ready!(self.poll_fill(context)) {
                Ok(0) => return Poll::Ready(Err(progress.broken.take().unwrap_or_else(closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(progress.broken.take().unwrap_or(error))),
            }
        }
    }

    fn top(&mut self, searched: &mut usize, method: &Method) -> io::Result<Option<Top>> {
        framing::top(&mut self.inbox, searched, method).map_err(garbled)
    }

    pub(super) fn is_sent(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Sends no more. If nothing was sent, a body that could not be sent twice is given back.
    pub(super) fn give_up(&mut self) -> Option<Body> {
        self.outbox.clear()
    }

    /// Goes on sending.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        if self.outbox.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.outbox.poll(context, &mut self.stream, &mut self.written)
    }

    /// Reads what has come; nothing, if the server has closed.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = ROOM.take();
        // While others hold what they have read, there may still be room behind it.
        if !room.try_reclaim(MOST_READ) && room.capacity() < LEAST_READ {
            room.reserve(MOST_READ);
        }
        let read = pin!(self.stream.read_buf(&mut room)).poll(context);
        if !room.is_empty() {
            let came = room.split();
            if self.inbox.is_empty() {
                self.inbox = came;
            } else {
                self.inbox.extend_from_slice(&came);
            }
        }
        ROOM.set(room);
        read
    }
}

pub(super) fn garbled(garbage: framing::Garbage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, garbage)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    /// What a connection of its own reads of so many equal bytes.
    async fn read(byte: u8, count: usize) -> Bytes {
        let (mut server, here) = duplex(MOST_READ);
        server.write_all(&vec![byte; count]).await.unwrap();
        let mut connection = Connection::new(Box::new(here));
        poll_fn(|context| connection.poll_fill(context)).await.unwrap();
        connection.inbox.freeze()
    }

    #[tokio::test]
    async fn nothing_is_read_over_what_is_still_held_and_memory_that_is_free_is_used_again() {
        let mut held = Vec::new();
        for byte in 0..20 {
            held.push(read(byte, 5000).await);
        }
        for (byte, bytes) in (0..20).zip(&held) {
            assert_eq!(*bytes, vec![byte; 5000]);
        }
        drop(held);
        let first = read(1, MOST_READ).await;
        let place = first.as_ptr();
        drop(first);
        assert_eq!(read(2, 10).await.as_ptr(), place);
    }
}
