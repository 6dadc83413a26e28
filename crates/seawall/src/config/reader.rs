//! From what was written to what it means, key by key.

use std::fmt;
use std::str::FromStr;

use super::key::Kind;
use super::{Entry, Origin, Problem, Table, Written};

/// Reads the keys of a table, and gathers what is wrong with them.
pub(crate) struct Reader<'a> {
    table: Table,
    written: &'a Written,
    problems: &'a mut Vec<Problem>,
    /// What was asked for: a test holds it against the section's keys.
    pub(super) asked: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// A reader of a table.
    pub(crate) fn new(table: Table, written: &'a Written, problems: &'a mut Vec<Problem>) -> Self {
        Self { table, written, problems, asked: Vec::new() }
    }

    /// What was written for a key, or its default.
    pub(crate) fn entry(&mut self, name: &'static str) -> Option<Entry> {
        self.asked.push(name);
        let key = self.table.section.key(name)?;
        let entry = self.written.entry(self.table, key)?;
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
        let key = self.table.section.key(name)?;
        if self.written.entry(self.table, key).is_none() {
            self.asked.push(name);
            return Some(None);
        }
        self.value(name).map(Some)
    }

    /// The value of a key that has no default and has to be there.
    pub(crate) fn required<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let value = self.optional(name)?;
        if value.is_none() {
            self.refuse_missing(name);
        }
        value
    }

    /// Tells that a key has to be there.
    pub(super) fn refuse_missing(&mut self, name: &'static str) {
        self.refuse(name, &self.written.origin(self.table), "it has to be set".to_owned());
    }

    /// Refuses a number that is too low.
    pub(crate) fn at_least(&mut self, name: &'static str, value: Option<u64>, least: u64) {
        if value.is_some_and(|value| value < least)
            && let Some(entry) = self.entry(name)
        {
            self.refuse(name, &entry.origin, format!("it is {}, and has to be at least {least}", entry.text));
        }
    }

    /// Whether somebody has written a value.
    pub(super) fn is_written(&mut self, name: &'static str) -> bool {
        self.asked.push(name);
        let entry = self.table.section.key(name).and_then(|key| self.written.entry(self.table, key));
        entry.is_some_and(|entry| entry.origin != Origin::Default)
    }

    /// Tells that a value is wrong for a reason that lies elsewhere.
    pub(super) fn refuse_value(&mut self, name: &'static str, message: String) {
        if let Some(entry) = self.entry(name) {
            self.refuse(name, &entry.origin, message);
        }
    }

    /// Tells that a value is wrong.
    pub(crate) fn refuse(&mut self, name: &str, origin: &Origin, message: String) {
        let key = format!("{}.{name}", self.table.section.name);
        self.problems.push(Problem { origin: origin.clone(), key, message });
    }
}
