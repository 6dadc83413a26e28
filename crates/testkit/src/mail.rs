//! Real mail servers: aiosmtpd, from its Python packages. What one takes is told as Python's own reader of mail
//! understands it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::peers::need_peer;
use crate::wait::wait_for;

/// Many times what a start needs.
const LIMIT: Duration = Duration::from_mins(1);

/// A mail server that runs. It is killed when this value goes away.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    port: u16,
}

/// How a mail server wants to be spoken to.
#[derive(Clone, Copy, Debug)]
pub struct Manners<'a> {
    /// `starttls`, `implicit` or `none`.
    pub safety: &'a str,
    /// The only way to log in: `PLAIN` or `LOGIN`, or `none`.
    pub login: &'a str,
    /// The only user and the password.
    pub user: (&'a str, &'a str),
    /// Files with its certificate and its key.
    pub identity: (&'a Path, &'a Path),
}

impl MailServer {
    /// Starts one on a free port; nothing, and noted as a skip, when it is not here.
    pub fn start(manners: &Manners<'_>) -> Option<Self> {
        let peer = need_peer("aiosmtpd")?;
        let mut command = Command::new("python3");
        command.arg("-c").arg(include_str!("mail.py")).args([manners.safety, manners.login]);
        command.args([manners.user.0, manners.user.1]).arg(manners.identity.0).arg(manners.identity.1);
        command.env("PYTHONPATH", peer.root()).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().ok()?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stdout, told) = (child.stdout.take()?, Arc::clone(&lines));
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line) {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push(value);
                }
            }
        });
        let mut server = Self { child, lines, port: 0 };
        let first = wait_for(LIMIT, || server.lines().first().cloned());
        server.port = first.and_then(|first| u16::try_from(first.get("port")?.as_u64()?).ok())?;
        Some(server)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The messages that it took.
    pub fn messages(&self) -> Vec<Value> {
        self.lines().into_iter().skip(1).collect()
    }

    fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
