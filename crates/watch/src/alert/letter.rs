//! What a channel is given to send.

use formats::UnixTime;
use jiff::Timestamp;

use crate::Severity;
use crate::alert::{Key, Template};

/// What a channel is given to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub key: Key,
    /// Why it is sent.
    pub occasion: Occasion,
    /// How bad it is, or was.
    pub severity: Severity,
    /// What is wrong, or was.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// Since when there is trouble.
    pub since: UnixTime,
    /// When it was written.
    pub at: UnixTime,
}

/// Why a letter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// There is trouble, or it is worse or less bad than what was told.
    Firing,
    /// It is still there.
    Reminder,
    /// It is over.
    Resolved,
    /// Somebody wants to see whether letters arrive.
    Test,
}

impl Occasion {
    /// The word in JSON and in templates.
    pub const fn name(self) -> &'static str {
        match self {
            Occasion::Firing => "firing",
            Occasion::Reminder => "reminder",
            Occasion::Resolved => "resolved",
            Occasion::Test => "test",
        }
    }
}

/// How letters of a channel read, and whom they are from.
#[derive(Clone, Debug)]
pub struct Stationery {
    /// The name of the machine, or of the installation.
    pub source: String,
    /// The first line: the subject of an email.
    pub title: Template,
    /// What follows.
    pub text: Template,
}

/// Bytes of a title at most; services refuse longer ones.
const LONGEST_TITLE: usize = 256;

/// Bytes of a text at most; far more than anyone reads at night.
const LONGEST_TEXT: usize = 2_000;

impl Stationery {
    /// The first line of a letter.
    pub(crate) fn title(&self, letter: &Letter) -> String {
        let line = self.title.fill(|word| self.word(letter, word)).replace(char::is_control, " ");
        cut(line.trim().to_owned(), LONGEST_TITLE)
    }

    /// What follows, without empty lines at its ends, and with one at most elsewhere.
    pub(crate) fn text(&self, letter: &Letter) -> String {
        let text = self.text.fill(|word| self.word(letter, word));
        let shown = text.replace(|c: char| c.is_control() && c != '\n', " ");
        // Where there is no advice, its line is empty.
        cut(shown.trim().replace("\n\n\n", "\n\n"), LONGEST_TEXT)
    }

    fn word(&self, letter: &Letter, word: Word) -> String {
        match word {
            Word::Target => letter.key.target.clone(),
            Word::Event => letter.key.topic.name().to_owned(),
            Word::State => letter.occasion.name().to_owned(),
            Word::Severity => letter.severity.name().to_owned(),
            Word::Message => letter.message.clone(),
            Word::Advice => letter.advice.clone().unwrap_or_default(),
            Word::Since => rfc3339(letter.since),
            Word::Time => rfc3339(letter.at),
            Word::Source => self.source.clone(),
        }
    }
}

/// What a template can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The log, the journal, or `proxy/server`.
    Target,
    /// What it is about.
    Event,
    /// Why the letter is sent.
    State,
    /// How bad it is.
    Severity,
    /// What is wrong.
    Message,
    /// What to do.
    Advice,
    /// Since when.
    Since,
    /// The present.
    Time,
    /// Whom it is from.
    Source,
}

impl Word {
    /// All of them, as they stand in a template.
    pub const ALL: [(&'static str, Word); 9] = [
        ("target", Word::Target),
        ("event", Word::Event),
        ("state", Word::State),
        ("severity", Word::Severity),
        ("message", Word::Message),
        ("advice", Word::Advice),
        ("since", Word::Since),
        ("time", Word::Time),
        ("source", Word::Source),
    ];
}

/// A point in time as JSON and people read it, to the second.
pub(crate) fn rfc3339(at: UnixTime) -> String {
    let seconds = i64::try_from(at.nanos().div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "unknown".to_owned(), |stamp| stamp.to_string())
}

/// A text of so many bytes at most; one that is cut says so.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    const MARK: &str = "...";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(MARK.len())));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Topic;

    fn letter(message: &str) -> Letter {
        Letter {
            key: Key { target: "db".to_owned(), topic: Topic::Health },
            occasion: Occasion::Firing,
            severity: Severity::Critical,
            message: message.to_owned(),
            advice: None,
            since: UnixTime::from_seconds(0),
            at: UnixTime::from_millis(61_500),
        }
    }

    fn stationery(title: &str, text: &str) -> Stationery {
        Stationery { source: "host".to_owned(), title: title.parse().unwrap(), text: text.parse().unwrap() }
    }

    #[test]
    fn a_letter_says_what_its_template_asks_for() {
        let paper = stationery(
            "[{severity}] {target} {event} {state}",
            "{message}\n{advice}\n\n{since} {time} {source}",
        );
        assert_eq!(paper.title(&letter("x")), "[critical] db wal.health firing");
        assert_eq!(
            paper.text(&letter("too big")),
            "too big\n\n1970-01-01T00:00:00Z 1970-01-01T00:01:01Z host"
        );
    }

    #[test]
    fn a_title_is_one_line_and_nothing_in_it_steers_a_terminal() {
        let paper = stationery("{message}", "{message}");
        let hostile = letter("a\r\nBcc: all\u{1b}[2J\nb");
        assert_eq!(paper.title(&hostile), "a  Bcc: all [2J b");
        assert_eq!(paper.text(&hostile), "a \nBcc: all [2J\nb");
    }

    #[test]
    fn a_letter_has_an_end_whatever_is_in_it() {
        let paper = stationery("{message}", "{message}");
        let long = letter(&"\u{e4}".repeat(5_000));
        assert!(paper.title(&long).len() <= LONGEST_TITLE && paper.title(&long).ends_with("..."));
        assert!(paper.text(&long).len() <= LONGEST_TEXT);
    }
}
