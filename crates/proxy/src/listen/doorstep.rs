//! Answers those who come before the proxy can serve: its port is taken first, and reading its journal may take long.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::accept::{PAUSE, protocols, turn_away};
use super::patient::Patient;
use crate::body::Body;
use crate::own;
use crate::settings::Settings;

/// How long those who are being answered may take once the proxy serves: their answers are short.
const PARTING: Duration = Duration::from_millis(500);

/// Bytes of a body that are read though nobody wants them: a client that is still sending when its connection ends does not
/// hear the answer.
const MOST_UNWANTED: usize = 1 << 20;

/// Who answers meanwhile. It ends when it is dropped.
pub(crate) struct Doorstep {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Doorstep {
    pub(crate) fn open(
        settings: &Arc<Settings>,
        tls: Option<&TlsAcceptor>,
        listener: std::net::TcpListener,
    ) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let porter = Porter { settings: Arc::clone(settings), tls: tls.cloned(), stop: stopped };
        let builder = thread::Builder::new().name("proxy-doorstep".to_owned());
        let thread = builder.spawn(move || porter.work(&runtime, listener))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Doorstep {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            thread.join().ok();
        }
    }
}

/// What answers, one copy for each connection.
#[derive(Clone)]
struct Porter {
    settings: Arc<Settings>,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
}

impl Porter {
    fn work(mut self, runtime: &Runtime, listener: std::net::TcpListener) {
        runtime.block_on(async move {
            // It was made non-blocking by the runtime that it came from.
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let most = self.settings.limits.connections.min(Semaphore::MAX_PERMITS);
            let places = Arc::new(Semaphore::new(most));
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stopped(&mut self.stop) => break,
                };
                match (accepted, Arc::clone(&places).try_acquire_owned()) {
                    (Ok((stream, _)), Ok(place)) => drop(tokio::spawn(self.clone().greet(stream, place))),
                    (Ok((stream, _)), Err(_)) => drop(tokio::spawn(turn_away(stream, ()))),
                    (Err(_), _) => sleep(PAUSE).await,
                }
            }
            let all = u32::try_from(most).unwrap_or(u32::MAX);
            timeout(PARTING, places.acquire_many(all)).await.ok();
        });
    }

    async fn greet(self, stream: TcpStream, _place: OwnedSemaphorePermit) {
        // Only a socket that is gone already refuses this.
        stream.set_nodelay(true).ok();
        match self.tls.clone() {
            None => self.converse(stream).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(self.settings.times.header, tls.accept(stream)).await {
                    self.converse(stream).await;
                }
            }
        }
    }

    async fn converse<IO>(mut self, stream: IO)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let settings = Arc::clone(&self.settings);
        let stream = Patient::new(stream, settings.times.header, settings.times.stall);
        let service = service_fn(|request| answer(Arc::clone(&settings), request));
        let builder = protocols(&settings);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        // A connection that fails has told its client what it could.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stopped(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await.ok();
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever would have said so is gone.
    stop.wait_for(|stop| *stop).await.ok();
}

async fn answer(settings: Arc<Settings>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (parts, incoming) = request.into_parts();
    let body = Body::stream(incoming, settings.times.stall);
    // Whatever becomes of it, nothing of it was taken.
    timeout(settings.times.header, body.collect(MOST_UNWANTED)).await.ok();
    let mut answer = own::starting(&settings, &parts.method, parts.uri.path());
    if parts.version < Version::HTTP_2 {
        // The next request is for the proxy itself.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}
