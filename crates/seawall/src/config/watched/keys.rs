//! What can be written in a `[[watch]]`.

use crate::config::key::{Key, Kind, Occurs, Reload, Section};

/// What can lie at a path.
const FORMATS: &[&str] = &[
    "auto",
    "prometheus",
    "influxdb3",
    "sqlite",
    "postgres",
    "arwal",
    "journal",
    "directory",
    "loki",
    "etcd",
];

/// How SQLite copies its log.
const MODES: &[&str] = &["truncate", "restart", "passive"];

/// What can be written.
pub(in crate::config) const SECTION: Section = Section {
    name: "watch",
    about: "A log under watch. Where there is no file and no `[[watch]]`, logs in well-known places are found and watched.",
    occurs: Occurs::Often,
    keys: &[
        key("name", Kind::Text, Some("log"), "what it is called: a part of routes and labels"),
        key(
            "path",
            Kind::Path,
            None,
            "where the log lies: a data directory, a WAL directory or a file; it has to be set",
        ),
        key(
            "format",
            Kind::OneOf(FORMATS),
            Some("auto"),
            "what lies there; `auto` looks, and `directory` takes any files",
        ),
        key("interval", Kind::Span, Some("30s"), "how often it is looked at, at least a second"),
        key(
            "preset",
            Kind::OneOf(&["engine", "classic"]),
            Some("engine"),
            "the limits that count where none are set below: what fits the engine, or 30 files and 1 GiB, and twice or three times that for danger",
        ),
        key("max_files", Kind::Count, None, "files that a start has to read; more are a warning"),
        key("max_size", Kind::Size, None, "their bytes; more are a warning"),
        key("max_age", Kind::Span, None, "how old the oldest of them may be; older is a warning"),
        key(
            "min_free",
            Kind::Text,
            None,
            "what has to be free on the file system, such as `10%` or `2GiB`; less is a warning",
        ),
        key(
            "critical_files",
            Kind::Count,
            None,
            "files beyond which it is in danger; without it twice `max_files`",
        ),
        key(
            "critical_size",
            Kind::Size,
            None,
            "bytes beyond which it is in danger; without it three times `max_size`",
        ),
        key(
            "critical_age",
            Kind::Span,
            None,
            "the age beyond which it is in danger; without it three times `max_age`",
        ),
        key(
            "critical_free",
            Kind::Text,
            None,
            "free room below which it is in danger; without it half of `min_free`",
        ),
        key(
            "url",
            Kind::Text,
            None,
            "where the server answers, as `http://localhost:9090`: Prometheus is asked whether it is well, for the answer of a query, and what it has failed at",
        ),
        key("url_token", Kind::Secret, None, "the bearer token that it wants to see there"),
        key(
            "url_user",
            Kind::Text,
            None,
            "the name that it knows the daemon by, where it wants one and a password",
        ),
        key("url_password", Kind::Secret, None, "the password to that name"),
        key(
            "url_ca",
            Kind::Path,
            None,
            "a file with the certificates that it is trusted by, in PEM; without it those of the system",
        ),
        key(
            "scrub",
            Kind::Span,
            Some("24h"),
            "how often all of it is read and verified while its server runs; `0s` for never",
        ),
        key("scrub_rate", Kind::Text, Some("8MiB/s"), "how fast, at most: a size in a second"),
        key(
            "dsn",
            Kind::Text,
            None,
            "the database of a PostgreSQL, as `postgres://user@host:5432/postgres` or `host=/run/postgresql user=me dbname=postgres`: its server is asked what keeps its log",
        ),
        key("password", Kind::Secret, None, "the password for `dsn`"),
        key(
            "ca",
            Kind::Path,
            None,
            "a file with the certificates that the server of a database is trusted by, in PEM; without it those of the system",
        ),
        key(
            "checkpoint.command",
            Kind::Text,
            None,
            "a checkpoint is made by this command, which `/bin/sh -c` runs",
        ),
        key(
            "checkpoint.http",
            Kind::Text,
            None,
            "a checkpoint is made by this request, as `POST http://localhost:3100/flush`; POST where no method is named",
        ),
        key("checkpoint.http_token", Kind::Secret, None, "a bearer token for that request"),
        key(
            "checkpoint.http_user",
            Kind::Text,
            None,
            "a name for that request, where it wants one and a password",
        ),
        key("checkpoint.http_password", Kind::Secret, None, "the password to that name"),
        key(
            "checkpoint.http_ca",
            Kind::Path,
            None,
            "a file with the certificates that its server is trusted by, in PEM; without it those of the system",
        ),
        key(
            "checkpoint.signal",
            Kind::Text,
            None,
            "a checkpoint is made by this signal to the server: `SIGHUP`, `SIGUSR1` or `SIGUSR2`",
        ),
        key(
            "checkpoint.pid_file",
            Kind::Path,
            None,
            "the file with the server's process number; without it the signal goes to the only process that writes the log",
        ),
        key(
            "checkpoint.sql",
            Kind::Text,
            None,
            "a checkpoint is made by this SQL in PostgreSQL, as `CHECKPOINT`, which it is where only `checkpoint.dsn` is set; it goes to `checkpoint.dsn`, or else to `dsn`",
        ),
        key(
            "checkpoint.dsn",
            Kind::Text,
            None,
            "the database that it goes to, if it is another one or another user than `dsn`",
        ),
        key("checkpoint.password", Kind::Secret, None, "the password for `checkpoint.dsn`"),
        key(
            "checkpoint.sqlite",
            Kind::OneOf(MODES),
            None,
            "a checkpoint is made by SQLite, in the database that `path` names: `truncate` empties the log, `restart` lets it be written anew, `passive` keeps nobody waiting",
        ),
        key("checkpoint.cooldown", Kind::Span, Some("5m"), "how long no other checkpoint is made after one"),
        key(
            "checkpoint.schedule",
            Kind::Text,
            None,
            "when one is made however the log is: a span such as `6h`, or five fields as in a crontab such as `0 3 * * *`, by the clock of the zone that `TZ` names, or UTC; without it only when the log asks for it",
        ),
        key(
            "checkpoint.timeout",
            Kind::Span,
            Some("1m"),
            "how long the command, the request or the statement may take",
        ),
        key(
            "checkpoint.patience",
            Kind::Span,
            Some("30s"),
            "how long the log may take to become smaller then",
        ),
        key(
            "restart.docker",
            Kind::Text,
            None,
            "the server is restarted as this container, by the API of Docker, which Podman speaks too",
        ),
        key("restart.docker_socket", Kind::Path, Some("/var/run/docker.sock"), "where that API listens"),
        key(
            "restart.grace",
            Kind::Span,
            Some("1m"),
            "how long the server in the container may take to end before it is killed",
        ),
        key("restart.systemd", Kind::Text, None, "the server is restarted as this unit of systemd"),
        key(
            "restart.command",
            Kind::Text,
            None,
            "the server is restarted by this command, which `/bin/sh -c` runs",
        ),
        key(
            "restart.after",
            Kind::Count,
            Some("2"),
            "checkpoints in a row that do not help a log in danger, before its server is restarted",
        ),
        key(
            "restart.cooldown",
            Kind::Span,
            Some("1h"),
            "how long it is not restarted again by itself after a restart",
        ),
        key("restart.most_a_day", Kind::Count, Some("3"), "how often it is restarted by itself in 24 hours"),
        key(
            "restart.over_damage",
            Kind::Switch,
            Some("false"),
            "whether it is restarted though its log is damaged; without it all of the log is read before",
        ),
        key("restart.timeout", Kind::Span, Some("2m"), "how long a restart may take, beside `restart.grace`"),
        key(
            "restart.patience",
            Kind::Span,
            Some("10m"),
            "how long the server may take then until it serves: it reads its log",
        ),
    ],
};

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    Key { name, kind, default, reload: Reload::Live, about }
}
