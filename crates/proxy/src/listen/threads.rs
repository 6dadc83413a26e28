//! One thread for each core: its own runtime, its own listener on the shared port, its own connections to servers. What
//! one thread serves, no other has to be woken for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Barrier, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::accept::Acceptor;
use super::seats::{Guest, Seats};
use crate::core::{Core, Shared};
use crate::error::StartError;
use crate::upstream::{Backoff, probe};

/// Connections that the kernel holds for each thread before they are accepted.
const WAITING: u32 = 1024;

/// The first listener on an address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    // Listeners that share a port share it with those of another proxy too, unless that is found out before.
    let alone = socket(address)?;
    alone.bind(address)?;
    drop(alone);
    listen(address)
}

/// A listener for each thread, on the port of the first.
pub(crate) fn join(first: std::net::TcpListener, threads: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let bound = first.local_addr()?;
    let others = (1..threads).map(|_| listen(bound));
    std::iter::once(Ok(first)).chain(others).collect()
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    // A socket of the runtime's is made without entering one, and becomes the runtime's own on its thread.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let socket = socket(address)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)?.into_std()
}

/// The threads of a proxy.
pub(crate) struct Threads {
    stop: watch::Sender<bool>,
    deadline: watch::Sender<Duration>,
    handles: Vec<JoinHandle<()>>,
}

/// What a thread begins with.
struct Begin {
    core: Arc<Core>,
    listener: std::net::TcpListener,
    seats: (Seats, usize),
    guests: Receiver<Guest>,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
    deadline: watch::Receiver<Duration>,
    /// Where threads wait for each other, since one may work for a client of another.
    together: Arc<Barrier>,
    role: Role,
}

/// What a thread does besides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It checks the servers, and sends what was pending at the start.
    First,
    Other,
}

impl Threads {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        listeners: Vec<std::net::TcpListener>,
        (tls, probe): (Option<&TlsAcceptor>, &PathAndQuery),
    ) -> Result<Self, StartError> {
        let (stop, stopped) = watch::channel(false);
        let (deadline, deadlines) = watch::channel(Duration::ZERO);
        let together = Arc::new(Barrier::new(listeners.len()));
        let (seats, guests) = Seats::new(listeners.len());
        let mut threads = Self { stop, deadline, handles: Vec::new() };
        for ((number, listener), guests) in listeners.into_iter().enumerate().zip(guests) {
            let begin = Begin {
                core: Core::new(shared),
                listener,
                seats: (seats.clone(), number),
                guests,
                tls: tls.cloned(),
                stop: stopped.clone(),
                deadline: deadlines.clone(),
                together: Arc::clone(&together),
                role: if number == 0 { Role::First } else { Role::Other },
            };
            let runtime = Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
            let builder = std::thread::Builder::new().name(format!("proxy-{number}"));
            let probe = probe.clone();
            let thread = builder.spawn(move || work(&runtime, begin, probe)).map_err(StartError::Thread)?;
            threads.handles.push(thread);
        }
        Ok(threads)
    }

    /// Stops accepting, lets what is being served end until the deadline, and ends the threads.
    pub(crate) fn drain(&mut self, deadline: Duration) {
        self.deadline.send_replace(deadline);
        self.stop.send_replace(true);
        for thread in self.handles.drain(..) {
            // One that panicked has said so.
            thread.join().ok();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.drain(Duration::ZERO);
    }
}

fn work(runtime: &Runtime, begin: Begin, path: PathAndQuery) {
    let Begin { core, listener, seats, guests, tls, stop, deadline, together, role } = begin;
    runtime.block_on(async move {
        // It was made non-blocking by the runtime that it came from.
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        if role == Role::First {
            for number in 0..core.routes.len() {
                tokio::spawn(check(Arc::clone(&core), number, path.clone()));
            }
            core.take_up();
        }
        let mut stopped = stop.clone();
        let accepting = tokio::spawn(Acceptor { core, listener, tls, seats, guests }.run(stop));
        // The sender lives as long as the threads do.
        drop(stopped.wait_for(|stop| *stop).await.map(|stop| *stop));
        let limit = *deadline.borrow();
        let served = async {
            accepting.await.ok();
            together.wait().await;
        };
        timeout(limit, served).await.ok();
    });
}

/// Checks a server, on its interval as long as it is there, and otherwise with pauses that grow up to it.
async fn check(core: Arc<Core>, number: usize, path: PathAndQuery) {
    let Some(route) = core.routes.get(number).cloned() else { return };
    let (times, replay) = (core.shared.settings.times.clone(), core.shared.settings.replay.clone());
    let pauses = || {
        Backoff::new(
            replay.backoff_initial,
            times.check_interval.min(replay.backoff_max),
            core.shared.chance(),
        )
    };
    let mut backoff = pauses();
    loop {
        let outcome = probe(&route, &path, times.request).await;
        core.shared.checked(number);
        match outcome {
            Ok(()) => core.upstream_is_there(number),
            Err(cause) => core.upstream_failed(number, &cause),
        }
        let circuit = &route.upstream.circuit;
        if circuit.is_well() {
            backoff = pauses();
            // A request that fails raises a doubt, which is looked into at once.
            drop(timeout(times.check_interval, circuit.doubt.notified()).await);
        }
        if !circuit.is_well() {
            sleep(backoff.pause()).await;
        }
    }
}
