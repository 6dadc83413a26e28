//! A server that speaks the part of Docker's API that restarts a container, as its documentation has it.
//!
//! There is no Docker on the machines that tests run on. What this proves is what is asked and how each answer is taken, and
//! nothing about Docker itself.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::json;

/// What a restart of the container comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    /// It runs again.
    Back,
    /// It was started, and has ended again.
    Down,
    /// It is not touched, and the API says that something is wrong.
    Refused,
}

/// A server with one container. Its socket goes with the directory that it lies in.
#[derive(Debug)]
pub struct Dock {
    socket: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Container {
    name: String,
    starts: u32,
    is_running: bool,
}

impl Dock {
    /// Listens in a directory. `restart` is what restarting the container does.
    pub fn start(
        directory: &Path,
        name: &str,
        mut restart: impl FnMut() -> Comes + Send + 'static,
    ) -> io::Result<Self> {
        let socket = directory.join("docker.sock");
        let listener = UnixListener::bind(&socket)?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let mut container = Container { name: name.to_owned(), starts: 1, is_running: true };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Who asks opens a connection for each question.
                if let Ok(line) = request(&stream) {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                    (&stream).write_all(container.answer(&line, &mut restart).as_bytes()).ok();
                }
            }
        });
        Ok(Self { socket, asked })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it was asked so far: methods and targets.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Container {
    fn answer(&mut self, line: &str, restart: &mut impl FnMut() -> Comes) -> String {
        let path = line.split([' ', '?']).nth(1).unwrap_or_default();
        let said = |status: &str, body: &serde_json::Value| {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: application/json\r\n\r\n{body}",
                body.len()
            )
        };
        let Some(rest) = path.strip_prefix(&format!("/containers/{}/", self.name)) else {
            let message = format!("No such container: {path}");
            return said("404 Not Found", &json!({ "message": message }));
        };
        match (line.split(' ').next().unwrap_or_default(), rest) {
            ("GET", "json") => {
                let status = if self.is_running { "running" } else { "exited" };
                let started = format!("2026-01-01T00:00:{:02}.000000000Z", self.starts);
                let state = json!({"Status": status, "Running": self.is_running, "StartedAt": started});
                said("200 OK", &json!({"Name": format!("/{}", self.name), "State": state}))
            }
            ("POST", "restart") => match restart() {
                Comes::Refused => said(
                    "500 Internal Server Error",
                    &json!({"message": "cannot stop container: permission denied"}),
                ),
                comes => {
                    (self.starts, self.is_running) = (self.starts + 1, comes == Comes::Back);
                    "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
                }
            },
            _ => said("404 Not Found", &json!({"message": "page not found"})),
        }
    }
}

/// The method and the target of a request.
fn request(stream: &UnixStream) -> io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = first.clone();
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    Ok(first.trim_end().trim_end_matches(" HTTP/1.1").to_owned())
}
