//! `[[alert]]`: who is told of trouble, how, and of which.

mod channel;
mod keys;

use std::collections::BTreeSet;
use std::fs;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use watch::Severity;
use watch::alert::{Alertmanager, Endings, Pattern, Route, Rules, Sender, Stationery, Template, Topic};

use super::name::Name;
use super::{Problem, Reader, Written};
use crate::spans::Span;
pub(super) use keys::SECTION;

/// Alerts at most: each has a task, and a place for every trouble.
const MOST: usize = 32;

/// How often trouble is told again, unless somebody wants it otherwise.
const REMINDER: Duration = Duration::from_hours(4);

/// What follows the first line, unless somebody wants it otherwise.
const TEXT: &str = "{message}\n{advice}\n\nSince {since}, from {source}.";

/// Where the system keeps the name of this machine.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// What was written, understood.
pub(super) fn understand(written: &Written, problems: &mut Vec<Problem>) -> Option<Vec<Arc<Sender>>> {
    let mut names = BTreeSet::new();
    let mut senders = Vec::new();
    for table in written.tables_of(&SECTION) {
        let mut read = Reader::new(table, written, problems);
        let Some(sender) = one(&mut read) else { continue };
        if !names.insert(sender.name.clone()) {
            read.refuse_value("name", "two alerts have this name".to_owned());
        }
        if names.len() > MOST {
            read.refuse_value("name", format!("there are more than {MOST} alerts"));
        }
        senders.push(Arc::new(sender));
    }
    // Those that are wrong have said so.
    (senders.len() == written.tables_of(&SECTION).count()).then_some(senders)
}

fn one(read: &mut Reader<'_>) -> Option<Sender> {
    let name = read.value::<Name>("name");
    let kind = read.required::<String>("kind");
    let kind = kind.and_then(|_| read.entry("kind")).map(|entry| entry.text);
    let (route, paper) = (route(read), paper(read));
    let (reminder, endings) = (reminder(read, kind.as_deref()), endings(read));
    let (limit, patience) = (span(read, "timeout"), span(read, "retry_for"));
    let foreign = foreign(read, kind.as_deref());
    let interval = reminder.flatten().unwrap_or(Alertmanager::INTERVAL);
    let channel = channel::understand(read, kind.as_deref(), (limit, interval));
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    foreign.is_none().then_some(())?;
    Some(Sender {
        name: name?.text(),
        channel: channel?,
        paper: paper?,
        rules: Rules { route: route?, reminder: reminder?, endings: endings?, patience: patience? },
    })
}

/// A key that says nothing for this kind, which is told.
fn foreign(read: &mut Reader<'_>, kind: Option<&str>) -> Option<&'static str> {
    let kind = kind?;
    let mut foreign = None;
    for (name, kinds) in keys::OF_KINDS {
        if !kinds.contains(&kind) && read.is_written(name) {
            read.refuse_value(name, format!("it says nothing for the kind {kind}; leave it out"));
            foreign = Some(name);
        }
    }
    foreign
}

fn span(read: &mut Reader<'_>, name: &'static str) -> Option<Duration> {
    let span = read.value::<Span>(name).map(Span::duration);
    read.at_least(name, span.map(|span| u64::from(!span.is_zero())), 1);
    span.filter(|span| !span.is_zero())
}

#[expect(clippy::option_option, reason = "wrong, never and a span are three things")]
fn reminder(read: &mut Reader<'_>, kind: Option<&str>) -> Option<Option<Duration>> {
    let usual = if kind == Some("alertmanager") { Alertmanager::INTERVAL } else { REMINDER };
    let span = read.optional::<Span>("reminder")?.map_or(usual, Span::duration);
    if !span.is_zero() && span < Duration::from_secs(1) {
        read.refuse_value("reminder", "it has to be a second or more, or 0s for never".to_owned());
        return None;
    }
    if kind == Some("alertmanager") && span.is_zero() {
        let message = "an Alertmanager forgets what is not told again; leave the key out".to_owned();
        read.refuse_value("reminder", message);
        return None;
    }
    Some(Some(span).filter(|span| !span.is_zero()))
}

fn endings(read: &mut Reader<'_>) -> Option<Endings> {
    let is_told = read.value::<bool>("resolved")?;
    Some(if is_told { Endings::Told } else { Endings::Silent })
}

fn route(read: &mut Reader<'_>) -> Option<Route> {
    let topics = read.optional::<Listed<Subject>>("events");
    let targets = read.optional::<Listed<Glob>>("targets");
    let least = read.entry("severity").map(|entry| match entry.text.as_str() {
        "critical" => Severity::Critical,
        _ => Severity::Warning,
    });
    let topics = topics?.map_or_else(Vec::new, |all| all.0.into_iter().map(|subject| subject.0).collect());
    let targets = targets?.map_or_else(Vec::new, |all| all.0.into_iter().map(|glob| glob.0).collect());
    Some(Route { topics, least: least?, targets })
}

fn paper(read: &mut Reader<'_>) -> Option<Stationery> {
    let title = read.value::<Template>("title");
    let text = read.optional::<Template>("text");
    let source = read.optional::<String>("source");
    let text = text?.or_else(|| TEXT.parse().ok())?;
    Some(Stationery { source: source?.unwrap_or_else(host_name), title: title?, text })
}

fn host_name() -> String {
    let name = fs::read_to_string(HOST_NAME).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// Texts with commas between them, each of which means something.
struct Listed<T>(Vec<T>);

impl<T: FromStr> FromStr for Listed<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

struct Subject(Topic);

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Topic::ALL.into_iter().find(|topic| topic.name() == text);
        found
            .map(Self)
            .ok_or_else(|| format!("{text:?} is none of {}", Topic::ALL.map(Topic::name).join(", ")))
    }
}

struct Glob(Pattern);

impl FromStr for Glob {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Err("a target in it is empty") } else { Ok(Self(Pattern(text.to_owned()))) }
    }
}

#[cfg(test)]
mod tests;
