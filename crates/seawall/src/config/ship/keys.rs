//! What can be written in a `[[ship]]`.

use crate::config::key::{Key, Kind, Occurs, Reload, Section};

/// What can be written.
pub(in crate::config) const SECTION: Section = Section {
    name: "ship",
    about: "A server that the journal's events are delivered to, and how. A running daemon takes a new one, changes one and ends one with SIGHUP.",
    occurs: Occurs::Often,
    keys: &[
        key(
            "name",
            Kind::Text,
            Some("ship"),
            "its name, which its consumer in the journal has too: another name begins anew",
        ),
        key(
            "url",
            Kind::Text,
            None,
            "where events are sent, as `https://host:port/path`; `{stream}` in it stands for the stream's name; it has to be set",
        ),
        key(
            "sink",
            Kind::OneOf(&["http", "airunner"]),
            Some("http"),
            "what the server is: anything that takes a POST, or airunner's job service, of which `url` is the base",
        ),
        key(
            "format",
            Kind::OneOf(&["json", "ndjson", "raw"]),
            Some("json"),
            "how `http` writes events: one object for the batch, a line for each event, or what is in the event and nothing else, one for each request",
        ),
        key(
            "compression",
            Kind::OneOf(&["none", "zstd"]),
            Some("none"),
            "how `http` compresses bodies; the server has to know it",
        ),
        key(
            "streams",
            Kind::Text,
            None,
            "what the names of its streams begin with; without it all streams; it cannot be changed under the same name",
        ),
        key(
            "start",
            Kind::OneOf(&["oldest", "newest"]),
            Some("oldest"),
            "where a new one begins: with everything that the journal still has, or with what comes",
        ),
        key("batch_events", Kind::Count, Some("500"), "events in one request, at most"),
        key(
            "batch_bytes",
            Kind::Size,
            Some("1MiB"),
            "bytes of them, at most; one larger event is sent alone",
        ),
        key("batch_wait", Kind::Span, Some("100ms"), "how long the oldest event waits for a batch to fill"),
        key(
            "rate",
            Kind::Count,
            None,
            "events a second, at most; without it as fast as the server takes them",
        ),
        key(
            "in_flight",
            Kind::Count,
            Some("8"),
            "requests on their way at the same time, each for another stream; memory is so many batches",
        ),
        key(
            "backoff_initial",
            Kind::Span,
            Some("1s"),
            "the first pause before a batch is sent again, or a server tried again that was gone",
        ),
        key(
            "backoff_max",
            Kind::Span,
            Some("1m"),
            "the longest pause, unless the server asks for a longer one",
        ),
        key(
            "backoff_multiplier",
            Kind::Factor,
            Some("2"),
            "by how much each pause is longer than the one before",
        ),
        key(
            "backoff_jitter",
            Kind::Share,
            Some("0.5"),
            "by how much of itself a pause may be shorter, by chance, so that not all try at once",
        ),
        key(
            "attempts",
            Kind::Count,
            None,
            "how often a batch is sent that the server fails at, before it counts as refused; without it until it is taken. A server that is gone or busy does not count",
        ),
        key(
            "on_refused",
            Kind::OneOf(&["park", "block"]),
            Some("park"),
            "what becomes of an event that the server refuses: it is put aside and its stream goes on, or its stream waits",
        ),
        key(
            "stuck_after",
            Kind::Span,
            Some("5m"),
            "how long it, or one of its streams, may wait before that is trouble; ten times as long is critical",
        ),
        key(
            "headers",
            Kind::Secret,
            None,
            "headers of every request, as `Name: value`, one a line; they are not shown, since they may be secret",
        ),
        key(
            "token",
            Kind::Secret,
            None,
            "the bearer token of every request; a file is read again for each, so that it may be renewed",
        ),
        key(
            "task_token",
            Kind::Secret,
            None,
            "for `airunner`, the token of the job, if all streams are of one; a file is read again for each request",
        ),
        key(
            "task_token_dir",
            Kind::Path,
            None,
            "for `airunner`, a directory with the token of each job in `<stream>.token`, the name encoded as an archive's is",
        ),
        key(
            "tls_ca",
            Kind::Path,
            None,
            "a file with the certificates that the server is trusted by, in PEM; without it those of the system",
        ),
        key(
            "tls_cert",
            Kind::Path,
            None,
            "a file with the certificate that the server is shown, with its chain, in PEM",
        ),
        key("tls_key", Kind::Path, None, "a file with that certificate's private key, in PEM"),
        key("connect_timeout", Kind::Span, Some("5s"), "how long the server may take to accept a connection"),
        key("timeout", Kind::Span, Some("30s"), "how long a request may take, to the end of its answer"),
        key(
            "idle_timeout",
            Kind::Span,
            Some("4s"),
            "how long an idle connection is kept; shorter than what the server allows",
        ),
    ],
};

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    Key { name, kind, default, reload: Reload::Live, about }
}
