//! Facts held against thresholds: how a log is, and why. Nothing in, nothing out but values.

use crate::{
    Blocker, Breach, Evidence, Facts, Flaw, FlawKind, Health, Measure, Severity, Thresholds, health,
};

/// How a log is, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// How it is.
    pub health: Health,
    /// Limits that it does not keep, and how bad each is.
    pub breaches: Vec<(Severity, Breach)>,
    /// What else is wrong with it.
    pub flaws: Vec<Flaw>,
    /// Why it is not reclaimed.
    pub blockers: Vec<Blocker>,
    /// Why nothing is known about it; the rest says nothing then.
    pub blind: Option<String>,
}

impl Judgement {
    /// Holds facts against thresholds; `before` is what was held against the log the last time.
    pub fn of(facts: &Facts, thresholds: &Thresholds, before: &[(Severity, Breach)]) -> Self {
        let breaches = thresholds.breaches(facts, before);
        let severities: Vec<Severity> = breaches.iter().map(|(severity, _)| *severity).collect();
        let is_limited = !thresholds.warning.is_empty() || !thresholds.critical.is_empty();
        let evidence = if is_limited { Evidence::Something } else { Evidence::Nothing };
        Self {
            health: health(facts, &severities, evidence),
            breaches,
            flaws: facts.flaws.clone(),
            blockers: facts.blockers.clone(),
            blind: None,
        }
    }

    /// How badly it wants a checkpoint, if it does: when it is too large or too old, and when its disk is all but full, whoever
    /// has filled that. Never when something is wrong with what it holds: an engine that copies from a damaged log loses what
    /// a repair would keep.
    pub fn wants_checkpoint(&self) -> Option<Severity> {
        if self.blind.is_some() || self.is_damaged() {
            return None;
        }
        let counts = |(severity, breach): &&(Severity, Breach)| {
            breach.value.is_some() && (breach.measure != Measure::Free || *severity == Severity::Critical)
        };
        self.breaches.iter().filter(counts).map(|(severity, _)| *severity).max()
    }

    /// Whether something is wrong with what the log holds.
    pub fn is_damaged(&self) -> bool {
        self.flaws.iter().any(|flaw| flaw.kind != FlawKind::Server)
    }

    /// A log that could not be looked at.
    pub fn blind(why: String) -> Self {
        Self { blind: Some(why), ..Self::default() }
    }
}
