//! The least HTTP that asks a local server something: one GET, one connection.
//!
//! HTTP/1.0, so that the server closes the connection at the body's end and never answers in chunks.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A server that replays a large log answers slowly, but not as slowly as this.
const PATIENCE: Duration = Duration::from_mins(1);
/// Far above any answer that a test reads; a runaway answer fails the test instead of the machine.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks a server on this machine for `path`.
pub(crate) fn get(port: u16, path: &str) -> io::Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\n\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    understand(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn understand(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

/// Writes a value so that it can stand in a query string, whatever is in it.
pub(crate) fn escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escaped = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let answer =
            understand("HTTP/1.0 503 Service Unavailable\r\nDate: now\r\n\r\none\r\n\r\ntwo").unwrap();
        assert_eq!(answer, Answer { status: 503, body: "one\r\n\r\ntwo".to_owned() });
        assert_eq!(understand("SSH-2.0-server\r\n\r\n"), None);
    }

    #[test]
    fn a_query_survives_the_query_string() {
        assert_eq!(escape("up{job=\"a b\"}+1"), "up%7Bjob%3D%22a%20b%22%7D%2B1");
    }
}
