//! The JSON files that say how far the WAL was persisted.
//!
//! `snapshots/` holds one file for each snapshot, named by its number counted down from the largest 64-bit number,
//! so that the newest sorts first. A start parses the newest of them, whatever their names are, and fails at the
//! first that does not parse; so the structure is checked key by key here too, except for texts, which may hold
//! anything. `snapshot-checkpoints/` holds monthly sums of them, which matter when no snapshot is left.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::files::open;

/// How large such a file may be to be parsed.
///
/// It takes about 200 bytes for each Parquet file that the snapshot wrote; this is room for 300 000 of them. The
/// parser streams; only a single text could make it take memory up to this.
pub(super) const MAX_SNAPSHOT: u64 = 64 << 20;

/// What a snapshot says about the WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Its number.
    pub(super) number: u64,
    /// The last WAL file whose rows are persisted.
    pub(super) wal: u64,
    /// Rows that it persisted.
    pub(super) rows: u64,
}

/// Why a snapshot file says nothing.
#[derive(Debug)]
pub(super) enum NoSnapshot {
    /// It does not parse.
    Broken(String),
    /// It is larger than [`MAX_SNAPSHOT`].
    TooLarge,
    /// The system refused to read it.
    Unreadable(io::Error),
}

/// Parses the snapshot file at `path`.
pub(super) fn read_snapshot(path: &Path) -> Result<Snapshot, NoSnapshot> {
    read_json(path, parse_snapshot)
}

/// Parses the checkpoint file at `path`.
pub(super) fn read_checkpoint(path: &Path) -> Result<Snapshot, NoSnapshot> {
    read_json(path, parse_checkpoint)
}

/// Parses a snapshot file.
pub(super) fn parse_snapshot(source: impl Read) -> serde_json::Result<Snapshot> {
    let written: WrittenSnapshot = serde_json::from_reader(source)?;
    Ok(Snapshot {
        number: written.snapshot_sequence_number,
        wal: written.wal_file_sequence_number,
        rows: written.row_count,
    })
}

/// Parses a checkpoint file.
pub(super) fn parse_checkpoint(source: impl Read) -> serde_json::Result<Snapshot> {
    let written: WrittenCheckpoint = serde_json::from_reader(source)?;
    Ok(Snapshot {
        number: written.last_snapshot_sequence_number,
        wal: written.wal_file_sequence_number,
        rows: written.row_count,
    })
}

type Source = BufReader<io::Take<File>>;

fn read_json(path: &Path, parse: fn(Source) -> serde_json::Result<Snapshot>) -> Result<Snapshot, NoSnapshot> {
    let file = open(path).map_err(NoSnapshot::Unreadable)?;
    if file.metadata().map_err(NoSnapshot::Unreadable)?.len() > MAX_SNAPSHOT {
        return Err(NoSnapshot::TooLarge);
    }
    parse(BufReader::new(file.take(MAX_SNAPSHOT))).map_err(|error| {
        if error.is_io() {
            NoSnapshot::Unreadable(error.into())
        } else {
            NoSnapshot::Broken(error.to_string())
        }
    })
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "1")]
    One,
}

#[derive(Deserialize)]
struct WrittenSnapshot {
    #[serde(rename = "version")]
    _version: Version,
    #[serde(rename = "node_id", alias = "writer_id")]
    _node_id: IgnoredAny,
    #[serde(rename = "next_file_id")]
    _next_file_id: u64,
    snapshot_sequence_number: u64,
    wal_file_sequence_number: u64,
    #[serde(rename = "catalog_sequence_number")]
    _catalog_sequence_number: u64,
    #[serde(rename = "parquet_size_bytes")]
    _parquet_size_bytes: u64,
    row_count: u64,
    #[serde(rename = "min_time")]
    _min_time: i64,
    #[serde(rename = "max_time")]
    _max_time: i64,
    #[serde(rename = "databases")]
    _databases: Each<(u32, Tables)>,
    // Since v3.2.0.
    #[serde(rename = "removed_files", default)]
    _removed_files: Each<(u32, Tables)>,
}

#[derive(Deserialize)]
struct Tables {
    #[serde(rename = "tables")]
    _tables: Each<(u32, Each<ParquetFile>)>,
}

#[derive(Deserialize)]
struct ParquetFile {
    #[serde(rename = "id")]
    _id: u64,
    #[serde(rename = "path")]
    _path: IgnoredAny,
    #[serde(rename = "size_bytes")]
    _size_bytes: u64,
    #[serde(rename = "row_count")]
    _row_count: u64,
    #[serde(rename = "chunk_time")]
    _chunk_time: i64,
    #[serde(rename = "min_time")]
    _min_time: i64,
    #[serde(rename = "max_time")]
    _max_time: i64,
}

#[derive(Deserialize)]
struct WrittenCheckpoint {
    #[serde(rename = "version")]
    _version: Version,
    last_snapshot_sequence_number: u64,
    wal_file_sequence_number: u64,
    row_count: u64,
}

/// A list whose elements are parsed and dropped, so that memory does not grow with it.
struct Each<T>(PhantomData<fn() -> T>);

impl<T> Default for Each<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self::default())
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<T>()?.is_some() {}
        Ok(self)
    }
}
