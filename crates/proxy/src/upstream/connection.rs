//! Connections to servers: dialing, TLS, and counting what has left.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::body::Body;
use crate::settings::Origin;

/// Bytes of an answer's head. More than servers send, and a bound on what a broken one costs.
const MOST_HEAD: usize = 256 << 10;

/// How one server is reached.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limit: Duration,
}

/// A connection that can be sent a request.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Body>,
    /// Bytes that were handed to the kernel.
    pub(crate) written: Arc<AtomicU64>,
}

impl Dialer {
    pub(crate) fn new(
        origin: &Origin,
        tls: Option<(TlsConnector, ServerName<'static>)>,
        limit: Duration,
    ) -> Self {
        Self { host: origin.host.clone(), port: origin.port, tls, limit }
    }

    /// A new connection. If there is none, nothing was sent.
    pub(crate) async fn dial(&self) -> io::Result<Connection> {
        match timeout(self.limit, self.connect()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let message = format!("no connection within {:?}", self.limit);
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }
        }
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => shake(stream).await,
            Some((connector, name)) => shake(connector.connect(name.clone(), stream).await?).await,
        }
    }
}

async fn shake<IO>(stream: IO) -> io::Result<Connection>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let written = Arc::new(AtomicU64::new(0));
    let counted = Counted { stream, written: Arc::clone(&written) };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MOST_HEAD);
    let (sender, connection) = builder.handshake(TokioIo::new(counted)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // What went wrong is told to whoever waits for an answer.
        connection.await.ok();
    });
    Ok(Connection { sender, written })
}

/// A stream that counts what was written to it.
struct Counted<IO> {
    stream: IO,
    written: Arc<AtomicU64>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
