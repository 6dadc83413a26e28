//! What a dump keeps.

use formats::Record;

use super::*;

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second)
}

fn series(number: u64, job: &str) -> Record {
    let labels = Value::Map(vec![("job".into(), job.into())]);
    Record::new("series").with("series", vec![Value::map([("ref", number.into()), ("labels", labels)])])
}

fn samples(points: &[(u64, i64)]) -> Record {
    let point =
        |(number, second): &(u64, i64)| Value::map([("ref", (*number).into()), ("time", at(*second).into())]);
    let times = points.iter().map(|(_, second)| TimeRange::at(at(*second))).reduce(TimeRange::union);
    Record { times, ..Record::new("samples").with("samples", points.iter().map(point).collect::<Vec<_>>()) }
}

/// The points that are left of a record.
fn left(record: Option<Record>) -> Vec<u64> {
    let Some(record) = record else { return Vec::new() };
    let Some((_, Value::List(items))) = record.fields.into_iter().next() else { return Vec::new() };
    let number = |item: &Value| match item {
        Value::Map(fields) => match fields.first() {
            Some((_, Value::Unsigned(number))) => *number,
            _ => 0,
        },
        _ => 0,
    };
    items.iter().map(number).collect()
}

fn matching(selectors: &[&str]) -> Sieve {
    Sieve::new(Filter {
        selectors: selectors.iter().map(|text| text.parse().unwrap()).collect(),
        ..Filter::default()
    })
}

#[test]
fn without_a_filter_everything_stays() {
    let mut sieve = Sieve::new(Filter::default());
    assert_eq!(sieve.keep(series(1, "a")), Some(series(1, "a")));
    assert_eq!(sieve.keep(samples(&[(1, 5), (2, 5)])), Some(samples(&[(1, 5), (2, 5)])));
    assert_eq!(sieve.keep(Record::new("empty")), Some(Record::new("empty")));
}

#[test]
fn samples_follow_the_series_that_matched_before() {
    let mut sieve = matching(&["{job='a'}"]);
    assert!(sieve.keep(series(1, "a")).is_some());
    assert!(sieve.keep(series(2, "b")).is_none());
    assert_eq!(left(sieve.keep(samples(&[(1, 5), (2, 5), (1, 6)]))), [1, 1]);
    assert!(sieve.keep(samples(&[(2, 7)])).is_none());
    assert!(sieve.keep(samples(&[(3, 7)])).is_none(), "a series that was never named matches nothing");
}

#[test]
fn one_of_several_selectors_is_enough() {
    let mut sieve = matching(&["{job='a'}", "{job='b'}"]);
    for (number, job) in [(1, "a"), (2, "b"), (3, "c")] {
        sieve.keep(series(number, job));
    }
    assert_eq!(left(sieve.keep(samples(&[(1, 5), (2, 5), (3, 5)]))), [1, 2]);
}

#[test]
fn a_number_that_is_given_to_another_series_no_longer_matches() {
    let mut sieve = matching(&["{job='a'}"]);
    sieve.keep(series(1, "a"));
    sieve.keep(series(1, "b"));
    assert!(sieve.keep(samples(&[(1, 5)])).is_none());
}

#[test]
fn series_are_remembered_even_where_their_records_are_not_wanted() {
    let types = vec!["samples".to_owned()];
    let mut sieve = Sieve::new(Filter { types, ..matching(&["{job='a'}"]).filter });
    assert!(sieve.keep(series(1, "a")).is_none());
    assert_eq!(left(sieve.keep(samples(&[(1, 5)]))), [1]);
}

#[test]
fn what_has_a_time_outside_the_range_goes_and_what_has_none_stays() {
    let mut sieve = Sieve::new(Filter { since: Some(at(5)), until: Some(at(6)), ..Filter::default() });
    assert_eq!(left(sieve.keep(samples(&[(1, 4), (2, 5), (3, 6), (4, 7)]))), [2, 3]);
    assert!(sieve.keep(samples(&[(1, 4)])).is_none());
    assert!(sieve.keep(series(1, "a")).is_some());
    let whole = |second| Record { times: Some(TimeRange::at(at(second))), ..Record::new("batch") };
    assert!(sieve.keep(whole(4)).is_none());
    assert!(sieve.keep(whole(5)).is_some());
}

#[test]
fn what_belongs_to_no_series_does_not_match_one() {
    let mut sieve = matching(&["{}"]);
    assert!(sieve.keep(Record::new("checkpoint").with("to", 5u64)).is_none());
}

#[test]
fn elements_are_found_at_any_depth() {
    let mut sieve = matching(&["{job='a'}"]);
    sieve.keep(series(1, "a"));
    let table = |numbers: &[u64]| {
        let rows = numbers.iter().map(|number| Value::map([("ref", (*number).into())])).collect::<Vec<_>>();
        Value::map([("name", "t".into()), ("rows", rows.into())])
    };
    let kept = sieve.keep(Record::new("write").with("tables", vec![table(&[1, 2]), table(&[2])])).unwrap();
    assert_eq!(
        kept.fields[0].1,
        Value::List(vec![table(&[1])]),
        "a table without rows is not kept for its name"
    );
}
