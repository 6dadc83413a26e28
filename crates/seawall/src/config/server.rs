//! `[server]`: where the daemon listens, who may do what, and the limits of its HTTP face.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::key::{Key, Kind, Occurs, Reload, Section};
use super::{Door, Problem, Reader, Table, Token, Written};
use crate::sizes::Size;
use crate::spans::Span;

/// What can be written.
pub(super) const SECTION: Section = Section {
    name: "server",
    about: "Where the daemon listens, who may do what, and the limits of its HTTP face.",
    occurs: Occurs::Once,
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Text,
            default: Some("127.0.0.1:7400"),
            reload: Reload::Restart,
            about: "address and port of the API; without a token it has to be an address of this machine alone",
        },
        Key {
            name: "socket",
            kind: Kind::Path,
            default: None,
            reload: Reload::Restart,
            about: "a Unix socket for the same API; whoever may open it needs no token",
        },
        Key {
            name: "socket_mode",
            kind: Kind::Text,
            default: Some("0600"),
            reload: Reload::Restart,
            about: "permissions of the socket, in octal",
        },
        Key {
            name: "token",
            kind: Kind::Secret,
            default: None,
            reload: Reload::Live,
            about: "the bearer token that everything which changes something needs",
        },
        Key {
            name: "protect_reads",
            kind: Kind::Switch,
            default: Some("false"),
            reload: Reload::Live,
            about: "whether what only reads needs the token too; `/livez` and `/readyz` never do",
        },
        Key {
            name: "max_connections",
            kind: Kind::Count,
            default: Some("1024"),
            reload: Reload::Restart,
            about: "connections at once; one more is answered 503",
        },
        Key {
            name: "max_body",
            kind: Kind::Size,
            default: Some("32MiB"),
            reload: Reload::Live,
            about: "bytes of a request's body; a larger one is answered 413",
        },
        Key {
            name: "max_body_memory",
            kind: Kind::Size,
            default: Some("128MiB"),
            reload: Reload::Restart,
            about: "bytes of all bodies that are held at once; beyond, requests are answered 503",
        },
        Key {
            name: "request_timeout",
            kind: Kind::Span,
            default: Some("30s"),
            reload: Reload::Live,
            about: "how long a client may take to send a body, and how long the answer may take then",
        },
        Key {
            name: "drain_timeout",
            kind: Kind::Span,
            default: Some("10s"),
            reload: Reload::Live,
            about: "how long requests that have begun may take when the daemon is told to end",
        },
        Key {
            name: "idempotency_window",
            kind: Kind::Span,
            default: Some("10m"),
            reload: Reload::Live,
            about: "how long an `Idempotency-Key` is remembered, restarts included",
        },
        Key {
            name: "state_dir",
            kind: Kind::Path,
            default: None,
            reload: Reload::Restart,
            about: "where is kept what is known about logs under watch, and who was told of trouble; without it `watch` in the journal's directory",
        },
    ],
};

/// What `[server]` means.
#[derive(Clone, Debug)]
pub(crate) struct ServerSettings {
    /// The address of the API.
    pub(crate) listen: Listen,
    /// The Unix socket, with its permissions.
    pub(crate) socket: Option<(PathBuf, Mode)>,
    /// The token that what changes something needs.
    pub(crate) token: Option<Token>,
    /// Who may read.
    pub(crate) reads: Reads,
    /// Connections at once.
    pub(crate) max_connections: usize,
    /// Bytes of a body.
    pub(crate) max_body: usize,
    /// Bytes of all bodies.
    pub(crate) max_body_memory: usize,
    /// How long a body, and an answer, may take.
    pub(crate) request_timeout: Duration,
    /// How long what has begun may take at the end.
    pub(crate) drain_timeout: Duration,
    /// How long a key is remembered.
    pub(crate) idempotency_window: Duration,
    /// Where what is known is kept, unless that is beside the journal.
    pub(crate) state_dir: Option<PathBuf>,
}

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Everyone who gets through.
    Open,
    /// Who has the token.
    Protected,
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(SocketAddr);

/// Permissions of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(u32);

/// Bodies of fewer bytes than this would refuse ordinary events.
const SMALLEST_BODY: u64 = 1024;

/// What was written, understood.
pub(super) fn understand(written: &Written, problems: &mut Vec<Problem>) -> Option<ServerSettings> {
    let mut read = Reader::new(Table::sole(&SECTION), written, problems);
    let listen = read.value::<Listen>("listen");
    let socket = read.optional::<PathBuf>("socket");
    let mode = read.value::<Mode>("socket_mode");
    let token = read.optional::<Token>("token");
    let reads = read.value::<bool>("protect_reads");
    let max_connections = read.value::<u32>("max_connections");
    let max_body = read.value::<Size>("max_body");
    let max_body_memory = read.value::<Size>("max_body_memory");
    let request_timeout = read.value::<Span>("request_timeout");
    let drain_timeout = read.value::<Span>("drain_timeout");
    let idempotency_window = read.value::<Span>("idempotency_window");
    let state_dir = read.optional::<PathBuf>("state_dir");
    read.at_least("max_connections", max_connections.map(u64::from), 1);
    read.at_least("max_body", max_body.map(Size::bytes), SMALLEST_BODY);
    let most = max_body.map_or(SMALLEST_BODY, Size::bytes);
    read.at_least("max_body_memory", max_body_memory.map(Size::bytes), most);
    read.at_least("request_timeout", request_timeout.map(millis), 1);
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    let settings = ServerSettings {
        listen: listen?,
        socket: socket?.zip(mode),
        token: token?,
        reads: if reads? { Reads::Protected } else { Reads::Open },
        max_connections: usize::try_from(max_connections?).ok()?,
        max_body: usize::try_from(max_body?.bytes()).ok()?,
        max_body_memory: usize::try_from(max_body_memory?.bytes()).ok()?,
        request_timeout: request_timeout?.duration(),
        drain_timeout: drain_timeout?.duration(),
        idempotency_window: idempotency_window?.duration(),
        state_dir: state_dir?,
    };
    against_strangers(&settings, &mut read).then_some(settings)
}

/// How the daemon is reached that was described.
pub(super) fn door(written: &Written, problems: &mut Vec<Problem>) -> Option<Door> {
    let mut read = Reader::new(Table::sole(&SECTION), written, problems);
    let (listen, socket) = (read.value::<Listen>("listen"), read.optional::<PathBuf>("socket"));
    let token = read.optional::<Token>("token");
    let socket = socket?;
    // Who gets in by the socket needs none.
    let token = if socket.is_some() { token.flatten() } else { token? };
    Some(Door { listen: listen?, socket, token })
}

/// Whether nobody can change anything from elsewhere without a token.
fn against_strangers(settings: &ServerSettings, read: &mut Reader<'_>) -> bool {
    let origin = |read: &mut Reader<'_>, name| read.entry(name).map(|entry| entry.origin);
    if settings.token.is_some() {
        return true;
    }
    if !settings.listen.0.ip().is_loopback() {
        let message = format!(
            "{} can be reached from elsewhere, so a token is needed: set server.token_file, or listen on 127.0.0.1",
            settings.listen
        );
        if let Some(origin) = origin(read, "listen") {
            read.refuse("listen", &origin, message);
        }
        return false;
    }
    if settings.reads == Reads::Protected {
        if let Some(origin) = origin(read, "protect_reads") {
            read.refuse("protect_reads", &origin, "there is no token to protect them with".to_owned());
        }
        return false;
    }
    true
}

fn millis(span: Span) -> u64 {
    u64::try_from(span.duration().as_millis()).unwrap_or(u64::MAX)
}

impl Listen {
    /// The address.
    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let local = text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok());
        if let Some(port) = local {
            return Ok(Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
        }
        text.parse().map(Self).map_err(|_| {
            format!("{text:?} is no address with a port, such as 127.0.0.1:7400, 0.0.0.0:7400 or [::1]:7400")
        })
    }
}

impl Mode {
    /// The bits.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o777);
        bits.map(Self)
            .ok_or_else(|| format!("{text:?} is no set of permissions in octal, such as 0600 or 0660"))
    }
}
