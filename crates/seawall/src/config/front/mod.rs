//! `[[proxy]]`: the proxies in front of services, each with a journal of its own.

mod keys;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::thread::available_parallelism;

use ::proxy::dialect::LaneRule;
use ::proxy::{
    Ambiguous, Chroma, Dialect, Feed, Identity, Limits, Origin as Address, Plain, Reads, Replay, Scheme,
    Server, Settings, Times,
};
use journal::{Options, WhenFull};

use super::name::Name;
use super::server::Listen;
use super::{Entry, JournalSettings, Origin, Problem, Reader, Token, Written, pem};
use crate::clock;
use crate::sizes::Size;
use crate::spans::Span;
pub(super) use keys::SECTION;

/// What a `[[proxy]]` means.
#[derive(Clone)]
pub(crate) struct ProxySettings {
    /// What it is started with.
    pub(crate) settings: Settings,
    /// The directory of its journal.
    pub(crate) dir: PathBuf,
    /// What that is opened with.
    pub(crate) options: Options,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest holds a token and a private key.
        f.debug_struct("ProxySettings")
            .field("name", &self.settings.name)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// What a write takes in the journal beside its head and body.
const FRAME: u64 = 64 << 10;

/// The least that a request's head has to be allowed.
const SMALLEST_HEAD: u64 = 8 << 10;

/// A part of a whole.
struct Share(f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("{text:?} is no number from 0 to 1"))
    }
}

/// Servers, with commas between them.
struct Addresses(Vec<Address>);

impl FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |url: &str| url.trim().parse::<Address>().map_err(|error| error.to_string());
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

/// What was written, understood.
pub(super) fn understand(
    written: &Written,
    journal: Option<&JournalSettings>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<ProxySettings>> {
    let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
    let mut proxies = Vec::new();
    for table in written.tables_of(&SECTION) {
        let mut read = Reader::new(table, written, problems);
        let Some(proxy) = one(&mut read, journal) else { continue };
        if !names.insert(proxy.settings.name.clone()) {
            refuse(&mut read, "name", "two proxies have this name".to_owned());
        }
        let listen = proxy.settings.listen;
        if listen.port() != 0 && !places.insert(listen) {
            refuse(&mut read, "listen", "two proxies listen there".to_owned());
        }
        proxies.push(proxy);
    }
    // Those that are wrong have said so.
    (proxies.len() == written.tables_of(&SECTION).count()).then_some(proxies)
}

/// Tells that a value is wrong for a reason that lies elsewhere.
fn refuse(read: &mut Reader<'_>, name: &'static str, message: String) {
    if let Some(entry) = read.entry(name) {
        read.refuse(name, &entry.origin, message);
    }
}

fn one(read: &mut Reader<'_>, journal: Option<&JournalSettings>) -> Option<ProxySettings> {
    let name = read.value::<Name>("name");
    let listen = read.value::<Listen>("listen");
    let upstreams = upstreams(read);
    let dialect = dialect(read, upstreams.as_deref());
    let token = read.optional::<Token>("token");
    let tls = identity(read);
    let roots = roots(read, upstreams.as_deref().unwrap_or_default());
    let threads = read.optional::<u32>("threads");
    read.at_least("threads", threads.flatten().map(u64::from), 1);
    let (times, limits) = (times(read), limits(read));
    let (reads, replay) = (reads(read), replay(read));
    let options = options(read, limits.as_ref(), journal);
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    let processors = || available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        name: name?.0,
        listen: listen?.address(),
        tls: tls?,
        dialect: dialect?,
        upstreams: upstreams?,
        roots: roots?,
        threads: threads?.map_or_else(processors, |threads| threads as usize),
        times: times?,
        limits: limits?,
        reads: reads?,
        replay: replay?,
        token: token?.map(Token::reveal),
    };
    let dir = journal?.dir.join("proxies").join(&settings.name);
    Some(ProxySettings { settings, dir, options: options? })
}

fn dialect(read: &mut Reader<'_>, upstreams: Option<&[Server]>) -> Option<Arc<dyn Dialect>> {
    let named = read.entry("dialect");
    let plain = plain(read);
    if named?.text == "plain" {
        return plain.map(|plain| Arc::new(plain) as Arc<dyn Dialect>);
    }
    let is_set = |entry: Option<Entry>| entry.is_some_and(|entry| entry.origin != Origin::Default);
    for name in ["probe", "lane_segments"] {
        if is_set(read.entry(name)) {
            refuse(read, name, "the dialect chroma knows it by itself; leave the key out".to_owned());
            return None;
        }
    }
    let fed = upstreams?.iter().filter(|server| server.feed == Feed::Journal);
    Some(Arc::new(Chroma::new(fed.map(|server| server.name.clone()))))
}

fn plain(read: &mut Reader<'_>) -> Option<Plain> {
    let probe = read.entry("probe");
    let segments = read.optional::<u32>("lane_segments");
    read.at_least("lane_segments", segments.flatten().map(u64::from), 1);
    let lanes = segments?.map_or(LaneRule::Path, |count| LaneRule::Segments(count as usize));
    let probe = probe?;
    if !probe.text.starts_with('/') {
        read.refuse("probe", &probe.origin, format!("{:?} is no path; write it like /health", probe.text));
        return None;
    }
    Some(Plain::new(lanes, probe.text))
}

fn upstreams(read: &mut Reader<'_>) -> Option<Vec<Server>> {
    let primary = read.required::<Address>("primary");
    let replicas = read.optional::<Addresses>("replicas");
    let feed = read.entry("replica_feed").map(|entry| match entry.text.as_str() {
        "primary" => Feed::Primary,
        _ => Feed::Journal,
    });
    let (primary, replicas, feed) = (primary?, replicas?, feed?);
    let mut servers = vec![Server { name: "primary".to_owned(), origin: primary, feed: Feed::Journal }];
    for (at, origin) in replicas.map_or_else(Vec::new, |all| all.0).into_iter().enumerate() {
        let name = if at == 0 { "replica".to_owned() } else { format!("replica-{}", at + 1) };
        servers.push(Server { name, origin, feed });
    }
    if servers.len() > ::proxy::MOST_SERVERS {
        let most = ::proxy::MOST_SERVERS - 1;
        refuse(read, "replicas", format!("there are {}, and {most} are the most", servers.len() - 1));
        return None;
    }
    Some(servers)
}

/// The certificates by which servers are trusted: those that were named, else the system's if one speaks TLS.
fn roots(read: &mut Reader<'_>, servers: &[Server]) -> Option<Vec<u8>> {
    if let Some(named) = pem::file(read, "upstream_ca")? {
        return Some(named);
    }
    if servers.iter().all(|server| server.origin.scheme == Scheme::Http) {
        return Some(Vec::new());
    }
    pem::system_roots(read, "upstream_ca")
}

#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
fn identity(read: &mut Reader<'_>) -> Option<Option<Identity>> {
    let (chain, key) = (pem::file(read, "tls_cert"), pem::file(read, "tls_key"));
    match (chain?, key?) {
        (Some(chain), Some(key)) => Some(Some(Identity { chain, key })),
        (None, None) => Some(None),
        (chain, _) => {
            let (there, missing) =
                if chain.is_some() { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
            refuse(read, there, format!("{missing} has to be set with it"));
            None
        }
    }
}

fn times(read: &mut Reader<'_>) -> Option<Times> {
    let mut span = |name| {
        let span = read.value::<Span>(name).map(Span::duration);
        read.at_least(name, span.map(|span| u64::from(!span.is_zero())), 1);
        span
    };
    let connect = span("connect_timeout");
    let request = span("request_timeout");
    let check_interval = span("check_interval");
    let header = span("header_timeout");
    let stall = span("stall_timeout");
    let idle = span("idle_timeout");
    Some(Times {
        connect: connect?,
        request: request?,
        check_interval: check_interval?,
        header: header?,
        stall: stall?,
        idle: idle?,
    })
}

fn limits(read: &mut Reader<'_>) -> Option<Limits> {
    let connections = read.value::<u32>("max_connections");
    let header = read.value::<Size>("max_header").map(Size::bytes);
    let body = read.value::<Size>("max_body").map(Size::bytes);
    let inflight = read.value::<Size>("max_body_memory").map(Size::bytes);
    read.at_least("max_connections", connections.map(u64::from), 1);
    read.at_least("max_header", header, SMALLEST_HEAD);
    read.at_least("max_body", body, 1);
    read.at_least("max_body_memory", inflight, body.unwrap_or(1));
    Some(Limits {
        connections: connections? as usize,
        header_bytes: usize::try_from(header?).ok()?,
        body_bytes: usize::try_from(body?).ok()?,
        inflight_bytes: usize::try_from(inflight?).ok()?,
    })
}

fn reads(read: &mut Reader<'_>) -> Option<Reads> {
    let share = read.value::<Share>("read_replica_ratio");
    let window = read.value::<Span>("consistency_window");
    Some(Reads { replica_ratio: share?.0, consistency_window: window?.duration() })
}

fn replay(read: &mut Reader<'_>) -> Option<Replay> {
    let parallel = read.value::<u32>("replay_lanes");
    read.at_least("replay_lanes", parallel.map(u64::from), 1);
    let first = read.value::<Span>("backoff_initial").map(Span::duration);
    read.at_least("backoff_initial", first.map(|first| u64::from(!first.is_zero())), 1);
    let longest = read.value::<Span>("backoff_max").map(Span::duration);
    if first > longest && longest.is_some() {
        refuse(read, "backoff_max", "it is less than backoff_initial".to_owned());
    }
    let ambiguous = read.entry("ambiguous").map(|entry| match entry.text.as_str() {
        "park" => Ambiguous::Park,
        _ => Ambiguous::Replay,
    });
    Some(Replay {
        parallel: parallel? as usize,
        backoff_initial: first?,
        backoff_max: longest?,
        ambiguous: ambiguous?,
    })
}

/// What the proxy's journal is opened with. It refuses when it is full: a write that was acknowledged is never dropped.
fn options(
    read: &mut Reader<'_>,
    limits: Option<&Limits>,
    journal: Option<&JournalSettings>,
) -> Option<Options> {
    let max_bytes = read.value::<Size>("max_bytes")?.bytes();
    let (limits, journal) = (limits?, journal?);
    let segment_size = journal.options.segment_size;
    let usual = Options::new(clock::millis);
    let needed = (limits.body_bytes as u64).saturating_add(limits.header_bytes as u64).saturating_add(FRAME);
    let most = segment_size / 4;
    if needed > most {
        let message = format!(
            "with max_header and what goes with it, a write may take {needed} bytes, and a quarter of journal.segment_size is {most}"
        );
        refuse(read, "max_body", message);
        return None;
    }
    let options = Options {
        segment_size,
        max_event: usual.max_event.max(needed).min(most),
        max_bytes,
        when_full: WhenFull::Reject,
        ..usual
    };
    if let Err(error) = options.check() {
        refuse(read, "max_bytes", format!("it cannot be {}: it has to be {}", error.value, error.bounds));
        return None;
    }
    Some(options)
}

#[cfg(test)]
mod tests;
