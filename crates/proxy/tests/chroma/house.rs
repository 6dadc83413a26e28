//! Two real servers, a proxy in front of them, and Python with the client in it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Journal, Millis, Options};
use proxy::{Chroma, Feed, Limits, Notice, Proxy, Reads, Replay, Running, Server, Settings, Times};
use serde_json::Value;
use tempfile::TempDir;
use testkit::chroma::{self, Session};
use testkit::wait_for;

/// Only a broken run takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct House {
    pub(crate) directory: TempDir,
    pub(crate) primary: chroma::Server,
    pub(crate) replica: chroma::Server,
    pub(crate) python: Session,
    settings: Settings,
    running: Option<Running>,
    notices: Arc<Mutex<Vec<Notice>>>,
}

pub(crate) fn settings(listen: SocketAddr, servers: &[(&str, String); 2]) -> Settings {
    let names = servers.iter().map(|(name, _)| *name);
    let dialect = Arc::new(Chroma::new(names));
    let upstreams = servers.iter().map(|(name, url)| Server {
        name: (*name).to_owned(),
        origin: url.parse().unwrap(),
        feed: Feed::Journal,
    });
    Settings {
        name: "library".to_owned(),
        listen,
        tls: None,
        dialect,
        upstreams: upstreams.collect(),
        roots: Vec::new(),
        threads: 2,
        times: Times {
            request: Duration::from_secs(5),
            check_interval: Duration::from_millis(200),
            ..Times::default()
        },
        limits: Limits::default(),
        reads: Reads::default(),
        replay: Replay { backoff_max: Duration::from_millis(500), ..Replay::default() },
        token: None,
    }
}

impl House {
    /// Everything is up. Nothing, and noted as a skip, without Chroma.
    pub(crate) fn open() -> Option<Self> {
        let chroma = chroma::Chroma::need()?;
        let directory = TempDir::new().unwrap();
        let primary = chroma.on(directory.path().join("primary")).unwrap();
        let replica = chroma.on(directory.path().join("replica")).unwrap();
        let python = chroma.session().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = settings(any, &[("primary", primary.url()), ("replica", replica.url())]);
        let notices = Arc::default();
        let mut house = Self { directory, primary, replica, python, settings, running: None, notices };
        house.start();
        house.settings.listen = house.running.as_ref().unwrap().address();
        house.run("seen = client(proxy)");
        Some(house)
    }

    pub(crate) fn start(&mut self) {
        let clock: journal::Clock = Arc::new(|| Millis::new(1_700_000_000_000));
        let options = Options::new(|| Millis::new(1_700_000_000_000));
        let journal = Journal::open(&self.directory.path().join("journal"), options).unwrap();
        let notices = Arc::clone(&self.notices);
        let listener = Arc::new(move |notice: &Notice| notices.lock().unwrap().push(notice.clone()));
        let running = Proxy::start(self.settings.clone(), journal, clock, listener).unwrap();
        let ports = (running.address().port(), self.primary.port(), self.replica.port());
        self.running = Some(running);
        self.run(&format!("proxy, primary, replica = {ports:?}"));
    }

    /// Ends the proxy in the way that leaves most undone.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Runs Python text, in which `seen` is a client of the proxy.
    pub(crate) fn run(&mut self, text: &str) -> Value {
        match self.try_run(text) {
            Ok(value) => value,
            Err(error) => panic!("{text}\n{error}\n{:#?}", self.notices.lock().unwrap()),
        }
    }

    pub(crate) fn try_run(&mut self, text: &str) -> Result<Value, String> {
        self.python.run(text)
    }

    /// Waits until both servers have this, and the proxy shows it.
    pub(crate) fn expect(&mut self, books: &Value) {
        for server in ["primary", "replica", "proxy"] {
            let mut have = Value::Null;
            let found = wait_for(PATIENCE, || {
                have = self.try_run(&format!("books({server})")).unwrap_or_else(Value::String);
                (have == *books).then_some(())
            });
            let notices = self.notices.lock().unwrap();
            assert!(found.is_some(), "{server} has {have:#}\nnot {books:#}\n{notices:#?}");
        }
    }

    /// Waits until Python text is true.
    pub(crate) fn eventually(&mut self, text: &str) {
        let found = wait_for(PATIENCE, || (self.try_run(text) == Ok(Value::Bool(true))).then_some(()));
        assert!(found.is_some(), "{text}: {:?}\n{:#?}", self.try_run(text), self.notices.lock().unwrap());
    }
}
