//! When five fields are next, by clocks that are set forward and back, and against a count of every minute.

use proptest::prelude::*;

use super::*;

const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn next(fields: &str, zone: &str, after: &str) -> String {
    let cron = Cron::parse(fields, Zone::named(zone).unwrap()).unwrap();
    let after: Timestamp = after.parse().unwrap();
    let after = UnixTime::from_nanos(i64::try_from(after.as_nanosecond()).unwrap());
    Timestamp::from_nanosecond(cron.next(after).unwrap().nanos()).unwrap().to_string()
}

/// All that follow each other from a time on.
fn row(fields: &str, after: &str, count: usize) -> Vec<String> {
    let mut row = vec![after.to_owned()];
    (0..count).for_each(|at| row.push(next(fields, BERLIN, &row[at])));
    row.split_off(1)
}

#[test]
fn the_next_time_is_the_first_one_that_all_fields_agree_on() {
    for (fields, after, expected) in [
        ("0 3 * * *", "2026-03-01T02:59:59Z", "2026-03-01T03:00:00Z"),
        ("0 3 * * *", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"),
        ("*/15 8-18 * * mon-fri", "2026-11-27T18:45:00Z", "2026-11-30T08:00:00Z"),
        ("0 0 1 jan *", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("30 4 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T04:30:00Z"),
        ("0 12 13 * fri", "2026-11-01T00:00:00Z", "2026-11-06T12:00:00Z"),
        ("0 12 */2 * fri", "2026-11-01T00:00:00Z", "2026-11-13T12:00:00Z"),
        ("0 0 * * 7", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("@weekly", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("@HOURLY", "2026-11-26T00:00:00Z", "2026-11-26T01:00:00Z"),
        ("0 0 29 2 */7", "2026-01-01T00:00:00Z", "2032-02-29T00:00:00Z"),
    ] {
        assert_eq!(next(fields, "", after), expected, "{fields} after {after}");
    }
}

#[test]
fn a_time_that_a_clock_skips_is_made_up_for_once_when_the_clock_goes_on() {
    // At 01:00Z the clock of Berlin goes from 02:00 to 03:00.
    let night = "2026-03-28T23:00:00Z";
    assert_eq!(row("30 2 * * *", night, 2), ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    assert_eq!(row("10,50 2 * * *", night, 2), ["2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z"]);
    let hours = ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"];
    assert_eq!(row("30 * * * *", "2026-03-28T23:30:00Z", 3), hours);
}

#[test]
fn a_time_that_a_clock_shows_twice_counts_once_unless_every_hour_counts() {
    // At 01:00Z the clock of Berlin goes from 03:00 back to 02:00.
    let night = "2026-10-24T22:30:00Z";
    assert_eq!(row("30 2 * * *", night, 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    let hours =
        ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"];
    assert_eq!(row("30 * * * *", night, 4), hours);
}

#[test]
fn what_is_no_schedule_says_why() {
    let error = |text: &str| Cron::parse(text, Zone::default()).unwrap_err().to_string();
    assert!(error("0 3 * *").contains("4 stand there"), "{}", error("0 3 * *"));
    assert!(error("0 0 3 * * *").contains("6 stand there"));
    assert!(error("0 25 * * *").contains("\"25\" is no hour"));
    assert!(error("@often").contains("@daily"));
    assert_eq!(error("0 0 30 2 *"), CronError::Never.to_string());
    assert_eq!(error("0 0 31 4,6,9,11 *"), CronError::Never.to_string());
}

#[test]
fn a_zone_is_named_by_its_place_or_its_rules() {
    assert_eq!(Zone::named("").unwrap(), Zone::default());
    assert!(Zone::named(":CET-1CEST,M3.5.0,M10.5.0/3").is_ok());
    assert!(Zone::named("Nowhere/Atlantis").unwrap_err().to_string().contains("Nowhere/Atlantis"));
    for hostile in ["/etc/passwd", "../../../etc/passwd", "\0", ":"] {
        assert!(Zone::named(hostile).is_err() || hostile == ":", "{hostile:?}");
    }
}

/// A minute is one that all fields agree on, found without looking for it.
fn matches(cron: &Cron, shown: DateTime) -> bool {
    let number = |value: i8| u32::try_from(value).unwrap();
    cron.minutes.has(number(shown.minute()))
        && cron.hours.has(number(shown.hour()))
        && cron.is_day(shown.date())
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    let one = (least..=most).prop_map(|value| value.to_string());
    let range = (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let step = (1..=most).prop_map(|step| format!("*/{step}"));
    prop_oneof![3 => Just("*".to_owned()), 2 => one, 1 => range, 1 => step]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_minute_is_missed_and_none_is_invented(
        minute in field(0, 59), hour in field(0, 23), weekday in field(0, 7),
        start in 1_700_000_000_i64..1_900_000_000,
    ) {
        let cron = Cron::parse(&format!("{minute} {hour} * * {weekday}"), Zone::default()).unwrap();
        let begin = start / 60 * 60;
        let found = cron.next(UnixTime::from_seconds(begin)).unwrap();
        let shown = |second: i64| TimeZone::UTC.to_datetime(Timestamp::from_second(second).unwrap());
        let counted = (1..=8 * 24 * 60).map(|minute| begin + minute * 60).find(|at| matches(&cron, shown(*at)));
        prop_assert_eq!(Some(found), counted.map(UnixTime::from_seconds));
    }

    #[test]
    fn times_grow_and_never_repeat_over_changes_of_the_clock(
        minute in field(0, 59), hour in field(0, 23), start in 1_760_000_000_i64..1_800_000_000,
    ) {
        let cron = Cron::parse(&format!("{minute} {hour} * * *"), Zone::named(BERLIN).unwrap()).unwrap();
        let mut at = UnixTime::from_seconds(start);
        for _ in 0..50 {
            let next = cron.next(at).unwrap();
            prop_assert!(next > at);
            prop_assert!(next.seconds_since(at) <= 25.0 * 3600.0 + 3600.0, "no day is left out");
            at = next;
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-*/,0-9a-z@ ]{0,40}") {
        drop(Cron::parse(&text, Zone::default()));
    }
}
