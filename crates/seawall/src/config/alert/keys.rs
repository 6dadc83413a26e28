//! What can be written in an `[[alert]]`, and for which kinds it means something.

use crate::config::key::{Key, Kind, Occurs, Reload, Section};

/// Whom can be told.
const KINDS: &[&str] = &["webhook", "slack", "email", "pagerduty", "alertmanager"];

/// What can be written.
pub(in crate::config) const SECTION: Section = Section {
    name: "alert",
    about: "Somebody who is told of trouble, and of its end.",
    occurs: Occurs::Often,
    keys: &[
        key("name", Kind::Text, Some("alert"), "what it is called in the log and in figures"),
        key("kind", Kind::OneOf(KINDS), None, "who is told; it has to be set"),
        key(
            "url",
            Kind::Secret,
            None,
            "where: of `webhook`, `slack` and `alertmanager`, and of `pagerduty` where the account lies elsewhere. It is hidden since that of Slack is a credential",
        ),
        key("secret", Kind::Secret, None, "what letters to a `webhook` are signed with"),
        key(
            "token",
            Kind::Secret,
            None,
            "the bearer token that a `webhook` or an `alertmanager` wants to see",
        ),
        key("routing_key", Kind::Secret, None, "the integration key of a service of `pagerduty`"),
        key("smtp", Kind::Text, None, "the relay that takes `email`, as `host` or `host:port`"),
        key(
            "tls",
            Kind::OneOf(&["starttls", "implicit", "none"]),
            None,
            "how the way to the relay is protected; without it `implicit` on port 465 and `starttls` elsewhere. With `none` nobody logs in",
        ),
        key("user", Kind::Text, None, "the name that the relay knows this machine by"),
        key("password", Kind::Secret, None, "its password"),
        key("from", Kind::Text, None, "whom `email` is from"),
        key("to", Kind::List, None, "whom it is to"),
        key(
            "ca",
            Kind::Path,
            None,
            "a file with the certificates that the receiver is trusted by, in PEM; without it those of the system",
        ),
        key(
            "events",
            Kind::List,
            None,
            "what is told: `wal.health`, `wal.checkpoint`, `wal.restart_consideration`, `wal.restart`, `wal.damage`, `wal.forecast`, `proxy.upstream`, `proxy.pending`, `parked`, `journal`, `ship.delivery`, `ship.blocked`; without it all of it",
        ),
        key(
            "severity",
            Kind::OneOf(&["warning", "critical"]),
            Some("warning"),
            "how bad it has to be at least",
        ),
        key(
            "targets",
            Kind::List,
            None,
            "about which logs, journals, ships and proxies; `*` stands for any letters, and without it all of them",
        ),
        key(
            "reminder",
            Kind::Span,
            None,
            "how often trouble is told again while it lasts; `0s` for never, and without it `4h`, for `alertmanager` `1m`",
        ),
        key("resolved", Kind::Switch, Some("true"), "whether its end is told"),
        key("title", Kind::Text, Some(TITLE), "the first line, with places for words"),
        key(
            "text",
            Kind::Text,
            None,
            "what follows; without it what is wrong, what to do, since when, and from whom",
        ),
        key("source", Kind::Text, None, "whom it is from; without it the name of this machine"),
        key("timeout", Kind::Span, Some("10s"), "how long each step of telling may take"),
        key("retry_for", Kind::Span, Some("1h"), "how long it is tried"),
    ],
};

/// The first line, unless somebody wants another.
const TITLE: &str = "[{state}] {severity}: {target} {event}";

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    Key { name, kind, default, reload: Reload::Live, about }
}

/// Keys that mean something for some kinds alone.
pub(super) const OF_KINDS: [(&str, &[&str]); 10] = [
    ("url", &["webhook", "slack", "pagerduty", "alertmanager"]),
    ("secret", &["webhook"]),
    ("token", &["webhook", "alertmanager"]),
    ("routing_key", &["pagerduty"]),
    ("smtp", &["email"]),
    ("tls", &["email"]),
    ("user", &["email"]),
    ("password", &["email"]),
    ("from", &["email"]),
    ("to", &["email"]),
];
