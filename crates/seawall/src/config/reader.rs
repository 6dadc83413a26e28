//! From what was written to what it means, key by key.

use std::fmt;
use std::str::FromStr;

use super::key::{Kind, Section};
use super::{Entry, Origin, Problem, Written};

/// Reads the keys of a section, and gathers what is wrong with them.
pub(crate) struct Reader<'a> {
    section: &'static Section,
    written: &'a Written,
    problems: &'a mut Vec<Problem>,
    /// What was asked for: a test holds it against the section's keys.
    pub(super) asked: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// A reader of a section.
    pub(crate) fn new(
        section: &'static Section,
        written: &'a Written,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self { section, written, problems, asked: Vec::new() }
    }

    /// What was written for a key, or its default.
    pub(crate) fn entry(&mut self, name: &'static str) -> Option<Entry> {
        self.asked.push(name);
        let key = self.section.key(name)?;
        let entry = self.written.entry(self.section, key)?;
        if let Kind::OneOf(words) = key.kind
            && !words.contains(&entry.text.as_str())
        {
            let message = format!("it is {:?}, and has to be one of {}", entry.text, key.kind.label());
            self.refuse(name, &entry.origin, message);
            return None;
        }
        if entry.text.trim().is_empty() {
            self.refuse(name, &entry.origin, "it is empty; leave the key out instead".to_owned());
            return None;
        }
        Some(entry)
    }

    /// The value of a key; nothing if there is none, or if it is wrong, which is told.
    pub(crate) fn value<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let entry = self.entry(name)?;
        match entry.text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, &entry.origin, format!("{error}"));
                None
            }
        }
    }

    /// The value of a key that may be left out; nothing if it is wrong, which is told.
    #[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
    pub(crate) fn optional<T>(&mut self, name: &'static str) -> Option<Option<T>>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let key = self.section.key(name)?;
        if self.written.entry(self.section, key).is_none() {
            self.asked.push(name);
            return Some(None);
        }
        self.value(name).map(Some)
    }

    /// Refuses a number that is too low.
    pub(crate) fn at_least(&mut self, name: &'static str, value: Option<u64>, least: u64) {
        if value.is_some_and(|value| value < least)
            && let Some(entry) = self.entry(name)
        {
            self.refuse(name, &entry.origin, format!("it is {}, and has to be at least {least}", entry.text));
        }
    }

    /// Tells that a value is wrong.
    pub(crate) fn refuse(&mut self, name: &str, origin: &Origin, message: String) {
        let key = format!("{}.{name}", self.section.name);
        self.problems.push(Problem { origin: origin.clone(), key, message });
    }
}
