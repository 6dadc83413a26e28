//! The decoder against the library that writes the files.

#![expect(clippy::big_endian_bytes, reason = "the checksum in a frame is big-endian")]

use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::contents::{Contents, Event, Field, SnapshotMarker};
use super::decode_file;
use super::frame::{Flaw, MAGIC, verify};
use super::records::visit_records;
use crate::Value;
use crate::sum::crc32_ieee;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    persist_timestamp_ms: i64,
    min_timestamp_ns: i64,
    max_timestamp_ns: i64,
    wal_file_number: u64,
    ops: Vec<Op>,
    snapshot: Option<Snapshot>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Op {
    Write(Batch),
    Noop(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Batch {
    catalog_sequence: u64,
    database_id: u32,
    database_name: String,
    table_chunks: Vec<(u32, Table)>,
    min_time_ns: i64,
    max_time_ns: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Table {
    min_time: i64,
    max_time: i64,
    chunks: Vec<(i64, Vec<Row>)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    time: i64,
    fields: Vec<(u16, Data)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Data {
    Timestamp(i64),
    Key(String),
    Tag(String),
    String(String),
    Integer(i64),
    UInteger(u64),
    Float(f64),
    Boolean(bool),
}

/// Floats are equal when their bits are: hostile files hold every NaN.
impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Data::Timestamp(a), Data::Timestamp(b)) | (Data::Integer(a), Data::Integer(b)) => a == b,
            (Data::Key(a), Data::Key(b))
            | (Data::Tag(a), Data::Tag(b))
            | (Data::String(a), Data::String(b)) => a == b,
            (Data::UInteger(a), Data::UInteger(b)) => a == b,
            (Data::Float(a), Data::Float(b)) => a.to_bits() == b.to_bits(),
            (Data::Boolean(a), Data::Boolean(b)) => a == b,
            _ => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Snapshot {
    number: u64,
    end_time_marker: i64,
    first_wal_sequence_number: u64,
    last_wal_sequence_number: u64,
    forced: bool,
}

fn framed(body: &[u8]) -> Vec<u8> {
    [MAGIC.as_slice(), &crc32_ieee(body).to_be_bytes(), body].concat()
}

fn encoded(record: &Record) -> Vec<u8> {
    framed(&bitcode::serialize(record).unwrap())
}

/// The record that the events of a body describe.
fn rebuilt(body: &[u8]) -> Result<Record, crate::Malformed> {
    let mut record = Record {
        persist_timestamp_ms: 0,
        min_timestamp_ns: 0,
        max_timestamp_ns: 0,
        wal_file_number: 0,
        ops: Vec::new(),
        snapshot: None,
    };
    for event in Contents::new(body) {
        add(&mut record, event?);
    }
    Ok(record)
}

fn add(record: &mut Record, event: Event<'_>) {
    let last_batch = match record.ops.last_mut() {
        Some(Op::Write(batch)) => Some(batch),
        _ => None,
    };
    match event {
        Event::Head(head) => {
            record.persist_timestamp_ms = head.persisted_ms;
            (record.min_timestamp_ns, record.max_timestamp_ns) = (head.min_ns, head.max_ns);
            record.wal_file_number = head.number;
        }
        Event::Write { catalog, database, name, .. } => record.ops.push(Op::Write(Batch {
            catalog_sequence: catalog,
            database_id: database,
            database_name: name.to_owned(),
            table_chunks: Vec::new(),
            min_time_ns: 0,
            max_time_ns: 0,
        })),
        Event::Noop { time_ns } => record.ops.push(Op::Noop(time_ns)),
        Event::End { snapshot } => record.snapshot = snapshot.map(marker),
        Event::WriteEnd { min_ns, max_ns } => {
            let batch = last_batch.unwrap();
            (batch.min_time_ns, batch.max_time_ns) = (min_ns, max_ns);
        }
        Event::Table { id, min_ns, max_ns, .. } => {
            let table = Table { min_time: min_ns, max_time: max_ns, chunks: Vec::new() };
            last_batch.unwrap().table_chunks.push((id, table));
        }
        Event::Chunk { time_ns, .. } => last_table(last_batch).chunks.push((time_ns, Vec::new())),
        Event::Row { time_ns, .. } => {
            let row = Row { time: time_ns, fields: Vec::new() };
            last_table(last_batch).chunks.last_mut().unwrap().1.push(row);
        }
        Event::Field { column, value } => {
            let row = last_table(last_batch).chunks.last_mut().unwrap().1.last_mut().unwrap();
            row.fields.push((column, data(value)));
        }
    }
}

fn last_table(batch: Option<&mut Batch>) -> &mut Table {
    &mut batch.unwrap().table_chunks.last_mut().unwrap().1
}

fn marker(marker: SnapshotMarker) -> Snapshot {
    Snapshot {
        number: marker.number,
        end_time_marker: marker.end_time_ns,
        first_wal_sequence_number: marker.first_wal,
        last_wal_sequence_number: marker.last_wal,
        forced: marker.forced,
    }
}

fn data(value: Field<'_>) -> Data {
    match value {
        Field::Timestamp(value) => Data::Timestamp(value),
        Field::Key(text) => Data::Key(text.to_owned()),
        Field::Tag(text) => Data::Tag(text.to_owned()),
        Field::String(text) => Data::String(text.to_owned()),
        Field::Integer(value) => Data::Integer(value),
        Field::UInteger(value) => Data::UInteger(value),
        Field::Float(value) => Data::Float(value),
        Field::Boolean(value) => Data::Boolean(value),
    }
}

/// Numbers that lie close together, far apart, near zero and at the ends, so that every packing occurs.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        0..2_i64,
        -3..16_i64,
        0..256_i64,
        1000..1010_i64,
        0..70_000_i64,
        1_773_480_000_000_000_000..1_773_480_000_000_001_000_i64,
        any::<i64>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z]{0,6}",
        2 => "\\PC{0,8}",
        1 => (250..600_usize).prop_map(|len| "x".repeat(len)),
    ]
}

fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        number().prop_map(Data::Timestamp),
        text().prop_map(Data::Key),
        text().prop_map(Data::Tag),
        text().prop_map(Data::String),
        number().prop_map(Data::Integer),
        number().prop_map(|value| Data::UInteger(value.cast_unsigned())),
        any::<f64>().prop_map(Data::Float),
        any::<bool>().prop_map(Data::Boolean),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let column = prop_oneof![0..6_u16, 250..260_u16, any::<u16>()];
    (number(), vec((column, any_data()), 0..8)).prop_map(|(time, fields)| Row { time, fields })
}

fn table() -> impl Strategy<Value = Table> {
    let rows = prop_oneof![9 => vec(row(), 0..8), 1 => vec(row(), 250..300)];
    (number(), number(), vec((number(), rows), 0..4)).prop_map(|(min_time, max_time, chunks)| Table {
        min_time,
        max_time,
        chunks,
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    let tables = proptest::collection::btree_map(prop_oneof![0..5_u32, any::<u32>()], table(), 0..4);
    (number(), any::<u32>(), text(), tables, number(), number()).prop_map(
        |(catalog, database_id, database_name, tables, min_time_ns, max_time_ns)| Batch {
            catalog_sequence: catalog.cast_unsigned(),
            database_id,
            database_name,
            table_chunks: tables.into_iter().collect(),
            min_time_ns,
            max_time_ns,
        },
    )
}

fn any_record() -> impl Strategy<Value = Record> {
    let op = prop_oneof![4 => batch().prop_map(Op::Write), 1 => number().prop_map(Op::Noop)];
    let snapshot = proptest::option::of((any::<u64>(), number(), any::<u64>(), any::<u64>(), any::<bool>()));
    (number(), number(), number(), any::<u64>(), vec(op, 0..5), snapshot).prop_map(
        |(persist_timestamp_ms, min_timestamp_ns, max_timestamp_ns, wal_file_number, ops, snapshot)| Record {
            persist_timestamp_ms,
            min_timestamp_ns,
            max_timestamp_ns,
            wal_file_number,
            ops,
            snapshot: snapshot.map(|(number, end_time_marker, first, last, forced)| Snapshot {
                number,
                end_time_marker,
                first_wal_sequence_number: first,
                last_wal_sequence_number: last,
                forced,
            }),
        },
    )
}

/// What the server's own structures make of a body; they refuse a table that is named twice in a batch.
fn by_the_library(body: &[u8]) -> Option<Record> {
    let record: Record = bitcode::deserialize(body).ok()?;
    let is_unique = |op: &Op| match op {
        Op::Write(batch) => {
            let mut ids: Vec<u32> = batch.table_chunks.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.len() == batch.table_chunks.len()
        }
        Op::Noop(_) => true,
    };
    record.ops.iter().all(is_unique).then_some(record)
}

/// A whole file: a forced snapshot with nothing to write.
#[rustfmt::skip]
const GOLDEN: [u8; 69] = [
    b'i', b'd', b'b', b'3', b'.', b'0', b'0', b'1',          // magic
    0x90, 0x33, 0x37, 0x40,                                  // checksum of all that follows
    0x00, 0x59, 0x0d, 0xb2, 0xeb, 0x9c, 0x01, 0x00, 0x00,    // written at, in milliseconds, stored whole
    0x00, 0x40, 0x48, 0x2b, 0x9c, 0x6d, 0xab, 0x9c, 0x18,    // first time, in nanoseconds, stored whole
    0x00, 0x41, 0x48, 0x2b, 0x9c, 0x6d, 0xab, 0x9c, 0x18,    // last time
    0x06, 0x31,                                              // number 49, stored in one byte
    0x01,                                                    // one operation,
    0x01,                                                    // a noop,
    0x00, 0x40, 0x48, 0x2b, 0x9c, 0x6d, 0xab, 0x9c, 0x18,    // at this time
    0x01,                                                    // a snapshot begins:
    0x06, 0x08,                                              // number 8,
    0x00, 0x00, 0xa8, 0x70, 0x74, 0x7b, 0xab, 0x9c, 0x18,    // of what is older than this,
    0x06, 0x2b, 0x06, 0x31,                                  // in the files 43 to 49,
    0x01,                                                    // forced
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_library_writes_is_read_back_and_written_again_byte_for_byte(record in any_record()) {
        let file = encoded(&record);
        let body = verify(&file).unwrap();
        let again = rebuilt(body.bytes()).unwrap();
        prop_assert_eq!(&again, &record);
        prop_assert_eq!(encoded(&again), file);
    }

    #[test]
    fn a_changed_body_is_accepted_exactly_if_the_library_accepts_it(
        record in any_record(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = bitcode::serialize(&record).unwrap();
        for (index, byte) in changes {
            let at = index.index(body.len());
            body[at] = byte;
        }
        prop_assert_eq!(rebuilt(&body).ok(), by_the_library(&body));
    }

    #[test]
    fn a_cut_or_extended_body_is_accepted_exactly_if_the_library_accepts_it(
        record in any_record(),
        cut in any::<prop::sample::Index>(),
        more in vec(any::<u8>(), 0..9),
    ) {
        let mut body = bitcode::serialize(&record).unwrap();
        body.truncate(cut.index(body.len() + 1));
        body.extend(more);
        prop_assert_eq!(rebuilt(&body).ok(), by_the_library(&body));
    }

    #[test]
    fn a_body_of_noise_is_accepted_exactly_if_the_library_accepts_it(
        // Headers of columns that exist make the walk go deeper than plain noise would.
        body in vec(prop_oneof![0..12_u8, any::<u8>()], 0..200),
    ) {
        prop_assert_eq!(rebuilt(&body).ok(), by_the_library(&body));
    }
}

#[test]
fn the_file_of_a_forced_snapshot_is_read_to_the_last_bit() {
    let time_ns = 1_773_480_840_537_000_000;
    let file = decode_file(&GOLDEN).unwrap();
    assert_eq!((file.number, file.writes, file.noops, file.rows), (49, 0, 1, 0));
    assert_eq!((file.min_ns, file.max_ns, file.times), (time_ns, time_ns + 1, None));
    assert_eq!(file.persisted_ms, 1_773_480_840_537);
    let marker = SnapshotMarker {
        number: 8,
        end_time_ns: 1_773_480_900_000_000_000,
        first_wal: 43,
        last_wal: 49,
        forced: true,
    };
    assert_eq!(file.snapshot, Some(marker));
    let record = rebuilt(verify(&GOLDEN).unwrap().bytes()).unwrap();
    assert_eq!(record.ops, [Op::Noop(time_ns)]);
    assert_eq!(encoded(&record), GOLDEN);
}

#[test]
fn any_changed_byte_is_found_where_it_can_be() {
    for at in 0..GOLDEN.len() {
        for bit in 0..8 {
            let mut file = GOLDEN.to_vec();
            file[at] ^= 1 << bit;
            let flaw = decode_file(&file).unwrap_err();
            assert_eq!(flaw.start(), if at < 8 { 0 } else { 8 }, "byte {at} bit {bit}: {flaw}");
            assert!(flaw.is_skipped());
        }
    }
}

#[test]
fn a_file_that_is_cut_is_never_sound() {
    for length in 0..GOLDEN.len() {
        let flaw = decode_file(&GOLDEN[..length]).unwrap_err();
        match length {
            0..12 => assert_eq!(flaw, Flaw::TooShort { length }),
            _ => assert!(matches!(flaw, Flaw::Checksum { .. }), "{length}: {flaw}"),
        }
    }
}

#[test]
fn a_body_with_a_matching_checksum_is_damaged_from_its_first_byte() {
    let body = &GOLDEN[12..];
    for length in 0..body.len() {
        let flaw = decode_file(&framed(&body[..length])).unwrap_err();
        assert_eq!((flaw.start(), flaw.is_skipped()), (12, false), "{length}: {flaw}");
    }
    assert_eq!(decode_file(&framed(b"{\"ops\":[]}")), Err(Flaw::JsonBody));
    let longer = framed(&[body, &[0]].concat());
    assert_eq!(
        decode_file(&longer).unwrap_err().to_string(),
        "body does not decode: bytes are left over at byte 69"
    );
}

#[test]
fn a_table_that_is_named_twice_is_refused() {
    let table = Table { min_time: 0, max_time: 0, chunks: Vec::new() };
    let batch = Batch {
        catalog_sequence: 1,
        database_id: 1,
        database_name: "db".to_owned(),
        table_chunks: vec![(7, table.clone()), (7, table)],
        min_time_ns: 0,
        max_time_ns: 0,
    };
    let record = Record {
        persist_timestamp_ms: 0,
        min_timestamp_ns: 0,
        max_timestamp_ns: 0,
        wal_file_number: 1,
        ops: vec![Op::Write(batch)],
        snapshot: None,
    };
    let flaw = decode_file(&encoded(&record)).unwrap_err();
    assert!(flaw.to_string().contains("table named twice"), "{flaw}");
}

#[test]
fn lists_of_more_than_254_elements_are_read() {
    for count in [253, 254, 255, 256, 257, 70_000] {
        let record = Record {
            persist_timestamp_ms: 1,
            min_timestamp_ns: 2,
            max_timestamp_ns: 3,
            wal_file_number: 4,
            ops: (0..count).map(Op::Noop).collect(),
            snapshot: None,
        };
        let file = encoded(&record);
        assert_eq!(rebuilt(&file[12..]).unwrap(), record);
        assert_eq!(decode_file(&file).unwrap().noops, count.cast_unsigned());
    }
}

/// Rows and fields of all chunks in `tables` of a shown write.
fn shown(record: &crate::Record) -> (Vec<Value>, usize) {
    let get = |fields: &[(std::borrow::Cow<'static, str>, Value)], name| {
        let value = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
        match value {
            Some(Value::List(list)) => list,
            other => panic!("{name}: {other:?}"),
        }
    };
    let inner = |values: Vec<Value>, name| -> Vec<Value> {
        let lists = values.into_iter().map(|value| match value {
            Value::Map(fields) => get(&fields, name),
            other => panic!("{other:?}"),
        });
        lists.flatten().collect()
    };
    let rows = inner(inner(get(&record.fields, "tables"), "chunks"), "rows");
    let fields = inner(rows.clone(), "fields").len();
    (rows, fields)
}

#[test]
fn a_write_too_large_for_one_record_goes_on_in_further_ones_without_loss() {
    let row = |time: i64| Row { time, fields: (0..9).map(|column| (column, Data::Integer(time))).collect() };
    let chunk = |first: i64| (first, (first..first + 3_000).map(row).collect());
    let table = |id: u32| {
        let first = i64::from(id) * 100_000;
        (id, Table { min_time: 0, max_time: 0, chunks: vec![chunk(first), chunk(first + 10_000)] })
    };
    let batch = Batch {
        catalog_sequence: 1,
        database_id: 1,
        database_name: "db".to_owned(),
        table_chunks: (0..3).map(table).collect(),
        min_time_ns: 0,
        max_time_ns: 0,
    };
    let record = Record {
        persist_timestamp_ms: 0,
        min_timestamp_ns: 0,
        max_timestamp_ns: 0,
        wal_file_number: 1,
        ops: vec![Op::Write(batch)],
        snapshot: None,
    };
    let file = encoded(&record);
    let mut records = Vec::new();
    let mut visit = |record| {
        records.push(record);
        std::ops::ControlFlow::Continue(())
    };
    visit_records(verify(&file).unwrap(), &mut visit).unwrap();
    let kinds: Vec<&str> = records.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, ["write", "write-rest", "write-rest", "write-rest", "write-rest", "write-rest"]);
    assert_eq!(records.iter().map(|record| record.samples).sum::<u64>(), 18_000);
    let mut times = Vec::new();
    let mut fields = 0;
    for record in &records {
        let (rows, count) = shown(record);
        fields += count;
        times.extend(rows.into_iter().map(|row| match row {
            Value::Map(fields) => format!("{:?}", fields[0].1),
            other => panic!("{other:?}"),
        }));
    }
    assert_eq!(fields, 18_000 * 9);
    // A row that was cut in two is shown twice, under the same time.
    times.dedup();
    assert_eq!(times.len(), 18_000);
}
