//! Facts held against thresholds: how a log is, and why. Nothing in, nothing out but values.

use crate::{Blocker, Breach, Evidence, Facts, Flaw, Health, Severity, Thresholds, health};

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

    /// A log that could not be looked at.
    pub fn blind(why: String) -> Self {
        Self { blind: Some(why), ..Self::default() }
    }
}
