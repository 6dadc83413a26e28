//! What can be written in a `[[proxy]]`.

use crate::config::key::{Key, Kind, Occurs, Reload, Section};

/// The dialects that there are.
const DIALECTS: &[&str] = &["plain", "chroma"];

/// What can be written.
pub(in crate::config) const SECTION: Section = Section {
    name: "proxy",
    about: "A proxy in front of a service. It has a journal of its own, in `proxies/<name>` below that of `[journal]`, with segments of the same size, or larger ones where writes are large.",
    occurs: Occurs::Often,
    keys: &[
        key(
            "name",
            Kind::Text,
            Some("proxy"),
            "its name, which its journal's directory has too: another name is another proxy",
        ),
        key("listen", Kind::Text, Some("127.0.0.1:8000"), "address and port where it takes requests"),
        key(
            "dialect",
            Kind::OneOf(DIALECTS),
            Some("plain"),
            "the API of the service; `plain` is any HTTP, `chroma` the vector database",
        ),
        key(
            "preset",
            Kind::OneOf(&["low-load", "medium-load", "high-load"]),
            None,
            "values for `consistency_window`, `read_replica_ratio`, `request_timeout` and `check_interval`, unless they are written themselves",
        ),
        key(
            "primary",
            Kind::Text,
            None,
            "the server that answers writes, as `http://host:port` or `https://host`, with a name before it if it is not to be called `primary`: `name=http://host:port`; it has to be set",
        ),
        key(
            "replicas",
            Kind::List,
            None,
            "the other servers, in the same form. Without names the first one is called `replica`, the next one `replica-2`. One whose name would change is refused at the start, since it would get what another lacks",
        ),
        key(
            "replica_feed",
            Kind::OneOf(&["journal", "primary"]),
            Some("journal"),
            "who brings the writes to the replicas: the proxy from its journal, or the primary in its own way",
        ),
        key(
            "probe",
            Kind::Text,
            Some("/"),
            "the path that is asked for to see whether a server is there; `chroma` has its own",
        ),
        key(
            "lane_segments",
            Kind::Count,
            None,
            "writes whose paths begin with the same so many segments keep their order; without it those to the same path; `chroma` has its own rule",
        ),
        key(
            "token",
            Kind::Secret,
            None,
            "the bearer token of the routes that list, retry and drop writes; without it they are closed",
        ),
        key(
            "tls_cert",
            Kind::Path,
            None,
            "a file with its certificate and the chain, in PEM; without it there is no TLS",
        ),
        key("tls_key", Kind::Path, None, "a file with the certificate's private key, in PEM"),
        key(
            "upstream_ca",
            Kind::Path,
            None,
            "a file with the certificates that servers with `https` are trusted by, in PEM; without it those of the system",
        ),
        key("threads", Kind::Count, None, "threads that serve; without it one for each processor"),
        key("connect_timeout", Kind::Span, Some("3s"), "how long a server may take to accept a connection"),
        key("request_timeout", Kind::Span, Some("15s"), "how long a server may take to begin its answer"),
        key("check_interval", Kind::Span, Some("30s"), "time between checks of a server that is there"),
        key("header_timeout", Kind::Span, Some("15s"), "how long a client may take to send a request's head"),
        key(
            "stall_timeout",
            Kind::Span,
            Some("30s"),
            "how long a client may pause within a body, or not take its answer",
        ),
        key(
            "idle_timeout",
            Kind::Span,
            Some("4s"),
            "how long an idle connection to a server is kept; shorter than what the servers allow",
        ),
        key("max_connections", Kind::Count, Some("10000"), "connections of clients"),
        key("max_header", Kind::Size, Some("64KiB"), "bytes of a request's head, at least 8 KiB"),
        key(
            "max_body",
            Kind::Size,
            Some("4MiB"),
            "bytes of a write's body; `chroma` takes `40MiB`, as its servers do. Four of the largest writes have to fit a segment, which is made larger for them",
        ),
        key(
            "max_body_memory",
            Kind::Size,
            Some("64MiB"),
            "bytes of all those bodies together, and again of those that are sent later; `128MiB` for `chroma`",
        ),
        key(
            "read_replica_ratio",
            Kind::Share,
            Some("0.8"),
            "the share of reads that go to replicas, of those that may",
        ),
        key(
            "consistency_window",
            Kind::Span,
            Some("30s"),
            "how long after a write a replica is left alone that the proxy does not feed",
        ),
        key(
            "replay_lanes",
            Kind::Count,
            Some("8"),
            "lanes that are sent again at the same time, for each server",
        ),
        key(
            "backoff_initial",
            Kind::Span,
            Some("100ms"),
            "the first pause before a write is sent again; it doubles",
        ),
        key("backoff_max", Kind::Span, Some("10s"), "the longest pause"),
        key(
            "ambiguous",
            Kind::OneOf(&["replay", "park"]),
            Some("replay"),
            "what becomes of a write that was sent and not answered: it is sent again with its key, or put aside until somebody decides",
        ),
        key(
            "max_bytes",
            Kind::Size,
            Some("10GiB"),
            "bytes of its journal on the disk; at least six segments. `seawall plan` says what an outage takes",
        ),
    ],
};

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    // Tables may change places, and a proxy's sockets and journal are bound to what it was started with.
    Key { name, kind, default, reload: Reload::Restart, about }
}
