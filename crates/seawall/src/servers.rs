//! Where servers keep their logs, as their own command lines say it.
//!
//! Only what a server's command line decides is here; the log itself is recognised by its content. A wrapper in front of
//! the server (`tini --`, an entry script) is passed over: the first word that is a known program's name counts.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A server whose command line is understood.
struct Server {
    program: &'static str,
    path: fn(&Flags<'_>) -> Option<PathBuf>,
}

const SERVERS: &[Server] = &[
    Server { program: "prometheus", path: prometheus },
    Server { program: "influxdb3", path: influxdb3 },
    Server { program: "postgres", path: postgres },
    Server { program: "etcd", path: etcd },
];

/// The log that `command` would write.
///
/// `variable` looks up an environment variable: some servers take their directory from there.
pub(crate) fn log_of(command: &[OsString], variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    for (index, word) in command.iter().enumerate() {
        let name = Path::new(word).file_name().and_then(OsStr::to_str);
        let server = SERVERS.iter().find(|server| Some(server.program) == name);
        if let Some(server) = server {
            let words = command.get(index + 1..).unwrap_or_default();
            return (server.path)(&Flags { words, variable });
        }
    }
    // A program that was renamed keeps its flags.
    prometheus_flags(&Flags { words: command, variable })
}

/// The names of the programs whose command lines are understood.
pub(crate) fn known() -> String {
    SERVERS.iter().map(|server| server.program).collect::<Vec<_>>().join(", ")
}

/// The words behind a program's name.
struct Flags<'a> {
    words: &'a [OsString],
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Flags<'_> {
    /// The value of a long flag, as `--flag value` or `--flag=value`; the last one wins.
    fn long(&self, flag: &str) -> Option<PathBuf> {
        let mut found = None;
        for (index, word) in self.words.iter().enumerate() {
            if word == flag {
                found = self.words.get(index + 1).map(PathBuf::from).or(found);
            } else if let Some(value) = value_after(word, &format!("{flag}=")) {
                found = Some(value);
            }
        }
        found
    }

    /// The value of a short flag, as `-D value` or `-Dvalue`; the last one wins.
    fn short(&self, flag: &str) -> Option<PathBuf> {
        let mut found = None;
        for (index, word) in self.words.iter().enumerate() {
            if word == flag {
                found = self.words.get(index + 1).map(PathBuf::from).or(found);
            } else if let Some(value) = value_after(word, flag) {
                found = Some(value);
            }
        }
        found
    }

    fn has(&self, flag: &str) -> bool {
        self.words.iter().any(|word| word == flag)
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

fn value_after(word: &OsStr, prefix: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    word.as_bytes().strip_prefix(prefix.as_bytes()).map(|value| PathBuf::from(OsStr::from_bytes(value)))
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all servers; this one has a default")]
fn prometheus(flags: &Flags<'_>) -> Option<PathBuf> {
    let agent = flags.has("--agent")
        || flags
            .long("--enable-feature")
            .is_some_and(|features| features.to_string_lossy().split(',').any(|feature| feature == "agent"));
    let default = if agent { "data-agent" } else { "data" };
    Some(prometheus_flags(flags).unwrap_or_else(|| default.into()))
}

fn prometheus_flags(flags: &Flags<'_>) -> Option<PathBuf> {
    flags.long("--storage.agent.path").or_else(|| flags.long("--storage.tsdb.path"))
}

fn influxdb3(flags: &Flags<'_>) -> Option<PathBuf> {
    let dir = flags.long("--data-dir").or_else(|| flags.variable("INFLUXDB3_DB_DIR"))?;
    let node = flags
        .long("--node-id")
        .or_else(|| flags.long("--node-identifier-prefix"))
        .or_else(|| flags.variable("INFLUXDB3_NODE_IDENTIFIER_PREFIX"))?;
    Some(dir.join(node))
}

fn postgres(flags: &Flags<'_>) -> Option<PathBuf> {
    flags.short("-D").or_else(|| flags.variable("PGDATA"))
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all servers; this one has a default")]
fn etcd(flags: &Flags<'_>) -> Option<PathBuf> {
    let dir = flags.long("--data-dir").or_else(|| flags.variable("ETCD_DATA_DIR"));
    let name = || flags.long("--name").or_else(|| flags.variable("ETCD_NAME"));
    Some(dir.unwrap_or_else(|| {
        let name = name().unwrap_or_else(|| "default".into());
        PathBuf::from(format!("{}.etcd", name.to_string_lossy()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(command: &str) -> Option<PathBuf> {
        let words: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
        let variable = |name: &str| (name == "PGDATA").then(|| OsString::from("/pg/env"));
        log_of(&words, &variable)
    }

    #[test]
    fn a_servers_own_flags_say_where_its_log_lies() {
        let table: &[(&str, Option<&str>)] = &[
            ("prometheus", Some("data")),
            ("prometheus --agent", Some("data-agent")),
            ("prometheus --enable-feature=native-histograms,agent", Some("data-agent")),
            ("/bin/prometheus --storage.tsdb.path=/p", Some("/p")),
            ("prometheus --storage.tsdb.path /p --log.level debug", Some("/p")),
            ("prometheus --storage.tsdb.path=/old --storage.tsdb.path=/p", Some("/p")),
            ("prometheus --agent --storage.agent.path=/a", Some("/a")),
            ("tini -- prometheus --storage.tsdb.path=/p", Some("/p")),
            ("my-prometheus --storage.tsdb.path=/p", Some("/p")),
            ("influxdb3 serve --data-dir /i --node-id n0", Some("/i/n0")),
            ("influxdb3 serve --data-dir=/i", None),
            ("postgres -D /pg", Some("/pg")),
            ("docker-entrypoint.sh postgres -D/pg", Some("/pg")),
            ("postgres", Some("/pg/env")),
            ("etcd --data-dir=/e", Some("/e")),
            ("etcd --name m1", Some("m1.etcd")),
            ("sleep 5", None),
            ("prometheus --storage.tsdb.path", Some("data")),
        ];
        for (command, expected) in table {
            assert_eq!(path(command).as_deref(), expected.map(Path::new), "{command}");
        }
    }
}
