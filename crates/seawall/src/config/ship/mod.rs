//! `[[ship]]`: the servers that the journal's events are delivered to, and how.

mod keys;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ::ship::{
    Address, Airunner, Backoff, BatchLimits, Beside, Form, Http, OnRefused, Packing, Policy, Scheme, Secret,
    Settings, Sink, TaskTokens, Times, Trust,
};
use journal::archive::ARCHIVER;
use journal::{Scope, Start};

use super::name::Name;
use super::share::{Factor, Share};
use super::{Origin, Problem, Reader, Written, pem};
use crate::sizes::Size;
use crate::spans::Span;
pub(super) use keys::SECTION;

/// What a `[[ship]]` means.
#[derive(Clone)]
pub(crate) struct ShipSettings {
    /// What it is started with.
    pub(crate) settings: Settings,
    /// How long it may wait before that is trouble.
    pub(crate) stuck_after: Duration,
    /// All that was written of it, by which one that has changed is known.
    written: Vec<(&'static str, String)>,
    /// What was in its files then.
    trust: Trust,
}

impl ShipSettings {
    /// Whether it is what another one is, certificates that were renewed included.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.written, &self.trust) == (&other.written, &other.trust)
    }
}

impl fmt::Debug for ShipSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest holds tokens and a private key.
        f.debug_struct("ShipSettings").field("name", &self.settings.name).finish_non_exhaustive()
    }
}

/// What was written, understood.
pub(super) fn understand(written: &Written, problems: &mut Vec<Problem>) -> Option<Vec<ShipSettings>> {
    let mut names = BTreeSet::new();
    let mut ships = Vec::new();
    for table in written.tables_of(&SECTION) {
        let mut read = Reader::new(table, written, problems);
        let Some((settings, stuck_after, trust)) = one(&mut read) else { continue };
        if !names.insert(settings.name.clone()) {
            read.refuse_value("name", "two ships have this name".to_owned());
        }
        if settings.name == ARCHIVER {
            read.refuse_value("name", "the consumer that archives has this name".to_owned());
        }
        let text = |key: &super::key::Key| Some((key.name, written.entry(table, key)?.text));
        let written = SECTION.keys.iter().filter_map(text).collect();
        ships.push(ShipSettings { settings, stuck_after, written, trust });
    }
    // Those that are wrong have said so.
    (ships.len() == written.tables_of(&SECTION).count()).then_some(ships)
}

fn one(read: &mut Reader<'_>) -> Option<(Settings, Duration, Trust)> {
    let name = read.value::<Name>("name");
    let address = read.required::<Address>("url");
    let streams = read.optional::<Prefix>("streams");
    let start = read.entry("start").map(|entry| match entry.text.as_str() {
        "newest" => Start::Newest,
        _ => Start::Oldest,
    });
    let policy = policy(read);
    let stuck_after = read.value::<Span>("stuck_after");
    let times = times(read);
    let trust = trust(read, address.as_ref());
    let beside = beside(read);
    let sink = sink(read, address, (trust.as_ref(), times), beside);
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    let scope = streams?.map_or(Scope::All, |prefix| Scope::Prefix(prefix.0));
    let settings = Settings { name: name?.text(), scope, start: start?, sink: sink?, policy: policy? };
    Some((settings, stuck_after?.duration(), trust?))
}

/// What names of streams begin with.
struct Prefix(String);

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let most = journal::limits::NAME_BYTES;
        if text.len() > most || text.chars().any(char::is_control) {
            return Err(format!(
                "no stream's name begins so: it has {most} bytes at most, and no control characters"
            ));
        }
        if text.contains('*') {
            return Err("it is the beginning of names, and takes no *".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

fn policy(read: &mut Reader<'_>) -> Option<Policy> {
    let mut count = |name| {
        let count = read.value::<u32>(name);
        read.at_least(name, count.map(u64::from), 1);
        count
    };
    let (events, in_flight) = (count("batch_events"), count("in_flight"));
    let bytes = read.value::<Size>("batch_bytes").map(Size::bytes);
    let wait = read.value::<Span>("batch_wait");
    let (rate, attempts) = (read.optional::<u32>("rate"), read.optional::<u32>("attempts"));
    read.at_least("rate", rate.flatten().map(u64::from), 1);
    read.at_least("attempts", attempts.flatten().map(u64::from), 1);
    let backoff = backoff(read);
    let on_refused = read.entry("on_refused").map(|entry| match entry.text.as_str() {
        "block" => OnRefused::Block,
        _ => OnRefused::Park,
    });
    let batch = BatchLimits {
        events: events? as usize,
        bytes: usize::try_from(bytes?).unwrap_or(usize::MAX),
        wait: wait?.duration(),
    };
    Some(Policy {
        batch,
        in_flight: in_flight? as usize,
        rate: rate?,
        backoff: backoff?,
        attempts: attempts?,
        on_refused: on_refused?,
    })
}

fn backoff(read: &mut Reader<'_>) -> Option<Backoff> {
    let initial = read.value::<Span>("backoff_initial").map(Span::duration);
    read.at_least("backoff_initial", initial.map(|span| u64::from(!span.is_zero())), 1);
    let max = read.value::<Span>("backoff_max").map(Span::duration);
    if max.is_some() && initial > max {
        read.refuse_value("backoff_max", "it is less than backoff_initial".to_owned());
    }
    let multiplier = read.value::<Factor>("backoff_multiplier").map(Factor::value);
    let jitter = read.value::<Share>("backoff_jitter").map(Share::value);
    Some(Backoff { initial: initial?, max: max?, multiplier: multiplier?, jitter: jitter? })
}

fn times(read: &mut Reader<'_>) -> Option<Times> {
    let mut span = |name| {
        let span = read.value::<Span>(name).map(Span::duration);
        read.at_least(name, span.map(|span| u64::from(!span.is_zero())), 1);
        span
    };
    let (connect, request, idle) = (span("connect_timeout"), span("timeout"), span("idle_timeout"));
    Some(Times { connect: connect?, request: request?, idle: idle? })
}

fn trust(read: &mut Reader<'_>, address: Option<&Address>) -> Option<Trust> {
    let (chain, key) = (pem::file(read, "tls_cert"), pem::file(read, "tls_key"));
    let roots = match pem::file(read, "tls_ca")? {
        Some(named) => named,
        None if address?.scheme == Scheme::Http => Vec::new(),
        None => pem::system_roots(read, "tls_ca")?,
    };
    let identity = match (chain?, key?) {
        (None, None) => None,
        (Some(chain), Some(key)) => Some((chain, key)),
        (chain, _) => {
            let (there, missing) =
                if chain.is_some() { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
            read.refuse_value(there, format!("{missing} has to be set with it"));
            return None;
        }
    };
    Some(Trust { roots, identity })
}

/// A secret that is used as it stands there, or read again from its file each time.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
fn secret(read: &mut Reader<'_>, name: &'static str) -> Option<Option<Secret>> {
    if read.optional::<String>(name)?.is_none() {
        return Some(None);
    }
    let entry = read.entry(name)?;
    Some(Some(match entry.origin {
        Origin::SecretFile(path) => Secret::File(path),
        _ => Secret::Fixed(entry.text),
    }))
}

fn beside(read: &mut Reader<'_>) -> Option<Beside> {
    let headers = read.optional::<Headers>("headers");
    let bearer = secret(read, "token");
    let headers = headers?.map_or_else(Vec::new, |headers| headers.0);
    match Beside::new(&headers, bearer?) {
        Ok(beside) => Some(beside),
        Err(error) => {
            read.refuse_value("headers", error.to_string());
            None
        }
    }
}

/// Headers, one a line.
struct Headers(Vec<(String, String)>);

impl FromStr for Headers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        // What stands in the line may be secret.
        let header = |(line, number): (&str, usize)| match line.split_once(':') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => Err(format!("its line {number} is no header; write it like `Name: value`")),
        };
        lines.map(header).collect::<Result<_, _>>().map(Self)
    }
}

fn sink(
    read: &mut Reader<'_>,
    address: Option<Address>,
    (trust, times): (Option<&Trust>, Option<Times>),
    beside: Option<Beside>,
) -> Option<Arc<dyn Sink>> {
    let named = read.entry("sink");
    let form = read.entry("format").map(|entry| match entry.text.as_str() {
        "ndjson" => Form::Lines,
        "raw" => Form::Raw,
        _ => Form::Json,
    });
    let packing = read.entry("compression").map(|entry| match entry.text.as_str() {
        "zstd" => Packing::Zstd,
        _ => Packing::None,
    });
    let (task, folder) = (secret(read, "task_token"), read.optional::<PathBuf>("task_token_dir"));
    let is_http = named?.text == "http";
    let alien: &[&str] = if is_http { &["task_token", "task_token_dir"] } else { &["format", "compression"] };
    for name in SECTION.keys.iter().map(|key| key.name).filter(|name| alien.contains(name)) {
        if read.is_written(name) {
            let other = if is_http { "airunner" } else { "http" };
            read.refuse_value(name, format!("it is for the sink {other} alone; leave the key out"));
        }
    }
    let (link, beside, address) = ((trust?, times?), beside?, address?);
    let made = if is_http {
        Http::new(address, link, beside, (form?, packing?)).map(|sink| Arc::new(sink) as Arc<dyn Sink>)
    } else {
        let tasks = match (task?, folder?) {
            (Some(secret), None) => TaskTokens::One(secret),
            (None, Some(folder)) => TaskTokens::Folder(folder),
            _ => {
                let message = "airunner needs either task_token or task_token_dir";
                read.refuse_value("sink", message.to_owned());
                return None;
            }
        };
        Airunner::new(address, link, beside, tasks).map(|sink| Arc::new(sink) as Arc<dyn Sink>)
    };
    made.map_err(|error| read.refuse_value("url", error.to_string())).ok()
}
