//! Any bytes, decoded as a WAL file of `InfluxDB` 3, and by the library that writes them: both must accept the same
//! and find the same.

#![no_main]

use std::ops::ControlFlow;

use formats::influxdb3::{Flaw, WalFile, decode_file, read_file};
use formats::{Body, Entry};
use fuzz::influxdb3::{Op, Record, by_the_library, expected, shown};
use fuzz::repair::crc32_ieee;
use libfuzzer_sys::fuzz_target;

const MAGIC: &[u8] = b"idb3.001";

fuzz_target!(|input: &[u8]| {
    // A whole file is read as it is, too; what goes on is its body, with a checksum that is right.
    let flaw = decode_file(input).err();
    assert!(flaw.is_none_or(|flaw| flaw.start() <= input.len() as u64));
    let body = if input.starts_with(MAGIC) { input.get(12..).unwrap_or_default() } else { input };
    let file = [MAGIC, &crc32_ieee(body).to_be_bytes(), body].concat();
    let decoded = decode_file(&file);
    let mut records = Vec::new();
    let read = read_file(&file, &mut |entry: Entry| {
        assert_eq!(entry.span, 0..file.len() as u64);
        let Body::Record(record) = entry.body else { panic!("{entry:?}") };
        records.push(record);
        ControlFlow::Continue(())
    });
    assert_eq!(decoded.as_ref().err(), read.as_ref().err());
    let Ok(decoded) = decoded else {
        let is_json = decoded == Err(Flaw::JsonBody);
        assert!(
            is_json || by_the_library(body).is_none(),
            "the library accepts what is refused here: {decoded:?}"
        );
        return;
    };
    let record = by_the_library(body).expect("the library refuses what is accepted here");
    counts_agree(&decoded, &record);
    if records.iter().all(|record| record.kind != "write-rest") {
        let all: Vec<_> = records.into_iter().map(shown).collect();
        assert_eq!(all, expected(&record));
    }
});

fn counts_agree(file: &WalFile, record: &Record) {
    assert_eq!((file.number, file.persisted_ms), (record.wal_file_number, record.persist_timestamp_ms));
    assert_eq!((file.min_ns, file.max_ns), (record.min_timestamp_ns, record.max_timestamp_ns));
    let batches =
        record.ops.iter().filter_map(|op| if let Op::Write(batch) = op { Some(batch) } else { None });
    assert_eq!(file.writes, batches.clone().count() as u64);
    assert_eq!(file.writes + file.noops, record.ops.len() as u64);
    let rows = || {
        let tables = batches.clone().flat_map(|batch| &batch.table_chunks);
        tables.flat_map(|(_, table)| &table.chunks).flat_map(|(_, rows)| rows)
    };
    assert_eq!(file.rows, rows().count() as u64);
    let counts = &file.fields;
    let fields =
        counts.timestamp + counts.key + counts.tag + counts.string + counts.integer + counts.uinteger;
    let fields = fields + counts.float + counts.boolean;
    assert_eq!(fields, rows().map(|row| row.fields.len() as u64).sum::<u64>());
    let times = rows().map(|row| i128::from(row.time));
    let range = times.clone().min().zip(times.max());
    assert_eq!(file.times.map(|times| (times.min.nanos(), times.max.nanos())), range);
}
