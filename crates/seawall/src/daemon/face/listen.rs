//! Takes connections: over TCP and over a Unix socket, so many at once, each within limits of time and size.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::access::Visitor;
use super::unread::Taken;
use super::{Face, dispatch};
use crate::config::{Mode, ServerSettings};
use crate::daemon::Phase;
use crate::daemon::keeper::Ended;
use crate::failure::DaemonFailure;

/// How long a client may take to send the head of a request, and may be silent between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may leave an answer unread before its connection is cut.
const UNREAD: Duration = Duration::from_secs(30);

/// How long a client over a network may take for what the system holds for it, reading a little now and then.
const SLOWLY_READ: Duration = Duration::from_mins(5);

/// Headers of a request: four times what browsers send.
const MOST_HEADERS: usize = 100;

/// Bytes of the head of a request. More is answered 431.
const LARGEST_HEAD: usize = 64 << 10;

/// How long nobody is let in after the system could not make a connection: it lacks files or memory.
const PAUSE: Duration = Duration::from_millis(200);

/// What those are told who are one too many. Its body ends with the connection.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
connection: close\r\n\r\n\
{\"error\":{\"code\":\"busy\",\"message\":\"there are server.max_connections connections\",\"hint\":\"try again in a second\"}}\n";

/// Where connections come from.
pub(in crate::daemon) struct Listeners {
    tcp: TcpListener,
    unix: Option<(UnixListener, PathBuf)>,
}

impl Listeners {
    /// Takes the address and the socket.
    pub(in crate::daemon) async fn bind(server: &ServerSettings) -> Result<Self, DaemonFailure> {
        let refused = |place: String| move |source| DaemonFailure::Listen { place, source };
        let address = server.listen.address();
        let tcp = TcpListener::bind(address).await.map_err(refused(address.to_string()))?;
        let unix = match &server.socket {
            Some((path, mode)) => {
                let listener = unix(path, *mode).map_err(refused(path.display().to_string()))?;
                Some((listener, path.clone()))
            }
            None => None,
        };
        Ok(Self { tcp, unix })
    }
}

/// Makes the socket under another name and gives it its own once its permissions are right: nobody gets in before.
fn unix(path: &Path, mode: Mode) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something that is no socket lies there",
            ));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        // One that a daemon left behind, or none.
        _ => {}
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    fs::remove_file(&aside).ok();
    let listener = UnixListener::bind(&aside)?;
    fs::set_permissions(&aside, fs::Permissions::from_mode(mode.bits()))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a socket does not outlive a crash: there is nothing to sync"
    )]
    fs::rename(&aside, path)?;
    Ok(listener)
}

/// What every connection needs.
#[derive(Clone)]
struct Door {
    /// Nothing until the journals are open.
    face: watch::Receiver<Option<Arc<Face>>>,
    phase: watch::Receiver<Phase>,
    places: Arc<Semaphore>,
}

/// The face as it is open.
pub(in crate::daemon) struct Open {
    places: Arc<Semaphore>,
    most: u32,
    socket: Option<PathBuf>,
}

/// Begins to take connections, which is before there is a face: how long a start takes is told by `/readyz`.
pub(in crate::daemon) fn serve(
    listeners: Listeners,
    most: usize,
    face: watch::Receiver<Option<Arc<Face>>>,
    phase: watch::Receiver<Phase>,
) -> Open {
    let places = Arc::new(Semaphore::new(most));
    let door = Door { face, phase, places: Arc::clone(&places) };
    match listeners.tcp.local_addr() {
        Ok(address) => info!(%address, "listening"),
        Err(error) => warn!(%error, "listening, and the system does not say where"),
    }
    tokio::spawn(door.clone().tcp(listeners.tcp));
    let mut socket = None;
    if let Some((listener, path)) = listeners.unix {
        info!(socket = %path.display(), "listening");
        tokio::spawn(door.unix(listener));
        socket = Some(path);
    }
    Open { places, most: u32::try_from(most).unwrap_or(u32::MAX), socket }
}

impl Open {
    /// Connections that may be open.
    pub(in crate::daemon) fn places(&self) -> Arc<Semaphore> {
        Arc::clone(&self.places)
    }

    /// Waits until the last connection has ended, at most so long.
    pub(in crate::daemon) async fn closed(self, patience: Duration) -> Ended {
        if let Some(path) = &self.socket {
            fs::remove_file(path).ok();
        }
        match timeout(patience, self.places.acquire_many(self.most)).await {
            Ok(_) => Ended::InTime,
            Err(_) => Ended::Late,
        }
    }
}

impl Door {
    async fn tcp(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing() => return,
            };
            match accepted {
                Ok((stream, _)) => match self.place() {
                    Some(place) => {
                        prepare(&stream);
                        let stream = Taken::within(stream, SLOWLY_READ);
                        tokio::spawn(self.clone().connection(stream, Visitor::Network, place));
                    }
                    None => drop(stream.try_write(BUSY)),
                },
                Err(error) => pause(&error).await,
            }
        }
    }

    async fn unix(self, listener: UnixListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing() => return,
            };
            match accepted {
                Ok((stream, _)) => match self.place() {
                    Some(place) => {
                        let stream = Taken::within(stream, UNREAD);
                        tokio::spawn(self.clone().connection(stream, Visitor::Socket, place));
                    }
                    None => drop(stream.try_write(BUSY)),
                },
                Err(error) => pause(&error).await,
            }
        }
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    async fn closing(&self) {
        let mut phase = self.phase.clone();
        // An error means that the daemon is gone, which ends it too.
        phase.wait_for(|phase| *phase == Phase::Draining).await.ok();
    }

    async fn connection<S>(self, stream: S, visitor: Visitor, _place: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request: Request<Incoming>| {
            let face = self.face.borrow().clone();
            async move {
                Ok::<_, Infallible>(match face {
                    Some(face) => dispatch::answer(face, visitor, request).await,
                    None => dispatch::starting(request.method(), request.uri().path()),
                })
            }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        server.max_headers(MOST_HEADERS).max_buf_size(LARGEST_HEAD);
        // Who has said all, as `nc` does, still wants the answer.
        server.half_close(true);
        let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.closing() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection was cut");
        }
    }
}

/// A connection that cannot be prepared so is slower, or lives longer, and works all the same.
fn prepare(stream: &TcpStream) {
    stream.set_nodelay(true).ok();
    set_tcp_user_timeout(stream, u32::try_from(UNREAD.as_millis()).unwrap_or(u32::MAX)).ok();
}

async fn pause(error: &io::Error) {
    warn!(%error, "failed to take a connection");
    sleep(PAUSE).await;
}
