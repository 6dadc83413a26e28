//! `[[watch]]`: logs under watch, what they may be like, and how they are checkpointed.

mod database;
mod keys;
mod restart;
mod schedule;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use formats::Format;
use watch::call::{Url, UrlError};
use watch::{Action, Bounds, Checkpoint, HttpMethod, Kind, Limits, Preset, Rhythm, Scrub, Signal, Target};

use super::name::Name;
use super::{Origin, Problem, Reader, Written};
use crate::rates::Flow;
use crate::sizes::{Floor, Size};
use crate::spans::Span;
use database::Databases;
pub(super) use keys::SECTION;

/// What was written, understood.
pub(super) fn understand(
    written: &Written,
    environment: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Target>> {
    let zone = environment.get(schedule::ZONE).map_or("", String::as_str);
    let mut names = BTreeSet::new();
    let mut targets = Vec::new();
    for table in written.tables_of(&SECTION) {
        let mut read = Reader::new(table, written, problems);
        let Some(target) = one(&mut read, zone) else { continue };
        if !names.insert(target.name.clone()) {
            refuse(&mut read, "name", "two logs under watch have this name".to_owned());
        }
        targets.push(target);
    }
    // Those that are wrong have said so.
    (targets.len() == written.tables_of(&SECTION).count()).then_some(targets)
}

/// Tells that a value is wrong for a reason that lies elsewhere.
fn refuse(read: &mut Reader<'_>, name: &'static str, message: String) {
    if let Some(entry) = read.entry(name) {
        read.refuse(name, &entry.origin, message);
    }
}

fn one(read: &mut Reader<'_>, zone: &str) -> Option<Target> {
    let name = read.value::<Name>("name");
    let path = read.required::<PathBuf>("path");
    let kind = read.entry("format").map(|entry| match entry.text.as_str() {
        "directory" => Kind::Directory,
        named => Format::from_name(named).map_or(Kind::Detected, Kind::Log),
    });
    let interval = seconds(read, "interval");
    let (bounds, server) = (bounds(read), service::of_server(read));
    let scrub = scrub(read, kind);
    let databases = database::understand(read);
    let checkpoint = checkpoint(read, zone, databases.as_ref());
    let restart = restart::understand(read);
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    Some(Target {
        name: name?.text(),
        path: path?,
        kind: kind?,
        interval: interval?,
        bounds: bounds?,
        server: server?,
        scrub: scrub?,
        database: databases?.asked,
        checkpoint: checkpoint?,
        restart: restart?,
    })
}

/// A span of a second or more.
fn seconds(read: &mut Reader<'_>, name: &'static str) -> Option<Duration> {
    let span = read.value::<Span>(name).map(Span::duration);
    if span.is_some_and(|span| span < Duration::from_secs(1)) {
        refuse(read, name, "it has to be a second or more".to_owned());
    }
    span
}

fn scrub(read: &mut Reader<'_>, kind: Option<Kind>) -> Option<Scrub> {
    let every = read.value::<Span>("scrub").map(Span::duration);
    let rate = read.value::<Flow>("scrub_rate");
    let is_short = every.is_some_and(|every| !every.is_zero() && every < Duration::from_secs(1));
    if is_short {
        refuse(read, "scrub", "it has to be a second or more, or 0s for never".to_owned());
    }
    for name in ["scrub", "scrub_rate"] {
        let is_set = read.entry(name).is_some_and(|entry| entry.origin != Origin::Default);
        if kind == Some(Kind::Directory) && is_set {
            refuse(read, name, "there is nothing to verify in any files; leave it out".to_owned());
        }
    }
    let (every, rate) = (every?, rate?.per_second());
    Some(Scrub { every: (!every.is_zero()).then_some(every), rate })
}

fn bounds(read: &mut Reader<'_>) -> Option<Bounds> {
    let preset = read.entry("preset").map(|entry| match entry.text.as_str() {
        "classic" => Preset::Classic,
        _ => Preset::Engine,
    });
    let warning = limits(read, ["max_files", "max_size", "max_age", "min_free"]);
    let critical = limits(read, ["critical_files", "critical_size", "critical_age", "critical_free"]);
    let (preset, warning, critical) = (preset?, warning?, critical?);
    let less = |warning: Option<u64>, critical: Option<u64>| {
        warning.zip(critical).is_some_and(|(warning, critical)| critical < warning)
    };
    let seconds = |age: Option<Duration>| age.map(|age| age.as_secs());
    for (name, is_less) in [
        ("critical_files", less(warning.max_files, critical.max_files)),
        ("critical_size", less(warning.max_size, critical.max_size)),
        ("critical_age", less(seconds(warning.max_age), seconds(critical.max_age))),
    ] {
        if is_less {
            refuse(read, name, "it is less than what is a warning: danger comes after that".to_owned());
        }
    }
    Some(Bounds { preset, warning, critical })
}

fn limits(read: &mut Reader<'_>, [files, size, age, free]: [&'static str; 4]) -> Option<Limits> {
    let (files, size) = (read.optional::<u64>(files), read.optional::<Size>(size));
    let (age, free) = (read.optional::<Span>(age), read.optional::<Floor>(free));
    Some(Limits {
        max_files: files?,
        max_size: size?.map(Size::bytes),
        max_age: age?.map(Span::duration),
        memory: None,
        min_free: free?.map(Floor::meant),
    })
}

/// A request that makes a checkpoint, as it is written: a method, if any, and an address.
struct Request(HttpMethod, Url);

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (method, url) = match text.split_once(' ') {
            None => (HttpMethod::Post, text),
            Some(("POST", url)) => (HttpMethod::Post, url),
            Some(("PUT", url)) => (HttpMethod::Put, url),
            Some(("GET", url)) => (HttpMethod::Get, url),
            Some((other, _)) => return Err(format!("{other:?} is none of POST, PUT, GET")),
        };
        url.trim().parse().map(|url| Self(method, url)).map_err(|error: UrlError| error.to_string())
    }
}

const ACTIONS: [&str; 6] = [
    "checkpoint.command",
    "checkpoint.http",
    "checkpoint.signal",
    "checkpoint.sql",
    "checkpoint.dsn",
    "checkpoint.sqlite",
];

/// Keys that mean nothing without an action, and the one that they belong to, if it is one alone.
const DETAILS: [(&str, Option<&str>); 10] = [
    ("checkpoint.password", Some("checkpoint.dsn")),
    ("checkpoint.http_token", Some("checkpoint.http")),
    ("checkpoint.http_user", Some("checkpoint.http")),
    ("checkpoint.http_password", Some("checkpoint.http")),
    ("checkpoint.http_ca", Some("checkpoint.http")),
    ("checkpoint.pid_file", Some("checkpoint.signal")),
    ("checkpoint.cooldown", None),
    ("checkpoint.schedule", None),
    ("checkpoint.timeout", None),
    ("checkpoint.patience", None),
];

#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
fn checkpoint(
    read: &mut Reader<'_>,
    zone: &str,
    databases: Option<&Databases>,
) -> Option<Option<Checkpoint>> {
    let named: Vec<&str> = ACTIONS.into_iter().filter(|name| read.is_written(name)).collect();
    for (name, of) in DETAILS {
        let counts = of.map_or(!named.is_empty(), |of| named.contains(&of));
        if !counts && read.is_written(name) {
            let of = of.map_or_else(|| ACTIONS.join(", or "), str::to_owned);
            refuse(read, name, format!("it says nothing without {of}"));
        }
    }
    let (timeout, patience) = (seconds(read, "checkpoint.timeout"), seconds(read, "checkpoint.patience"));
    let action = action(read, timeout, databases);
    let (cooldown, schedule) =
        (read.value::<Span>("checkpoint.cooldown").map(Span::duration), schedule::understand(read, zone));
    // SQL and where it goes are one way.
    let is_one = named.len() == 1 || named == ["checkpoint.sql", "checkpoint.dsn"];
    if let ([_, other, ..], false) = (named.as_slice(), is_one) {
        let other = ACTIONS.into_iter().find(|name| name == other)?;
        refuse(
            read,
            other,
            "a checkpoint is made in one way: keep one of command, http, signal, sql and sqlite".to_owned(),
        );
    }
    let (action, cooldown, schedule) = (action?, cooldown?, schedule?);
    let rhythm = Rhythm { cooldown, schedule };
    let (timeout, patience) = (timeout?, patience?);
    Some(action.map(|action| Checkpoint { action, rhythm, timeout, patience }))
}

#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
fn action(
    read: &mut Reader<'_>,
    timeout: Option<Duration>,
    databases: Option<&Databases>,
) -> Option<Option<Action>> {
    let command = read.optional::<String>("checkpoint.command");
    let http = read.optional::<Request>("checkpoint.http");
    let access = service::Access::read(read, service::OF_CHECKPOINT);
    let signal = read.optional::<Signal>("checkpoint.signal");
    let pid_file = read.optional::<PathBuf>("checkpoint.pid_file");
    let (sql, sqlite) = (database::sql(read, databases), database::sqlite(read));
    let (command, http, access, signal, pid_file) = (command?, http?, access?, signal?, pid_file?);
    let command = command.map(Action::Command);
    let http = match http {
        None => None,
        Some(Request(method, url)) => {
            Some(Action::Http { method, service: access.service(read, url, timeout?)? })
        }
    };
    let (sql, sqlite) = (sql?, sqlite?);
    let named = command.or(http).or(sql).or(sqlite);
    Some(named.or(signal.map(|signal| Action::Signal { signal, pid_file })))
}

#[cfg(test)]
mod tests;
