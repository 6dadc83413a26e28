//! The JSON of what a journal holds.

use journal::Openness;
use journal::archive::{Archive, Archived};
use serde_json::{Value, json};

use crate::commands::import::Row;
use crate::commands::replay;
use crate::commands::streams::{self, Standing};
use crate::journals::exports::time;
use crate::journals::imports::Mode;
use crate::journals::imports::source::stream_of;
use crate::times::rfc3339;

/// The word for whether events may still come.
pub(crate) fn openness(openness: Openness) -> &'static str {
    match openness {
        Openness::Open => "open",
        Openness::Closed => "closed",
    }
}

/// One stream.
pub(crate) fn stream(row: &streams::Row) -> Value {
    let consumers: Vec<Value> = row
        .standings
        .iter()
        .map(|one| json!({"name": one.consumer, "pending": one.pending, "parked": one.parked}))
        .collect();
    json!({
        "id": row.info.name,
        "state": openness(row.info.openness),
        "last": row.info.last.map(journal::Seq::get),
        "live": row.info.live,
        "consumers": consumers,
    })
}

/// One consumer.
pub(crate) fn consumer(standing: &Standing) -> Value {
    json!({"id": standing.consumer, "pending": standing.pending, "parked": standing.parked})
}

/// What became of one file.
pub(crate) fn import(row: &Row, mode: Mode) -> Value {
    let damage: Vec<Value> = row
        .remarks
        .damage
        .listed()
        .iter()
        .map(|damage| json!({"start": damage.start, "end": damage.end, "cause": damage.cause}))
        .collect();
    json!({
        "file": row.source.path.to_string_lossy(),
        "stream": row.source.stream,
        "records": row.brought.records,
        "already": row.brought.already,
        "imported": row.brought.imported,
        "damage": damage,
        "damage_count": row.remarks.damage.count(),
        "torn": row.remarks.is_torn,
        "closed": row.is_closed,
        "error": row.failure.as_ref().map(super::error),
        "applied": mode == Mode::Append,
    })
}

/// One archive.
pub(crate) fn archive(archive: &Archive) -> Value {
    json!({
        "id": archive.name,
        "stream": stream_of(&archive.name),
        "bytes": archive.bytes,
        "events": archive.events,
        "made": archive.made.and_then(time),
    })
}

/// An archive that was made.
pub(crate) fn archived(archived: &Archived) -> Value {
    let mut object = archive(&archived.archive);
    let damaged: Vec<u64> = archived.damaged.iter().map(|seq| seq.get()).collect();
    if let Some(object) = object.as_object_mut() {
        object.insert("stream".to_owned(), json!(archived.stream));
        object.insert("damaged".to_owned(), json!(damaged));
    }
    object
}

/// What would be sent of one stream.
pub(crate) fn replayed(row: &replay::Row) -> Value {
    json!({
        "stream": row.stream,
        "file": row.file.as_ref().map(|path| path.to_string_lossy()),
        "events": row.events,
        "bytes": row.bytes,
        "min_time": row.times.and_then(|times| rfc3339(times.min)),
        "max_time": row.times.and_then(|times| rfc3339(times.max)),
        "damage_count": row.damage,
        "refused": row.refused,
    })
}
