//! Somebody who takes what is posted, and answers as a test wants it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use testkit::wait_for;

use crate::running::PATIENCE;

/// What was posted.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: String,
    /// Their names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) raw: String,
    pub(crate) body: Value,
}

/// A status, and what stands behind the status line: other headers, an empty line, a body.
pub(crate) type Answer = (u16, String);

/// Who takes it.
pub(crate) struct Receiver {
    port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Receiver {
    /// On any port that is free.
    pub(crate) fn start(answer: impl Fn(usize, &Post) -> Answer + Send + 'static) -> Self {
        Self::on(0, answer)
    }

    /// On that port. The answer is made from how many came before, and from what came.
    pub(crate) fn on(port: u16, answer: impl Fn(usize, &Post) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let posts = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posts);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // One that breaks off is the sender's matter.
                let Some(post) = read(&stream) else { continue };
                let before = kept.lock().unwrap().len();
                let (status, rest) = answer(before, &post);
                kept.lock().unwrap().push(post);
                (&stream)
                    .write_all(format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{rest}").as_bytes())
                    .ok();
            }
        });
        Self { port, posts }
    }

    /// One who takes everything.
    pub(crate) fn willing() -> Self {
        Self::start(|_, _| (200, "\r\nok".to_owned()))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// The first of them, once there are so many.
    pub(crate) fn wait(&self, count: usize) -> Vec<Post> {
        let enough = || Some(self.posts()).filter(|posts| posts.len() >= count);
        wait_for(PATIENCE, enough).unwrap_or_else(|| panic!("not {count}: {:?}", self.posts()))
    }
}

fn read(stream: &TcpStream) -> Option<Post> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    let raw = String::from_utf8(bytes).ok()?;
    Some(Post { path, headers, body: serde_json::from_str(&raw).ok()?, raw })
}
