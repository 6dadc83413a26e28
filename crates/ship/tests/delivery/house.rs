//! A journal with a shipper, and a server that keeps what it has taken.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Journal, Millis, Options, Scope, Start};
use serde_json::Value;
use ship::{
    Address, Backoff, BatchLimits, Beside, Ended, Form, Http, Notice, Packing, Policy, Running, Settings,
    Shipper, Sink, Status, Times, Trust,
};
use tempfile::TempDir;
use testkit::{Collector, Delivery, Reply, wait_for};
use tokio::runtime::Runtime;

/// Far longer than anything takes; only a broken run waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What a server was sent and has taken.
#[derive(Default)]
pub(crate) struct Taken {
    /// The numbers of the events of each stream, in the order in which they came.
    pub(crate) seqs: BTreeMap<String, Vec<u64>>,
    /// What was in them, by key.
    pub(crate) payloads: BTreeMap<String, Value>,
    /// The batches by their keys: stream and numbers.
    pub(crate) batches: Vec<(String, String, Vec<u64>)>,
}

/// A server that can be told how to answer.
pub(crate) struct Server {
    pub(crate) collector: Collector,
    pub(crate) taken: Arc<Mutex<Taken>>,
}

impl Server {
    /// One that takes everything of which `mood` says nothing.
    pub(crate) fn start(mood: impl Fn(&Value, &Delivery) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let taken = Arc::new(Mutex::new(Taken::default()));
        let books = Arc::clone(&taken);
        let collector = Collector::start(move |delivery| {
            let body: Value = serde_json::from_slice(&delivery.body).unwrap();
            if let Some(reply) = mood(&body, delivery) {
                return Some(reply);
            }
            books.lock().unwrap().take(&body, delivery.header("idempotency-key").unwrap());
            Some(Reply::status(204))
        });
        Self { collector: collector.unwrap(), taken }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/in", self.collector.address())
    }

    /// Waits until a stream has so many events.
    pub(crate) fn has(&self, stream: &str, count: usize) {
        let there = || (self.seqs(stream).len() >= count).then_some(());
        wait_for(PATIENCE, there).unwrap_or_else(|| panic!("{stream}: {:?}", self.seqs(stream)));
    }

    pub(crate) fn seqs(&self, stream: &str) -> Vec<u64> {
        self.taken.lock().unwrap().seqs.get(stream).cloned().unwrap_or_default()
    }

    /// The numbers of a stream's events, each where it came first.
    pub(crate) fn first_seqs(&self, stream: &str) -> Vec<u64> {
        let mut seen = BTreeSet::new();
        self.seqs(stream).into_iter().filter(|seq| seen.insert(*seq)).collect()
    }
}

impl Taken {
    fn take(&mut self, body: &Value, key: &str) {
        let stream = body["stream"].as_str().unwrap().to_owned();
        let mut numbers = Vec::new();
        for event in body["events"].as_array().unwrap() {
            let (seq, key) = (event["seq"].as_u64().unwrap(), event["key"].as_str().unwrap().to_owned());
            let before = self.payloads.insert(key, event["data"].clone());
            assert!(before.is_none_or(|before| before == event["data"]), "a key is of one event");
            numbers.push(seq);
        }
        self.seqs.entry(stream.clone()).or_default().extend(&numbers);
        self.batches.push((key.to_owned(), stream, numbers));
    }
}

/// A policy whose pauses are short.
pub(crate) fn brisk() -> Policy {
    let backoff =
        Backoff { initial: Duration::from_millis(5), max: Duration::from_millis(40), ..Backoff::default() };
    Policy {
        batch: BatchLimits { wait: Duration::ZERO, ..BatchLimits::default() },
        backoff,
        ..Policy::default()
    }
}

/// A journal in a directory of its own, with a runtime to deliver on.
pub(crate) struct House {
    directory: TempDir,
    runtime: Runtime,
    pub(crate) journal: Option<Journal>,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
}

impl House {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let notices = Arc::default();
        let mut house = Self { directory, runtime: Runtime::new().unwrap(), journal: None, notices };
        house.open();
        house
    }

    /// Opens the journal, as a start does.
    pub(crate) fn open(&mut self) {
        let mut options = Options::new(|| Millis::new(1_700_000_000_000));
        (options.segment_size, options.max_event) = (2 << 20, 512 << 10);
        self.journal = Some(Journal::open(self.directory.path(), options).unwrap());
    }

    pub(crate) fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    /// Appends events `from` to `to` to a stream, each its own number.
    pub(crate) fn append(&self, stream: &str, numbers: std::ops::RangeInclusive<u64>) {
        let stream = self.journal().stream(stream).unwrap();
        let payloads: Vec<String> = numbers.map(|number| number.to_string()).collect();
        self.journal().append_all(&stream, payloads).unwrap();
    }

    pub(crate) fn ship(&self, url: &str, policy: Policy) -> Running {
        let address: Address = url.parse().unwrap();
        let times = Times { request: Duration::from_secs(5), ..Times::default() };
        let sink =
            Http::new(address, (&Trust::default(), times), Beside::default(), (Form::Json, Packing::None));
        self.ship_to(Arc::new(sink.unwrap()), policy)
    }

    pub(crate) fn ship_to(&self, sink: Arc<dyn Sink>, policy: Policy) -> Running {
        let settings =
            Settings { name: "collector".to_owned(), scope: Scope::All, start: Start::Oldest, sink, policy };
        let notices = Arc::clone(&self.notices);
        let listener = Arc::new(move |notice: &Notice| notices.lock().unwrap().push(notice.clone()));
        let _inside = self.runtime.enter();
        let clock = Arc::new(|| Millis::new(1_700_000_000_000));
        Shipper::start(settings, self.journal().clone(), clock, listener).unwrap()
    }

    pub(crate) fn drain(&self, running: Running) -> Ended {
        self.runtime.block_on(running.drain(PATIENCE))
    }

    /// Ends delivery and closes the journal at once, as a process does that is killed; what was settled may be there.
    pub(crate) fn kill(&mut self, running: Running) {
        drop(running);
        let old = std::mem::replace(&mut self.runtime, Runtime::new().unwrap());
        old.shutdown_timeout(PATIENCE);
        self.journal = None;
    }

    /// How many events the consumer has not settled.
    pub(crate) fn pending(&self) -> u64 {
        self.journal().pending().iter().find(|(name, _)| name == "collector").unwrap().1
    }

    /// The parked events: stream, number, reason.
    pub(crate) fn parked(&self) -> Vec<(String, u64, String)> {
        let parked = self.journal().find_consumer("collector").unwrap().parked(1000);
        parked.into_iter().map(|one| (one.stream, one.seq.get(), one.reason)).collect()
    }

    pub(crate) fn settled(&self) {
        wait_for(PATIENCE, || (self.pending() == 0).then_some(())).expect("everything is settled");
    }

    pub(crate) fn told(&self, what: impl Fn(&Notice) -> bool) {
        let heard = || self.notices.lock().unwrap().iter().any(&what).then_some(());
        wait_for(PATIENCE, heard).unwrap_or_else(|| panic!("{:?}", self.notices.lock().unwrap()));
    }
}

/// Waits for a status.
pub(crate) fn stands(running: &Running, how: impl Fn(&Status) -> bool) -> Status {
    let view = running.view();
    let answer = || Some(view.status()).filter(&how);
    wait_for(PATIENCE, answer).unwrap_or_else(|| panic!("{:?}", view.status()))
}

/// A port at which nobody is.
pub(crate) fn nowhere() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
