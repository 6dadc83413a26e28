//! The records of a WAL file as a dump shows them.
//!
//! One `write` for each batch, with its tables, chunks, rows and fields; `noop`; and `snapshot` for the marker at
//! the end. A batch of more than [`VALUES`] values or [`TEXT`] bytes of text goes on in records of the kind
//! `write-rest`, which repeat the database, the table and the chunk that they are in, so that a dump takes the same
//! memory whatever a file holds.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::contents::{Contents, Event, Field, Head, SnapshotMarker};
use super::frame::{Flaw, Verified};
use crate::{Record, TimeRange, UnixTime, Value};

/// Tables, chunks, rows and fields in one record: about 8 MiB of memory.
const VALUES: usize = 32_768;

/// Bytes of text in one record, unless a single text is longer.
const TEXT: usize = 4 << 20;

type Fields = Vec<(Cow<'static, str>, Value)>;

/// Hands every record of a body to `visit`, which may break off.
pub(super) fn visit_records(
    body: Verified<'_>,
    visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<(), Flaw> {
    let mut builder = Builder::default();
    for event in Contents::new(body.bytes()) {
        if let Some(record) = builder.take(event.map_err(Flaw::Body)?)
            && visit(record).is_break()
        {
            return Ok(());
        }
    }
    Ok(())
}

/// The lists that are being filled, and where in the record they belong.
#[derive(Default)]
struct Builder<'a> {
    head: Option<Head>,
    write: Option<(u64, u32, &'a str)>,
    kind: &'static str,
    table: Option<(u32, i64, i64)>,
    chunk: Option<i64>,
    row: Option<i64>,
    tables: Vec<Value>,
    chunks: Vec<Value>,
    rows: Vec<Value>,
    fields: Vec<Value>,
    samples: u64,
    times: Option<TimeRange>,
    values: usize,
    text: usize,
}

impl<'a> Builder<'a> {
    /// Takes an event; answers with a record when one is complete.
    fn take(&mut self, event: Event<'a>) -> Option<Record> {
        let full = self.values >= VALUES || self.text >= TEXT;
        let record = if full { self.flush_before(event) } else { None };
        match event {
            Event::Head(head) => self.head = Some(head),
            Event::Noop { time_ns } => return Some(self.record("noop").with("time", nanos(time_ns))),
            Event::End { snapshot } => return snapshot.map(|marker| self.marker(marker)),
            Event::Write { catalog, database, name, .. } => {
                self.write = Some((catalog, database, name));
                self.kind = "write";
            }
            Event::WriteEnd { min_ns, max_ns } => {
                let record = self.flush().with("min_time", nanos(min_ns)).with("max_time", nanos(max_ns));
                self.write = None;
                return Some(record);
            }
            Event::Table { .. } | Event::Chunk { .. } | Event::Row { .. } | Event::Field { .. } => {
                self.values += 1;
                self.fill(event);
            }
        }
        record
    }

    fn fill(&mut self, event: Event<'a>) {
        match event {
            Event::Table { id, min_ns, max_ns, .. } => {
                self.close_table();
                self.table = Some((id, min_ns, max_ns));
            }
            Event::Chunk { time_ns, .. } => {
                self.close_chunk();
                self.chunk = Some(time_ns);
            }
            Event::Row { time_ns, .. } => {
                self.close_row();
                self.row = Some(time_ns);
                self.samples += 1;
                self.times = TimeRange::merge(self.times, Some(TimeRange::at(UnixTime::from_nanos(time_ns))));
            }
            Event::Field { column, value } => {
                let (name, value, text) = field(value);
                self.fields.push(Value::map([("column", Value::from(column)), (name, value)]));
                self.text += text;
            }
            _ => {}
        }
    }

    /// Hands out a full record; the next goes on in the table, the chunk and the row that `event` belongs to.
    fn flush_before(&mut self, event: Event<'a>) -> Option<Record> {
        let (table, chunk, row) = match event {
            Event::Table { .. } => (None, None, None),
            Event::Chunk { .. } => (self.table, None, None),
            Event::Row { .. } => (self.table, self.chunk, None),
            Event::Field { .. } => (self.table, self.chunk, self.row),
            _ => return None,
        };
        let record = self.flush();
        (self.table, self.chunk, self.row) = (table, chunk, row);
        self.kind = "write-rest";
        Some(record)
    }

    fn flush(&mut self) -> Record {
        self.close_table();
        let kind = std::mem::take(&mut self.kind);
        let mut record = self.record(kind);
        if let Some((catalog, database, name)) = self.write {
            record = record
                .with("database_id", database)
                .with("database", name)
                .with("catalog_sequence", catalog)
                .with("tables", std::mem::take(&mut self.tables));
        }
        record.samples = std::mem::take(&mut self.samples);
        record.times = self.times.take();
        (self.values, self.text) = (0, 0);
        record
    }

    fn close_table(&mut self) {
        self.close_chunk();
        let chunks = std::mem::take(&mut self.chunks);
        if let Some((id, min_ns, max_ns)) = self.table.take() {
            self.tables.push(Value::map([
                ("table_id", Value::from(id)),
                ("min_time", nanos(min_ns)),
                ("max_time", nanos(max_ns)),
                ("chunks", Value::from(chunks)),
            ]));
        }
    }

    fn close_chunk(&mut self) {
        self.close_row();
        let rows = std::mem::take(&mut self.rows);
        if let Some(time_ns) = self.chunk.take() {
            let chunk = [("chunk_time", nanos(time_ns)), ("rows", Value::from(rows))];
            self.chunks.push(Value::map(chunk));
        }
    }

    fn close_row(&mut self) {
        let fields = std::mem::take(&mut self.fields);
        if let Some(time_ns) = self.row.take() {
            self.rows.push(Value::map([("time", nanos(time_ns)), ("fields", Value::from(fields))]));
        }
    }

    /// A record with what the head says.
    fn record(&self, kind: &'static str) -> Record {
        let mut fields: Fields = Vec::new();
        if let Some(head) = self.head {
            fields.push((Cow::Borrowed("wal_file_number"), Value::from(head.number)));
            let persisted = UnixTime::from_millis(head.persisted_ms);
            fields.push((Cow::Borrowed("persisted"), Value::from(persisted)));
        }
        Record { fields, ..Record::new(kind) }
    }

    fn marker(&self, marker: SnapshotMarker) -> Record {
        self.record("snapshot")
            .with("snapshot_sequence_number", marker.number)
            .with("end_time", nanos(marker.end_time_ns))
            .with("first_wal_file", marker.first_wal)
            .with("last_wal_file", marker.last_wal)
            .with("forced", marker.forced)
    }
}

fn nanos(time_ns: i64) -> Value {
    Value::from(UnixTime::from_nanos(time_ns))
}

/// The name of a field's type, its value, and how long its text is.
fn field(value: Field<'_>) -> (&'static str, Value, usize) {
    match value {
        Field::Timestamp(time_ns) => ("timestamp", nanos(time_ns), 0),
        Field::Key(text) => ("key", Value::from(text), text.len()),
        Field::Tag(text) => ("tag", Value::from(text), text.len()),
        Field::String(text) => ("string", Value::from(text), text.len()),
        Field::Integer(value) => ("integer", Value::from(value), 0),
        Field::UInteger(value) => ("uinteger", Value::from(value), 0),
        Field::Float(value) => ("float", Value::from(value), 0),
        Field::Boolean(value) => ("boolean", Value::from(value), 0),
    }
}
