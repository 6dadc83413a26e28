//! A proxy with its journal and its servers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Journal, Millis, Options};
use proxy::dialect::LaneRule;
use proxy::{
    Feed, Limits, Notice, Plain, Proxy, Reads, Replay, Running, Server, Settings, StartError, Times,
};
use tempfile::TempDir;
use testkit::wait_for;

use crate::client::{self, Answer};
use crate::service::Service;

/// Only a broken run takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct House {
    directory: TempDir,
    pub(crate) servers: Vec<Service>,
    pub(crate) settings: Settings,
    running: Option<Running>,
    options: Options,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
}

/// Names of servers, the primary first.
pub(crate) const NAMES: [&str; 3] = ["primary", "replica", "replica-2"];

pub(crate) fn server(name: &str, address: SocketAddr) -> Server {
    let origin = format!("http://{address}").parse().unwrap();
    Server { name: name.to_owned(), origin, feed: Feed::Journal }
}

pub(crate) fn settings(upstreams: Vec<Server>) -> Settings {
    Settings {
        name: "shop".to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        dialect: Arc::new(Plain::new(LaneRule::Path, "/probe")),
        upstreams,
        roots: Vec::new(),
        threads: 2,
        times: Times { check_interval: Duration::from_millis(200), ..Times::default() },
        limits: Limits::default(),
        reads: Reads::default(),
        replay: Replay {
            backoff_initial: Duration::from_millis(10),
            backoff_max: Duration::from_millis(200),
            ..Replay::default()
        },
        token: Some("open sesame".to_owned()),
    }
}

pub(crate) fn options() -> Options {
    Options::new(|| Millis::new(1_700_000_000_000))
}

impl House {
    /// A proxy in front of so many servers.
    pub(crate) fn with(servers: usize) -> Self {
        Self::built(servers, |_| ())
    }

    pub(crate) fn built(servers: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let servers: Vec<Service> = NAMES.iter().take(servers).map(|name| Service::start(name)).collect();
        let upstreams = servers.iter().zip(NAMES).map(|(service, name)| server(name, service.address));
        let mut settings = settings(upstreams.collect());
        change(&mut settings);
        let directory = tempfile::tempdir().unwrap();
        let (running, notices) = (None, Arc::default());
        let mut house = Self { directory, servers, settings, running, options: options(), notices };
        house.start();
        house
    }

    pub(crate) fn start(&mut self) {
        self.try_start().unwrap();
    }

    pub(crate) fn try_start(&mut self) -> Result<(), StartError> {
        let notices = Arc::clone(&self.notices);
        let listener = Arc::new(move |notice: &Notice| notices.lock().unwrap().push(notice.clone()));
        let clock: journal::Clock = Arc::new(|| Millis::new(1_700_000_000_000));
        let journal = Journal::open(self.directory.path(), self.options.clone()).unwrap();
        self.running = Some(Proxy::start(self.settings.clone(), journal, clock, listener)?);
        Ok(())
    }

    /// The same house with as small a journal as there can be.
    pub(crate) fn cramped(mut self) -> Self {
        self.stop();
        self.directory = tempfile::tempdir().unwrap();
        let segment_size = 64 << 10;
        self.options =
            Options { segment_size, max_event: segment_size / 4, max_bytes: 8 * segment_size, ..options() };
        self.start();
        self
    }

    /// Ends the proxy, in the way that leaves most undone.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address()
    }

    pub(crate) fn take(&mut self) -> Running {
        self.running.take().unwrap()
    }

    pub(crate) fn status(&self) -> proxy::Status {
        self.running.as_ref().unwrap().status()
    }

    pub(crate) fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        client::ask(self.address(), method, target, body.as_bytes())
    }

    pub(crate) fn ask_with(&self, what: (&str, &str), headers: &[(&str, &str)], body: &str) -> Answer {
        client::ask_with(self.address(), what, headers, body.as_bytes())
    }

    /// Waits until a server has got these writes, and no others.
    pub(crate) fn expect_bodies(&self, server: usize, bodies: &[&str]) {
        let all = || Some(self.servers[server].bodies()).filter(|have| have.len() >= bodies.len());
        let have = wait_for(PATIENCE, all).unwrap_or_else(|| self.servers[server].bodies());
        assert_eq!(have, bodies, "{}", NAMES[server]);
    }
}

pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(wait_for(PATIENCE, || condition().then_some(())).is_some(), "{what}");
}
