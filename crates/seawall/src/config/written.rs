//! What was written: the file and the environment as values with the place that each comes from.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::key::{Key, Kind, Reload, Section};
use super::nearest::nearest;
use super::{Problem, SECTIONS, secret};

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
}

/// A value that was written, or the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The value, in the form in which it stands in the environment.
    pub(crate) text: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// All values, those that nobody wrote left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    entries: BTreeMap<(&'static str, &'static str), Entry>,
}

impl Written {
    /// Reads all sources. What is wrong is left out, and told.
    pub(crate) fn read(sources: &Sources) -> (Self, Vec<Problem>) {
        let mut written = Self { file: sources.file.clone(), entries: BTreeMap::new() };
        let mut problems = Vec::new();
        if let Some(path) = &sources.file {
            file::read(path, &mut written, &mut problems);
        }
        written.override_from(&sources.environment, &mut problems);
        for (section, key, text) in &sources.typed {
            let entry = Entry { text: text.clone(), origin: Origin::CommandLine };
            written.entries.insert((section, key), entry);
        }
        (written, problems)
    }

    /// What was written for a key, or its default.
    pub(crate) fn entry(&self, section: &Section, key: &Key) -> Option<Entry> {
        let default = || Some(Entry { text: key.default?.to_owned(), origin: Origin::Default });
        self.entries.get(&(section.name, key.name)).cloned().or_else(default)
    }

    /// These values for a daemon that runs with others: those that need a restart are the ones that it has.
    pub(super) fn taken_by(&self, running: &Self) -> Self {
        let mut taken = Self { file: self.file.clone(), entries: BTreeMap::new() };
        for section in SECTIONS {
            for key in section.keys {
                let from = if key.reload == Reload::Live { self } else { running };
                let name = (section.name, key.name);
                taken.entries.extend(from.entries.get(&name).map(|entry| (name, entry.clone())));
            }
        }
        taken
    }

    fn override_from(&mut self, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
        let mut known = Vec::new();
        for section in SECTIONS {
            for key in section.keys {
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
                if let Some(entry) = found {
                    self.entries.insert((section.name, key.name), entry);
                }
                known.push(variable);
            }
        }
        let unknown = environment.keys().filter(|name| is_ours(name) && !known.contains(name));
        problems.extend(unknown.map(|name| {
            let guess = nearest(name, known.iter().map(String::as_str));
            let hint = guess.map_or(String::new(), |guess| format!("; the nearest is {guess}"));
            let origin = Origin::Environment(name.clone());
            Problem { origin, key: String::new(), message: format!("no key has this variable{hint}") }
        }));
    }
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
        }
    }
}
