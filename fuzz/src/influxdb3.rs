//! The record of an `InfluxDB` 3 file in the types of the library that writes it, and in a form that both sides have.

use formats::{Record as Shown, UnixTime, Value};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub persist_timestamp_ms: i64,
    pub min_timestamp_ns: i64,
    pub max_timestamp_ns: i64,
    pub wal_file_number: u64,
    pub ops: Vec<Op>,
    pub snapshot: Option<Snapshot>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Op {
    Write(Batch),
    Noop(i64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    pub catalog_sequence: u64,
    pub database_id: u32,
    pub database_name: String,
    pub table_chunks: Vec<(u32, Table)>,
    pub min_time_ns: i64,
    pub max_time_ns: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    pub min_time: i64,
    pub max_time: i64,
    pub chunks: Vec<(i64, Vec<Row>)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub time: i64,
    pub fields: Vec<(u16, Data)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Data {
    Timestamp(i64),
    Key(String),
    Tag(String),
    String(String),
    Integer(i64),
    UInteger(u64),
    Float(f64),
    Boolean(bool),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    pub number: u64,
    pub end_time_marker: i64,
    pub first_wal_sequence_number: u64,
    pub last_wal_sequence_number: u64,
    pub forced: bool,
}

/// What the server makes of a body: it refuses a table that is named twice in a batch.
pub fn by_the_library(body: &[u8]) -> Option<Record> {
    let record: Record = bitcode::deserialize(body).ok()?;
    let is_unique = |op: &Op| match op {
        Op::Write(batch) => {
            let mut ids: Vec<u32> = batch.table_chunks.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids.windows(2).all(|pair| pair[0] != pair[1])
        }
        Op::Noop(_) => true,
    };
    record.ops.iter().all(is_unique).then_some(record)
}

/// A record of the library as it should be shown: kinds and fields, NaNs by their bits.
pub fn expected(record: &Record) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for op in &record.ops {
        match op {
            Op::Noop(time) => all.push(("noop", Value::map([("time", nanos(*time))]))),
            Op::Write(batch) => all.push(("write", batch_of(batch))),
        }
    }
    if let Some(snapshot) = &record.snapshot {
        let fields = Value::map([
            ("snapshot_sequence_number", snapshot.number.into()),
            ("end_time", nanos(snapshot.end_time_marker)),
            ("first_wal_file", snapshot.first_wal_sequence_number.into()),
            ("last_wal_file", snapshot.last_wal_sequence_number.into()),
            ("forced", snapshot.forced.into()),
        ]);
        all.push(("snapshot", fields));
    }
    all
}

fn batch_of(batch: &Batch) -> Value {
    Value::map([
        ("database_id", batch.database_id.into()),
        ("database", batch.database_name.as_str().into()),
        ("catalog_sequence", batch.catalog_sequence.into()),
        ("tables", batch.table_chunks.iter().map(table_of).collect::<Vec<_>>().into()),
        ("min_time", nanos(batch.min_time_ns)),
        ("max_time", nanos(batch.max_time_ns)),
    ])
}

fn table_of((id, table): &(u32, Table)) -> Value {
    let chunk = |(time, rows): &(i64, Vec<Row>)| {
        let rows: Vec<Value> = rows.iter().map(row_of).collect();
        Value::map([("chunk_time", nanos(*time)), ("rows", rows.into())])
    };
    Value::map([
        ("table_id", (*id).into()),
        ("min_time", nanos(table.min_time)),
        ("max_time", nanos(table.max_time)),
        ("chunks", table.chunks.iter().map(chunk).collect::<Vec<_>>().into()),
    ])
}

fn row_of(row: &Row) -> Value {
    let field = |(column, data): &(u16, Data)| {
        let (name, value) = match data {
            Data::Timestamp(time) => ("timestamp", nanos(*time)),
            Data::Key(text) => ("key", text.as_str().into()),
            Data::Tag(text) => ("tag", text.as_str().into()),
            Data::String(text) => ("string", text.as_str().into()),
            Data::Integer(value) => ("integer", (*value).into()),
            Data::UInteger(value) => ("uinteger", (*value).into()),
            Data::Float(value) => ("float", Value::Unsigned(value.to_bits())),
            Data::Boolean(value) => ("boolean", (*value).into()),
        };
        Value::map([("column", (*column).into()), (name, value)])
    };
    Value::map([
        ("time", nanos(row.time)),
        ("fields", row.fields.iter().map(field).collect::<Vec<_>>().into()),
    ])
}

fn nanos(time: i64) -> Value {
    UnixTime::from_nanos(time).into()
}

/// A record as it was shown, without what the head of the file says, NaNs by their bits.
pub fn shown(record: Shown) -> (&'static str, Value) {
    let fields =
        record.fields.into_iter().filter(|(name, _)| name != "wal_file_number" && name != "persisted");
    (record.kind, by_bits(Value::Map(fields.collect())))
}

fn by_bits(value: Value) -> Value {
    match value {
        Value::Float(value) => Value::Unsigned(value.to_bits()),
        Value::List(all) => Value::List(all.into_iter().map(by_bits).collect()),
        Value::Map(all) => Value::Map(all.into_iter().map(|(name, value)| (name, by_bits(value))).collect()),
        other => other,
    }
}
