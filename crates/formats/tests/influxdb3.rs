//! Node directories of `InfluxDB` 3: a corpus that real servers wrote, with what real servers did with it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use formats::influxdb3::{Flaw, decode_file};
use formats::{
    Body, Depth, Entry, Format, Log, Order, Record, Role, Survey, UnixTime, Value, Verdict, detect, survey,
};
use serde_json::Value as Json;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/influxdb3")
}

fn expected() -> Json {
    serde_json::from_slice(&std::fs::read(corpus().join("expected.json")).unwrap()).unwrap()
}

fn order() -> Order {
    Order::new(Depth::Bytes, UnixTime::from_seconds(1_800_000_000)).workers(NonZeroUsize::new(2).unwrap())
}

/// One directory of the corpus, read.
struct Variant {
    name: String,
    expected: Json,
    log: Box<dyn Log>,
    survey: Survey,
}

impl Variant {
    fn read(name: &str, expected: Json) -> Self {
        let log = detect(&corpus().join(name), None).unwrap();
        assert_eq!(log.format(), Format::Influxdb3, "{name}");
        let survey = survey(log.as_ref(), &order());
        assert!(survey.unreadable.is_empty(), "{name}: {:?}", survey.unreadable);
        Self { name: name.to_owned(), expected, log, survey }
    }

    fn all() -> Vec<Self> {
        let variants = expected()["variants"].as_object().unwrap().clone();
        assert_eq!(variants.len(), 42);
        variants.into_iter().map(|(name, expected)| Self::read(&name, expected)).collect()
    }

    fn one(name: &str) -> Self {
        let expected = expected()["variants"][name].clone();
        Self::read(name, expected)
    }

    fn fact(&self, name: &str) -> &Value {
        fact(&self.survey, name)
    }

    fn expect_fact(&self, fact: &str, key: &str) {
        let expected = self.expected[key].as_u64().map_or(Value::Null, Value::Unsigned);
        assert_eq!(self.fact(fact), &expected, "{}: {fact}", self.name);
    }

    /// What reading every file with a WAL file's name yields, live or retained.
    fn records(&self) -> Vec<Record> {
        let parts = self.log.parts().iter().filter(|part| matches!(part.role, Role::Live | Role::Retained));
        parts.flat_map(|part| records(self.log.as_ref(), &part.name)).collect()
    }

    fn notes(&self) -> Vec<(&str, &str)> {
        self.survey.notes.iter().map(|note| (note.code, note.file.as_str())).collect()
    }
}

fn fact<'s>(survey: &'s Survey, name: &str) -> &'s Value {
    &survey.facts.iter().find(|fact| fact.name == name).unwrap_or_else(|| panic!("no fact {name}")).value
}

fn entries(log: &dyn Log, name: &str) -> Vec<Entry> {
    let part = log.parts().iter().find(|part| part.name == name).unwrap();
    let mut entries = Vec::new();
    let mut visit = |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    };
    log.read(part, &order(), &mut visit).unwrap();
    entries
}

fn records(log: &dyn Log, name: &str) -> Vec<Record> {
    let bodies = entries(log, name).into_iter().map(|entry| entry.body);
    bodies.filter_map(|body| if let Body::Record(record) = body { Some(record) } else { None }).collect()
}

fn field<'r>(record: &'r Record, name: &str) -> &'r Value {
    &record.fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("no field {name}")).1
}

fn nanos(json: &Json) -> Option<i128> {
    json.as_i64().map(i128::from)
}

#[test]
fn every_directory_holds_what_was_written_into_it() {
    for variant in Variant::all() {
        let (name, expected) = (&variant.name, &variant.expected);
        let records = variant.records();
        let count = |kind| Json::from(records.iter().filter(|record| record.kind == kind).count());
        assert_eq!(count("write"), expected["ops"]["write"], "{name}");
        assert_eq!(count("noop"), expected["ops"]["noop"], "{name}");
        assert_eq!(
            count("snapshot"),
            Json::from(expected["snapshot_markers"].as_array().unwrap().len()),
            "{name}"
        );
        let rows: u64 = records.iter().map(|record| record.samples).sum();
        assert_eq!(Json::from(rows), expected["rows"], "{name}");
        let min = records.iter().filter_map(|record| record.times).map(|times| times.min.nanos()).min();
        let max = records.iter().filter_map(|record| record.times).map(|times| times.max.nanos()).max();
        assert_eq!((min, max), (nanos(&expected["min_time_ns"]), nanos(&expected["max_time_ns"])), "{name}");
        assert_eq!(variant.fact("tables"), &Value::Unsigned(expected["tables"].as_u64().unwrap()), "{name}");
        let Value::Map(databases) = variant.fact("databases") else { panic!("{name}") };
        let databases: BTreeMap<&str, Json> = databases
            .iter()
            .map(|(id, name)| match name {
                Value::Text(name) => (id.as_ref(), Json::from(name.as_str())),
                other => panic!("{other:?}"),
            })
            .collect();
        let named = expected["databases"].as_object().unwrap();
        assert_eq!(databases, named.iter().map(|(id, name)| (id.as_str(), name.clone())).collect(), "{name}");
    }
}

#[test]
fn the_fields_of_all_rows_are_counted_by_type() {
    for variant in Variant::all() {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for part in variant.log.parts().iter().filter(|part| matches!(part.role, Role::Live | Role::Retained))
        {
            let Ok(file) = decode_file(&std::fs::read(&part.path).unwrap()) else { continue };
            let fields = file.fields;
            let types = [
                ("timestamp", fields.timestamp),
                ("key", fields.key),
                ("tag", fields.tag),
                ("string", fields.string),
                ("integer", fields.integer),
                ("uinteger", fields.uinteger),
                ("float", fields.float),
                ("boolean", fields.boolean),
            ];
            for (name, count) in types {
                *counts.entry(name.to_owned()).or_default() += count;
            }
        }
        counts.retain(|_, count| *count > 0);
        let expected: BTreeMap<String, u64> =
            serde_json::from_value(variant.expected["field_values"].clone()).unwrap();
        assert_eq!(counts, expected, "{}", variant.name);
    }
}

#[test]
fn every_file_is_sound_or_flawed_as_the_library_found_it() {
    let expected = expected();
    let mut sound = 0;
    for (name, variant) in expected["variants"].as_object().unwrap() {
        for file in variant["files"].as_array().unwrap() {
            let wal = corpus().join(name).join("node-a/wal").join(file["file"].as_str().unwrap());
            let decoded = decode_file(&std::fs::read(wal).unwrap());
            let check = match &decoded {
                Ok(_) => "ok",
                Err(Flaw::TooShort { .. }) => "too small",
                Err(Flaw::WrongMagic { .. }) => "identifier",
                Err(Flaw::Checksum { .. }) => "checksum",
                Err(Flaw::JsonBody) => "invalid packing",
                Err(Flaw::Body(_)) => "EOF",
            };
            let found = file["check"].as_str().unwrap();
            assert!(found.contains(check), "{name} {}: {found}, not {check}", file["file"]);
            let Ok(decoded) = decoded else { continue };
            let content = &expected["contents"][file["content"].as_str().unwrap()];
            assert_eq!(Json::from(decoded.number), content["wal_file_number"]);
            assert_eq!(Json::from(decoded.persisted_ms), content["persist_timestamp_ms"]);
            assert_eq!(Json::from(decoded.min_ns), content["min_timestamp_ns"]);
            assert_eq!(Json::from(decoded.max_ns), content["max_timestamp_ns"]);
            assert_eq!(Json::from(decoded.rows), content["rows"]);
            let marker = decoded.snapshot.map(|marker| {
                serde_json::json!({
                    "snapshot_sequence_number": marker.number,
                    "end_time_marker": marker.end_time_ns,
                    "first_wal_sequence_number": marker.first_wal,
                    "last_wal_sequence_number": marker.last_wal,
                    "forced": marker.forced,
                })
            });
            assert_eq!(marker.unwrap_or_default(), content["snapshot"]);
            sound += 1;
        }
    }
    assert!(sound > 350, "{sound}");
}

#[test]
fn live_and_retained_files_are_told_apart_by_the_watermark() {
    for variant in Variant::all() {
        variant.expect_fact("watermark", "watermark_wal");
        variant.expect_fact("watermark_snapshot", "watermark_snapshot");
        variant.expect_fact("live_files", "live_files");
        variant.expect_fact("retained_files", "retained_files");
        variant.expect_fact("lowest_number", "lowest_sequence");
        variant.expect_fact("highest_number", "highest_sequence");
        variant.expect_fact("snapshot_files", "snapshot_files");
        let others = variant.expected["other_files_in_wal"].as_array().unwrap().len() as u64;
        assert_eq!(variant.fact("stray_files"), &Value::Unsigned(others), "{}", variant.name);
        let missing: Vec<u64> =
            serde_json::from_value(variant.expected["missing_sequences"].clone()).unwrap();
        assert_eq!(variant.fact("missing_count"), &Value::Unsigned(missing.len() as u64), "{}", variant.name);
        let Value::List(gaps) = variant.fact("missing_numbers") else { panic!() };
        let listed: Vec<u64> = gaps.iter().flat_map(gap).collect();
        assert_eq!(listed, missing, "{}", variant.name);
        assert_eq!(variant.notes().iter().any(|(code, _)| *code == "gap"), !missing.is_empty());
    }
}

fn gap(gap: &Value) -> std::ops::RangeInclusive<u64> {
    match gap {
        Value::Map(fields) => match fields.as_slice() {
            [(_, Value::Unsigned(first)), (_, Value::Unsigned(last))] => *first..=*last,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// The word for what a real server did.
fn word(verdict: &Json) -> &'static str {
    match verdict.as_str().unwrap() {
        "runs" => "starts",
        "startup fails" => "refuses",
        crash if crash.starts_with("crash loop") => "crash-loops",
        other => panic!("{other}"),
    }
}

fn starts(word: &str) -> &str {
    if word == "starts-with-loss" { "starts" } else { word }
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { panic!("{value:?}") }
}

#[test]
fn every_start_goes_as_it_went_with_the_real_servers() {
    for variant in Variant::all() {
        let (name, expected) = (&variant.name, &variant.expected);
        let real = &expected["reader_v3.10.1"];
        let verdict = &variant.survey.verdict;
        assert_eq!(starts(verdict.name()), word(&real["verdict"]), "{name}: {verdict:?}");
        let strict = match real["fail_on_error"]["outcome"].as_str().unwrap() {
            "accepted" => word(&real["verdict"]),
            _ => "refuses",
        };
        assert_eq!(starts(text(variant.fact("verdict_strict"))), strict, "{name}");
        let early = word(&expected["reader_v3.0.0"]["verdict"]);
        assert_eq!(starts(text(variant.fact("verdict_v3_0"))), early, "{name}");
        variant.expect_fact("next_number", "next_number_after_replay");
        let replay = &real["default"];
        if replay["outcome"] == "accepted" {
            let count = |key: &str| Value::Unsigned(replay[key].as_u64().unwrap());
            assert_eq!(variant.fact("files_to_replay"), &count("files_replayed"), "{name}");
            assert_eq!(variant.fact("rows_to_replay"), &count("rows_replayed"), "{name}");
            let warnings = replay["log"].as_array().map_or(0, Vec::len) as u64;
            assert_eq!(variant.fact("files_to_skip"), &Value::Unsigned(warnings), "{name}");
            let repeated: Vec<u64> = match replay.get("snapshots_rerun") {
                Some(numbers) => serde_json::from_value(numbers.clone()).unwrap(),
                None => Vec::new(),
            };
            let repeated = repeated.into_iter().map(Value::Unsigned).collect();
            assert_eq!(variant.fact("snapshots_to_repeat"), &Value::List(repeated), "{name}");
        } else {
            assert_eq!(variant.fact("rows_to_replay"), &Value::Null, "{name}");
        }
    }
}

#[test]
fn a_start_that_loses_or_repeats_rows_says_so() {
    let lossy: Vec<String> = Variant::all()
        .into_iter()
        .filter(|variant| matches!(variant.survey.verdict, Verdict::StartsWithLoss { .. }))
        .map(|variant| variant.name)
        .collect();
    let mut expected = vec![
        "v3.10.1/mid-flipped-byte",
        "v3.10.1/mid-flipped-crc",
        "v3.10.1/mid-wrong-magic",
        "v3.10.1/mid-zero-byte",
        "v3.10.1/stray-bak-at-watermark",
    ];
    expected.sort_unstable();
    let mut lossy: Vec<&str> = lossy.iter().map(String::as_str).collect();
    lossy.sort_unstable();
    assert_eq!(lossy, expected);
}

/// Start and end of each damage, by file.
fn damages(survey: &Survey) -> Vec<(String, u64, u64)> {
    let listed = survey.damage.listed().iter();
    listed.map(|damage| (damage.file.clone(), damage.start, damage.end)).collect()
}

#[test]
fn damage_lies_where_the_corpus_was_changed() {
    let damaged = [
        ("v3.10.1/tail-zero-byte", "wal/00000000023.wal", 0, 0),
        ("v3.10.1/tail-short-header", "wal/00000000023.wal", 0, 7),
        ("v3.10.1/tail-header-only", "wal/00000000023.wal", 8, 12),
        ("v3.10.1/tail-truncated-one-byte", "wal/00000000023.wal", 8, 515),
        ("v3.10.1/tail-zero-filled", "wal/00000000023.wal", 0, 516),
        ("v3.10.1/tail-trailing-garbage", "wal/00000000023.wal", 8, 520),
        ("v3.10.1/mid-flipped-byte", "wal/00000000021.wal", 8, 662),
        ("v3.10.1/mid-flipped-crc", "wal/00000000021.wal", 8, 662),
        ("v3.10.1/mid-wrong-magic", "wal/00000000021.wal", 0, 662),
        ("v3.10.1/mid-short-body-valid-crc", "wal/00000000021.wal", 12, 653),
        ("v3.10.1/json-body", "wal/00000000023.wal", 12, 2644),
        ("v3.10.1/snapshot-json-zero-byte", "snapshots/18446744073709551612.info.json", 0, 0),
        ("v3.10.1/snapshot-json-truncated", "snapshots/18446744073709551612.info.json", 0, 400),
    ];
    for (name, file, start, end) in damaged {
        let variant = Variant::one(name);
        assert_eq!(damages(&variant.survey), [(file.to_owned(), start, end)], "{name}");
        let damage = &variant.survey.damage.listed()[0];
        assert_eq!((damage.lost.records, damage.lost.bytes), (None, end), "{name}");
    }
}

#[test]
fn only_flaws_of_live_files_are_damage() {
    for variant in Variant::all() {
        let mut flawed: Vec<String> =
            serde_json::from_value(variant.expected["invalid_files"].clone()).unwrap();
        if variant.name == "v3.10.1/retained-zero-byte" {
            flawed.clear();
            assert!(variant.notes().contains(&("retained-damaged", "wal/00000000017.wal")));
        }
        let mut flawed: Vec<String> = flawed.iter().map(|file| format!("wal/{file}")).collect();
        if variant.expected["newest_snapshot_readable"] == Json::Bool(false) {
            flawed.push("snapshots/18446744073709551612.info.json".to_owned());
        }
        let mut damaged: Vec<String> =
            damages(&variant.survey).into_iter().map(|(file, _, _)| file).collect();
        flawed.sort();
        damaged.sort();
        assert_eq!(damaged, flawed, "{}", variant.name);
    }
}

#[test]
fn foreign_files_are_noted_by_what_a_start_does_with_them() {
    let strays = [
        ("v3.10.1/stray-bak", "stray-replayed", "wal/00000000010.wal.bak"),
        ("v3.10.1/stray-bak-snapshotted", "stray", "wal/00000000017.wal.bak"),
        ("v3.10.1/stray-bak-at-watermark", "stray-replayed", "wal/00000000018.wal.bak"),
        ("v3.10.1/stray-invalid-bak", "stray-skipped", "wal/00000000023.wal.bad"),
        ("v3.10.1/stray-text", "stray-skipped", "wal/README.txt"),
        ("v3.10.1/quarantine-inside", "stray-replayed", "wal/quarantine/00000000021.wal"),
        ("v3.10.1/staging-leftover", "staging-leftover", "wal/00000000024.wal#1"),
        ("v3.10.1/name-ahead-of-content", "number-mismatch", "wal/00000000024.wal"),
        ("v3.10.1/duplicate-content", "number-mismatch", "wal/00000000023.wal"),
    ];
    for (name, code, file) in strays {
        assert!(Variant::one(name).notes().contains(&(code, file)), "{name}");
    }
}

#[test]
fn files_without_rows_are_no_backlog() {
    let drained = Variant::one("v3.6.0/server-forced-drain");
    assert_eq!(drained.fact("rowless_files"), &Value::Unsigned(2));
    assert_eq!(drained.fact("backlog_files"), &Value::Unsigned(0));
    assert_eq!(drained.survey.verdict, Verdict::Starts);
    assert_eq!(drained.survey.weight().0, 2);
    let base = Variant::one("v3.10.1/base");
    assert_eq!(base.fact("backlog_files"), &Value::Unsigned(5));
}

#[test]
fn a_survey_adds_up_what_reading_every_live_file_yields() {
    for variant in Variant::all() {
        let live = variant.log.parts().iter().filter(|part| part.role == Role::Live);
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        let mut samples = 0;
        for record in live.flat_map(|part| records(variant.log.as_ref(), &part.name)) {
            *kinds.entry(record.kind).or_default() += 1;
            samples += record.samples;
        }
        assert_eq!(variant.survey.kinds, kinds, "{}", variant.name);
        assert_eq!(variant.survey.samples, Some(samples), "{}", variant.name);
    }
}

fn at(nanos: i64) -> Value {
    Value::from(UnixTime::from_nanos(nanos))
}

fn column(column: u16, name: &'static str, value: impl Into<Value>) -> Value {
    Value::map([("column", Value::from(column)), (name, value.into())])
}

fn list(value: &Value) -> &[Value] {
    if let Value::List(values) = value { values } else { panic!("{value:?}") }
}

fn get<'v>(value: &'v Value, name: &str) -> &'v Value {
    let Value::Map(fields) = value else { panic!("{value:?}") };
    &fields.iter().find(|(field, _)| field == name).unwrap().1
}

#[test]
fn a_write_is_shown_with_its_rows_and_fields() {
    let outage = Variant::one("v3.10.1/gap-after-outage");
    let records = records(outage.log.as_ref(), "wal/00000000001.wal");
    let [write] = records.as_slice() else { panic!("{records:?}") };
    let (first, last) = (1_773_480_360_000_000_000, 1_773_480_363_000_000_000);
    assert_eq!((write.kind, write.samples), ("write", 4));
    assert_eq!(field(write, "wal_file_number"), &Value::Unsigned(1));
    assert_eq!(field(write, "persisted"), &at(1_773_480_370_037_000_000));
    assert_eq!(field(write, "database_id"), &Value::Unsigned(1));
    assert_eq!(field(write, "database"), &Value::from("factory"));
    assert_eq!(field(write, "catalog_sequence"), &Value::Unsigned(17));
    assert_eq!((field(write, "min_time"), field(write, "max_time")), (&at(first), &at(last)));
    let [table] = list(field(write, "tables")) else { panic!() };
    assert_eq!(get(table, "table_id"), &Value::Unsigned(0));
    assert_eq!((get(table, "min_time"), get(table, "max_time")), (&at(first), &at(last)));
    let [chunk] = list(get(table, "chunks")) else { panic!() };
    assert_eq!(get(chunk, "chunk_time"), &at(first));
    let rows = list(get(chunk, "rows"));
    assert_eq!(rows.len(), 4);
    assert_eq!(get(&rows[0], "time"), &at(first));
    let fields = list(get(&rows[0], "fields"));
    let expected = [
        column(0, "tag", "host-03"),
        column(1, "tag", "eu-west"),
        column(2, "float", 37.43),
        column(3, "integer", -143_i64),
        column(4, "uinteger", 8_474_076_621_961_470_850_u64),
    ];
    assert_eq!(&fields[..5], &expected);
    assert_eq!(fields.last(), Some(&column(6, "timestamp", UnixTime::from_nanos(first))));
}

#[test]
fn a_directory_is_recognised_from_above_from_within_and_by_one_file() {
    let node = corpus().join("v3.10.1/base/node-a");
    for path in [corpus().join("v3.10.1/base"), node.clone(), node.join("wal")] {
        let log = detect(&path, None).unwrap();
        assert_eq!(log.format(), Format::Influxdb3);
        assert_eq!(log.root().file_name(), node.file_name());
        assert_eq!(log.parts().len(), 11);
    }
    let file = detect(&node.join("wal/00000000020.wal"), None).unwrap();
    assert_eq!(file.parts().len(), 1);
    let survey = survey(file.as_ref(), &order());
    assert_eq!((survey.kinds["write"], survey.verdict), (2, Verdict::Unknown));
}

#[test]
fn the_parts_come_in_the_order_of_a_start() {
    let log = detect(&corpus().join("v3.10.1/quarantine-inside"), None).unwrap();
    let names: Vec<&str> = log.parts().iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names[0], "snapshots/18446744073709551612.info.json");
    assert_eq!(names[3], "wal/00000000016.wal");
    assert_eq!(names.last(), Some(&"wal/quarantine/00000000021.wal"));
    let roles: Vec<Role> = log.parts().iter().skip(3).map(|part| part.role).collect();
    let expected = [[Role::Retained; 3].as_slice(), &[Role::Live; 5], &[Role::Stray]].concat();
    assert_eq!(roles, expected);
}

#[test]
fn a_listing_tells_the_files_apart_without_reading_them() {
    let log = detect(&corpus().join("v3.10.1/tail-zero-byte"), None).unwrap();
    let listing = Order { depth: Depth::Listing, ..order() };
    let survey = survey(log.as_ref(), &listing);
    assert_eq!(fact(&survey, "live_files"), &Value::Unsigned(5));
    assert_eq!((survey.records(), survey.verdict), (None, Verdict::Unknown));
}

#[test]
fn progress_counts_every_byte_once() {
    let log = detect(&corpus().join("v3.10.1/healthy"), None).unwrap();
    let order = order();
    survey(log.as_ref(), &order);
    assert_eq!(order.progress.bytes(), log.parts().iter().map(|part| part.bytes).sum::<u64>());
}
