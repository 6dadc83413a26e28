//! A node for those who change it: what each of its files is to the next start, and what it holds.
//!
//! Reading for a report goes through [`Log`](crate::Log); this hands out what decides which files have to go.

use std::path::Path;

use super::file::WalFile;
use super::frame::Flaw;
use super::inspect::Inspected;
use super::listing::{self, Engine, Persisted, Scope, is_unlistable};
use super::verdict::Content;
use super::{NodeLog, SNAPSHOTS, SNAPSHOTS_LOADED};
use crate::survey::each_part;
use crate::{ListError, Order, Part, ReadError};

pub use super::listing::wal_name;

/// A node directory, listed.
pub struct Node(NodeLog);

/// What keeps a log from being understood well enough to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Only WAL files are here; the snapshots of their node, which say what they mean, are not.
    NoNode,
    /// Another engine of InfluxDB 3 wrote it. All its files begin with this.
    OtherEngine(String),
    /// The newest snapshot could not be read.
    Watermark {
        /// Its name.
        file: String,
        /// Why.
        cause: String,
    },
}

/// A file of a node.
#[derive(Clone, Debug)]
pub struct NodeFile<'a> {
    /// The file.
    pub part: &'a Part,
    /// What the next start does with it.
    pub used: Use,
    /// What is in it.
    pub held: Held,
}

/// What the next start does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is replayed. It has the name of the WAL file of that number, or another name.
    Replayed(Option<u64>),
    /// It is loaded as a snapshot, whatever it is.
    Snapshot,
    /// It fails at the name, which the object store cannot list.
    Unlistable,
    /// Nothing.
    Unused,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A WAL file that verified and decodes.
    Sound(Box<WalFile>),
    /// A WAL file that does not.
    Flawed(Flaw),
    /// A WAL file whose checksum matches and which is too large to be decoded.
    NotDecoded,
    /// A snapshot that parses.
    Snapshot {
        /// The last WAL file whose rows are persisted with it.
        wal: u64,
    },
    /// Nothing that was looked at.
    Other,
    /// A snapshot that does not parse, and why.
    Broken(String),
    /// It is gone since the directory was listed.
    Vanished,
}

impl Node {
    /// Lists the node at `path`, or the one whose `wal` directory is there, or the WAL files there.
    pub fn list(path: &Path) -> Result<Option<Self>, ListError> {
        Ok(listing::open(path)?.map(Self))
    }

    /// The node's directory.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// The number of the last WAL file whose rows are persisted; `None` when no readable snapshot says so.
    pub fn watermark(&self) -> Option<u64> {
        self.0.persisted.watermark().map(|watermark| watermark.wal)
    }

    /// The lowest number in the names of all WAL files.
    pub fn lowest(&self) -> Option<u64> {
        self.0.numbers.first().copied()
    }

    /// What keeps the log from being understood well enough to be changed.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if self.0.scope != Scope::Node {
            return Some(Obstacle::NoNode);
        }
        if let Engine::Other(magic) = &self.0.engine {
            return Some(Obstacle::OtherEngine(magic.clone()));
        }
        match &self.0.persisted {
            Persisted::Unknown { file, cause } => {
                Some(Obstacle::Watermark { file: file.clone(), cause: cause.clone() })
            }
            Persisted::Nothing | Persisted::UpTo(_) | Persisted::Broken { .. } | Persisted::NotHere => None,
        }
    }

    /// Reads every file: snapshots, the newest first, then everything below `wal/` in the order of a replay.
    pub fn files(&self, order: &Order) -> Result<Vec<NodeFile<'_>>, ReadError> {
        let read = each_part(&self.0.parts, order, |part| {
            let inspected = self.0.inspect(part).map_err(|error| ReadError::new(part, error))?;
            order.progress.add(inspected.length);
            Ok(held(inspected))
        });
        let parts = self.0.parts.iter().enumerate().zip(read);
        parts
            .map(|((at, part), held)| Ok(NodeFile { part, used: self.used(at, part), held: held? }))
            .collect()
    }

    /// What a start does with the part at `at` of the list.
    fn used(&self, at: usize, part: &Part) -> Use {
        let is_snapshot = part.name.starts_with(SNAPSHOTS) && at < SNAPSHOTS_LOADED;
        if is_unlistable(&part.name) {
            Use::Unlistable
        } else if self.0.is_replayed(part) {
            Use::Replayed(self.0.number(part))
        } else if is_snapshot && !listing::is_leftover(&part.name) {
            Use::Snapshot
        } else {
            Use::Unused
        }
    }
}

fn held(inspected: Inspected<'_>) -> Held {
    if let Some(file) = inspected.file {
        return Held::Sound(Box::new(file));
    }
    if let Some(snapshot) = inspected.snapshot {
        return Held::Snapshot { wal: snapshot.wal };
    }
    match (inspected.broken, inspected.content) {
        (Some(cause), _) => Held::Broken(cause),
        (None, Content::Flawed(flaw)) => Held::Flawed(flaw),
        (None, Content::NotDecoded) => Held::NotDecoded,
        (None, Content::Vanished) => Held::Vanished,
        (None, Content::Sound(_) | Content::Unknown) => Held::Other,
    }
}

impl WalFile {
    /// Records in it: batches, operations that write nothing, and the snapshot that begins with it.
    pub fn records(&self) -> u64 {
        self.writes + self.noops + u64::from(self.snapshot.is_some())
    }

    /// Whether a start can replay it: the server panics at one whose first time is after its last.
    pub const fn is_replayable(&self) -> bool {
        self.min_ns <= self.max_ns
    }
}
