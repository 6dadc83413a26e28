//! Records of Grafana Loki, which frames its log as Prometheus does and fills it with records of its own.
//!
//! | type | record | body after the type byte |
//! |---|---|---|
//! | 1 | series | tenant text, then a whole Prometheus series record |
//! | 2 | entries | tenant, base time u64 ns, { series u64, n^ { time~ against the base, line text } } |
//! | 3 | checkpoint | a protobuf message; counted, not decoded |
//! | 4 | entries v2 | as entries, with a counter i64 behind each series |
//! | 5 | entries v3 | as v2, with n^ { name, value } behind each line |
//!
//! Series numbers are hashes of the labels.

use std::borrow::Cow;

use super::record::{Labels, Record as WalRecord, text};
use super::values;
use crate::{Bytes, Malformed, Record, TimeRange, UnixTime, Value};

/// Which entries a record holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    V1,
    V2,
    V3,
}

/// Decodes a record into the terms of a dump.
pub(super) fn record(record: &[u8]) -> Result<Record, Malformed> {
    let mut bytes = Bytes::new(record);
    match bytes.u8("type")? {
        1 => series(bytes),
        2 => entries(bytes, Layout::V1),
        3 => Ok(Record::new("checkpoint").with("bytes", bytes.rest().len() as u64)),
        4 => entries(bytes, Layout::V2),
        5 => entries(bytes, Layout::V3),
        _ => Err(Malformed { what: "no record has this type", at: 0 }),
    }
}

fn tenant(bytes: &mut Bytes<'_>) -> Result<Value, Malformed> {
    text(bytes, "tenant").map(Value::text_or_bytes)
}

fn series(mut bytes: Bytes<'_>) -> Result<Record, Malformed> {
    let tenant = tenant(&mut bytes)?;
    let inner = WalRecord::decode(bytes.rest())?;
    if !matches!(inner, WalRecord::Series(_)) {
        return Err(bytes.malformed("series: no series record inside"));
    }
    let mut record = values::record(&inner);
    record.fields.insert(0, (Cow::Borrowed("tenant"), tenant));
    Ok(record)
}

fn entries(mut bytes: Bytes<'_>, layout: Layout) -> Result<Record, Malformed> {
    let mut record = Record::new("entries").with("tenant", tenant(&mut bytes)?);
    let mut streams = Vec::new();
    if !bytes.is_empty() {
        let base = bytes.i64_be("entries: base time")?;
        while !bytes.is_empty() {
            streams.push(stream(&mut bytes, layout, base, &mut record)?);
        }
    }
    Ok(record.with("entries", streams))
}

fn stream(bytes: &mut Bytes<'_>, layout: Layout, base: i64, record: &mut Record) -> Result<Value, Malformed> {
    let series = bytes.u64_be("entries: series")?;
    let counter = match layout {
        Layout::V1 => Value::Null,
        Layout::V2 | Layout::V3 => bytes.i64_be("entries: counter")?.into(),
    };
    let mut lines = Vec::new();
    for _ in 0..bytes.uvarint("entries: count")? {
        let time = UnixTime::from_nanos(base.wrapping_add(bytes.varint("entries: time")?));
        let line = Value::text_or_bytes(text(bytes, "entries: line")?);
        let metadata = match layout {
            Layout::V1 | Layout::V2 => Value::Null,
            Layout::V3 => values::labels(Labels::read(bytes)?),
        };
        record.samples += 1;
        record.times = TimeRange::merge(record.times, Some(TimeRange::at(time)));
        lines.push(Value::map([("time", time.into()), ("line", line), ("metadata", metadata)]));
    }
    Ok(Value::map([("ref", series.into()), ("counter", counter), ("lines", lines.into())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: &[u8] = b"\x01\x04fake\x01\0\0\0\0\0\0\0\x09\x01\x03app\x01x";

    fn entry_record(kind: u8) -> Vec<u8> {
        let mut bytes = vec![kind, 4];
        bytes.extend_from_slice(b"fake\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x09");
        if kind > 2 {
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7]);
        }
        bytes.extend_from_slice(b"\x01\x02\x02hi");
        if kind == 5 {
            bytes.extend_from_slice(b"\x01\x01k\x01v");
        }
        bytes
    }

    #[test]
    fn golden_records_decode() {
        let series = record(SERIES).unwrap();
        assert_eq!((series.kind, series.series), ("series", 1));
        for kind in [2, 4, 5] {
            let entries = record(&entry_record(kind)).unwrap();
            assert_eq!((entries.kind, entries.samples), ("entries", 1), "type {kind}");
            assert_eq!(entries.times, Some(TimeRange::at(UnixTime::from_nanos(101))));
        }
    }

    #[test]
    fn a_record_cut_anywhere_is_malformed_or_shorter_but_never_more() {
        for whole in [SERIES.to_vec(), entry_record(2), entry_record(4), entry_record(5)] {
            for len in 0..whole.len() {
                if let Ok(cut) = record(&whole[..len]) {
                    assert_eq!((cut.samples, cut.series), (0, 0), "{len} bytes of {whole:?}");
                }
            }
        }
    }

    #[test]
    fn records_of_loki_are_not_taken_for_those_of_prometheus() {
        for bytes in [SERIES.to_vec(), entry_record(5)] {
            assert!(WalRecord::decode(&bytes).is_err(), "{bytes:?}");
        }
    }
}
