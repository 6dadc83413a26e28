//! A server that keeps what it has taken: in this process, or in one of its own that can be killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use testkit::{Collector, Delivery, Reply, wait_for};

use super::PATIENCE;

/// What was taken: stream, number, key and content of each event, in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Books(pub(super) Vec<(String, u64, String, Value)>);

impl Books {
    pub(super) fn all_seqs(&self, stream: &str) -> Vec<u64> {
        self.0.iter().filter(|event| event.0 == stream).map(|event| event.1).collect()
    }

    pub(super) fn first_seqs(&self, stream: &str) -> Vec<u64> {
        let mut seen = BTreeSet::new();
        self.all_seqs(stream).into_iter().filter(|seq| seen.insert(*seq)).collect()
    }

    /// What is in each event of a stream.
    pub(super) fn contents(&self, stream: &str) -> BTreeMap<u64, Value> {
        let of = self.0.iter().filter(|event| event.0 == stream);
        of.map(|event| (event.1, event.3.clone())).collect()
    }

    /// The events of a request.
    fn of(delivery: &Delivery) -> Vec<(String, u64, String, Value)> {
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        let stream = body["stream"].as_str().unwrap();
        let events = body["events"].as_array().unwrap().iter().map(|event| {
            let key = event["key"].as_str().unwrap().to_owned();
            (stream.to_owned(), event["seq"].as_u64().unwrap(), key, event["data"].clone())
        });
        events.collect()
    }

    /// What a process has written, of which a line that was cut off was not acknowledged.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Self(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// A server in this process.
pub(super) struct Kept {
    collector: Collector,
    books: Arc<Mutex<Books>>,
}

impl Kept {
    /// One that answers so when an event of this number is in the request.
    pub(super) fn start(mood: impl Fn(u64) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let books: Arc<Mutex<Books>> = Arc::default();
        let keeping = Arc::clone(&books);
        let collector = Collector::start(move |delivery| {
            let events = Books::of(delivery);
            let refused = events.iter().find_map(|event| mood(event.1));
            if refused.is_none() {
                keeping.lock().unwrap().0.extend(events);
            }
            Some(refused.unwrap_or_else(|| Reply::status(200)))
        });
        Self { collector: collector.unwrap(), books }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.collector.address())
    }

    pub(super) fn books(&self) -> Books {
        self.books.lock().unwrap().clone()
    }

    pub(super) fn go(&mut self) {
        self.collector.go();
    }

    pub(super) fn come(&mut self) {
        self.collector.come().unwrap();
    }
}

/// Says to a copy of this test binary that it is the server, where it listens and where it keeps its books.
const ADDRESS: &str = "SEAWALL_TEST_COLLECTOR";
const BOOKS: &str = "SEAWALL_TEST_BOOKS";

/// A server in a process of its own. It is slow now and then, has too much to do, and fails.
pub(super) struct Process {
    child: Child,
    books: PathBuf,
}

impl Process {
    pub(super) fn start(address: SocketAddr, books: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "ships::collector::serves_as_a_process",
            "--include-ignored",
            "--nocapture",
        ]);
        command
            .env(ADDRESS, address.to_string())
            .env(BOOKS, books)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let process = Self { child, books: books.to_owned() };
        let there = || std::net::TcpStream::connect(address).is_ok().then_some(());
        wait_for(PATIENCE, there).expect("the collector listens");
        process
    }

    pub(super) fn books(&self) -> Books {
        Books::read(&self.books)
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
#[ignore = "is a process of another test"]
fn serves_as_a_process() {
    let (Ok(address), Ok(books)) = (std::env::var(ADDRESS), std::env::var(BOOKS)) else { return };
    let file = OpenOptions::new().create(true).append(true).open(books).unwrap();
    let (file, requests) = (Mutex::new(file), AtomicU64::new(0));
    let serve = move |delivery: &Delivery| match requests.fetch_add(1, Ordering::SeqCst) % 23 {
        5 => Some(Reply { headers: vec![("Retry-After", "0".to_owned())], ..Reply::status(429) }),
        9 => Some(Reply::status(500)),
        // It takes them, and does not say so.
        13 => {
            keep(&file, delivery);
            None
        }
        17 => {
            thread::sleep(Duration::from_millis(30));
            keep(&file, delivery);
            Some(Reply::status(204))
        }
        _ => {
            keep(&file, delivery);
            Some(Reply::status(204))
        }
    };
    let _collector = Collector::start_at(address.parse().unwrap(), serve).unwrap();
    // Until it is killed, by the test or with it.
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        thread::sleep(Duration::from_millis(100));
    }
}

/// Writes events down before they are acknowledged. A kill may cut the last line off, so each begins with a line's end.
fn keep(file: &Mutex<File>, delivery: &Delivery) {
    let mut text = String::new();
    for event in Books::of(delivery) {
        text += "\n";
        text += &serde_json::to_string(&event).unwrap();
    }
    file.lock().unwrap().write_all(text.as_bytes()).unwrap();
}
