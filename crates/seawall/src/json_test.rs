//! The JSON contract: names, shapes, and what unknown looks like.

use formats::{Estimate, Lost, PartSurvey, Role, Survey, TimeRange, TopRow, Verdict};

use super::*;
use crate::limits::Health;
use crate::report::fake::{FakeLog, damage};

/// The names that scripts rely on, in their order.
const HEAD: &[&str] = &[
    "path",
    "root",
    "format",
    "segments",
    "bytes",
    "total_bytes",
    "records",
    "records_by_type",
    "series",
    "samples",
    "min_time",
    "max_time",
    "oldest_age_seconds",
    "damage",
    "damage_count",
    "notes",
    "estimate",
    "verdict",
    "health",
    "findings",
    "details",
];

fn report(depth: Depth, survey: Survey) -> Report {
    Report {
        path: "/data".into(),
        root: "/data".into(),
        format: formats::Format::Prometheus,
        survey,
        depth,
        now: UnixTime::from_seconds(2_000),
        findings: Vec::new(),
        health: Health::Unknown,
    }
}

fn unread() -> Survey {
    let log = FakeLog::new(&[("1", Role::Live, 100), ("2", Role::Block, 50)]);
    Survey { parts: log.parts.iter().map(PartSurvey::unread).collect(), ..Survey::default() }
}

#[test]
fn the_common_head_has_the_names_of_the_contract() {
    let head = head(&report(Depth::Listing, unread()));
    assert_eq!(head.keys().collect::<Vec<_>>(), HEAD);
    let serde_json::Value::Object(nothing) = nothing_yet(Path::new("/data")) else { panic!("no object") };
    let mut names: Vec<&str> =
        nothing.keys().map(String::as_str).filter(|name| *name != "first_start").collect();
    let mut expected = HEAD.to_vec();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn what_was_not_read_is_null_and_not_zero() {
    let head = head(&report(Depth::Listing, unread()));
    for name in
        ["records", "records_by_type", "series", "samples", "min_time", "damage", "damage_count", "estimate"]
    {
        assert!(head[name].is_null(), "{name} is {}", head[name]);
    }
    assert_eq!(
        (&head["segments"], &head["bytes"], &head["total_bytes"]),
        (&json!(1), &json!(100), &json!(150))
    );
    assert_eq!(head["oldest_age_seconds"], json!(1_000));
    assert_eq!(files(&unread().parts)[0]["records"], json!(null));
    assert_eq!(files(&unread().parts)[0]["samples"], json!(null));
}

#[test]
fn what_was_read_is_exact() {
    let mut survey = unread();
    survey.parts[0].records = Some(3);
    survey.kinds.insert("samples", 3);
    survey.series = Some(0);
    survey.times = Some(TimeRange { min: UnixTime::from_seconds(0), max: UnixTime::from_millis(1_500) });
    survey.estimate = Some(Estimate { replay_seconds: 1.5, memory_bytes: 7, memory_error: 0.15 });
    survey.verdict = Verdict::Refuses { what: "it does not".to_owned() };
    survey.damage(damage("1", 5, 9));
    let head = head(&report(Depth::Bytes, survey));
    assert_eq!(head["records"], json!(3));
    assert_eq!(head["records_by_type"], json!({"samples": 3}));
    assert_eq!(head["series"], json!(0));
    assert_eq!(head["max_time"], json!("1970-01-01T00:00:01.5Z"));
    assert_eq!(head["estimate"], json!({"replay_seconds": 1.5, "memory_bytes": 7, "memory_error": 0.15}));
    assert_eq!(head["verdict"], json!({"name": "refuses", "what": "it does not"}));
    let lost = json!({"records": 1, "bytes": 4});
    let cause = "checksum mismatch";
    assert_eq!(head["damage"], json!([{"file": "1", "start": 5, "end": 9, "cause": cause, "lost": lost}]));
    assert_eq!(head["damage_count"], json!(1));
}

#[test]
fn a_time_that_no_calendar_has_is_null_beside_its_nanoseconds() {
    let times = TimeRange { min: UnixTime::from_seconds(0), max: UnixTime::from_millis(i64::MAX) };
    let head = head(&report(Depth::Bytes, Survey { times: Some(times), ..unread() }));
    assert_eq!(head["max_time"], json!(null));
    assert_eq!(head["max_time_nanos"], json!("9223372036854775807000000"));
    assert!(!head.contains_key("min_time_nanos"));
}

#[test]
fn numbers_that_json_has_not_are_words() {
    let shown = |value: f64| json!(Shown(&Value::Float(value)));
    assert_eq!(shown(f64::from_bits(0x7ff0_0000_0000_0002)), json!("StaleNaN"));
    assert_eq!(shown(f64::NAN), json!("NaN"));
    assert_eq!(shown(f64::INFINITY), json!("+Inf"));
    assert_eq!(shown(f64::NEG_INFINITY), json!("-Inf"));
    assert_eq!(shown(-0.0).to_string(), "-0.0");
    assert_eq!(shown(0.1), json!(0.1));
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let shown = |bytes: &[u8]| json!(Shown(&Value::Bytes(bytes.to_vec())));
    assert_eq!(shown(b"text"), json!("text"));
    // RFC 4648 section 10, with a byte in front that makes it no text.
    for (bytes, text) in
        [(&b"\xff"[..], "/w=="), (b"\xfff", "/2Y="), (b"\xfffo", "/2Zv"), (b"\xfffoobar", "/2Zvb2Jhcg==")]
    {
        assert_eq!(shown(bytes), json!({"base64": text}));
    }
    assert_eq!(base64(b"\xfb\xef\xbe\xff"), "++++/w==");
}

#[test]
fn nested_values_keep_their_shape_and_order() {
    let value = Value::map([
        ("z", Value::List(vec![Value::Null, true.into(), (-1i64).into()])),
        ("a", UnixTime::from_seconds(0).into()),
        ("t", UnixTime::from_millis(i64::MIN).into()),
    ]);
    assert_eq!(
        serde_json::to_string(&Shown(&value)).unwrap(),
        r#"{"z":[null,true,-1],"a":"1970-01-01T00:00:00Z","t":{"nanos":"-9223372036854775808000000"}}"#
    );
}

#[test]
fn top_tables_say_what_their_rows_are() {
    let rows = vec![TopRow { name: "up".to_owned(), series: 1, samples: 2 }];
    let json = top(&[TopTable { by: "metric", rows }]);
    assert_eq!(json, json!([{"by": "metric", "rows": [{"name": "up", "series": 1, "samples": 2}]}]));
}

#[test]
fn damage_that_a_listing_shows_is_named_but_not_counted() {
    let mut survey = unread();
    let missing = Damage { lost: Lost::default(), ..damage("9", 0, 0) };
    survey.damage(missing);
    let head = head(&report(Depth::Listing, survey));
    assert_eq!(head["damage"][0]["file"], json!("9"));
    assert_eq!(head["damage_count"], json!(null));
}
