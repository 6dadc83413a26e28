//! The JSON of changes: plans, receipts, and what a quarantine holds.

use formats::UnixTime;
use mend::{Kept, Loss, Receipt, Step, StepKind};
use serde_json::{Value, json};

use super::{Object, finding, note};
use crate::changes::{Change, Settled};
use crate::commands::fix::{Attempt, Fixed};
use crate::commands::quarantine::{Entry, State};
use crate::report::Report;
use crate::times::rfc3339;

/// A change that was planned, or carried out.
pub(crate) fn change(change: &Change) -> Value {
    let plan = &change.plan;
    let mut object = Object::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("action", json!(plan.action.name()));
    put("receipt", json!(change.receipt));
    put("path", json!(change.path.to_string_lossy()));
    put("root", json!(plan.site.root.to_string_lossy()));
    put("format", json!(plan.site.format.name()));
    put("steps", plan.steps.iter().map(step).collect());
    put("loss", loss(&plan.loss));
    put("kept", kept(&plan.kept));
    put("servers_own", plan.servers_own.as_ref().map_or(Value::Null, servers_own));
    put("needs_bytes", json!(plan.needs));
    put("applied", json!(change.receipt.is_some()));
    put("notes", plan.notes.iter().map(note).collect());
    put("settled", change.settled.as_ref().map_or(Value::Null, settled));
    put("after", change.after.as_ref().map_or(Value::Null, after));
    object.into()
}

fn step(step: &Step) -> Value {
    json!({
        "kind": kind(step.kind), "path": step.path, "bytes_before": step.bytes_before,
        "bytes_after": step.bytes_after, "why": step.why,
    })
}

/// What happens to a file, as a word.
pub(crate) const fn kind(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Create => "create",
        StepKind::Replace => "replace",
        StepKind::Remove => "remove",
    }
}

fn loss(loss: &Loss) -> Value {
    let time = |millis: fn(mend::Span) -> i64| {
        loss.times.and_then(|times| rfc3339(UnixTime::from_millis(millis(times))))
    };
    json!({
        "records": loss.records, "samples": loss.samples, "series": loss.series, "bytes": loss.bytes,
        "from": time(|times| times.from), "to": time(|times| times.to),
    })
}

fn kept(kept: &Kept) -> Value {
    json!({"records": kept.records, "samples": kept.samples, "series": kept.series})
}

/// No format tells how many series its server would keep.
fn servers_own(own: &Kept) -> Value {
    json!({"records": own.records, "samples": own.samples})
}

/// What became of an earlier change that had been interrupted.
pub(crate) fn settled(settled: &Settled) -> Value {
    json!({"receipt": settled.receipt, "end": settled.end.name(), "written": settled.written})
}

/// What a gate did, and what the log was like before.
pub(crate) fn fixes(fixed: &Fixed) -> Object {
    let mut object = Object::new();
    object.insert("settled".to_owned(), fixed.settled.as_ref().map_or(Value::Null, settled));
    let before = fixed.before.as_ref().map_or(Value::Null, |before| after(&before.report));
    object.insert("before".to_owned(), before);
    object.insert("fixes".to_owned(), fixed.attempts.iter().map(attempt).collect());
    object
}

fn attempt(attempt: &Attempt) -> Value {
    match attempt {
        Attempt::Planned(planned) => change(planned),
        Attempt::Failed(step, failure) => {
            let mut object = Object::new();
            object.insert("action".to_owned(), json!(step.name()));
            object.insert("applied".to_owned(), json!(false));
            object.insert("error".to_owned(), super::error(failure));
            object.into()
        }
    }
}

/// What the log is like now.
fn after(report: &Report) -> Value {
    json!({"health": report.health.name(), "findings": report.findings.iter().map(finding).collect::<Value>()})
}

/// A line of a quarantine's list.
pub(crate) fn entry(entry: &Entry) -> Value {
    let mut object = Object::new();
    object.insert("id".to_owned(), json!(entry.id));
    object.insert("state".to_owned(), json!(entry.state.name()));
    object.insert("bytes".to_owned(), json!(entry.bytes));
    let receipt = entry.receipt.as_ref();
    let mut put =
        |name: &str, value: Option<Value>| object.insert(name.to_owned(), value.unwrap_or(Value::Null));
    put("action", receipt.map(|receipt| json!(receipt.action.name())));
    put("format", receipt.map(|receipt| json!(receipt.format)));
    put("made", receipt.map(|receipt| json!(rfc3339(receipt.made))));
    put("undoes", receipt.and_then(|receipt| receipt.undoes.as_ref()).map(|id| json!(id)));
    put("taken_back_by", taken_back_by(&entry.state));
    put("steps", receipt.map(|receipt: &Receipt| receipt.steps.iter().map(step).collect()));
    put("loss", receipt.map(|receipt| loss(&receipt.loss)));
    put("kept", receipt.map(|receipt| kept(&receipt.kept)));
    object.into()
}

fn taken_back_by(state: &State) -> Option<Value> {
    match state {
        State::TakenBack { by } => Some(json!(by)),
        State::Done | State::Unfinished => None,
    }
}
