//! The processes that are killed: this test's own program, started as a server or as a proxy.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Journal, Millis, Options};
use proxy::{Feed, Limits, Plain, Proxy, Reads, Replay, Server, Settings, Times};
use testkit::wait_for;

/// What a process is told to be.
const ROLE: &str = "SEAWALL_PROXY_CHILD";

/// What a process is.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Server {
        address: SocketAddr,
        file: PathBuf,
        taste: Taste,
    },
    /// The primary, and the replica if there is one.
    Proxy {
        address: SocketAddr,
        journal: PathBuf,
        servers: Vec<SocketAddr>,
    },
}

/// A process that is killed with this value.
pub(crate) struct Part {
    child: Child,
}

impl Part {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(role: Role) -> Self {
        let (words, address) = match role {
            Role::Server { address, file, taste } => {
                (format!("server {address} {} {taste:?}", file.display()), address)
            }
            Role::Proxy { address, journal, servers } => {
                let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
                (format!("proxy {address} {} {}", journal.display(), servers.join(" ")), address)
            }
        };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--ignored", "--nocapture"]).env(ROLE, &words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let part = Self { child };
        let listens = || TcpStream::connect(address).is_ok().then_some(());
        assert!(wait_for(Duration::from_mins(1), listens).is_some(), "it does not listen: {words}");
        part
    }

    /// The most memory that it had, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // One that was killed already is not there any more.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the process does that was started as one.
pub(crate) fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let address = |word: &str| word.parse::<SocketAddr>().unwrap();
    match words[0] {
        "server" => {
            let tastes = [Taste::Any, Taste::Picky, Taste::Forgetful];
            let taste = tastes.into_iter().find(|taste| format!("{taste:?}") == words[3]).unwrap();
            serve(address(words[1]), Path::new(words[2]), taste);
        }
        _ => {
            let servers: Vec<SocketAddr> = words[3..].iter().map(|word| address(word)).collect();
            stand(address(words[1]), Path::new(words[2]), &servers);
        }
    }
}

fn stand(address: SocketAddr, journal: &Path, servers: &[SocketAddr]) {
    let journal = Journal::open(journal, Options::new(|| Millis::new(0))).unwrap();
    let upstream = |(name, address): (&str, &SocketAddr)| Server {
        name: name.to_owned(),
        origin: format!("http://{address}").parse().unwrap(),
        feed: Feed::Journal,
    };
    let settings = Settings {
        name: "shop".to_owned(),
        listen: address,
        tls: None,
        dialect: Arc::new(Plain::default()),
        upstreams: ["primary", "replica"].into_iter().zip(servers).map(upstream).collect(),
        roots: Vec::new(),
        threads: 2,
        times: Times { check_interval: Duration::from_millis(100), ..Times::default() },
        limits: Limits::default(),
        reads: Reads::default(),
        replay: Replay {
            backoff_initial: Duration::from_millis(10),
            backoff_max: Duration::from_millis(100),
            ..Replay::default()
        },
        token: None,
    };
    let running = Proxy::start(settings, journal, Arc::new(|| Millis::new(0)), Arc::new(|_| ())).unwrap();
    loop {
        std::thread::park();
        drop(running.status());
    }
}

/// Which writes a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taste {
    Any,
    /// None that [`is_picked`].
    Picky,
    /// Any, and it keeps none of them.
    Forgetful,
}

/// Whether a picky server refuses a client's write of this number.
pub(crate) fn is_picked(number: u64) -> bool {
    number % 3 == 2
}

/// What a server has: the keys of writes, and the file with the writes themselves.
struct Store {
    keys: HashSet<String>,
    file: fs::File,
}

fn serve(address: SocketAddr, file: &Path, taste: Taste) {
    let before = fs::read_to_string(file).unwrap_or_default();
    // A kill within a write leaves a line without its end: that write was not answered.
    let whole = before.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let keys = whole.lines().filter_map(|line| line.split_once('\t')).map(|(key, _)| key.to_owned());
    let length = if whole.is_empty() { 0 } else { whole.len() as u64 + 1 };
    let file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    file.set_len(length).unwrap();
    let store = Arc::new(Mutex::new(Store { keys: keys.collect(), file }));
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming().filter_map(Result::ok) {
        let store = Arc::clone(&store);
        std::thread::spawn(move || converse(stream, &store, taste));
    }
}

fn converse(stream: TcpStream, store: &Mutex<Store>, taste: Taste) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut requests = BufReader::new(stream);
    loop {
        let (mut key, mut length, mut line) = (String::new(), 0, String::new());
        while requests.read_line(&mut line).ok()? > 2 {
            let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
            match name {
                "idempotency-key" => value.clone_into(&mut key),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
            line.clear();
        }
        if line.is_empty() {
            return None;
        }
        let mut body = vec![0; length];
        requests.read_exact(&mut body).ok()?;
        let body = String::from_utf8_lossy(&body);
        let number = body.split_once(' ').and_then(|(_, number)| number.parse().ok());
        if taste == Taste::Picky && number.is_some_and(is_picked) {
            answers.write_all(b"HTTP/1.1 422 Unprocessable Content\r\ncontent-length: 0\r\n\r\n").ok()?;
            continue;
        }
        if length > 0 && taste != Taste::Forgetful {
            let mut store = store.lock().unwrap();
            if store.keys.insert(key.clone()) {
                let line = format!("{key}\t{body}\n");
                store.file.write_all(line.as_bytes()).unwrap();
            }
        }
        answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}
