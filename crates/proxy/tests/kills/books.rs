//! Clients that write down what they were told.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What a client knows of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was answered with 200 or 202.
    Acknowledged,
    /// It was answered with something else.
    Refused,
    /// It was not answered.
    Unknown,
}

/// The fates of writes, by their number.
pub(crate) type Books = Vec<Fate>;

/// Writes one thing after the other until it is done.
pub(crate) fn keep(proxy: SocketAddr, client: usize, done: &AtomicBool, answers: &AtomicU64) -> Books {
    let mut books = Books::new();
    while !done.load(Ordering::Relaxed) {
        let number = books.len();
        let key = format!("{client}-{number}");
        let fate = match ask(proxy, "POST", &format!("/lane/{client}"), &key, &format!("{client} {number}")) {
            Ok((200 | 202, _)) => Fate::Acknowledged,
            // Where nothing was journaled, it was not taken.
            Ok((503, text)) if text.contains("journal-unknown") => Fate::Unknown,
            Ok(_) => Fate::Refused,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // Nobody is there to write to; it is tried again under the same number.
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            Err(_) => Fate::Unknown,
        };
        if fate != Fate::Unknown {
            answers.fetch_add(1, Ordering::Relaxed);
        }
        books.push(fate);
    }
    books
}

/// The status and the text of an answer; an error if there was none.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    key: &str,
    body: &str,
) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nidempotency-key: {key}\r\n");
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"))?;
    Ok((status, text))
}

/// The numbers of a client's writes in a server's file, in their order.
pub(crate) fn written(file: &Path, client: usize) -> Vec<u64> {
    let text = fs::read_to_string(file).unwrap();
    let bodies = text.lines().filter_map(|line| line.split_once('\t')).map(|(_, body)| body);
    let numbers = bodies.filter_map(|body| {
        let (of, number) = body.split_once(' ')?;
        (of == client.to_string()).then(|| number.parse().unwrap())
    });
    numbers.collect()
}
