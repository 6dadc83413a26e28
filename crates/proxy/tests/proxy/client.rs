//! A client that sends exactly what it is told, and reads one answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Asks over a connection of its own.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, body: &[u8]) -> Answer {
    ask_with(address, (method, target), &[], body)
}

pub(crate) fn ask_with(
    address: SocketAddr,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head = head + name + ": " + value + "\r\n";
    }
    if !body.is_empty() {
        head = head + "content-length: " + &body.len().to_string() + "\r\n";
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    let mut stream = connect(address);
    // A server may have answered and closed before it has read everything.
    drop(stream.write_all(&bytes));
    let kind = if method == "HEAD" { Kind::Head } else { Kind::Whole };
    read_kind(&mut stream, kind).expect("an answer")
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes, and reads an answer up to the end of the connection or of its body.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = connect(address);
    // A server may have answered and closed before it has read everything.
    drop(stream.write_all(bytes));
    read_answer(&mut stream).expect("an answer")
}

/// Reads an answer; nothing if the connection ends before one.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    read_kind(stream, Kind::Whole)
}

/// Whether an answer has a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Head,
}

fn read_kind(stream: &mut TcpStream, kind: Kind) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        if let Some(answer) = parse(&bytes, kind, Rest::Coming) {
            return Some(answer);
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return parse(&bytes, kind, Rest::Gone),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Whether more bytes may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Coming,
    Gone,
}

fn parse(bytes: &[u8], kind: Kind, more: Rest) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    if status == 100 {
        return parse(&bytes[end..], kind, more);
    }
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let of = |name: &str| headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.clone());
    let rest = &bytes[end..];
    let body = if kind == Kind::Head {
        Vec::new()
    } else if of("transfer-encoding").as_deref() == Some("chunked") {
        dechunk(rest)?
    } else if let Some(length) = of("content-length") {
        let length: usize = length.parse().ok()?;
        rest.get(..length).map(<[u8]>::to_vec).or_else(|| (more == Rest::Gone).then(|| rest.to_vec()))?
    } else if status == 204 || status == 304 {
        Vec::new()
    } else {
        (more == Rest::Gone).then(|| rest.to_vec())?
    };
    Some(Answer { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        let chunk = rest.get(end + 2..end + 2 + size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}
