//! Any bytes, decoded as one record of a Prometheus log: what decodes keeps its meaning when it is written again,
//! and the fast way counts in it what the decoder finds.

#![no_main]

use formats::prometheus::record::{Record, Type};
use formats::prometheus::{Compression, Pages, survey_segment};
use formats::{Survey, TimeRange, UnixTime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if bytes.is_empty() {
        return;
    }
    let survey = surveyed(bytes);
    match Record::decode(bytes) {
        Ok(record) => {
            counts_agree(&survey, &record);
            comes_back(&record);
        }
        Err(_) => assert_eq!((survey.damage.count(), survey.kinds.len()), (1, 0)),
    }
});

/// The survey of a segment that holds this record alone.
fn surveyed(record: &[u8]) -> Survey {
    let mut pages = Pages::default();
    pages.log(record, Compression::None);
    survey_segment(pages.bytes())
}

fn counts_agree(survey: &Survey, record: &Record<'_>) {
    let kind = record.kind();
    if survey.damage.count() == 1 && matches!(kind, Type::Unknown(_)) {
        // What decompresses to a record has lost the flag that says so.
        assert!(survey.damage.listed()[0].cause.contains("not marked so"));
        return;
    }
    let times: Vec<i64> = match record {
        Record::Samples(all) => all.iter().map(|point| point.time).collect(),
        Record::Histograms(_, _, all) => all.iter().map(|point| point.time).collect(),
        Record::SamplesV2(all) => all.iter().map(|(point, _)| point.time).collect(),
        Record::HistogramsV2(_, all) => all.iter().map(|(point, _)| point.time).collect(),
        _ => Vec::new(),
    };
    assert_eq!(survey.damage.count(), 0, "{:?}", survey.damage);
    assert_eq!(survey.kinds.get(kind.name()), Some(&1));
    assert_eq!(survey.samples, Some(times.len() as u64));
    let range = times.iter().min().zip(times.iter().max());
    let range = range
        .map(|(&min, &max)| TimeRange { min: UnixTime::from_millis(min), max: UnixTime::from_millis(max) });
    assert_eq!(survey.times, range);
}

fn comes_back(record: &Record<'_>) {
    let once = encoded(record);
    let again = Record::decode(&once).expect("what was written must decode");
    // Two layouts share this type and are told apart by which of them makes sense; of bytes that make sense in
    // neither, the shortest way to write them may make sense in one.
    if record.kind() != Type::Histograms {
        // Bytes are compared and not values, since no NaN equals itself.
        assert_eq!(once, encoded(&again));
    }
}

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}
