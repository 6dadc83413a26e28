//! airunner's job service, on the Connect protocol's own implementation for Python: what a client of that protocol has to
//! get along with.
//!
//! The packages are unpacked by `cargo xtask peers`; the machine's Python runs them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::peers::need_peer;
use crate::prometheus::DriveError;
use crate::wait::wait_for;

/// Many times what a start needs.
const LIMIT: Duration = Duration::from_mins(1);

const SERVER: &str = include_str!("server.py");

/// The service while it runs. It is killed when this value goes away.
pub struct JobService {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    port: u16,
}

impl JobService {
    /// Starts it, if it is here; else that is noted as a skip.
    pub fn need() -> Result<Option<Self>, DriveError> {
        let Some(peer) = need_peer("connectrpc") else { return Ok(None) };
        let mut command = Command::new("python3");
        command.args(["-c", SERVER, "0"]).env("PYTHONPATH", peer.root()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(DriveError::machine("start the job service"))?;
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = Arc::clone(&lines);
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let line = serde_json::from_str(&line).unwrap_or(Value::Null);
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        }
        let mut service = Self { child, lines, port: 0 };
        let port = || service.said().first()?.get("port")?.as_u64();
        let port = wait_for(LIMIT, port).and_then(|port| u16::try_from(port).ok());
        service.port = port.ok_or_else(|| DriveError::Late {
            name: "the job service".to_owned(),
            awaited: "ready",
            limit: LIMIT,
            log: String::new(),
        })?;
        Ok(Some(service))
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The events that it has taken: `job`, `sequence`, `event_type`, `size`.
    pub fn taken(&self) -> Vec<Value> {
        self.said().split_off(1)
    }

    fn said(&self) -> Vec<Value> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for JobService {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
