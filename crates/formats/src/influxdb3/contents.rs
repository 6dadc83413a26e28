//! The record inside a WAL file, walked depth first from its columns.
//!
//! The file holds one record whose values are stored column by column: one column for each place in the tree of
//! types, in the order in which a depth-first walk of this very record first reaches the places. So the walk has
//! to be made to find where a column begins, and [`Contents`] makes it, one [`Event`] at a time.

use std::collections::HashSet;

use super::columns::{Bools, Choices, Ints, Lazy, Lengths, Texts};
use crate::{Bytes, Malformed};

/// How many tables one write may name.
///
/// The server refuses a table that is named twice, and so must the walk, which takes memory for each. `InfluxDB` 3
/// Core allows 2 000 tables in all; a million of them take 16 MiB.
pub(super) const MAX_TABLES: usize = 1_000_000;

/// The marker of a snapshot that begins with this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotMarker {
    /// Number of the snapshot.
    pub number: u64,
    /// Data before this time, in nanoseconds, is persisted by it.
    pub end_time_ns: i64,
    /// The first WAL file that it covers.
    pub first_wal: u64,
    /// The last WAL file that it covers.
    pub last_wal: u64,
    /// Whether it took everything: for lack of memory, or because too many files had gathered.
    pub forced: bool,
}

/// What stands at the head of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) persisted_ms: i64,
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    pub(super) number: u64,
    pub(super) ops: usize,
}

/// A step of the walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event<'a> {
    /// The head; always the first.
    Head(Head),
    /// A batch of writes into one database begins.
    Write { catalog: u64, database: u32, name: &'a str, tables: usize },
    /// A table of that batch begins.
    Table { id: u32, min_ns: i64, max_ns: i64, chunks: usize },
    /// A chunk of that table begins.
    Chunk { time_ns: i64, rows: usize },
    /// A row of that chunk begins.
    Row { time_ns: i64, fields: usize },
    /// A field of that row.
    Field { column: u16, value: Field<'a> },
    /// The batch ends.
    WriteEnd { min_ns: i64, max_ns: i64 },
    /// A file that had to be written with nothing to write.
    Noop { time_ns: i64 },
    /// The record ends, and with it the file.
    End { snapshot: Option<SnapshotMarker> },
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Timestamp(i64),
    Key(&'a str),
    Tag(&'a str),
    String(&'a str),
    Integer(i64),
    UInteger(u64),
    Float(f64),
    Boolean(bool),
}

const TIMESTAMP: u8 = 0;
const KEY: u8 = 1;
const TAG: u8 = 2;
const STRING: u8 = 3;
const INTEGER: u8 = 4;
const UINTEGER: u8 = 5;
const FLOAT: u8 = 6;
const BOOLEAN: u8 = 7;

const WRITE: u8 = 0;
const NOOP: u8 = 1;

/// One column for each place in the record, in the order of the types.
#[derive(Default)]
struct Columns<'a> {
    ops: Lazy<Lengths<'a>>,
    op: Lazy<Choices<'a, 2>>,
    catalog: Lazy<Ints<'a, 8>>,
    database: Lazy<Ints<'a, 4>>,
    name: Lazy<Texts<'a>>,
    tables: Lazy<Lengths<'a>>,
    table: Lazy<Ints<'a, 4>>,
    table_min: Lazy<Ints<'a, 8>>,
    table_max: Lazy<Ints<'a, 8>>,
    chunks: Lazy<Lengths<'a>>,
    chunk: Lazy<Ints<'a, 8>>,
    rows: Lazy<Lengths<'a>>,
    row: Lazy<Ints<'a, 8>>,
    fields: Lazy<Lengths<'a>>,
    column: Lazy<Ints<'a, 2>>,
    field: Lazy<Choices<'a, 8>>,
    timestamp: Lazy<Ints<'a, 8>>,
    key: Lazy<Texts<'a>>,
    tag: Lazy<Texts<'a>>,
    string: Lazy<Texts<'a>>,
    integer: Lazy<Ints<'a, 8>>,
    uinteger: Lazy<Ints<'a, 8>>,
    float: Lazy<Ints<'a, 8>>,
    boolean: Lazy<Bools<'a>>,
    write_min: Lazy<Ints<'a, 8>>,
    write_max: Lazy<Ints<'a, 8>>,
    noop: Lazy<Ints<'a, 8>>,
}

/// How much is left of each list that the walk is in.
#[derive(Default)]
struct Left {
    ops: usize,
    tables: usize,
    chunks: usize,
    rows: usize,
    fields: usize,
}

enum Stage {
    Head,
    Ops,
    InWrite,
    Ended,
}

/// The walk: an iterator over the events of a body, which ends with [`Event::End`] or an error.
pub(super) struct Contents<'a> {
    input: Bytes<'a>,
    columns: Columns<'a>,
    left: Left,
    stage: Stage,
    seen_tables: HashSet<u32>,
}

impl<'a> Contents<'a> {
    /// A walk of the body of a file, whose checksum was checked.
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            input: Bytes::new(body),
            columns: Columns::default(),
            left: Left::default(),
            stage: Stage::Head,
            seen_tables: HashSet::new(),
        }
    }

    fn step(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        match self.stage {
            Stage::Head => self.head().map(Some),
            Stage::InWrite if self.left.fields > 0 => self.field().map(Some),
            Stage::InWrite if self.left.rows > 0 => self.row().map(Some),
            Stage::InWrite if self.left.chunks > 0 => self.chunk().map(Some),
            Stage::InWrite if self.left.tables > 0 => self.table().map(Some),
            Stage::InWrite => self.write_end().map(Some),
            Stage::Ops if self.left.ops > 0 => self.op().map(Some),
            Stage::Ops => self.end().map(Some),
            Stage::Ended => Ok(None),
        }
    }

    fn head(&mut self) -> Result<Event<'a>, Malformed> {
        let persisted_ms = self.single()?.cast_signed();
        let min_ns = self.single()?.cast_signed();
        let max_ns = self.single()?.cast_signed();
        let number = self.single()?;
        let ops = self.columns.ops.next(&mut self.input, 1)?;
        self.left.ops = ops;
        self.stage = Stage::Ops;
        Ok(Event::Head(Head { persisted_ms, min_ns, max_ns, number, ops }))
    }

    /// A number that occurs once in a record has a column of its own.
    fn single(&mut self) -> Result<u64, Malformed> {
        Lazy::<Ints<'a, 8>>::default().next(&mut self.input, 1)
    }

    fn op(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { ops, op, noop, .. } = &mut self.columns;
        self.left.ops -= 1;
        let kind = op.next(&mut self.input, total(ops))?;
        if kind == WRITE {
            return self.write();
        }
        let time_ns = noop.next(&mut self.input, count(op, NOOP))?.cast_signed();
        Ok(Event::Noop { time_ns })
    }

    fn write(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { op, catalog, database, name, tables, .. } = &mut self.columns;
        let writes = count(op, WRITE);
        let catalog = catalog.next(&mut self.input, writes)?;
        let database = narrow(database.next(&mut self.input, writes)?);
        let name = name.next(&mut self.input, writes)?;
        let tables = tables.next(&mut self.input, writes)?;
        self.left.tables = tables;
        self.seen_tables.clear();
        self.stage = Stage::InWrite;
        Ok(Event::Write { catalog, database, name, tables })
    }

    fn table(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { tables, table, table_min, table_max, chunks, .. } = &mut self.columns;
        let tables = total(tables);
        self.left.tables -= 1;
        let id = narrow(table.next(&mut self.input, tables)?);
        let min_ns = table_min.next(&mut self.input, tables)?.cast_signed();
        let max_ns = table_max.next(&mut self.input, tables)?.cast_signed();
        let chunks = chunks.next(&mut self.input, tables)?;
        self.left.chunks = chunks;
        if self.seen_tables.len() >= MAX_TABLES {
            return Err(self.input.malformed("more tables in a write than any server has"));
        }
        if !self.seen_tables.insert(id) {
            return Err(self.input.malformed("table named twice in a write"));
        }
        Ok(Event::Table { id, min_ns, max_ns, chunks })
    }

    fn chunk(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { chunks, chunk, rows, .. } = &mut self.columns;
        let chunks = total(chunks);
        self.left.chunks -= 1;
        let time_ns = chunk.next(&mut self.input, chunks)?.cast_signed();
        let rows = rows.next(&mut self.input, chunks)?;
        self.left.rows = rows;
        Ok(Event::Chunk { time_ns, rows })
    }

    fn row(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { rows, row, fields, .. } = &mut self.columns;
        let rows = total(rows);
        self.left.rows -= 1;
        let time_ns = row.next(&mut self.input, rows)?.cast_signed();
        let fields = fields.next(&mut self.input, rows)?;
        self.left.fields = fields;
        Ok(Event::Row { time_ns, fields })
    }

    fn field(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { fields, column, field, .. } = &mut self.columns;
        let fields = total(fields);
        self.left.fields -= 1;
        let column = narrow_column(column.next(&mut self.input, fields)?);
        let kind = field.next(&mut self.input, fields)?;
        let value = self.value(kind)?;
        Ok(Event::Field { column, value })
    }

    fn value(&mut self, kind: u8) -> Result<Field<'a>, Malformed> {
        let columns = &mut self.columns;
        let count = count(&columns.field, kind);
        let input = &mut self.input;
        Ok(match kind {
            TIMESTAMP => Field::Timestamp(columns.timestamp.next(input, count)?.cast_signed()),
            KEY => Field::Key(columns.key.next(input, count)?),
            TAG => Field::Tag(columns.tag.next(input, count)?),
            STRING => Field::String(columns.string.next(input, count)?),
            INTEGER => Field::Integer(columns.integer.next(input, count)?.cast_signed()),
            UINTEGER => Field::UInteger(columns.uinteger.next(input, count)?),
            FLOAT => Field::Float(f64::from_bits(columns.float.next(input, count)?)),
            BOOLEAN => Field::Boolean(columns.boolean.next(input, count)?),
            _ => return Err(input.malformed("unknown kind of value")),
        })
    }

    fn write_end(&mut self) -> Result<Event<'a>, Malformed> {
        let Columns { op, write_min, write_max, .. } = &mut self.columns;
        let writes = count(op, WRITE);
        let min_ns = write_min.next(&mut self.input, writes)?.cast_signed();
        let max_ns = write_max.next(&mut self.input, writes)?.cast_signed();
        self.stage = Stage::Ops;
        Ok(Event::WriteEnd { min_ns, max_ns })
    }

    fn end(&mut self) -> Result<Event<'a>, Malformed> {
        let present = Lazy::<Choices<'a, 2>>::default().next(&mut self.input, 1)? == 1;
        let snapshot = if present { Some(self.snapshot()?) } else { None };
        if !self.input.is_empty() {
            return Err(self.input.malformed("bytes are left over"));
        }
        self.stage = Stage::Ended;
        Ok(Event::End { snapshot })
    }

    fn snapshot(&mut self) -> Result<SnapshotMarker, Malformed> {
        Ok(SnapshotMarker {
            number: self.single()?,
            end_time_ns: self.single()?.cast_signed(),
            first_wal: self.single()?,
            last_wal: self.single()?,
            forced: Lazy::<Bools<'a>>::default().next(&mut self.input, 1)?,
        })
    }
}

impl<'a> Iterator for Contents<'a> {
    type Item = Result<Event<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.stage = Stage::Ended;
        }
        step.transpose()
    }
}

/// Elements of all lists of a place that the walk has been in.
fn total(lengths: &Lazy<Lengths<'_>>) -> usize {
    lengths.met().map_or(0, Lengths::total)
}

fn count<const KINDS: usize>(choices: &Lazy<Choices<'_, KINDS>>, kind: u8) -> usize {
    choices.met().map_or(0, |choices| choices.count(kind))
}

#[expect(clippy::cast_possible_truncation, reason = "a column of four bytes yields no more")]
const fn narrow(value: u64) -> u32 {
    value as u32
}

#[expect(clippy::cast_possible_truncation, reason = "a column of two bytes yields no more")]
const fn narrow_column(value: u64) -> u16 {
    value as u16
}
