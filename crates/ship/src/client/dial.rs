//! Connections to a server: dialing, TLS, HTTP/1.1.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Trust, tls};
use crate::{Address, Scheme, StartError};

/// A connection that can be sent a request.
pub(super) type Sender = SendRequest<Full<Bytes>>;

/// Bytes of an answer's head. More than servers send, and a bound on what a broken one costs.
const MOST_HEAD: usize = 256 << 10;

/// How a server is reached.
pub(super) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limit: Duration,
}

impl Dialer {
    pub(super) fn new(address: &Address, trust: &Trust, limit: Duration) -> Result<Self, StartError> {
        let tls = match address.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = ServerName::try_from(address.host.clone()).map_err(|error| {
                    StartError::Address { place: address.to_string(), cause: error.to_string() }
                })?;
                Some((tls::connector(trust)?, name))
            }
        };
        Ok(Self { host: address.host.clone(), port: address.port, tls, limit })
    }

    /// A new connection. If there is none, nothing was sent.
    pub(super) async fn dial(&self) -> io::Result<Sender> {
        match timeout(self.limit, self.connect()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("none within {:?}", self.limit))),
        }
    }

    async fn connect(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => shake(stream).await,
            Some((connector, name)) => shake(connector.connect(name.clone(), stream).await?).await,
        }
    }
}

async fn shake<IO>(stream: IO) -> io::Result<Sender>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MOST_HEAD);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // What went wrong is told to whoever waits for an answer.
        connection.await.ok();
    });
    Ok(sender)
}
