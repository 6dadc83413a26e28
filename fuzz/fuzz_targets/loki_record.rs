//! Any bytes, decoded as one record of a Loki log.

#![no_main]

use formats::Value;
use formats::prometheus::{Compression, Pages, read_loki_segment};
use fuzz::laws::Seen;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let Some(&kind) = record.first() else { return };
    let mut pages = Pages::default();
    pages.log(record, Compression::None);
    let len = pages.bytes().len() as u64;
    let seen = Seen::of(kind, |visit| read_loki_segment(pages.bytes(), visit));
    seen.assert_in_order(len);
    seen.assert_lost_once(len);
    assert_eq!(seen.records.len() + seen.damage.len(), 1);
    for (_, record) in &seen.records {
        assert_eq!(record.times.is_some(), record.samples > 0);
        if record.kind == "entries" {
            assert_eq!(lines(&record.fields[1].1), record.samples);
        }
    }
});

/// How many lines the streams of a record hold.
fn lines(streams: &Value) -> u64 {
    let Value::List(streams) = streams else { panic!("{streams:?}") };
    let count = |stream: &Value| match stream {
        Value::Map(fields) => match &fields[2].1 {
            Value::List(lines) => lines.len() as u64,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    streams.iter().map(count).sum()
}
