//! A real HTTP service that remembers what it was sent, and that can go and come back on the same port.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A request as the service got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

/// What a service answers.
pub(crate) type Manner = Arc<dyn Fn(&Seen) -> (u16, String) + Send + Sync>;

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    manner: Arc<Mutex<Manner>>,
    running: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

/// Answers 200 with its name and what was sent.
fn plainly(name: &str) -> Manner {
    let name = name.to_owned();
    Arc::new(move |seen| (200, format!("{name}: {} {}", seen.target, seen.body)))
}

impl Service {
    pub(crate) fn start(name: &str) -> Self {
        let mut service = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            seen: Arc::default(),
            manner: Arc::new(Mutex::new(plainly(name))),
            running: None,
        };
        service.come();
        service
    }

    /// What it has been sent, but for checks.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The bodies of the writes that it has been sent.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let seen = self.seen();
        let writes = seen.into_iter().filter(|seen| seen.method != "GET" && seen.method != "HEAD");
        writes.map(|seen| seen.body).collect()
    }

    pub(crate) fn answer(&self, manner: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) {
        *self.manner.lock().unwrap() = Arc::new(manner);
    }

    pub(crate) fn answer_plainly(&self, name: &str) {
        *self.manner.lock().unwrap() = plainly(name);
    }

    /// Closes its port and its connections.
    pub(crate) fn go(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.send_replace(true);
            thread.join().unwrap();
        }
    }

    /// Listens where it did before, or anywhere for the first time.
    pub(crate) fn come(&mut self) {
        let listener = std::net::TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = watch::channel(false);
        let (seen, manner) = (Arc::clone(&self.seen), Arc::clone(&self.manner));
        let thread = std::thread::spawn(move || serve(listener, stopped, &seen, &manner));
        self.running = Some((stop, thread));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.go();
    }
}

fn serve(
    listener: std::net::TcpListener,
    mut stopped: watch::Receiver<bool>,
    seen: &Arc<Mutex<Vec<Seen>>>,
    manner: &Arc<Mutex<Manner>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            let (seen, manner) = (Arc::clone(seen), Arc::clone(manner));
            let service = service_fn(move |request| answer(Arc::clone(&seen), Arc::clone(&manner), request));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    // The runtime is dropped with its connections.
}

async fn answer(
    log: Arc<Mutex<Vec<Seen>>>,
    manner: Arc<Mutex<Manner>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(Response::new(Full::default())) };
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let seen = Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts.headers.iter().map(header).collect(),
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    };
    if seen.target == "/probe" {
        return Ok(Response::new(Full::default()));
    }
    let manner = Arc::clone(&manner.lock().unwrap());
    let (status, text) = manner(&seen);
    log.lock().unwrap().push(seen);
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("x-served", http::HeaderValue::from_static("yes"));
    Ok(response)
}
