//! A proxy as its owner sees it: starting it, asking how it stands, draining it.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::uri::PathAndQuery;
use journal::{Clock, Health, Journal};
use tokio_rustls::TlsAcceptor;

use crate::core::{Listener, Shared};
use crate::desk::Desk;
use crate::error::StartError;
use crate::listen::{Doorstep, Threads, bind, join};
use crate::settings::Settings;
use crate::status::Status;

/// A proxy.
pub struct Proxy;

/// A proxy that serves. It ends when it is dropped; [`Running::drain`] ends it politely.
pub struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Threads,
}

/// Sees how a proxy stands, and keeps nothing of it alive.
pub struct Observer(Weak<Shared>);

impl Observer {
    /// How it stands; nothing once it has ended. It reads from the journal, so it may take a moment.
    pub fn status(&self) -> Option<Status> {
        self.0.upgrade().map(|shared| shared.status())
    }
}

/// A proxy that listens and has no journal yet: to each request, it answers that it is starting. It ends when it is dropped.
pub struct Bound {
    settings: Settings,
    probe: PathAndQuery,
    tls: Option<TlsAcceptor>,
    listener: TcpListener,
    address: SocketAddr,
    doorstep: Doorstep,
}

impl Proxy {
    /// Takes up what is pending in the journal, and serves: [`Proxy::bind`] and [`Bound::start`] at once.
    pub fn start(
        settings: Settings,
        journal: Journal,
        clock: Clock,
        listener: Listener,
    ) -> Result<Running, StartError> {
        Self::bind(settings)?.start(journal, clock, listener)
    }

    /// Listens, for those who come while the journal is still being read.
    pub fn bind(settings: Settings) -> Result<Bound, StartError> {
        let path = settings.dialect.probe().to_owned();
        let probe = path.parse::<PathAndQuery>();
        let probe = probe.map_err(|error| StartError::Probe { path, cause: error.to_string() })?;
        let tls = settings.tls.as_ref().map(crate::tls::acceptor).transpose()?;
        let refuse = |cause| StartError::Listen { address: settings.listen, cause };
        let listener = bind(settings.listen).map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let copy = listener.try_clone().map_err(refuse)?;
        let doorstep = Doorstep::open(&Arc::new(settings.clone()), tls.as_ref(), copy);
        let doorstep = doorstep.map_err(StartError::Thread)?;
        Ok(Bound { settings, probe, tls, listener, address, doorstep })
    }
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes up what is pending in the journal, and serves.
    ///
    /// The clock tells the time that is shown, and the listener hears what happens; it is called on the threads that
    /// serve, so it should be quick.
    pub fn start(self, journal: Journal, clock: Clock, listener: Listener) -> Result<Running, StartError> {
        let Self { settings, probe, tls, listener: first, address, doorstep } = self;
        let threads = settings.threads.max(1);
        let shared = Arc::new(Shared::open(settings, journal, (clock, listener))?);
        let refuse = |cause| StartError::Listen { address, cause };
        // Who comes from here on waits until the threads are there.
        drop(doorstep);
        let listeners = join(first, threads).map_err(refuse)?;
        let threads = Threads::start(&shared, listeners, (tls.as_ref(), &probe))?;
        Ok(Running { shared, address, threads })
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it stands. It reads from the journal, so it may take a moment.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Where it is asked about its writes.
    pub fn desk(&self) -> Desk {
        Desk { shared: Arc::clone(&self.shared) }
    }

    /// Who sees how it stands.
    pub fn observer(&self) -> Observer {
        Observer(Arc::downgrade(&self.shared))
    }

    /// Whether a balancer in front may send writes here, and if not, why. Servers that are gone are no reason: writes are
    /// taken all the same.
    pub fn readiness(&self) -> Result<(), String> {
        match self.shared.journal.stats().health {
            Health::Well => Ok(()),
            Health::Full => Err("the disk has no room for the journal".to_owned()),
            Health::OverBudget => Err("the journal has reached its budget".to_owned()),
            Health::Stopped(cause) => Err(format!("the journal has stopped: {cause}")),
        }
    }

    /// Takes no new connections, lets what is being served end until the deadline, and stops. What is pending stays in the
    /// journal. It blocks meanwhile.
    pub fn drain(mut self, deadline: Duration) {
        self.threads.drain(deadline);
        drop(self.shared);
    }
}
