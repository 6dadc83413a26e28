//! What is known about a target, as JSON. What is not known is null.

use std::time::Duration;

use formats::{Damage, Part, UnixTime};
use serde_json::{Value, json};
use watch::alert::State;
use watch::{
    Blocker, Consulted, Eta, Event, Facts, FlawKind, Floor, Forecast, Happening, Kind, Limits, Made, Outcome,
    Report, RestartOutcome, Restarted, Severity,
};

use super::server;
use crate::daemon::watching::words;
use crate::times::rfc3339;

/// All of it.
pub(super) fn target(report: &Report) -> Value {
    let facts = report.facts.as_ref();
    json!({
        "id": report.target.name,
        "path": report.target.path.to_string_lossy(),
        "format": report.format.map(formats::Format::name),
        "health": report.judgement.health.name(),
        "reasons": words::reasons(&report.judgement),
        "blockers": blockers(report),
        "looked": time(report.looked),
        "files": facts.and_then(|facts| facts.files),
        "bytes": facts.and_then(|facts| facts.bytes),
        "oldest_age_seconds": facts.and_then(|facts| facts.oldest).map(|age| age.seconds),
        "replay": facts.and_then(|facts| facts.replay).map(|it| json!({"count": it.count, "unit": it.unit})),
        "estimate": facts.and_then(|facts| facts.estimate).map(|it| {
            json!({"replay_seconds": it.replay_seconds, "memory_bytes": it.memory_bytes})
        }),
        "free_bytes": facts.and_then(|facts| facts.room).map(|room| room.free),
        "limits": {
            "warning": limits(&report.thresholds.warning),
            "critical": limits(&report.thresholds.critical),
        },
        "server": facts.and_then(server),
        "forecast": report.forecast.map(|_| forecast(report)),
        "damage": damage(report),
        "scrub": scrub(report),
        "checkpoint": checkpoint(report),
        "restart": restart(report),
    })
}

/// What its server has said: one is asked in SQL, another over HTTP.
fn server(facts: &Facts) -> Option<Value> {
    facts.standing.as_ref().map(server::object).or(facts.server.map(consulted))
}

fn consulted(said: Consulted) -> Value {
    let replaying =
        said.replaying.map(|it| json!({"first": it.first, "current": it.current, "last": it.last}));
    json!({
        "ready": said.is_ready,
        "answers": said.has_answered,
        "corruptions": said.corruptions,
        "replaying": replaying,
    })
}

/// Damage that reading it in full has found; nothing before that was done once.
fn damage(report: &Report) -> Option<Vec<Value>> {
    let scrubbed = &report.scrubbed;
    let is_known = scrubbed.last.is_some() || !scrubbed.places.is_empty();
    is_known.then(|| scrubbed.places.iter().map(|place| damage_object(&place.damage)).collect())
}

fn damage_object(damage: &Damage) -> Value {
    json!({
        "file": damage.file,
        "start": damage.start,
        "end": damage.end,
        "cause": damage.cause,
        "lost": {"records": damage.lost.records, "bytes": damage.lost.bytes},
    })
}

/// How it is read in full; null for what has nothing to verify.
pub(super) fn scrub(report: &Report) -> Value {
    if report.target.kind == Kind::Directory {
        return Value::Null;
    }
    let scrubbed = &report.scrubbed;
    let rule = report.target.scrub;
    let running = scrubbed.running.map(|(began, read, total)| {
        json!({"began": time(Some(began)), "bytes": read, "total_bytes": total.max(read)})
    });
    let last = scrubbed.last.map(|pass| {
        json!({
            "began": time(Some(pass.began)),
            "ended": time(Some(pass.ended)),
            "files": pass.files,
            "bytes": pass.bytes,
        })
    });
    let unreadable = scrubbed.unread.as_ref();
    json!({
        "every_seconds": rule.every.map(|every| every.as_secs()),
        "bytes_per_second": rule.rate,
        "running": running,
        "last": last,
        "damage_count": scrubbed.places.len() as u64 + scrubbed.more,
        "unreadable_files": unreadable.map_or(0, |(count, _)| *count),
        "unreadable": unreadable.map(|(_, why)| why),
    })
}

/// Why it is not reclaimed.
pub(super) fn blockers(report: &Report) -> Vec<&str> {
    report.judgement.blockers.iter().map(|Blocker(why)| why.as_str()).collect()
}

/// A point in time, if there is one.
pub(super) fn time(at: Option<UnixTime>) -> Option<String> {
    at.and_then(rfc3339)
}

fn limits(limits: &Limits) -> Value {
    let free = limits.min_free.map(|floor| match floor {
        Floor::Bytes(bytes) => json!({"bytes": bytes}),
        Floor::Percent(percent) => json!({"percent": percent}),
    });
    json!({
        "files": limits.max_files,
        "bytes": limits.max_size,
        "age_seconds": limits.max_age.map(|age| age.as_secs()),
        "free": free,
    })
}

/// What will become of it.
pub(super) fn forecast(report: &Report) -> Value {
    let known = report.forecast.as_ref();
    let at = |eta: fn(&Forecast) -> Option<Eta>| known.and_then(eta).map(|eta| eta_object(&eta));
    json!({
        "id": report.target.name,
        "growth_bytes_per_second": known.map(|forecast| forecast.growth),
        "watched_seconds": known.map(|forecast| forecast.watched.as_secs_f64()),
        "confidence": known.map(|forecast| forecast.confidence.name()),
        "warning": at(|forecast| forecast.warning),
        "critical": at(|forecast| forecast.critical),
        "full": at(|forecast| forecast.full),
    })
}

fn eta_object(eta: &Eta) -> Value {
    let seconds = |span: Duration| span.as_secs_f64();
    json!({
        "seconds": seconds(eta.likely),
        "soonest_seconds": seconds(eta.soonest),
        "latest_seconds": eta.latest.map(seconds),
    })
}

fn checkpoint(report: &Report) -> Value {
    let Some(way) = &report.target.checkpoint else { return Value::Null };
    let last = |made: &Made| {
        json!({
            "time": time(Some(made.at)),
            "reason": made.reason.name(),
            "outcome": made.outcome.name(),
            "message": words::outcome(&made.outcome),
        })
    };
    let tally = report.tally;
    json!({
        "way": way.action.name(),
        "running": report.is_running,
        "cooldown_seconds": report.cooldown.map_or(0.0, |left| left.as_secs_f64()),
        "next": time(report.next),
        "helped": time(report.helped),
        "last": report.made.as_ref().map(last),
        "effective": tally.effective,
        "ineffective": tally.ineffective,
        "failed": tally.failed,
        "freed_bytes": tally.freed_bytes,
    })
}

fn restart(report: &Report) -> Value {
    let Some(how) = &report.target.restart else { return Value::Null };
    let last = |made: &Restarted| {
        json!({
            "time": time(Some(made.at)),
            "reason": made.reason.name(),
            "outcome": made.outcome.name(),
            "message": words::restart(&made.outcome),
        })
    };
    let tally = report.restarts.tally;
    json!({
        "way": how.way.name(),
        "running": report.restarts.is_running,
        "cooldown_seconds": report.restarts.cooldown.map_or(0.0, |left| left.as_secs_f64()),
        "last": report.restarts.made.as_ref().map(last),
        "effective": tally.effective,
        "ineffective": tally.ineffective,
        "lost": tally.lost,
        "failed": tally.failed,
    })
}

/// A file, with its damage; that is null for one that was not read as it is now.
pub(super) fn segment(part: &Part, damage: Option<&[Damage]>) -> Value {
    json!({
        "name": part.name,
        "role": part.role.name(),
        "bytes": part.bytes,
        "modified": time(part.modified),
        "damage": damage.map(|all| all.iter().map(damage_object).collect::<Vec<_>>()),
    })
}

/// What became of a checkpoint.
pub(super) fn outcome(name: &str, outcome: &Outcome) -> Value {
    let (freed_bytes, freed_replay) = freed(outcome);
    json!({
        "id": name,
        "outcome": outcome.name(),
        "message": words::outcome(outcome),
        "freed_bytes": freed_bytes,
        "freed_replay": freed_replay,
    })
}

fn freed(outcome: &Outcome) -> (u64, u64) {
    match outcome {
        Outcome::Effective { freed_bytes, freed_replay, .. } => (*freed_bytes, *freed_replay),
        _ => (0, 0),
    }
}

/// Something that happened.
pub(super) fn event(event: &Event) -> Value {
    let details = match &event.what {
        Happening::Health { from, to } => json!({
            "from": from.name(),
            "to": to.health.name(),
            "reasons": words::reasons(to),
            "blockers": to.blockers.iter().map(|Blocker(why)| why).collect::<Vec<_>>(),
        }),
        Happening::Damage(flaw) => {
            json!({"kind": flaw.kind.name(), "severity": flaw.severity.name(), "message": flaw.what})
        }
        Happening::Found(damage) => {
            let mut details = damage_object(damage);
            if let Some(fields) = details.as_object_mut() {
                fields.insert("kind".to_owned(), FlawKind::Found.name().into());
                fields.insert("severity".to_owned(), Severity::Critical.name().into());
                fields.insert("message".to_owned(), words::damage(damage).into());
            }
            details
        }
        Happening::FoundMore(more) => json!({
            "kind": FlawKind::Found.name(),
            "severity": Severity::Critical.name(),
            "message": format!("more damage in the same pass: {more} places"),
        }),
        Happening::Mended => json!({}),
        Happening::CheckpointBegun(reason) | Happening::RestartBegun(reason) => {
            json!({"reason": reason.name()})
        }
        Happening::Checkpoint { reason, outcome } => {
            let (freed_bytes, freed_replay) = freed(outcome);
            json!({
                "reason": reason.name(),
                "success": outcome.is_good(),
                "outcome": outcome.name(),
                "message": words::outcome(outcome),
                "freed_bytes": freed_bytes,
                "freed_replay": freed_replay,
            })
        }
        Happening::RestartConsideration { checkpoints, decision } => {
            json!({"checkpoints": checkpoints, "restart": decision.name()})
        }
        Happening::Restart { reason, outcome } => json!({
            "reason": reason.name(),
            "success": matches!(outcome, RestartOutcome::Helped { .. }),
            "outcome": outcome.name(),
            "message": words::restart(outcome),
        }),
        Happening::News(news) => match &news.state {
            State::Trouble(trouble) => json!({
                "state": "firing",
                "severity": trouble.severity.name(),
                "message": trouble.message,
                "advice": trouble.advice,
            }),
            State::Well => json!({"state": "resolved", "severity": null, "message": null, "advice": null}),
        },
        Happening::Forecast(forecast) => json!({
            "critical": forecast.critical.as_ref().map(eta_object),
            "full": forecast.full.as_ref().map(eta_object),
            "confidence": forecast.confidence.name(),
        }),
    };
    json!({
        "seq": event.seq,
        "time": time(Some(event.at)),
        "event": event.what.name(),
        "target": event.target,
        "details": details,
    })
}
