//! What one WAL file adds up to, without keeping any of it.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{Contents, Event, Field, SnapshotMarker};
use super::frame::{Flaw, Verified, verify};
use crate::{TimeRange, UnixTime};

/// How many names of databases and how many tables are kept; Core allows 5 databases and 2 000 tables.
pub(super) const MAX_DATABASES: usize = 1_000;
pub(super) const MAX_TABLES: usize = 65_536;

/// How much is kept of a database's name; a server allows 64 bytes.
const MAX_NAME: usize = 256;

/// A WAL file that verified and decodes, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalFile {
    /// The number stored in the file, which its name should repeat.
    pub number: u64,
    /// When it was written, in milliseconds since 1970.
    pub persisted_ms: i64,
    /// The first time that its head names, in nanoseconds.
    pub min_ns: i64,
    /// The last time that its head names, in nanoseconds.
    pub max_ns: i64,
    /// Batches of writes, at most one for each database.
    pub writes: u64,
    /// Operations that write nothing.
    pub noops: u64,
    /// Rows in all batches.
    pub rows: u64,
    /// Fields of all rows.
    pub fields: FieldCounts,
    /// The first and last time of the rows.
    pub times: Option<TimeRange>,
    /// The snapshot that begins with it.
    pub snapshot: Option<SnapshotMarker>,
    /// Names of the databases by number, at most a thousand.
    pub databases: BTreeMap<u32, String>,
    /// Numbers of database and table, at most 65 536 pairs.
    pub tables: BTreeSet<(u32, u32)>,
}

/// Fields by type of value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "one number for each type, named like it")]
pub struct FieldCounts {
    pub timestamp: u64,
    pub key: u64,
    pub tag: u64,
    pub string: u64,
    pub integer: u64,
    pub uinteger: u64,
    pub float: u64,
    pub boolean: u64,
}

/// Decodes a whole WAL file.
///
/// Takes constant memory beside `bytes`, whatever they are, up to the bounds of [`WalFile::databases`] and
/// [`WalFile::tables`] and 16 MiB for a write that names a million tables.
pub fn decode_file(bytes: &[u8]) -> Result<WalFile, Flaw> {
    WalFile::of(verify(bytes)?)
}

impl WalFile {
    pub(super) fn of(body: Verified<'_>) -> Result<Self, Flaw> {
        let mut file = Self::default();
        let mut database = 0;
        for event in Contents::new(body.bytes()) {
            match event.map_err(Flaw::Body)? {
                Event::Head(head) => {
                    file.number = head.number;
                    file.persisted_ms = head.persisted_ms;
                    (file.min_ns, file.max_ns) = (head.min_ns, head.max_ns);
                }
                Event::Write { database: id, name, .. } => {
                    database = id;
                    file.writes += 1;
                    file.name(id, name);
                }
                Event::Table { id, .. } => file.table(database, id),
                Event::Row { time_ns, .. } => {
                    file.rows += 1;
                    let at = TimeRange::at(UnixTime::from_nanos(time_ns));
                    file.times = TimeRange::merge(file.times, Some(at));
                }
                Event::Field { value, .. } => file.fields.add(value),
                Event::Noop { .. } => file.noops += 1,
                Event::End { snapshot } => file.snapshot = snapshot,
                Event::Chunk { .. } | Event::WriteEnd { .. } => {}
            }
        }
        Ok(file)
    }

    fn name(&mut self, id: u32, name: &str) {
        if self.databases.len() < MAX_DATABASES {
            self.databases.entry(id).or_insert_with(|| name.chars().take(MAX_NAME).collect());
        }
    }

    fn table(&mut self, database: u32, table: u32) {
        if self.tables.len() < MAX_TABLES {
            self.tables.insert((database, table));
        }
    }
}

impl FieldCounts {
    fn add(&mut self, value: Field<'_>) {
        let count = match value {
            Field::Timestamp(_) => &mut self.timestamp,
            Field::Key(_) => &mut self.key,
            Field::Tag(_) => &mut self.tag,
            Field::String(_) => &mut self.string,
            Field::Integer(_) => &mut self.integer,
            Field::UInteger(_) => &mut self.uinteger,
            Field::Float(_) => &mut self.float,
            Field::Boolean(_) => &mut self.boolean,
        };
        *count += 1;
    }
}
