//! How the proxy stands, in the shapes that scripts know: `/status`, `/health`, `/wal/status`.

use http::{Response, StatusCode};
use journal::{Health, Millis};
use serde_json::{Value, json};

use crate::answer::{json_answer, retry_later};
use crate::body::Body;
use crate::status::{Feeding, Status, UpstreamStatus};

const SERVICE: &str = "Seawall proxy with Write-Ahead Log";

pub(crate) fn status(status: &Status, now: Millis) -> Response<Body> {
    let counters = status.counters;
    let primary = primary(status);
    let body = json!({
        "service": SERVICE,
        "name": status.name,
        "healthy_instances": healthy(status),
        "total_instances": status.upstreams.len(),
        "read_replica_ratio": status.replica_ratio,
        "consistency_window": status.consistency_window_seconds,
        "write_ahead_log": write_ahead_log(status, now),
        "instances": status.upstreams.iter().map(instance).collect::<Vec<_>>(),
        "stats": {
            "total_requests": counters.requests,
            "successful_requests": counters.requests.saturating_sub(counters.failed),
            "failed_requests": counters.failed,
            "consistency_overrides": counters.overrides,
            "pending_writes": primary.pending,
            "replayed_writes": primary.replayed,
            "failed_replays": primary.parked,
        },
    });
    json_answer(StatusCode::OK, &body)
}

/// 503 only if a write cannot be taken: without any server, writes still are.
pub(crate) fn health(status: &Status, now: Millis) -> Response<Body> {
    let (word, code) = match &status.journal.health {
        Health::Full | Health::OverBudget | Health::Stopped(_) => {
            ("unhealthy", StatusCode::SERVICE_UNAVAILABLE)
        }
        Health::Well if healthy(status) == status.upstreams.len() => ("healthy", StatusCode::OK),
        Health::Well => ("degraded", StatusCode::OK),
    };
    let primary = primary(status);
    let body = json!({
        "status": word,
        "service": SERVICE,
        "healthy_instances": healthy(status),
        "total_instances": status.upstreams.len(),
        "pending_writes": primary.pending,
        "oldest_pending_seconds": age(primary.oldest, now),
        "journal": journal_word(&status.journal.health),
    });
    json_answer(code, &body)
}

/// The same while the journal is being read: what is not known is not shown as none.
pub(crate) fn starting(servers: usize) -> Response<Body> {
    let body = json!({
        "status": "starting",
        "service": SERVICE,
        "healthy_instances": null,
        "total_instances": servers,
        "pending_writes": null,
        "oldest_pending_seconds": null,
        "journal": "starting",
    });
    retry_later(json_answer(StatusCode::SERVICE_UNAVAILABLE, &body))
}

pub(crate) fn wal(status: &Status, now: Millis) -> Response<Body> {
    let journal = &status.journal;
    let cause = match &journal.health {
        Health::Stopped(cause) => Some(cause.as_str()),
        Health::Well | Health::Full | Health::OverBudget => None,
    };
    let body = json!({
        "write_ahead_log": write_ahead_log(status, now),
        "upstreams": status.upstreams.iter().map(|upstream| feeding(upstream, now)).collect::<Vec<_>>(),
        "journal": {
            "health": journal_word(&journal.health),
            "cause": cause,
            "live_events": journal.live_events,
            "bytes": journal.bytes,
            "segments": journal.segments,
            "lost_to_damage": journal.lost_to_damage,
            "lost_to_budget": journal.lost_to_budget,
        },
    });
    json_answer(StatusCode::OK, &body)
}

fn journal_word(health: &Health) -> &'static str {
    match health {
        Health::Well => "well",
        Health::Full => "full",
        Health::OverBudget => "over-budget",
        Health::Stopped(_) => "stopped",
    }
}

fn healthy(status: &Status) -> usize {
    status.upstreams.iter().filter(|upstream| upstream.is_there).count()
}

fn primary(status: &Status) -> Feeding {
    status.upstreams.first().and_then(|primary| primary.feeding).unwrap_or_default()
}

fn write_ahead_log(status: &Status, now: Millis) -> Value {
    let primary = primary(status);
    json!({
        "pending_writes": primary.pending,
        "is_replaying": primary.draining > 0,
        "oldest_pending": primary.oldest.map(time),
        "oldest_pending_seconds": age(primary.oldest, now),
        "total_replayed": primary.replayed,
        "failed_replays": primary.parked,
    })
}

fn instance(upstream: &UpstreamStatus) -> Value {
    let UpstreamStatus { requests, failed, .. } = *upstream;
    let share = (requests > 0).then(|| 100.0 * requests.saturating_sub(failed) as f64 / requests as f64);
    json!({
        "name": upstream.name,
        "healthy": upstream.is_there,
        "success_rate": share.map(|share| format!("{share:.1}%")),
        "total_requests": requests,
        "last_health_check": upstream.checked.map(time),
    })
}

fn feeding(upstream: &UpstreamStatus, now: Millis) -> Value {
    let Some(feeding) = upstream.feeding else {
        return json!({"name": upstream.name, "healthy": upstream.is_there, "pending_writes": null});
    };
    json!({
        "name": upstream.name,
        "healthy": upstream.is_there,
        "pending_writes": feeding.pending,
        "oldest_pending": feeding.oldest.map(time),
        "oldest_pending_seconds": age(feeding.oldest, now),
        "broken_lanes": feeding.broken,
        "draining_lanes": feeding.draining,
        "replayed": feeding.replayed,
        "parked": feeding.parked,
        "unknown": feeding.unknown,
    })
}

pub(crate) fn time(time: Millis) -> Option<String> {
    jiff::Timestamp::from_millisecond(time.get()).ok().map(|time| time.to_string())
}

/// Seconds since then. A clock that was set back makes none of them negative.
pub(crate) fn age(then: Option<Millis>, now: Millis) -> Option<f64> {
    then.map(|then| now.get().saturating_sub(then.get()).max(0) as f64 / 1000.0)
}
