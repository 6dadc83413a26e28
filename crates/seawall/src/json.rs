//! The JSON that scripts read: field names and shapes are a contract.
//!
//! * Unknown is `null`, never 0 and never an empty list.
//! * Times are RFC 3339 in UTC. One that no calendar has is `null`, and its nanoseconds stand beside it as text.
//! * Numbers that JSON has not are text: `"NaN"`, `"+Inf"`, `"-Inf"`, and `"StaleNaN"` for Prometheus' stale marker.

pub(crate) mod change;
pub(crate) mod journal;
pub(crate) mod plan;

use std::path::Path;

use formats::{Damage, Depth, Fact, Note, PartSurvey, TopTable, UnixTime, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, json};

use crate::failure::Failure;
use crate::limits::{Finding, oldest_age};
use crate::report::Report;
use crate::times::rfc3339;

/// A JSON object in the order of its fields.
pub(crate) type Object = Map<String, serde_json::Value>;

/// What every report begins with.
pub(crate) fn head(report: &Report) -> Object {
    let survey = &report.survey;
    let (segments, bytes) = survey.weight();
    let total: u64 = survey.parts.iter().map(|survey| survey.part.bytes).sum();
    let mut object = Object::new();
    let mut put = |name: &str, value: serde_json::Value| object.insert(name.to_owned(), value);
    put("path", json!(report.path.to_string_lossy()));
    put("root", json!(report.root.to_string_lossy()));
    put("format", json!(report.format.name()));
    put("segments", json!(segments));
    put("bytes", json!(bytes));
    put("total_bytes", json!(total));
    put("records", json!(survey.records()));
    put("records_by_type", survey.records().map_or(serde_json::Value::Null, |_| json!(survey.kinds)));
    put("series", json!(survey.series));
    put("samples", json!(survey.samples));
    put_time(&mut put, "min_time", survey.times.map(|times| times.min));
    put_time(&mut put, "max_time", survey.times.map(|times| times.max));
    put("oldest_age_seconds", json!(oldest_age(survey, report.now).map(|age| age.seconds)));
    put_damage(&mut put, report);
    put("notes", survey.notes.iter().map(note).collect());
    put(
        "estimate",
        survey.estimate.map_or(serde_json::Value::Null, |estimate| {
            json!({
                "replay_seconds": estimate.replay_seconds,
                "memory_bytes": estimate.memory_bytes,
                "memory_error": estimate.memory_error,
            })
        }),
    );
    put("verdict", json!({"name": survey.verdict.name(), "what": survey.verdict.what()}));
    put("health", json!(report.health.name()));
    put("findings", report.findings.iter().map(finding).collect());
    put("details", details(&survey.facts));
    object
}

type Put<'a> = dyn FnMut(&str, serde_json::Value) -> Option<serde_json::Value> + 'a;

fn put_time(put: &mut Put<'_>, name: &str, time: Option<UnixTime>) {
    let text = time.and_then(rfc3339);
    if let (Some(time), None) = (time, &text) {
        put(&format!("{name}_nanos"), json!(time.nanos().to_string()));
    }
    put(name, json!(text));
}

/// A listing finds missing files only, so it can name damage but not tell that there is no more.
fn put_damage(put: &mut Put<'_>, report: &Report) {
    let damage = &report.survey.damage;
    let read = report.depth != Depth::Listing;
    let list = || damage.listed().iter().map(damage_object).collect();
    put("damage", if read || !damage.is_empty() { list() } else { serde_json::Value::Null });
    put("damage_count", json!(read.then_some(damage.count())));
}

/// One damage.
fn damage_object(damage: &Damage) -> serde_json::Value {
    json!({
        "file": damage.file, "start": damage.start, "end": damage.end, "cause": damage.cause, "lost": lost(damage),
    })
}

/// What a damage takes with it.
pub(crate) fn lost(damage: &Damage) -> serde_json::Value {
    json!({"records": damage.lost.records, "bytes": damage.lost.bytes})
}

/// One remark.
pub(crate) fn note(note: &Note) -> serde_json::Value {
    json!({"code": note.code, "file": (!note.file.is_empty()).then_some(&note.file), "message": note.message})
}

fn finding(finding: &Finding) -> serde_json::Value {
    json!({
        "code": finding.code.name(), "severity": finding.severity.name(),
        "message": finding.message, "advice": finding.advice,
    })
}

fn details(facts: &[Fact]) -> serde_json::Value {
    facts.iter().map(|fact| (fact.name.to_owned(), json!(Shown(&fact.value)))).collect::<Object>().into()
}

/// Every file of the log.
pub(crate) fn files(parts: &[PartSurvey]) -> serde_json::Value {
    parts.iter().map(file).collect()
}

fn file(survey: &PartSurvey) -> serde_json::Value {
    let mut object = Object::new();
    let mut put = |name: &str, value: serde_json::Value| object.insert(name.to_owned(), value);
    put("file", json!(survey.part.name));
    put("role", json!(survey.part.role.name()));
    put("bytes", json!(survey.part.bytes));
    put("records", json!(survey.records));
    put("samples", json!(survey.records.map(|_| survey.samples)));
    put("damage", json!((survey.records.is_some() || survey.damage > 0).then_some(survey.damage)));
    put_time(&mut put, "min_time", survey.times.map(|times| times.min));
    put_time(&mut put, "max_time", survey.times.map(|times| times.max));
    object.into()
}

/// The largest contributors.
pub(crate) fn top(tables: &[TopTable]) -> serde_json::Value {
    let rows = |table: &TopTable| -> serde_json::Value {
        let row =
            |row: &formats::TopRow| json!({"name": row.name, "series": row.series, "samples": row.samples});
        table.rows.iter().map(row).collect()
    };
    tables.iter().map(|table| json!({"by": table.by, "rows": rows(table)})).collect()
}

/// What stands for a report where no server has run yet: there is nothing, and that is known.
pub(crate) fn nothing_yet(path: &Path) -> serde_json::Value {
    json!({
        "path": path.to_string_lossy(), "root": null, "format": null, "first_start": true, "segments": 0, "bytes": 0,
        "total_bytes": 0, "records": 0, "records_by_type": {}, "series": null, "samples": null, "min_time": null,
        "max_time": null, "oldest_age_seconds": null, "damage": [], "damage_count": 0, "notes": [], "estimate": null,
        "verdict": {"name": "starts", "what": null}, "health": "healthy", "findings": [], "details": {},
    })
}

/// One line for each object.
pub(crate) fn lines(objects: impl IntoIterator<Item = serde_json::Value>) -> String {
    objects.into_iter().flat_map(|object| [object.to_string(), "\n".to_owned()]).collect()
}

/// What is printed in place of a report when there is none.
pub(crate) fn failure(failure: &Failure) -> serde_json::Value {
    json!({"error": error(failure)})
}

fn error(failure: &Failure) -> serde_json::Value {
    json!({"code": failure.code(), "message": failure.to_string(), "hint": failure.hint()})
}

/// A decoder's value as JSON.
pub(crate) struct Shown<'a>(pub(crate) &'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Unsigned(value) => serializer.serialize_u64(*value),
            Value::Signed(value) => serializer.serialize_i64(*value),
            Value::Float(value) => match float_word(*value) {
                Some(word) => serializer.serialize_str(word),
                None => serializer.serialize_f64(*value),
            },
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => one_field(serializer, "base64", &base64(bytes)),
            },
            Value::Time(time) => match rfc3339(*time) {
                Some(text) => serializer.serialize_str(&text),
                None => one_field(serializer, "nanos", &time.nanos().to_string()),
            },
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Shown(item)))?;
                list.end()
            }
            Value::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields
                    .iter()
                    .try_for_each(|(name, value)| map.serialize_entry(name.as_ref(), &Shown(value)))?;
                map.end()
            }
        }
    }
}

fn one_field<S: Serializer>(serializer: S, name: &'static str, value: &str) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

/// The bits of Prometheus' stale marker, which is one NaN of many.
const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

fn float_word(value: f64) -> Option<&'static str> {
    if value.to_bits() == STALE_NAN {
        Some("StaleNaN")
    } else if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (group >> (18 - 6 * place)) & 0x3f;
            text.push(if place > chunk.len() { '=' } else { sextet_char(sextet) });
        }
    }
    text
}

fn sextet_char(sextet: u32) -> char {
    let from = |base: char, offset: u32| char::from_u32(u32::from(base) + offset).unwrap_or('=');
    match sextet {
        0..=25 => from('A', sextet),
        26..=51 => from('a', sextet - 26),
        52..=61 => from('0', sextet - 52),
        62 => '+',
        _ => '/',
    }
}

#[cfg(test)]
#[path = "json_test.rs"]
mod tests;
