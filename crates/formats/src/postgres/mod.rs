//! PostgreSQL: the write-ahead log in `pg_wal/`, of version 9.5 and later.
//!
//! The log is one stream of bytes; a position in it (LSN) is written `high/low` in hexadecimal. It is cut into segments of
//! equal size (16 MiB unless set otherwise), one file each, named by timeline and number as 24 hexadecimal digits. The
//! server keeps old segments for replicas and the archive, and renames those that it no longer needs to future numbers
//! instead of making new files: such a recycled segment still holds its old content.
//!
//! # Layout
//!
//! All numbers are little-endian (those of the machine in truth; big-endian machines are not read). A segment is cut into
//! pages, of 8 KiB unless built otherwise.
//!
//! | at | size | page header |
//! |---|---|---|
//! | 0 | 2 | magic, which tells the version: 0xd110 is 15 |
//! | 2 | 2 | flags: 1 goes on with a record, 2 long header, 4 removable, 8 a record before was given up |
//! | 4 | 4 | timeline |
//! | 8 | 8 | position of the page |
//! | 16 | 4 | bytes left of the record that it goes on with |
//! | 20 | 4 | padding |
//! | 24 | 8 | (long header, first page of a segment) system identifier |
//! | 32 | 4 | (long header) bytes of a segment |
//! | 36 | 4 | (long header) bytes of a page |
//!
//! | at | size | record, at a multiple of 8 |
//! |---|---|---|
//! | 0 | 4 | length with this header |
//! | 4 | 4 | transaction |
//! | 8 | 8 | position of the record before |
//! | 16 | 1 | info |
//! | 17 | 1 | module |
//! | 18 | 2 | padding |
//! | 20 | 4 | CRC-32C of everything behind the header, then of bytes 0 to 19 |
//!
//! A record goes on over page headers, also into the next segment. It is handed out with the segment it begins in. Module 0
//! with info 0x40 is a switch: the rest of the segment is not used.
//!
//! # What can be wrong
//!
//! The server replays up to the first record that is not sound and takes that for the end of the log.
//!
//! * **The end**: a length of zero, or a page that names an earlier position (the file was recycled). Normal, no note.
//! * **Torn tail**: a record that is there in part. The note `torn-tail`.
//! * **A record given up**: after a crash the server left it unfinished, and says so in the header of the page where it
//!   went on. The note `given-up-record`.
//! * **Damage**: a record that is not sound while sound ones follow, in this segment or in a later one, or while
//!   `global/pg_control` says that more was written. When a machine crashes, pages that nobody waited for may be there
//!   while earlier ones are not; that cannot be told from damage.
//! * **A page header** alone is wrong, and the records on the page are sound: the header is the damage. The server stops
//!   there all the same.
//! * **A missing segment** between others.
//!
//! A sound record behind damage is one whose checksum holds and that names a place inside the damage for the record
//! before it: the checksum does not cover the position, so this is what tells it from what the file held before it was
//! recycled.
//!
//! In memory is one read buffer, whatever the size of a record. The search is bounded as
//! [`Effort`](crate::effort::Effort) says.

mod conclusion;
mod control;
mod failure;
mod gather;
mod layout;
mod lsn;
mod page;
mod reader;
mod record;
mod store;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use crate::detect::Recognised;
use crate::survey::lock;
use crate::{Body, Entry, Format, Log, Note, Order, Part, ReadError, Role, Survey, Visit};
use layout::Layout;
use lsn::Lsn;
use reader::{Reader, Standing, Tally};
use store::{Source, Store};

/// Recognises a data directory, a directory of segments, or one segment.
pub(crate) fn recognise(path: &Path) -> Recognised {
    let log = Layout::of(path)?.map(|layout| PostgresLog { layout, tallies: Mutex::default() });
    Ok(log.map(|log| Box::new(log) as Box<dyn Log>))
}

/// Reads a segment that lies in memory as if it were the newest, as fuzzing does.
pub fn scan(bytes: &[u8], visit: &mut Visit<'_>) -> io::Result<()> {
    let segment = layout::of_memory(bytes)?;
    let store = Store::new(Source::Memory(bytes), segment.timeline, segment.geometry, segment.start);
    let reader = Reader::new("memory", bytes.len() as u64, segment, store, visit);
    reader.read(Standing::Newest, Lsn::default()).1
}

/// Reads a `global/pg_control` that lies in memory, as fuzzing does; says whether it is sound and known.
pub fn scan_control(bytes: &[u8]) -> bool {
    control::Control::read(bytes).is_some()
}

/// Reads the state of a replication slot that lies in memory, as fuzzing does; answers from where on it keeps the log.
pub fn scan_slot(bytes: &[u8]) -> Option<u64> {
    control::restart(bytes).map(Lsn::get)
}

/// The log of one cluster, or a part of it.
pub struct PostgresLog {
    layout: Layout,
    /// What reading found, by part, for the conclusion.
    tallies: Mutex<BTreeMap<String, Tally>>,
}

impl Log for PostgresLog {
    fn format(&self) -> Format {
        Format::Postgres
    }

    fn root(&self) -> &Path {
        &self.layout.root
    }

    fn parts(&self) -> &[Part] {
        &self.layout.parts
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        let Some(placed) = self.layout.segments.get(&part.name).filter(|_| part.role == Role::Live) else {
            return Ok(());
        };
        let failed = |source| ReadError::new(part, source);
        let len = match std::fs::metadata(&part.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = "the file was there when the directory was listed and is gone".to_owned();
                let note = Note { code: "vanished", file: part.name.clone(), message };
                // Nothing follows the note, so breaking off here changes nothing.
                let _last = visit(Entry { span: 0..0, body: Body::Note(note) });
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let segment = placed.segment;
        let source = Source::Directory { dir: self.layout.wal.clone(), progress: order.progress.clone() };
        let store = Store::new(source, segment.timeline, segment.geometry, segment.start);
        let reader = Reader::new(&part.name, len, segment, store, visit);
        let (tally, read) = reader.read(placed.standing, self.written(segment.timeline));
        lock(&self.tallies).insert(part.name.clone(), tally);
        read.map_err(failed)
    }

    fn conclude(&self, _order: &Order, survey: &mut Survey) {
        survey.samples = None;
        conclusion::conclude(&self.layout, &lock(&self.tallies), survey);
    }
}

impl PostgresLog {
    /// Up to where the server remembers to have written: past the beginning of its last checkpoint record.
    fn written(&self, timeline: u32) -> Lsn {
        let control = self.layout.control.filter(|control| control.timeline == timeline);
        control.map_or(Lsn::default(), |control| control.checkpoint.plus(1))
    }
}
