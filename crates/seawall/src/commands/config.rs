//! `seawall config`: what is wrong with a configuration, what it comes to, and what can stand in it.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::{ConfigFile, Configured, Form};
use crate::config::{self, Config, Origin, Sources};
use crate::exit::Exit;
use crate::failure::{DaemonFailure, Failure};
use crate::show::{self, Screen};

/// The file that is taken without being named, if it is there.
const HERE: &str = "seawall.toml";

/// Does what was asked for.
pub(crate) fn run(what: &Configured, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match what {
        Configured::Check(file) => check(&load(&sources(file, Search::Here))?, form, screen)?,
        Configured::Show(file) => list(&load(&sources(file, Search::Here))?, form, screen)?,
        Configured::Schema => show::print_json(&config::schema())?,
    }
    Ok(Exit::Fine)
}

/// Where a file is looked for that was not named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// Where the environment says.
    Named,
    /// Here as well.
    Here,
}

/// Where the configuration of a command is looked for.
pub(crate) fn sources(file: &ConfigFile, search: Search) -> Sources {
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        // What is no text cannot be the name or the value of a key, only a path; those are rare enough to be refused.
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let environment: BTreeMap<String, String> = env::vars_os().filter_map(variable).collect();
    let named = environment.get("SEAWALL_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let here = || (search == Search::Here && Path::new(HERE).is_file()).then(|| PathBuf::from(HERE));
    Sources { file: file.file.clone().or(named).or_else(here), environment, typed: Vec::new() }
}

/// The configuration, or all that is wrong with it.
pub(crate) fn load(sources: &Sources) -> Result<Config, Failure> {
    Config::load(sources).map_err(|problems| DaemonFailure::Config(problems).into())
}

fn check(config: &Config, form: Form, screen: &Screen) -> Result<(), Failure> {
    let file = config.file.as_ref().map(|path| path.display().to_string());
    if form == Form::Json {
        return show::print_json(&json!({"file": file, "valid": true}));
    }
    if screen.detail == show::Detail::Little {
        return Ok(());
    }
    let what = file.unwrap_or_else(|| "no file; the defaults and the environment".to_owned());
    show::print(&format!("{what}: nothing is wrong\n"))
}

fn list(config: &Config, form: Form, screen: &Screen) -> Result<(), Failure> {
    let rows = rows(config);
    if form == Form::Json {
        let object = |row: &Row| json!({"key": row.key, "value": row.value, "from": row.origin.as_ref().map(ToString::to_string)});
        return show::print_json(&json!({
            "file": config.file.as_ref().map(|path| path.display().to_string()),
            "values": rows.iter().map(object).collect::<Vec<_>>(),
        }));
    }
    show::print(&show::settings(&rows, screen))
}

/// A value that counts.
pub(crate) struct Row {
    /// `section.key`
    pub(crate) key: String,
    /// What it is; nothing if it is not set.
    pub(crate) value: Option<String>,
    /// Where it comes from; nothing if it is not set.
    pub(crate) origin: Option<Origin>,
}

fn rows(config: &Config) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in config.written.tables() {
        for key in table.section.keys {
            let name = format!("{}.{}", config.written.title(table), key.name);
            let entry = config.written.entry(table, key);
            let derived = || match name.as_str() {
                "journal.dir" => Some(config.journal.dir.display().to_string()),
                "journal.archive_dir" => Some(config.journal.archive_dir.display().to_string()),
                "journal.max_event" => Some(config.journal.options.max_event.to_string()),
                _ => None,
            };
            let (value, origin) = match entry {
                Some(entry) => (Some(key.shown(entry.text)), Some(entry.origin)),
                None => match derived() {
                    Some(text) => (Some(text), Some(Origin::Default)),
                    None => (None, None),
                },
            };
            rows.push(Row { key: name, value, origin });
        }
    }
    rows
}
