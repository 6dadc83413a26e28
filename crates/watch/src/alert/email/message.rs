//! A message: a head and a text, in ASCII and in short lines whatever the letter is written in.
//!
//! Fields that hold free text are encoded words of RFC 2047 unless they are plain, and the body is quoted-printable. So no
//! letter can end a field, begin one, or end the message.

use formats::UnixTime;
use jiff::Timestamp;

use super::Mailbox;
use crate::alert::channel::{id, thread};
use crate::alert::{Letter, Occasion, Stationery};
use crate::base64::encoded;

/// Bytes of an encoded word before they are encoded: the word is 75 letters at most, of which 12 are its frame.
const WORD: usize = 45;

/// Letters of a line of the body, with the mark that it goes on.
const LINE: usize = 76;

/// The whole message, with lines that end in CR LF.
pub(super) fn written((from, to): (&Mailbox, &[Mailbox]), letter: &Letter, paper: &Stationery) -> String {
    let recipients: Vec<String> = to.iter().map(mailbox).collect();
    // Letters about one trouble hang together.
    let thread = format!("<{}.seawall@{}>", thread(letter, paper), from.domain());
    let mut head = vec![
        format!("From: {}", mailbox(from)),
        format!("To: {}", recipients.join(",\r\n ")),
        format!("Subject: {}", words(&paper.title(letter))),
        format!("Date: {}", date(letter.at)),
        format!("Message-ID: <{}.seawall@{}>", id(letter, paper), from.domain()),
        format!("References: {thread}"),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: quoted-printable".to_owned(),
        // Nobody is to be told automatically that somebody is on holiday.
        "Auto-Submitted: auto-generated".to_owned(),
    ];
    if letter.occasion != Occasion::Resolved {
        let importance = if letter.severity == crate::Severity::Critical { "high" } else { "normal" };
        head.push(format!("Importance: {importance}"));
    }
    format!("{}\r\n\r\n{}", head.join("\r\n"), quoted_printable(&paper.text(letter)))
}

fn mailbox(mailbox: &Mailbox) -> String {
    let address = mailbox.address();
    match mailbox.name() {
        None => address.to_owned(),
        Some(name) => {
            // A plain phrase needs no quotes; any other is an encoded word, which needs none either.
            let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b" -_".contains(&byte);
            let phrase = if name.bytes().all(is_atom) && name.len() <= WORD {
                name.to_owned()
            } else {
                encoded_words(name)
            };
            format!("{phrase} <{address}>")
        }
    }
}

/// Free text in a field: as it is if it is short and plain.
fn words(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?");
    if is_plain && text.len() <= LINE { text.to_owned() } else { encoded_words(text) }
}

fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A word holds whole letters.
        let (word, behind) = rest.split_at_checked(rest.floor_char_boundary(WORD)).unwrap_or((rest, ""));
        words.push(format!("=?utf-8?B?{}?=", encoded(word.as_bytes())));
        rest = behind;
    }
    words.join("\r\n ")
}

/// The text in quoted-printable. Lines are ended, and none is long.
fn quoted_printable(text: &str) -> String {
    let mut body = String::new();
    for line in text.lines() {
        let mut length = 0;
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let is_last = bytes.peek().is_none();
            let piece = match byte {
                // A blank at the end of a line may be lost on the way.
                b' ' if is_last => "=20".to_owned(),
                b' '..=b'~' if byte != b'=' => char::from(byte).to_string(),
                _ => format!("={byte:02X}"),
            };
            if length + piece.len() >= LINE {
                body.push_str("=\r\n");
                length = 0;
            }
            length += piece.len();
            body.push_str(&piece);
        }
        body.push_str("\r\n");
    }
    body
}

fn date(at: UnixTime) -> String {
    let seconds = i64::try_from(at.nanos().div_euclid(1_000_000_000)).unwrap_or(0);
    let stamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    stamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::channel::tests::{letter, paper};
    use super::*;

    fn message(letter: &Letter) -> String {
        let from = "W\u{e4}chter <seawall@example.com>".parse().unwrap();
        let to = ["ops@example.com".parse().unwrap(), "Night Watch <night@example.com>".parse().unwrap()];
        let paper = Stationery { title: "{message}".parse().unwrap(), ..paper() };
        written((&from, &to), letter, &paper)
    }

    #[test]
    fn a_message_has_a_head_and_a_text() {
        let text = message(&letter(Occasion::Firing));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for field in [
            "From: =?utf-8?B?V8OkY2h0ZXI=?= <seawall@example.com>",
            "To: ops@example.com,\r\n Night Watch <night@example.com>",
            "Subject: 5 GiB & growing",
            "Date: Thu, 01 Jan 1970 00:02:00 +0000",
            "Importance: high",
        ] {
            assert!(head.contains(field), "{head}");
        }
        assert_eq!(body, "5 GiB & growing\r\n");
    }

    #[test]
    fn a_body_is_quoted_where_it_has_to_be() {
        assert_eq!(quoted_printable("a=b \n\u{e4}\n\nend"), "a=3Db=20\r\n=C3=A4\r\n\r\nend\r\n");
        let long = quoted_printable(&"x".repeat(200));
        assert!(long.split("\r\n").all(|line| line.len() <= LINE), "{long}");
        assert_eq!(long.replace("=\r\n", ""), format!("{}\r\n", "x".repeat(200)));
    }

    proptest! {
        #[test]
        fn whatever_a_letter_says_it_adds_no_field_and_no_long_line(said in "(?s).{0,400}") {
            let plain = message(&Letter { message: "x".to_owned(), ..letter(Occasion::Firing) });
            let text = message(&Letter { message: said, ..letter(Occasion::Firing) });
            let fields = |text: &str| {
                let head = text.split_once("\r\n\r\n").unwrap().0.to_owned();
                let lines = head.split("\r\n").filter(|line| !line.starts_with(' '));
                lines.map(|line| line.split_once(':').unwrap().0.to_owned()).collect::<Vec<_>>()
            };
            prop_assert_eq!(fields(&text), fields(&plain));
            prop_assert!(text.is_ascii());
            for line in text.split("\r\n") {
                prop_assert!(line.len() <= 120 && !line.contains(['\r', '\n']));
            }
        }
    }
}
