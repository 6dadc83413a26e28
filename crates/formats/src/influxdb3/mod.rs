//! `InfluxDB` 3 Core node directories: `<node>/wal/*.wal` and `<node>/snapshots/*.info.json`.
//!
//! * One WAL file is one flush: a frame around one record, whose values lie in columns (`frame`, `columns`,
//!   `contents`). The file name is its number, and so is a value inside.
//! * A snapshot moves the rows of a run of files to Parquet, and its JSON file says up to which (`snapshot`). Files
//!   above that watermark are live: a start replays them. Those up to it are retained: nothing reads them again.
//! * What the next start does follows from all of that (`verdict`).
//!
//! Decisions:
//!
//! * **Decoder.** The record is coded by the Rust crate `bitcode`, which could decode it too, into lists in memory.
//!   Since eight values may share a byte, a hostile file makes it take 360 times its size. The decoder here
//!   walks the columns in place and takes constant memory: the file itself (at most 256 MiB, larger ones are
//!   checked by their checksum alone and noted as `not-decoded`), and some kilobytes. It accepts and refuses the
//!   same bytes; tests hold the two against each other.
//! * **Damage** is a flaw of a live file, which costs all of it: its range reaches from the first byte that cannot
//!   be trusted to the end of the file, and the bytes lost are the file. How many records are lost is not known: an
//!   unknown number of rows in up to as many batches as there are databases. A torn newest file is damage as well,
//!   and no mere torn tail as in logs that are appended to: a file is put in place whole, and a server that finds a
//!   broken one under the next number ends at its first write, at every start.
//! * **No damage**, but notes, are flaws of retained files, which nobody reads again; flaws of foreign files, which
//!   hold nothing of the log; and gaps in the numbers, which a failed flush leaves. What they do to a start is in
//!   the verdict.
//! * **The verdict** needs the node: a directory named `wal` is read with the snapshots beside it, other directories
//!   of WAL files and single files leave it open.
//! * **Spans.** Records share the columns of the file, so each of them spans the whole file.

mod columns;
mod contents;
mod file;
mod frame;
mod inspect;
mod listing;
mod load;
mod node;
mod records;
mod report;
mod snapshot;
mod verdict;

#[cfg(test)]
mod codec_tests;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::survey::{Tally, each_part, lock};
use crate::{Body, Depth, Entry, Format, Log, Order, Part, ReadError, Record, Role, Survey, Visit};

pub use contents::SnapshotMarker;
pub use file::{FieldCounts, WalFile, decode_file};
pub use frame::Flaw;
pub(crate) use listing::recognise;
pub use node::{Held, Node, NodeFile, Obstacle, Use, wal_name};

use inspect::Inspected;
use listing::{Engine, Persisted, SNAPSHOTS_LOADED, Scope, wal_number};
use load::Loaded;
use report::{Finding, Names};
use snapshot::Snapshot;
use verdict::Content;

/// A node that was recognised and listed.
struct NodeLog {
    root: PathBuf,
    scope: Scope,
    /// Snapshot files, the newest first, then everything below `wal/` in the order of a replay.
    parts: Vec<Part>,
    persisted: Persisted,
    engine: Engine,
    /// Numbers in the names of the WAL files.
    numbers: BTreeSet<u64>,
    /// Name of the last WAL file that is persisted; a start replays what sorts above it.
    covered: Option<String>,
    /// What large files wait for.
    turn: Mutex<()>,
}

impl NodeLog {
    fn new(root: PathBuf, scope: Scope, parts: Vec<Part>, persisted: Persisted, engine: Engine) -> Self {
        let covered = persisted.watermark().map(|watermark| wal_name(watermark.wal));
        let mut log = Self {
            root,
            scope,
            parts,
            persisted,
            engine,
            numbers: BTreeSet::new(),
            covered,
            turn: Mutex::default(),
        };
        log.numbers = log.parts.iter().filter_map(|part| log.number(part)).collect();
        log
    }

    /// The number in the name of a WAL file.
    fn number(&self, part: &Part) -> Option<u64> {
        part.name.strip_prefix(self.scope.wal_prefix()).and_then(wal_number)
    }

    /// Whether a start loads the snapshot file by default.
    fn is_loaded(&self, part: &Part) -> bool {
        // Snapshot files come first and are sorted.
        let beyond = self.parts.get(SNAPSHOTS_LOADED).filter(|beyond| beyond.name.starts_with(SNAPSHOTS));
        beyond.is_none_or(|beyond| part.name < beyond.name)
    }
}

impl Log for NodeLog {
    fn format(&self) -> Format {
        Format::Influxdb3
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        let inspected = self.inspect(part).map_err(|error| ReadError::new(part, error))?;
        order.progress.add(inspected.length);
        let span = 0..inspected.length;
        for body in inspected.remarks {
            if visit(Entry { span: span.clone(), body }).is_break() {
                return Ok(());
            }
        }
        let mut record = |record| visit(Entry { span: span.clone(), body: Body::Record(record) });
        if let Some(snapshot) = inspected.snapshot
            && record(snapshot_record(snapshot)).is_break()
        {
            return Ok(());
        }
        if inspected.file.is_some()
            && let Some(Loaded::Whole { bytes, .. }) = &inspected.bytes
        {
            visit_file(bytes, &mut record);
        }
        Ok(())
    }

    /// What the parts hold, [`Log::survey`] has told already: it takes more than a survey keeps of them.
    fn conclude(&self, order: &Order, survey: &mut Survey) {
        if order.depth == Depth::Listing {
            self.report_listing(survey);
        }
    }

    /// Adds up the parts without building records, which takes a fraction of the time, and tells what a start
    /// does.
    fn survey(&self, order: &Order) -> Survey {
        let names = Mutex::new(Names::default());
        let tallies = each_part(&self.parts, order, |part| match self.inspect(part) {
            Ok(inspected) => {
                order.progress.add(inspected.length);
                add_up(part, inspected, &names)
            }
            Err(error) => {
                let mut tally = Tally::default();
                tally.fail(error);
                (tally, Finding { content: Content::Unknown, persisted_ms: None, broken: None })
            }
        });
        let mut survey = Survey { samples: Some(0), ..Survey::default() };
        let mut findings = Vec::with_capacity(tallies.len());
        for (part, (tally, finding)) in self.parts.iter().zip(tallies) {
            tally.add_to(part, &mut survey);
            findings.push(finding);
        }
        self.report_listing(&mut survey);
        let names = names.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.report_contents(&findings, names, &mut survey);
        survey
    }
}

fn add_up(part: &Part, inspected: Inspected<'_>, names: &Mutex<Names>) -> (Tally, Finding) {
    let Inspected { file, snapshot, content, broken, remarks, length, .. } = inspected;
    let mut tally = Tally::default();
    for body in remarks {
        tally.add(Entry { span: 0..length, body });
    }
    tally.count_many(PERSISTED, u64::from(snapshot.is_some()), 0, None);
    let mut finding = Finding { content, persisted_ms: None, broken };
    if let Some(file) = file {
        tally.count_many(WRITE, file.writes, file.rows, file.times);
        tally.count_many(NOOP, file.noops, 0, None);
        tally.count_many(SNAPSHOT, u64::from(file.snapshot.is_some()), 0, None);
        finding.persisted_ms = Some(file.persisted_ms);
        if part.role != Role::Stray {
            lock(names).add(file);
        }
    }
    (tally, finding)
}

/// Streams the records of a WAL file that lies in memory; those before a flaw in the body are handed out.
pub fn read_file(bytes: &[u8], visit: &mut Visit<'_>) -> Result<(), Flaw> {
    let span = 0..bytes.len() as u64;
    let mut record = |record| visit(Entry { span: span.clone(), body: Body::Record(record) });
    records::visit_records(frame::verify(bytes)?, &mut record)
}

/// Parses a snapshot file that lies in memory; the error says why it does not parse.
pub fn parse_snapshot(json: &[u8]) -> Result<Record, String> {
    snapshot::parse_snapshot(json).map(snapshot_record).map_err(|error| error.to_string())
}

/// Parses the file of a checkpoint of snapshots that lies in memory; the error says why it does not parse.
pub fn parse_checkpoint(json: &[u8]) -> Result<Record, String> {
    snapshot::parse_checkpoint(json).map(snapshot_record).map_err(|error| error.to_string())
}

/// Where WAL files lie below a node.
pub const WAL: &str = "wal/";

/// Where snapshot files lie below a node.
pub const SNAPSHOTS: &str = "snapshots/";

const WRITE: &str = "write";
const NOOP: &str = "noop";
const SNAPSHOT: &str = "snapshot";
const PERSISTED: &str = "persisted-snapshot";

fn snapshot_record(snapshot: Snapshot) -> Record {
    Record::new(PERSISTED)
        .with("snapshot_sequence_number", snapshot.number)
        .with("wal_file_sequence_number", snapshot.wal)
        .with("rows", snapshot.rows)
}

/// Hands out the records of a file that was decoded once already, to add it up.
fn visit_file(bytes: &[u8], visit: &mut dyn FnMut(Record) -> ControlFlow<()>) {
    let visited = frame::verify(bytes).and_then(|body| records::visit_records(body, visit));
    debug_assert!(visited.is_ok(), "the bytes in memory decoded before");
}
