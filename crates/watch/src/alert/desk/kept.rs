//! What a desk knows, as it is kept over a restart. A letter that was on its way is sent again: nobody heard what became of it.

use std::time::Duration;

use formats::UnixTime;

use super::{Desk, Entry, MOST};
use crate::alert::office::is_kept;
use crate::alert::{Key, News, State, Topic, Trouble};
use crate::course::{named, severity};
use crate::kept::{Fields, Line, Page};

impl Desk {
    /// Writes it down.
    pub(in crate::alert) fn keep(&self, page: &mut Page) {
        for (key, entry) in self.open.iter().filter(|(key, _)| is_kept(key)) {
            let line = trouble(page.line("trouble"), key, &entry.trouble);
            let line =
                line.maybe(entry.trouble.lasts, Line::span).time(entry.since).maybe(entry.ends, Line::time);
            let line = line.word(u8::from(entry.is_over));
            let line = line.maybe(entry.told, |line, (severity, at)| line.word(severity.name()).time(at));
            line.maybe(entry.written, Line::time);
        }
    }

    /// Takes up what the words of a line say; nothing if that makes no sense.
    pub(in crate::alert) fn recall(&mut self, fields: &mut Fields<'_>, now: UnixTime) -> Option<()> {
        let (key, mut trouble) = recalled(fields)?;
        trouble.lasts = fields.maybe(Fields::span)?;
        // What lies beyond the present was written by a clock that was set back since.
        let (since, ends) = (fields.time()?.min(now), fields.maybe(Fields::time)?);
        let is_over = fields.number::<u8>()? == 1;
        let told = fields.maybe(|fields| Some((severity(fields.word()?)?, fields.time()?.min(now))))?;
        let written = fields.maybe(Fields::time)?.map(|at| at.min(now));
        if self.open.len() < MOST {
            self.open.insert(key, Entry { trouble, since, ends, is_over, told, written });
        }
        Some(())
    }
}

/// Writes down what is so.
pub(in crate::alert) fn keep_news(news: &News, page: &mut Page) {
    if let State::Trouble(it) = &news.state {
        drop(trouble(page.line("news"), &news.key, it));
    }
}

/// Takes up what was so.
pub(in crate::alert) fn recall_news(fields: &mut Fields<'_>) -> Option<News> {
    let (key, trouble) = recalled(fields)?;
    Some(News { key, state: State::Trouble(trouble) })
}

fn trouble<'a>(line: Line<'a>, key: &Key, trouble: &Trouble) -> Line<'a> {
    let line = line.word(key.topic.name()).text(&key.target).word(trouble.severity.name());
    line.text(&trouble.message).maybe(trouble.advice.as_deref(), Line::text)
}

fn recalled(fields: &mut Fields<'_>) -> Option<(Key, Trouble)> {
    let topic = named(&Topic::ALL, Topic::name, fields.word()?)?;
    let key = Key { target: fields.text()?, topic };
    let severity = severity(fields.word()?)?;
    let (message, advice) = (fields.text()?, fields.maybe(Fields::text)?);
    Some((key, Trouble { severity, message, advice, lasts: None::<Duration> }))
}

#[cfg(test)]
#[path = "kept_test.rs"]
mod tests;
