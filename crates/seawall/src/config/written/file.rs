//! Reads the file: TOML, with the place of every value.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, LARGEST_FILE, Origin, Table, Written};
use crate::config::key::{Key, Kind, Occurs, Section};
use crate::config::nearest::nearest;
use crate::config::{Problem, SECTIONS, secret};

/// Adds what the file says.
pub(super) fn read(path: &Path, written: &mut Written, problems: &mut Vec<Problem>) {
    match load(path) {
        Ok(text) => Document { path, text: &text }.enter(written, problems),
        Err(error) => {
            let origin = Origin::File { path: path.to_owned(), line: 1, column: 1 };
            let message = format!("failed to read the configuration: {error}");
            problems.push(Problem { origin, key: String::new(), message });
        }
    }
}

fn load(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {LARGEST_FILE} bytes, so it is no configuration"),
        ));
    }
    Ok(text)
}

/// The text, and what it is called.
struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    fn enter(&self, written: &mut Written, problems: &mut Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What follows a mistake of syntax may be taken for what it is not: nothing else is told then.
            problems.extend(errors.iter().map(|error| Problem {
                origin: self.at(error.span().unwrap_or_default()),
                key: String::new(),
                message: format!("not TOML: {}", error.message().trim()),
            }));
            return;
        }
        for (name, value) in table.into_inner() {
            let section = SECTIONS.into_iter().find(|section| section.name == name.get_ref());
            match section {
                Some(section) => self.tables(section, &value, written, problems),
                None => {
                    let known = SECTIONS.map(|section| section.name);
                    problems.push(self.unknown(&name, &known, "section"));
                }
            }
        }
    }

    /// The table of a section, or its tables.
    fn tables<'v>(
        &self,
        section: &'static Section,
        value: &'v Spanned<DeValue<'v>>,
        written: &mut Written,
        problems: &mut Vec<Problem>,
    ) {
        let table = |value: &'v Spanned<DeValue<'v>>| match value.get_ref() {
            DeValue::Table(keys) => Some((keys, self.at(value.span()))),
            _ => None,
        };
        let tables: Option<Vec<_>> = match (section.occurs, value.get_ref()) {
            (Occurs::Once, _) => table(value).map(|table| vec![table]),
            (Occurs::Often, DeValue::Array(values)) => values.iter().map(table).collect(),
            (Occurs::Often, _) => None,
        };
        let Some(tables) = tables else {
            let message = format!("it has to be a table: write {}", section.heading());
            problems.push(Problem { origin: self.at(value.span()), key: section.name.to_owned(), message });
            return;
        };
        for (keys, origin) in tables {
            let table = written.begin(section, origin);
            self.table(table, keys, written, problems);
        }
    }

    fn table(&self, table: Table, keys: &DeTable<'_>, written: &mut Written, problems: &mut Vec<Problem>) {
        let section = table.section;
        let mut known: Vec<String> = Vec::new();
        for key in section.keys {
            known.push(key.name.to_owned());
            let direct = place(keys, key.name).and_then(|value| self.scalar((section, key), value, problems));
            let mut found = direct;
            if key.kind == Kind::Secret {
                let name = format!("{}{}", key.name, Key::FILE);
                let named = place(keys, &name).and_then(|value| self.scalar((section, key), value, problems));
                let named = named.as_ref().map(|entry| (Path::new(&entry.text), entry.origin.clone()));
                found = secret::choose((section, key), found, named, problems);
                known.push(name);
            }
            if let Some(entry) = found {
                written.set(table, key, entry);
            }
        }
        let (outer, what) = (known.iter().map(String::as_str), section.heading());
        let (outer, inner): (Vec<&str>, Vec<&str>) = outer.partition(|name| !name.contains('.'));
        let tables = inner.iter().filter_map(|name| Some(name.split_once('.')?.0));
        let mut names = outer.clone();
        names.extend(tables);
        names.dedup();
        for (name, value) in keys {
            let prefix = format!("{}.", name.get_ref());
            let inner: Vec<&str> = inner.iter().filter_map(|known| known.strip_prefix(&prefix)).collect();
            match value.get_ref() {
                DeValue::Table(keys) if !inner.is_empty() => {
                    let what = format!("[{}.{}]", section.name, name.get_ref());
                    let unknown = keys.keys().filter(|name| !inner.contains(&name.get_ref().as_ref()));
                    problems
                        .extend(unknown.map(|name| self.unknown(name, &inner, &format!("key of {what}"))));
                }
                _ if outer.contains(&name.get_ref().as_ref()) => {}
                _ if !inner.is_empty() => {
                    let message =
                        format!("it has to be a table: write [{}.{}]", section.name, name.get_ref());
                    let key = format!("{}.{}", section.name, name.get_ref());
                    problems.push(Problem { origin: self.at(value.span()), key, message });
                }
                _ => problems.push(self.unknown(name, &names, &format!("key of {what}"))),
            }
        }
    }

    /// A value as it would stand in the environment, if it is of the form that the key takes.
    fn scalar(
        &self,
        (section, key): (&Section, &Key),
        value: &Spanned<DeValue<'_>>,
        problems: &mut Vec<Problem>,
    ) -> Option<Entry> {
        let origin = self.at(value.span());
        let text = match (key.kind, value.get_ref()) {
            (Kind::Switch, DeValue::Boolean(set)) => set.to_string(),
            (Kind::Size | Kind::Count, DeValue::Integer(number)) if number.radix() == 10 => {
                number.as_str().to_owned()
            }
            (Kind::Share | Kind::Factor, DeValue::Float(number)) => number.as_str().to_owned(),
            (Kind::Share | Kind::Factor, DeValue::Integer(number)) => number.as_str().to_owned(),
            (Kind::List, DeValue::Array(values)) => {
                let texts = values.iter().map(|value| match value.get_ref() {
                    DeValue::String(text) if !text.contains(',') => Some(text.as_ref()),
                    _ => None,
                });
                match texts.collect::<Option<Vec<_>>>() {
                    // An empty list is as good as none.
                    Some(texts) if texts.is_empty() => return None,
                    Some(texts) => texts.join(","),
                    None => {
                        problems.push(misfit(section, key, origin, value.get_ref()));
                        return None;
                    }
                }
            }
            (Kind::Switch | Kind::Count | Kind::Share | Kind::Factor | Kind::List, _) => {
                problems.push(misfit(section, key, origin, value.get_ref()));
                return None;
            }
            (_, DeValue::String(text)) => text.clone().into_owned(),
            _ => {
                problems.push(misfit(section, key, origin, value.get_ref()));
                return None;
            }
        };
        Some(Entry { text, origin })
    }

    fn unknown(&self, name: &Spanned<std::borrow::Cow<'_, str>>, known: &[&str], what: &str) -> Problem {
        let guess = nearest(name.get_ref(), known.iter().copied());
        let hint = match guess {
            Some(guess) => format!("; the nearest is {guess}"),
            None => format!("; there are {}", known.join(", ")),
        };
        Problem {
            origin: self.at(name.span()),
            key: name.get_ref().clone().into_owned(),
            message: format!("no {what} has this name{hint}"),
        }
    }

    fn at(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Origin::File { path: self.path.to_owned(), line, column }
    }
}

/// What stands in a table under a name; behind a dot, in the table of that name.
fn place<'v>(keys: &'v DeTable<'v>, name: &str) -> Option<&'v Spanned<DeValue<'v>>> {
    let Some((outer, inner)) = name.split_once('.') else { return keys.get(name) };
    match keys.get(outer)?.get_ref() {
        DeValue::Table(keys) => keys.get(inner),
        _ => None,
    }
}

fn misfit(section: &Section, key: &Key, origin: Origin, value: &DeValue<'_>) -> Problem {
    let wanted = match key.kind {
        Kind::Switch => "true or false, without quotes".to_owned(),
        Kind::Count => "a number, without quotes".to_owned(),
        Kind::Share => "a number from 0 to 1, without quotes".to_owned(),
        Kind::Factor => "a number from 1 to 100, without quotes".to_owned(),
        Kind::List => "a list of texts without commas, such as [\"http://replica:8000\"]".to_owned(),
        Kind::Size => "a size, such as \"64MiB\"".to_owned(),
        Kind::Span => "a span of time, such as \"30s\"".to_owned(),
        Kind::OneOf(_) => format!("one of {}", key.kind.label()),
        Kind::Text | Kind::Path | Kind::Secret => "text in quotes".to_owned(),
    };
    let key = format!("{}.{}", section.name, key.name);
    Problem { origin, key, message: format!("it has to be {wanted}, and this is {}", kind_of(value)) }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
