//! The JSON of what a journal holds.

use journal::Openness;
use serde_json::{Value, json};

use crate::commands::streams::{Row, Standing};

/// The word for whether events may still come.
pub(crate) fn openness(openness: Openness) -> &'static str {
    match openness {
        Openness::Open => "open",
        Openness::Closed => "closed",
    }
}

/// One stream.
pub(crate) fn stream(row: &Row) -> Value {
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
