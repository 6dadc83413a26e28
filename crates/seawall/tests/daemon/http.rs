//! The least HTTP that asks the daemon something: one request, one connection, read to its end.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Far longer than any answer takes; only a broken run waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the daemon answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        let error = &self.json()["error"];
        assert!(error["message"].is_string() && error.get("hint").is_some(), "{self:?}");
        error["code"].as_str().unwrap().to_owned()
    }
}

/// A request in the making.
pub(crate) struct Request<'a> {
    address: SocketAddr,
    head: String,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        Self { address, head, body: b"" }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self.header("Content-Length", &body.len().to_string())
    }

    /// Sends it; an error if the daemon is gone before it has answered.
    pub(crate) fn try_send(self) -> io::Result<Answer> {
        let mut stream = connect(self.address)?;
        let mut bytes = format!("{}\r\n", self.head).into_bytes();
        bytes.extend_from_slice(self.body);
        // It may be answered before all of it was read.
        let sent = stream.write_all(&bytes);
        read(&mut stream)
            .and_then(|answer| if answer.status == 0 { sent.map(|()| answer) } else { Ok(answer) })
    }

    pub(crate) fn send(self) -> Answer {
        let head = self.head.clone();
        self.try_send().unwrap_or_else(|error| panic!("{error}: {head}"))
    }
}

/// A connection.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads an answer and all that follows it, until the daemon closes the connection.
pub(crate) fn read(stream: &mut impl Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    // What is not read before a connection ends may reset it; what came before that counts.
    let ended = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
    };
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0);
    Ok(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}
