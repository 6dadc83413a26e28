//! As much of HTTP/1.1 as the clients and the service need: heads with a length, and bodies that nobody looks at.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes that are read and written at once.
const PIECE: usize = 128 << 10;
/// What bodies consist of.
static FILL: [u8; PIECE] = [b'x'; PIECE];

/// One side of a connection.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not taken.
    begin: usize,
    end: usize,
}

/// What matters of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The number at the end of its second word: the status of an answer, the last segment of a request's path.
    pub(crate) number: u64,
    /// Bytes of its body.
    pub(crate) length: u64,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; PIECE].into(), begin: 0, end: 0 }
    }

    /// The next head; nothing, if the other side has closed before it.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            let there = self.buffer.get(self.begin..self.end).unwrap_or_default();
            if let Some(size) = there.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = Head::of(there.get(..size).unwrap_or_default());
                self.begin += size + 4;
                return Ok(Some(head));
            }
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.stream.read(room).await? {
                0 if self.end == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.end += count,
            }
        }
    }

    /// Reads a body.
    pub(crate) async fn skip(&mut self, length: u64) -> io::Result<()> {
        let mut left = length;
        loop {
            let there = (self.end - self.begin).min(usize::try_from(left).unwrap_or(usize::MAX));
            self.begin += there;
            left -= there as u64;
            if left == 0 {
                return Ok(());
            }
            (self.begin, self.end) = (0, self.stream.read(&mut self.buffer).await?);
            if self.end == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends a head with as much of its body as goes with it, and the rest of the body behind it.
    pub(crate) async fn send(&mut self, message: &Message) -> io::Result<()> {
        self.stream.write_all(&message.front).await?;
        let mut left = message.behind;
        while left > 0 {
            let piece = left.min(PIECE as u64);
            self.stream.write_all(FILL.get(..usize::try_from(piece).unwrap()).unwrap_or_default()).await?;
            left -= piece;
        }
        Ok(())
    }
}

impl Head {
    fn of(bytes: &[u8]) -> Self {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        let word = first.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let tail = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let length = lines.find_map(|line| {
            let (name, value) = line.split_at_checked("content-length:".len())?;
            name.eq_ignore_ascii_case(b"content-length:").then(|| digits(value))
        });
        Self { number: digits(tail), length: length.unwrap_or(0) }
    }
}

fn digits(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// What is sent again and again.
pub(crate) struct Message {
    front: Vec<u8>,
    behind: u64,
}

impl Message {
    /// A head up to its length, and a body of so many bytes.
    pub(crate) fn new(head: &str, length: u64) -> Self {
        let mut front = format!("{head}content-length: {length}\r\n\r\n").into_bytes();
        let along = length.min(PIECE as u64);
        front.extend_from_slice(FILL.get(..usize::try_from(along).unwrap()).unwrap_or_default());
        Self { front, behind: length - along }
    }
}
