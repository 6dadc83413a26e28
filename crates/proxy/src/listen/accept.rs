//! Accepts connections on one thread, and serves each until it ends or the proxy drains.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::head_timer::HeadTimer;
use super::patient::Patient;
use super::seats::{Guest, Seated, Seats};
use super::serve::serve;
use super::unread;
use crate::core::Core;
use crate::head::Client;
use crate::notice::Notice;
use crate::settings::Settings;

/// Requests that one HTTP/2 connection may have at the same time.
const MOST_STREAMS: u32 = 128;
/// A client of HTTP/2 that is silent for so long is asked whether it is there.
const PING: Duration = Duration::from_secs(20);
/// How long nobody is let in after a connection could not be accepted.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// What a client gets for which there is no room. It is written as it is, since nothing was read.
const FULL_HEAD: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: ";
const FULL_BODY: &str = "{\"error\":{\"code\":\"too-many-connections\",\"message\":\"the proxy has as many connections \
    as it may\",\"hint\":\"try again, or raise the limit of connections\"}}";

/// Counts a connection as long as it lives.
struct Counted(Arc<Core>);

impl Counted {
    fn new(core: &Arc<Core>) -> Self {
        connections(core).fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(core))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        connections(&self.0).fetch_sub(1, Ordering::AcqRel);
    }
}

fn connections(core: &Core) -> &AtomicU64 {
    &core.shared.counts.connections
}

/// What one thread accepts with.
pub(crate) struct Acceptor {
    pub(crate) core: Arc<Core>,
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    /// Where connections go, and which of the threads this is.
    pub(super) seats: (Seats, usize),
    /// Connections that others have accepted.
    pub(super) guests: Receiver<Guest>,
}

impl Acceptor {
    /// Accepts until `stop` changes, and then lets what is being served end.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let (seats, here) = &self.seats;
            let seated = tokio::select! {
                accepted = self.listener.accept() => accepted.and_then(|accepted| seats.seat(*here, accepted)),
                Some(guest) = self.guests.recv() => guest.sit().map(Some),
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match seated {
                Ok(Some(seated)) => self.take(seated, graceful.watcher()),
                Ok(None) => {}
                // Too many open files, most often. The one that waits is still there afterwards.
                Err(_) => sleep(PAUSE).await,
            }
        }
        self.guests.close();
        while let Ok(guest) = self.guests.try_recv() {
            drop(guest.sit().map(|seated| self.take(seated, graceful.watcher())));
        }
        drop(self.listener);
        graceful.shutdown().await;
    }

    fn take(&self, (stream, address, seated): (TcpStream, SocketAddr, Seated), watcher: Watcher) {
        let counted = (Counted::new(&self.core), seated);
        let core = Arc::clone(&self.core);
        let limit = core.shared.settings.limits.connections as u64;
        if connections(&core).load(Ordering::Acquire) > limit {
            tokio::spawn(turn_away(stream, counted));
            return;
        }
        let tls = self.tls.clone();
        tokio::spawn(async move {
            let _counted = counted;
            // Only a socket that is gone already refuses this.
            stream.set_nodelay(true).ok();
            let patience = core.shared.settings.times.header;
            match tls {
                None => converse(core, stream, client(address, "http"), watcher).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(patience, tls.accept(stream)).await {
                        converse(core, stream, client(address, "https"), watcher).await;
                    }
                }
            }
        });
    }
}

fn client(address: SocketAddr, protocol: &'static str) -> Client {
    Client::new(address.ip().to_canonical(), protocol)
}

/// Tells a client that there is no room for it, which counts meanwhile.
pub(super) async fn turn_away<T>(mut stream: TcpStream, counted: T) {
    let full = format!("{FULL_HEAD}{}\r\n\r\n{FULL_BODY}", FULL_BODY.len());
    let answer = async {
        stream.write_all(full.as_bytes()).await?;
        stream.shutdown().await
    };
    // It was going to be closed anyway.
    drop::<Result<io::Result<()>, _>>(timeout(Duration::from_secs(1), answer).await);
    drop(counted);
}

async fn converse<IO>(core: Arc<Core>, stream: IO, client: Client, watcher: Watcher)
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let times = &core.shared.settings.times;
    let stream = Patient::new(stream, times.header, times.stall);
    let builder = protocols(&core.shared.settings);
    let client = Arc::new(client);
    let service = service_fn(|request| serve(Arc::clone(&core), Arc::clone(&client), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // A connection that fails has told its client what it could.
    if let Err(error) = watcher.watch(connection).await
        && let Some(cause) = unread::cause(&*error)
        && let Some(count) = core.shared.counts.unread.count((core.shared.clock)())
    {
        core.shared.tell(&Notice::Unread { client: client.address().to_owned(), cause, count });
    }
}

/// HTTP/1.1 and HTTP/2 as clients are spoken to, within the limits of heads. Of how many headers there may be, hyper's own
/// limit of a hundred is kept: any other makes it take memory for each request.
pub(super) fn protocols(settings: &Settings) -> auto::Builder<TokioExecutor> {
    let (times, limits) = (&settings.times, &settings.limits);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(HeadTimer::default())
        .header_read_timeout(times.header)
        .max_buf_size(limits.header_bytes.max(8 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}
