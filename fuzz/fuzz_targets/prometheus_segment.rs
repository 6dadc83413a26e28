//! Any bytes, read as a Prometheus segment, by the way of a dump and by the way of a survey: both must find the same.

#![no_main]

use std::collections::{BTreeMap, HashSet};

use formats::prometheus::{Compression, Pages, read_segment, survey_segment};
use formats::{MAX_LISTED_DAMAGE, MAX_NOTES, Note, TimeRange, Value};
use fuzz::control::Control;
use fuzz::laws::Seen;
use fuzz::repair::{self, PAGE};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    repair::segment(control, &mut file);
    let file = stretched(control, file);
    let len = file.len() as u64;
    let seen = Seen::of(control.stretch, |visit| read_segment(&file, visit));
    seen.assert_in_order(len);
    seen.assert_lost_once(len);
    // A record that is given up is lost with the damage that ended it, and lies outside of its range.
    let lost: u64 = seen.damage.iter().map(|damage| damage.lost.bytes).sum();
    let damaged: u64 = seen.damage.iter().map(|damage| damage.end - damage.start).sum();
    seen.assert_accounted(&file, 0, lost.saturating_sub(damaged));
    compare(&file, &seen);
});

/// Puts pages in front, so that the file lies across the end of the block that a reader reads at once.
fn stretched(control: Control, file: Vec<u8>) -> Vec<u8> {
    let pages = match control.stretch % 8 {
        1 => 7,
        2 => 8,
        _ => return file,
    };
    let mut front = Pages::default();
    if control.stretch & 8 == 0 {
        // A record of a type to come, which costs nothing to decode.
        front.log(&vec![63; pages * (PAGE - 7)], Compression::None);
        front.close();
    }
    let mut all = front.bytes().to_vec();
    all.resize(pages * PAGE, 0);
    all.extend(file);
    all
}

fn compare(file: &[u8], seen: &Seen) {
    let survey = survey_segment(file);
    let mut kinds = BTreeMap::new();
    let mut series = HashSet::new();
    let (mut samples, mut times) = (0, None);
    for (_, record) in &seen.records {
        *kinds.entry(record.kind).or_insert(0) += 1;
        samples += record.samples;
        times = TimeRange::merge(times, record.times);
        if record.kind == "series" {
            series.extend(declared(&record.fields[0].1));
        }
    }
    assert_eq!(survey.kinds, kinds);
    assert_eq!(survey.samples, Some(samples));
    assert_eq!(survey.times, times);
    if let Some(count) = survey.series {
        assert_eq!(count, series.len() as u64);
    }
    assert_eq!(survey.damage.count(), seen.damage.len() as u64);
    assert_eq!(survey.damage.listed(), &seen.damage[..seen.damage.len().min(MAX_LISTED_DAMAGE)]);
    let notes: Vec<&Note> = seen.notes.iter().map(|(_, note)| note).take(MAX_NOTES).collect();
    assert_eq!(survey.notes.iter().collect::<Vec<_>>(), notes);
}

/// The numbers of the series that a series record declares.
fn declared(value: &Value) -> Vec<u64> {
    let Value::List(all) = value else { panic!("{value:?}") };
    let number = |one: &Value| match one {
        Value::Map(fields) => match fields[0].1 {
            Value::Unsigned(number) => number,
            ref other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    all.iter().map(number).collect()
}
