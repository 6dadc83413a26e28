//! A daemon that runs, in a directory of its own, until it is dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use journal::{Journal, Millis, OpenError, Options, Outcome, Start};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use testkit::wait_for;

use super::http::{Answer, Request};

/// Far longer than anything takes; only a broken run waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A directory with a configuration and a journal.
pub(crate) struct House {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl House {
    /// With this configuration; it listens on any port that is free.
    pub(crate) fn new(config: &str) -> Self {
        let house = Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() };
        house.write("seawall.toml", config);
        house.with("SEAWALL_SERVER_LISTEN", "127.0.0.1:0")
    }

    /// With another variable in the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The binary, about to run in it.
    pub(crate) fn seawall(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(args).current_dir(self.directory.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("SEAWALL_JOURNAL_DIR", self.path("journal"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&self) -> Daemon {
        let daemon = self.begin();
        daemon.line("ready");
        daemon
    }

    /// Starts it and waits until it listens.
    pub(crate) fn begin(&self) -> Daemon {
        let mut child = self.seawall(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stderr, heard) = (child.stderr.take().unwrap(), Arc::clone(&lines));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        let mut daemon = Daemon { child, lines, address: ([127, 0, 0, 1], 0).into() };
        let listening = daemon.line("listening");
        daemon.address = listening["address"].as_str().unwrap().parse().unwrap();
        daemon
    }

    /// Makes a journal in which a consumer has put the three events of a stream aside.
    pub(crate) fn park(&self, stream: &str, consumer: &str) {
        let journal = opened(&self.path("journal"));
        let stream = journal.stream(stream).unwrap();
        let all = journal.append_all(&stream, [&b"{\"n\":1}"[..], b"text", b"\xff"]).unwrap().unwrap();
        let consumer = journal.consumer(consumer, Start::Oldest).unwrap();
        consumer.settle(&stream, all, Outcome::Parked("refused".to_owned())).wait().unwrap();
    }

    /// All events of a stream in the journal, which no daemon may have open.
    pub(crate) fn events(&self, stream: &str) -> Vec<(u64, Vec<u8>)> {
        let journal = opened(&self.path("journal"));
        let consumer = journal.consumer("books", Start::Oldest).unwrap();
        let stream = journal.stream(stream).unwrap();
        let events = consumer.pending(&stream).map(Result::unwrap);
        events.map(|event| (event.seq.get(), event.payload)).collect()
    }
}

/// A daemon that runs; it is killed when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has told so far.
    pub(crate) fn told(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for the first line with this message.
    pub(crate) fn line(&self, message: &str) -> Value {
        let find = || self.told().into_iter().find(|line| line["message"] == message);
        wait_for(PATIENCE, find)
            .unwrap_or_else(|| panic!("no {message:?} in {:?}", self.lines.lock().unwrap()))
    }

    pub(crate) fn request<'a>(&self, method: &str, path: &str) -> Request<'a> {
        Request::new(self.address, method, path)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.request("POST", path).body(body).send()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it ends.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for(PATIENCE, || self.child.try_wait().unwrap()).expect("it ends")
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The names of files in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// A journal that no daemon has open. A process that another test forks off meanwhile has its lock too, for a moment.
pub(crate) fn opened(path: &Path) -> Journal {
    let open = || match Journal::open(path, Options::new(|| Millis::new(0))) {
        Err(OpenError::Held { .. }) => None,
        opened => Some(opened),
    };
    wait_for(PATIENCE, open).expect("it is let go of").unwrap()
}
