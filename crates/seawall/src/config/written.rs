//! What was written: the file and the environment as values with the place that each comes from.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::key::{Key, Kind, Occurs, Reload, Section};
use super::nearest::nearest;
use super::{Problem, SECTIONS, alone, follow, secret};

/// Bytes of a file at most; a configuration of that size is a mistake.
pub(super) const LARGEST_FILE: u64 = 1 << 20;

/// Where a configuration is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file; nothing if there is none.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// What was typed: a section, a key, and its value. It outranks all else.
    pub(crate) typed: Vec<(&'static str, &'static str, String)>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody wrote one.
    Default,
    /// The file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
    },
    /// The environment: the variable's name.
    Environment(String),
    /// A file that holds the secret.
    SecretFile(PathBuf),
    /// The command line.
    CommandLine,
    /// Another key of the same table, which has this value.
    Follows {
        /// Its name.
        key: &'static str,
        /// What it is.
        value: &'static str,
    },
}

/// A value that was written, or the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The value, in the form in which it stands in the environment.
    pub(crate) text: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// A section, or one of several of the same name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) section: &'static Section,
    /// Which one, from 0.
    number: usize,
}

impl Table {
    /// The table of a section that stands there once.
    pub(crate) const fn sole(section: &'static Section) -> Self {
        Self { section, number: 0 }
    }

    fn name(self, key: &Key) -> Name {
        (self.section.name, self.number, key.name)
    }
}

/// All values, those that nobody wrote left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    entries: BTreeMap<Name, Entry>,
    /// Where the tables begin that may stand there often.
    tables: BTreeMap<&'static str, Vec<Origin>>,
}

/// A section, the number of its table, and a key.
type Name = (&'static str, usize, &'static str);

impl Written {
    /// Reads all sources. What is wrong is left out, and told.
    pub(crate) fn read(sources: &Sources) -> (Self, Vec<Problem>) {
        let mut written = Self { file: sources.file.clone(), ..Self::default() };
        let mut problems = Vec::new();
        if let Some(path) = &sources.file {
            file::read(path, &mut written, &mut problems);
        }
        written.override_from(&sources.environment, &mut problems);
        for (section, key, text) in &sources.typed {
            let entry = Entry { text: text.clone(), origin: Origin::CommandLine };
            written.entries.insert((section, 0, key), entry);
        }
        written.let_follow();
        (written, problems)
    }

    /// What was written for a key, or its default.
    pub(crate) fn entry(&self, table: Table, key: &Key) -> Option<Entry> {
        let default = || Some(Entry { text: key.default?.to_owned(), origin: Origin::Default });
        self.entries.get(&table.name(key)).cloned().or_else(default)
    }

    /// Every table, in the order in which they are shown.
    pub(crate) fn tables(&self) -> Vec<Table> {
        SECTIONS.into_iter().flat_map(|section| self.tables_of(section)).collect()
    }

    /// The tables of a section.
    pub(crate) fn tables_of(&self, section: &'static Section) -> impl Iterator<Item = Table> + use<> {
        let count = match section.occurs {
            Occurs::Once => 1,
            Occurs::Often => self.tables.get(section.name).map_or(0, Vec::len),
        };
        (0..count).map(move |number| Table { section, number })
    }

    /// What a table is called where its keys are shown: one of several has its name with it.
    pub(crate) fn title(&self, table: Table) -> String {
        let name = table.section.key("name").filter(|_| table.section.occurs == Occurs::Often);
        match name.and_then(|key| self.entry(table, key)) {
            Some(name) => format!("{}.{}", table.section.name, name.text),
            None => table.section.name.to_owned(),
        }
    }

    /// Where a table begins, if it may stand there often.
    pub(crate) fn origin(&self, table: Table) -> Origin {
        let origins = self.tables.get(table.section.name);
        origins.and_then(|origins| origins.get(table.number)).cloned().unwrap_or(Origin::Default)
    }

    /// Enters what follows from other values, where nobody wrote anything.
    fn let_follow(&mut self) {
        for table in self.tables().into_iter().filter(|table| table.section.name == follow::SECTION) {
            for (key, entry) in follow::entries(self, table) {
                self.entries.entry(table.name(key)).or_insert(entry);
            }
        }
    }

    /// Another table of a section.
    fn begin(&mut self, section: &'static Section, origin: Origin) -> Table {
        let number = match section.occurs {
            Occurs::Once => 0,
            Occurs::Often => {
                let origins = self.tables.entry(section.name).or_default();
                origins.push(origin);
                origins.len() - 1
            }
        };
        Table { section, number }
    }

    fn set(&mut self, table: Table, key: &'static Key, entry: Entry) {
        self.entries.insert(table.name(key), entry);
    }

    /// These values for a daemon that runs with others: those that need a restart are the ones that it has.
    pub(super) fn taken_by(&self, running: &Self) -> Self {
        let mut taken = Self { file: self.file.clone(), ..Self::default() };
        for section in SECTIONS {
            // Which tables there are is taken as their keys are.
            let from = if section.is_live() { self } else { running };
            taken.tables.extend(from.tables.get(section.name).map(|tables| (section.name, tables.clone())));
        }
        for table in taken.tables() {
            for key in table.section.keys {
                let from = if key.reload == Reload::Live { self } else { running };
                let name = table.name(key);
                taken.entries.extend(from.entries.get(&name).map(|entry| (name, entry.clone())));
            }
        }
        taken
    }

    fn override_from(&mut self, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
        let mut known = Vec::new();
        for section in SECTIONS {
            let mut found = Vec::new();
            if section.occurs == Occurs::Often && self.tables_of(section).next().is_none() {
                found.extend(alone::entries(section, environment));
            }
            for key in section.keys {
                let entry = of_variables((section, key), environment, &mut known, problems);
                found.extend(entry.map(|entry| (key, entry)));
            }
            self.enter(section, found, problems);
        }
        let unknown = environment.keys().filter(|name| is_ours(name) && !known.contains(name));
        problems.extend(unknown.map(|name| {
            let guess = nearest(name, known.iter().map(String::as_str));
            let hint = guess.map_or(String::new(), |guess| format!("; the nearest is {guess}"));
            let origin = Origin::Environment(name.clone());
            Problem { origin, key: String::new(), message: format!("no key has this variable{hint}") }
        }));
    }

    /// Values for the only table of a section, which is made if there is none.
    fn enter(
        &mut self,
        section: &'static Section,
        found: Vec<(&'static Key, Entry)>,
        problems: &mut Vec<Problem>,
    ) {
        let Some((_, first)) = found.first() else { return };
        let tables: Vec<Table> = self.tables_of(section).collect();
        let table = match tables.as_slice() {
            [] => self.begin(section, first.origin.clone()),
            [only] => *only,
            several => {
                let message = format!(
                    "the file has {} {}, so it does not say which one is meant; write it into the file",
                    several.len(),
                    section.heading()
                );
                problems.extend(found.into_iter().map(|(key, entry)| Problem {
                    origin: entry.origin,
                    key: format!("{}.{}", section.name, key.name),
                    message: message.clone(),
                }));
                return;
            }
        };
        for (key, entry) in found {
            self.set(table, key, entry);
        }
    }
}

/// What the variables of a key say. Their names become known.
fn of_variables(
    (section, key): (&Section, &Key),
    environment: &BTreeMap<String, String>,
    known: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let variable = key.variable(section);
    let set = |name: &String| environment.get(name).filter(|text| !text.is_empty());
    let direct = set(&variable)
        .map(|text| Entry { text: text.clone(), origin: Origin::Environment(variable.clone()) });
    let mut found = direct;
    if key.kind == Kind::Secret {
        let variable = format!("{variable}_FILE");
        let named = set(&variable).map(Path::new);
        let origin = Origin::Environment(variable.clone());
        found = secret::choose((section, key), found, named.map(|path| (path, origin)), problems);
        known.push(variable);
    }
    known.push(variable);
    found
}

/// Whether a variable is meant for a section of the configuration. Kubernetes makes variables out of the names of services,
/// which may be called `seawall-server`; those are left alone.
fn is_ours(variable: &str) -> bool {
    let of_section = |section: &&Section| {
        let prefix = format!("SEAWALL_{}_", section.name.to_ascii_uppercase());
        variable.strip_prefix(&prefix).filter(|rest| !is_of_a_service(rest))
    };
    SECTIONS.iter().find_map(of_section).is_some()
}

fn is_of_a_service(rest: &str) -> bool {
    rest.split_once("SERVICE_").is_some_and(|(_, what)| what == "HOST" || what.starts_with("PORT"))
        || rest.split('_').any(|word| word == "PORT")
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::SecretFile(path) => write!(f, "{}", path.display()),
            Origin::CommandLine => f.write_str("command line"),
            Origin::Follows { key, value } => write!(f, "{key} = {value}"),
        }
    }
}
