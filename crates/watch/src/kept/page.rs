//! Lines and words: what a file holds, as the head of this folder describes it. Nothing in, nothing out but values.

use std::fmt::{Display, Write};
use std::str::{FromStr, SplitAsciiWhitespace};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use formats::UnixTime;

const HEAD: &str = "seawall-state 1";
const SUM: &str = "sum ";
const NONE: &str = "-";

/// A file in the making.
#[derive(Debug)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn new() -> Self {
        Self(format!("{HEAD}\n"))
    }

    /// Begins a line.
    pub(crate) fn line(&mut self, name: &str) -> Line<'_> {
        self.0.push_str(name);
        Line(&mut self.0)
    }

    /// The file.
    pub(crate) fn close(self) -> String {
        let sum = sum(&self.0);
        format!("{}{SUM}{sum}\n", self.0)
    }
}

/// A line in the making; it ends when it is dropped.
pub(crate) struct Line<'a>(&'a mut String);

impl Line<'_> {
    /// A number, or a word of ours.
    pub(crate) fn word(self, word: impl Display) -> Self {
        // Writing to text does not fail.
        write!(self.0, " {word}").ok();
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.0.push(' ');
        if text.is_empty() {
            self.0.push('%');
        }
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"_.:/".contains(&byte) || (byte == b'-' && text.len() > 1) {
                self.0.push(char::from(byte));
            } else {
                write!(self.0, "%{byte:02x}").ok();
            }
        }
        self
    }

    pub(crate) fn time(self, at: UnixTime) -> Self {
        self.word(at.nanos())
    }

    pub(crate) fn span(self, span: Duration) -> Self {
        self.word(span.as_nanos())
    }

    /// What may not be there.
    pub(crate) fn maybe<T>(self, value: Option<T>, put: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => put(self, value),
            None => self.word(NONE),
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.push('\n');
    }
}

/// The lines of a file that is whole: what each is, and its words.
pub(crate) fn lines(file: &str) -> Option<impl Iterator<Item = (&str, Fields<'_>)>> {
    let (body, last) = file.strip_suffix('\n')?.rsplit_once('\n')?;
    let written = last.strip_prefix(SUM)?;
    let end = body.len() + 1;
    if sum(file.get(..end)?) != written {
        return None;
    }
    let rest = body.strip_prefix(HEAD)?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix('\n')? };
    Some(rest.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?, Fields(words)))
    }))
}

fn sum(text: &str) -> String {
    let mut hex = String::new();
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        write!(hex, "{byte:02x}").ok();
    }
    hex
}

/// The words of a line, one after the other. Each is nothing where it is missing or makes no sense.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(SplitAsciiWhitespace<'a>);

impl<'a> Fields<'a> {
    pub(crate) fn word(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    pub(crate) fn number<T: FromStr>(&mut self) -> Option<T> {
        self.word()?.parse().ok()
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        decoded(self.word()?)
    }

    pub(crate) fn time(&mut self) -> Option<UnixTime> {
        self.number().map(UnixTime::from_nanos)
    }

    pub(crate) fn span(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_nanos)
    }

    /// What may not be there.
    #[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
    pub(crate) fn maybe<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.0.clone().next()? == NONE {
            self.0.next();
            return Some(None);
        }
        take(self).map(Some)
    }
}

fn decoded(word: &str) -> Option<String> {
    if word == "%" {
        return Some(String::new());
    }
    let (mut bytes, mut rest) = (Vec::new(), word.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(text: &str) -> String {
        let mut page = Page::new();
        drop(page.line("first").text(text).word(7).maybe(None::<u64>, Line::word));
        drop(page.line("second").time(UnixTime::from_seconds(-1)).span(Duration::from_secs(2)));
        page.close()
    }

    #[test]
    fn a_file_has_this_form() {
        let file = page("a b%\n");
        let (body, sum) = file.split_at(file.len() - 69);
        assert_eq!(body, "seawall-state 1\nfirst a%20b%25%0a 7 -\nsecond -1000000000 2000000000\n");
        assert!(sum.starts_with("sum ") && sum.ends_with('\n'), "{sum}");
    }

    #[test]
    fn a_file_of_which_a_byte_is_wrong_or_missing_is_none() {
        let file = page("x").into_bytes();
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 1;
            assert!(str::from_utf8(&other).is_ok_and(|text| lines(text).is_none()), "{at}");
            assert!(str::from_utf8(&file[..at]).is_ok_and(|text| lines(text).is_none()), "{at}");
        }
        assert!(lines("").is_none() && lines("\n").is_none() && lines("\n\n").is_none());
    }

    proptest! {
        #[test]
        fn text_comes_back_as_it_was(text in any::<String>()) {
            let file = page(&text);
            let (name, mut fields) = lines(&file).unwrap().next().unwrap();
            prop_assert_eq!((name, fields.text(), fields.number()), ("first", Some(text), Some(7)));
            prop_assert_eq!(fields.maybe(Fields::number::<u64>), Some(None));
            prop_assert_eq!(fields.word(), None);
        }

        #[test]
        fn any_words_are_read_or_not_and_nothing_panics(word in "[ -~]{0,30}") {
            let mut fields = Fields(word.split_ascii_whitespace());
            fields.clone().text();
            fields.clone().time();
            fields.clone().span();
            fields.maybe(Fields::text);
        }
    }
}
