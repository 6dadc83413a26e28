//! Any bytes, decoded as one record of a snapshot of the head.

#![no_main]

use formats::prometheus::{Compression, Pages, SnapshotSeries, read_snapshot_segment};
use fuzz::laws::Seen;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let Some((&kind, body)) = record.split_first() else { return };
    let mut pages = Pages::default();
    pages.log(record, Compression::None);
    let len = pages.bytes().len() as u64;
    let seen = Seen::of(kind, |visit| read_snapshot_segment(pages.bytes(), visit));
    seen.assert_in_order(len);
    seen.assert_lost_once(len);
    assert_eq!(seen.records.len() + seen.damage.len(), 1);
    if kind == 1 {
        let series = SnapshotSeries::decode(body);
        assert_eq!(series.is_ok(), seen.damage.is_empty());
        if let Ok(series) = series {
            let record = &seen.records[0].1;
            assert_eq!((record.series, record.times.is_some()), (1, series.chunk.is_some()));
        }
    }
});
