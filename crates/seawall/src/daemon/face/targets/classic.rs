//! The shapes of the WAL manager that came before, field by field, so that what was written for it runs unchanged. Unlike
//! there, what is not known is null and `unknown`, and a checkpoint that did not happen is no 200.

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use watch::{Health, Report};

use super::{checkpoint, no_target, objects};
use crate::clock;
use crate::daemon::face::Face;
use crate::daemon::face::answer::{Answer, Refusal};
use crate::daemon::face::dispatch::Call;
use crate::daemon::watching::words;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon::face) enum Question {
    Health,
    Status,
    Checkpoint,
    Stats,
}

const GIB: f64 = 1_073_741_824.0;

/// Answers it for the log that was named, or for the first one.
pub(super) async fn answer(face: &Face, question: Question, call: &Call) -> Result<Answer, Refusal> {
    let report = match call.query("target") {
        Some(name) => face.watch.report(name).ok_or_else(|| no_target(name))?,
        None => face.watch.reports().into_iter().next().ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, "no-target", "no log is under watch")
                .hint("name one with [[watch]] in the configuration")
        })?,
    };
    let document = match question {
        Question::Health => health(&report).into(),
        Question::Status => status(&report),
        Question::Stats => stats(&report),
        Question::Checkpoint => return trigger(face, &report).await,
    };
    Ok(Answer::json(StatusCode::OK, &document))
}

async fn trigger(face: &Face, report: &Report) -> Result<Answer, Refusal> {
    let done = checkpoint(face, report).await;
    let timestamp = json!(objects::time(Some(clock::now())));
    match done {
        Ok(outcome) => {
            let message = format!("Checkpoint triggered successfully: {}", words::outcome(&outcome));
            let document = json!({"success": true, "timestamp": timestamp, "message": message});
            Ok(Answer::json(StatusCode::OK, &document))
        }
        Err(refusal) => {
            let message = json!(format!("Checkpoint failed or cooldown active: {}", refusal.message));
            Err(refusal
                .beside("success", json!(false))
                .beside("timestamp", timestamp)
                .beside("message", message))
        }
    }
}

fn health(report: &Report) -> Map<String, Value> {
    let facts = report.facts.as_ref();
    let size = facts.and_then(|facts| facts.bytes).map(|bytes| bytes as f64 / GIB);
    let fields = [
        ("fileCount", json!(facts.and_then(|facts| facts.files))),
        ("totalSizeGB", json!(size)),
        ("lastCheckpoint", json!(objects::time(report.helped))),
        ("healthStatus", json!(report.judgement.health.name())),
        ("recommendations", json!(recommendations(report))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn recommendations(report: &Report) -> Vec<String> {
    let usual: &[&str] = match report.judgement.health {
        Health::Healthy => &["WAL health is optimal", "Continue current write patterns"],
        Health::Warning => {
            &["Schedule checkpoint soon", "Monitor WAL growth rate", "Optimize write batching"]
        }
        Health::Critical => &[
            "Immediate checkpoint required",
            "Consider container restart if checkpoint fails",
            "Review write patterns and batch size",
        ],
        Health::Unknown => &["Unable to determine WAL status"],
    };
    let usual = usual.iter().map(|text| (*text).to_owned());
    let blockers = objects::blockers(report).into_iter().map(str::to_owned);
    usual.chain(words::reasons(&report.judgement)).chain(blockers).collect()
}

fn status(report: &Report) -> Value {
    let left = report.cooldown.unwrap_or_default();
    let can =
        report.target.checkpoint.is_some() && report.facts.is_some() && left.is_zero() && !report.is_running;
    json!({
        "lastCheckpoint": objects::time(report.helped),
        "canTrigger": can,
        "cooldownRemaining": u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
        "isProcessing": report.is_running,
    })
}

fn stats(report: &Report) -> Value {
    let mut fields = health(report);
    let limits = &report.thresholds.warning;
    let cooldown = report.target.checkpoint.as_ref().map(|it| it.rhythm.cooldown.as_millis());
    let system = json!({
        "maxWALFiles": limits.max_files,
        "maxWALSizeGB": limits.max_size.map(|bytes| bytes as f64 / GIB),
        "checkpointCooldownMs": cooldown.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
    });
    fields.insert("checkpointStatus".to_owned(), status(report));
    fields.insert("systemInfo".to_owned(), system);
    fields.into()
}
