//! What both gates do: judge a log, fix what they may fix, and judge it anew.

use std::path::Path;

use crate::changes::fix::{self, Step};
use crate::changes::{self, Change, Settled};
use crate::cli::{Fix, Rehearsal};
use crate::commands::check::{Checked, Gate};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limits::{Code, Finding, Severity};
use crate::show::{self, Screen, text};
use mend::MendError;

/// A log that was judged, and fixed as far as that was allowed and needed.
pub(crate) struct Fixed {
    /// An earlier change that had to be settled first.
    pub(crate) settled: Option<Settled>,
    /// What the log was like before anything was done.
    pub(crate) before: Option<Checked>,
    /// What was done, or on a rehearsal would be.
    pub(crate) attempts: Vec<Attempt>,
    /// What it is like now.
    pub(crate) checked: Checked,
}

/// A fix that was tried.
pub(crate) enum Attempt {
    /// There was a plan, and it was carried out unless this is a rehearsal.
    Planned(Box<Change>),
    /// It could not be done.
    Failed(Step, Failure),
}

/// What a fix that was tried came to.
enum Outcome {
    /// There was nothing to do.
    Nothing,
    /// A rehearsal: what comes after it cannot be told.
    Shown,
    /// The log has changed.
    Done,
}

impl Outcome {
    fn of(change: &Change) -> Self {
        match change.receipt {
            Some(_) => Outcome::Done,
            None if change.plan.is_empty() => Outcome::Nothing,
            None => Outcome::Shown,
        }
    }
}

impl Fixed {
    /// How a gate ends: what is left counts.
    pub(crate) fn exit(&self) -> Exit {
        let report = &self.checked.report;
        if report.found(Code::InUse) || report.found(Code::WouldLose) {
            Exit::Refused
        } else {
            report.exit_of_a_gate()
        }
    }
}

/// Finishes or takes back what an interrupted change has left, where the gate may change anything.
pub(crate) fn settle(path: &Path, gate: &Gate) -> Result<Option<Settled>, Failure> {
    let may = gate.fixes.iter().any(|fix| *fix != Fix::None) && gate.rehearsal == Rehearsal::Real;
    if !may {
        return Ok(None);
    }
    // What lies there is told when it is judged.
    changes::site(path, gate.format).map_or(Ok(None), |site| changes::settle(&site))
}

/// Judges, fixes, and judges anew.
pub(crate) fn judge(path: &Path, gate: &Gate, screen: &Screen) -> Result<Fixed, Failure> {
    let settled = settle(path, gate)?;
    let checked = Checked::new(path, gate, screen)?;
    let mut fixed = Fixed { settled, before: None, attempts: Vec::new(), checked };
    let mut done = Vec::new();
    while let Some(step) = fix::next(&fixed.checked.report.findings, &gate.fixes, &done) {
        if !fixed.checked.subject.holders.is_empty() {
            fixed.checked.object_to_use();
            break;
        }
        done.push(step);
        match attempt(step, &fixed.checked, gate, screen) {
            // A second way to drain is tried first.
            Ok(change) if change.plan.is_empty() && step == Step::Drain => {}
            Ok(change) => {
                let outcome = Outcome::of(&change);
                fixed.attempts.push(Attempt::Planned(Box::new(change)));
                match outcome {
                    Outcome::Nothing => continue,
                    Outcome::Shown => break,
                    Outcome::Done => {}
                }
                let now = Checked::new(path, gate, screen)?;
                let was = std::mem::replace(&mut fixed.checked, now);
                fixed.before.get_or_insert(was);
            }
            Err(failure) => fixed.attempts.push(Attempt::Failed(step, failure)),
        }
    }
    object(&mut fixed);
    Ok(fixed)
}

/// Plans a fix and, unless there is nothing to do or this is a rehearsal, carries it out.
fn attempt(step: Step, checked: &Checked, gate: &Gate, screen: &Screen) -> Result<Change, Failure> {
    let subject = &checked.subject;
    let mending = step.wish(&gate.limits).mending(subject, checked.report.now, screen)?;
    let plan = mending.plan();
    let mut change = Change::planned(&subject.path, plan, None);
    if gate.rehearsal == Rehearsal::Real && !plan.is_empty() {
        if matches!(step, Step::Drain | Step::DrainAll) && !plan.loss.is_none() {
            return Err(Failure::WouldLose { what: show::lost(plan) });
        }
        changes::apply(mending.as_ref(), &mut change, screen)?;
    }
    Ok(change)
}

/// A fix that failed is an objection as long as something is wrong.
fn object(fixed: &mut Fixed) {
    if fixed.checked.report.findings.is_empty() {
        return;
    }
    for attempt in &fixed.attempts {
        let Attempt::Failed(step, failure) = attempt else { continue };
        let (code, severity) = match failure {
            Failure::Mend(MendError::Held { .. } | MendError::Locked { .. } | MendError::Changed { .. }) => {
                (Code::InUse, Severity::Critical)
            }
            Failure::WouldLose { .. } => (Code::WouldLose, Severity::Warning),
            _ => (Code::NotFixed, Severity::Warning),
        };
        let message = format!("{} was not possible: {failure}", step.name());
        let advice = failure.hint().map_or(String::new(), |hint| text::sentence_case(&hint));
        fixed.checked.report.add(Finding { code, severity, message, advice });
    }
}
