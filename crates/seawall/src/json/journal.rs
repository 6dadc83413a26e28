//! The JSON of what a journal holds.

use journal::Openness;
use serde_json::{Value, json};

use crate::commands::import::Row;
use crate::commands::streams::{self, Standing};
use crate::imports::Mode;

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
