//! Two servers, a daemon whose proxy stands in front of them, and Python with the client in it.

use std::fs;

use serde_json::Value;
use testkit::chroma::{Chroma, Server, Session, free_port};
use testkit::wait_for;

use crate::running::{Daemon, House, PATIENCE};

pub(super) struct Library {
    pub(super) primary: Server,
    pub(super) replica: Server,
    /// Where the proxy listens, whenever there is a daemon.
    pub(super) port: u16,
    pub(super) house: House,
    pub(super) daemon: Option<Daemon>,
    pub(super) python: Session,
}

impl Library {
    /// Everything is up, and there is no file: all is said by the variables that the balancer of Chroma had, and these
    /// more of them.
    pub(super) fn open(chroma: &Chroma, tuned: &[(&str, &str)]) -> Self {
        let mut house = House::new("");
        for (name, value) in tuned {
            house = house.with(name, value);
        }
        fs::remove_file(house.path("seawall.toml")).unwrap();
        let primary = chroma.on(house.path("primary")).unwrap();
        let replica = chroma.on(house.path("replica")).unwrap();
        let port = free_port().unwrap();
        let house = house
            .with("PRIMARY_URL", &primary.url())
            .with("REPLICA_URL", &replica.url())
            .with("PORT", &port.to_string());
        let python = chroma.session().unwrap();
        let mut library = Self { primary, replica, port, house, daemon: None, python };
        library.run(&format!(
            "primary, replica, proxy = {}, {}, {port}",
            library.primary.port(),
            library.replica.port()
        ));
        library.start();
        library
    }

    pub(super) fn start(&mut self) {
        let daemon = self.house.start();
        daemon.line("a proxy takes requests");
        self.daemon = Some(daemon);
    }

    /// Kills the daemon, as the kernel out of memory would.
    pub(super) fn kill(&mut self) {
        self.daemon.take().unwrap().kill();
    }

    /// Runs Python text.
    pub(super) fn run(&mut self, text: &str) -> Value {
        self.python.run(text).unwrap_or_else(|error| panic!("{text}\n{error}\n{:#?}", self.told()))
    }

    /// Waits until Python text is true.
    pub(super) fn eventually(&mut self, text: &str) {
        let found = wait_for(PATIENCE, || (self.python.run(text) == Ok(Value::Bool(true))).then_some(()));
        assert!(found.is_some(), "{text}: {:?}\n{:#?}", self.python.run(text), self.told());
    }

    /// What the daemon has told so far.
    pub(super) fn told(&self) -> Vec<Value> {
        self.daemon.as_ref().map_or_else(Vec::new, Daemon::told)
    }

    /// Waits until both servers have this, and the proxy shows it.
    pub(super) fn expect(&mut self, books: &Value) {
        for server in ["primary", "replica", "proxy"] {
            let mut have = Value::Null;
            let found = wait_for(PATIENCE, || {
                have = self.python.run(&format!("books({server})")).unwrap_or_else(Value::String);
                (have == *books).then_some(())
            });
            assert!(found.is_some(), "{server} has {have:#}\nnot {books:#}\n{:#?}", self.told());
        }
    }
}
