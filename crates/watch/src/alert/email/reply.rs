//! What a relay says: a code of three digits and a text, in one line or several.

use std::fmt;
use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Bytes of a line at most; the standard has 512.
const LONGEST_LINE: u64 = 4_096;

/// Lines of a reply at most; the longest list what a relay can do.
const MOST_LINES: usize = 128;

/// What a relay says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Reads one.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut lines = Vec::new();
        loop {
            let mut bytes = Vec::new();
            (&mut *from).take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
            if bytes.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the relay has closed the connection",
                ));
            }
            if bytes.pop() != Some(b'\n') {
                return Err(broken("the relay's answer breaks off, or has a line without an end"));
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end();
            let (digits, rest) = line.split_at_checked(3).ok_or_else(|| broken("the answer is not SMTP"))?;
            let code: u16 = digits.parse().map_err(|_| broken("the answer is not SMTP"))?;
            let (mark, text) = rest.split_at_checked(1).unwrap_or((" ", ""));
            lines.push(text.to_owned());
            match mark {
                " " => return Ok(Self { code, lines }),
                "-" if lines.len() < MOST_LINES => {}
                "-" => return Err(broken("the relay's answer has no end")),
                _ => return Err(broken("the answer is not SMTP")),
            }
        }
    }

    /// Whether the relay can do something: the lines of its greeting begin with what it can.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.extension(extension).is_some()
    }

    /// What it says about something that it can do.
    pub(super) fn extension(&self, name: &str) -> Option<&str> {
        let words = |line: &'_ String| {
            let (first, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
            first.eq_ignore_ascii_case(name).then_some(line.len() - rest.len())
        };
        self.lines.iter().skip(1).find_map(|line| line.get(words(line)?..))
    }

    /// Whether it is a yes.
    pub(super) fn is_good(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Reply> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Reply::read(&mut text.as_bytes()))
    }

    #[test]
    fn a_reply_has_one_line_or_several() {
        let one = read("250 fine\r\n").unwrap();
        assert_eq!((one.code, one.to_string()), (250, "250 fine".to_owned()));
        let several = read("250-relay\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 10\r\n").unwrap();
        assert!(several.offers("starttls") && several.offers("SIZE") && !several.offers("relay"));
        assert_eq!(several.extension("AUTH"), Some("PLAIN LOGIN"));
        assert_eq!(read("354\r\n").unwrap().code, 354);
    }

    #[test]
    fn what_is_no_reply_is_refused_and_never_waited_for_without_end() {
        for text in
            ["", "250 fine", "HTTP/1.1 400 Bad\r\n", "25\r\n", "250!x\r\n", "\u{e4}\u{e4}\r\n", "250-a\r\n"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read(&format!("250 {}\r\n", "x".repeat(5_000))).is_err());
        assert!(read(&"250-x\r\n".repeat(1_000)).is_err());
    }
}
