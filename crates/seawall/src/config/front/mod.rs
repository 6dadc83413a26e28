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
use journal::limits::LARGEST_SEGMENT;
use journal::{Options, WhenFull};

use super::name::Name;
use super::server::Listen;
use super::share::Share;
use super::{JournalSettings, Problem, Reader, Token, Written, pem};
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

/// Where a server is, with a name of its own before an equals sign if it has one.
struct Named {
    name: Option<String>,
    address: Address,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let named = text.split_once('=').and_then(|(name, url)| Some((name.parse::<Name>().ok()?, url)));
        let (name, url) = named.map_or((None, text), |(name, url)| (Some(name.text()), url));
        Ok(Self { name, address: url.parse().map_err(|error| format!("{error}"))? })
    }
}

/// Servers, with commas between them.
struct Servers(Vec<Named>);

impl FromStr for Servers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
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
            read.refuse_value("name", "two proxies have this name".to_owned());
        }
        let listen = proxy.settings.listen;
        if listen.port() != 0 && !places.insert(listen) {
            read.refuse_value("listen", "two proxies listen there".to_owned());
        }
        proxies.push(proxy);
    }
    // Those that are wrong have said so.
    (proxies.len() == written.tables_of(&SECTION).count()).then_some(proxies)
}

fn one(read: &mut Reader<'_>, journal: Option<&JournalSettings>) -> Option<ProxySettings> {
    let name = read.value::<Name>("name");
    // What follows from it was entered already; here it is only asked whether there is such a preset.
    read.entry("preset");
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
        name: name?.text(),
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
    for name in ["probe", "lane_segments"] {
        if read.is_written(name) {
            read.refuse_value(name, "the dialect chroma knows it by itself; leave the key out".to_owned());
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
    let primary = read.required::<Named>("primary");
    let replicas = read.optional::<Servers>("replicas");
    let feed = read.entry("replica_feed").map(|entry| match entry.text.as_str() {
        "primary" => Feed::Primary,
        _ => Feed::Journal,
    });
    let (primary, replicas, feed) = (primary?, replicas?, feed?);
    let server = |named: Named, usual: String, feed| Server {
        name: named.name.unwrap_or(usual),
        origin: named.address,
        feed,
    };
    let mut servers = vec![server(primary, "primary".to_owned(), Feed::Journal)];
    for (at, named) in replicas.map_or_else(Vec::new, |all| all.0).into_iter().enumerate() {
        let usual = if at == 0 { "replica".to_owned() } else { format!("replica-{}", at + 1) };
        servers.push(server(named, usual, feed));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = servers.iter().find(|server| !names.insert(&server.name)) {
        read.refuse_value("replicas", format!("two servers are called {}", twice.name));
        return None;
    }
    if servers.len() > ::proxy::MOST_SERVERS {
        let most = ::proxy::MOST_SERVERS - 1;
        read.refuse_value("replicas", format!("there are {}, and {most} are the most", servers.len() - 1));
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
            read.refuse_value(there, format!("{missing} has to be set with it"));
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
    Some(Reads { replica_ratio: share?.value(), consistency_window: window?.duration() })
}

fn replay(read: &mut Reader<'_>) -> Option<Replay> {
    let parallel = read.value::<u32>("replay_lanes");
    read.at_least("replay_lanes", parallel.map(u64::from), 1);
    let first = read.value::<Span>("backoff_initial").map(Span::duration);
    read.at_least("backoff_initial", first.map(|first| u64::from(!first.is_zero())), 1);
    let longest = read.value::<Span>("backoff_max").map(Span::duration);
    if first > longest && longest.is_some() {
        read.refuse_value("backoff_max", "it is less than backoff_initial".to_owned());
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
    let usual = Options::new(clock::millis);
    let needed = (limits.body_bytes as u64).saturating_add(limits.header_bytes as u64).saturating_add(FRAME);
    if needed > LARGEST_SEGMENT / 4 {
        let most = LARGEST_SEGMENT / 4;
        let message = format!(
            "with max_header and what goes with it, a write may take {needed} bytes, and {most} are the most"
        );
        read.refuse_value("max_body", message);
        return None;
    }
    let segment_size = journal.options.segment_size.max((4 * needed).next_multiple_of(4096));
    let options = Options {
        segment_size,
        max_event: usual.max_event.max(needed).min(segment_size / 4),
        max_bytes,
        when_full: WhenFull::Reject,
        ..usual
    };
    if let Err(error) = options.check() {
        read.refuse_value(
            "max_bytes",
            format!("it cannot be {}: it has to be {}", error.value, error.bounds),
        );
        return None;
    }
    Some(options)
}

#[cfg(test)]
mod tests;
