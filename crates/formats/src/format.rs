//! The formats that are read, and the names under which people ask for them.

use std::fmt;

/// A kind of log that can be recognised and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Seawall's own journal. Its decoder is that of the crate `journal`, which the program adds to those in here.
    Journal,
    /// Prometheus server, Prometheus agent, and programs that embed its TSDB (Mimir, Cortex, Alloy).
    Prometheus,
    /// Grafana Loki: the framing of Prometheus around records of its own.
    Loki,
    /// `InfluxDB` 3 Core node directory.
    Influxdb3,
    /// Job log of the `ARWAL001` family, raw or as a `.wal.zst` archive.
    Arwal,
    /// PostgreSQL `pg_wal`.
    Postgres,
    /// SQLite `-wal` file with its `-shm` index.
    Sqlite,
    /// etcd member WAL.
    Etcd,
}

impl Format {
    /// Every format, in the order in which detection tries them.
    pub const ALL: [Format; 8] = [
        Format::Journal,
        Format::Arwal,
        Format::Sqlite,
        Format::Influxdb3,
        Format::Postgres,
        Format::Etcd,
        Format::Prometheus,
        Format::Loki,
    ];

    /// The name used on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Journal => "journal",
            Format::Prometheus => "prometheus",
            Format::Loki => "loki",
            Format::Influxdb3 => "influxdb3",
            Format::Arwal => "arwal",
            Format::Postgres => "postgres",
            Format::Sqlite => "sqlite",
            Format::Etcd => "etcd",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Format> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
