//! The JSON of what an outage takes.

use serde_json::{Value, json};

use crate::commands::plan::{CatchingUp, Forecast};

/// All figures. How long catching up takes is null where nobody knows, and where it never ends.
pub(crate) fn forecast(forecast: &Forecast) -> Value {
    let Forecast { need, .. } = forecast;
    let seconds = match forecast.catching_up {
        CatchingUp::Seconds(seconds) => Some(seconds),
        CatchingUp::Unknown | CatchingUp::Never => None,
    };
    json!({
        "writes": forecast.writes,
        "body_bytes": forecast.body_bytes,
        "write_bytes": need.each,
        "segment_bytes": forecast.segment_size,
        "segments": need.segments,
        "index_bytes": need.index_bytes,
        "max_bytes": need.max_bytes,
        "disk_bytes": need.disk_bytes,
        "memory_bytes": need.memory_bytes,
        "most_in_a_lane": forecast.most_in_a_lane,
        "catches_up": match forecast.catching_up {
            CatchingUp::Unknown => None,
            CatchingUp::Never => Some(false),
            CatchingUp::Seconds(_) => Some(true),
        },
        "catching_up_seconds": seconds,
    })
}
