//! Real Chroma servers, and scripts for their own Python client.
//!
//! Both come from the package's wheels, which `cargo xtask peers` unpacks; the machine's Python runs them. Nothing asks
//! the network: telemetry is off, and scripts give embeddings instead of texts that a model would have to embed.

mod session;

pub use session::Session;

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::http;
use crate::peers::{Peer, need_peer};
use crate::prometheus::DriveError;
use crate::wait::wait_for;

/// Many times what a start needs.
const LIMIT: Duration = Duration::from_mins(1);
/// Below the ports that the system gives to outgoing connections: one of those may not take the port of a server that
/// was killed and is to come back.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// How much of a log goes into an error.
const LOG_LINES_IN_ERRORS: usize = 12;
/// Starts the server in the Python process itself, so that a signal to the process reaches it.
const SERVE: &str =
    "import sys, chromadb_rust_bindings as chroma; chroma.cli(['chroma', 'run', *sys.argv[1:]])";

static STARTED: AtomicU32 = AtomicU32::new(0);

/// Chroma on this machine.
#[derive(Clone, Debug)]
pub struct Chroma {
    peer: Peer,
}

impl Chroma {
    /// The server and its client; noted as a skip when they are not here.
    pub fn need() -> Option<Self> {
        Some(Self { peer: need_peer("chromadb")? })
    }

    /// Starts a server on a directory and waits until it serves.
    pub fn on(&self, data: impl Into<PathBuf>) -> Result<Server, DriveError> {
        let data = data.into();
        fs::create_dir_all(&data).map_err(DriveError::machine("make a directory for Chroma"))?;
        let port = free_port().map_err(DriveError::machine("find a free port"))?;
        let mut server = Server { chroma: self.clone(), data, port, child: None };
        server.start()?;
        Ok(server)
    }

    /// Starts Python with the client in it, ready to be told what to do.
    pub fn session(&self) -> Result<Session, DriveError> {
        Session::start(self)
    }

    /// Python with the client on its path, ready to be given arguments for this script.
    pub fn script(&self, text: &str) -> Command {
        let mut command = Command::new("python3");
        command.arg("-c").arg(text).env("PYTHONPATH", self.peer.root());
        command.env("ANONYMIZED_TELEMETRY", "False").env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        command
    }

    /// Runs a script with arguments to its end and answers with what it printed.
    pub fn run(&self, text: &str, words: &[&str]) -> Result<String, DriveError> {
        let output = self.script(text).args(words).output().map_err(DriveError::machine("run python3"))?;
        let Output { status, stdout, stderr } = output;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let log = last_lines(&String::from_utf8_lossy(&stderr));
        Err(DriveError::Ended { name: "the client's script".to_owned(), status, log })
    }
}

/// A port that nobody listens on at this moment, and that the system gives to nobody by itself.
pub fn free_port() -> io::Result<u16> {
    let width = u32::from(PORTS.end - PORTS.start);
    // Tests that run at the same time, in one process or several, begin to look at different places.
    let first = std::process::id().wrapping_mul(97).wrapping_add(STARTED.fetch_add(7, Ordering::Relaxed));
    let first = first % width;
    let tries = (0..width).map(|step| (first + step) % width).filter_map(|offset| u16::try_from(offset).ok());
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    tries.map(|offset| PORTS.start + offset).find(free).ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

/// A server with its directory and its port, which it keeps when it is killed and started again. It is killed when
/// this value goes away.
#[derive(Debug)]
pub struct Server {
    chroma: Chroma,
    data: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts it where it was, and waits until it serves.
    pub fn start(&mut self) -> Result<(), DriveError> {
        self.launch()?;
        let port = self.port;
        let ready = || http::get(port, "/api/v2/heartbeat").is_ok_and(|answer| answer.status == 200);
        let Some(child) = &mut self.child else { return Ok(()) };
        let ended = wait_for(LIMIT, || match child.try_wait() {
            Ok(Some(status)) => Some(Some(status)),
            _ => ready().then_some(None),
        });
        match ended {
            Some(None) => Ok(()),
            Some(Some(status)) => Err(DriveError::Ended { name: self.name(), status, log: self.log_end() }),
            None => Err(DriveError::Late {
                name: self.name(),
                awaited: "ready",
                limit: LIMIT,
                log: self.log_end(),
            }),
        }
    }

    fn launch(&mut self) -> Result<(), DriveError> {
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.map_err(DriveError::machine("open the log of Chroma"))?;
        let mut command = self.chroma.script(SERVE);
        command.args(["--host", "127.0.0.1", "--port"]).arg(self.port.to_string());
        command.arg("--path").arg(&self.data).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().map_err(DriveError::machine("start Chroma"))?);
        Ok(())
    }

    /// Kills it at once, as the kernel out of memory would.
    pub fn kill(&mut self) -> Result<(), DriveError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map_err(DriveError::machine("kill Chroma"))?;
        Ok(())
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    fn name(&self) -> String {
        self.chroma.peer.name().to_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    fn log_end(&self) -> String {
        last_lines(
            &fs::read(self.log_path())
                .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into()),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

fn last_lines(text: &str) -> String {
    let skipped = text.lines().count().saturating_sub(LOG_LINES_IN_ERRORS);
    text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
}
