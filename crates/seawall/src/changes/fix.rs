//! What a gate may do about what it found: findings and permissions in, the next fix out. Nothing here has an effect.
//!
//! * Damage comes first. A log that is damaged is neither drained nor trimmed: what cannot be read cannot be moved, and
//!   a cut through it would hide it.
//! * Draining comes before trimming, since it loses nothing.
//! * Each fix is tried once, so that a gate ends.

use super::wish::{DrainTo, TrimTo, Wish};
use crate::cli::Fix;
use crate::limits::{Code, Finding, Limits};

/// Findings that a repair is for.
const BROKEN: [Code; 4] = [Code::Damage, Code::StartsWithLoss, Code::Refuses, Code::CrashLoops];

/// Findings that draining is for.
const LARGE: [Code; 4] = [Code::MemoryLimit, Code::MaxSize, Code::MaxAge, Code::MaxFiles];

/// A fix, and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Mends damage.
    Repair,
    /// Leaves what a running server would have in its log.
    Drain,
    /// Leaves as little as possible, where that was not enough.
    DrainAll,
    /// Drops what the limits do not allow.
    Trim,
}

impl Step {
    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Step::Repair => "repair",
            Step::Drain | Step::DrainAll => "drain",
            Step::Trim => "trim",
        }
    }

    /// What is wanted of the log.
    pub(crate) fn wish(self, limits: &Limits) -> Wish {
        match self {
            Step::Repair => Wish::Repair,
            Step::Drain => Wish::Drain(DrainTo::Usual),
            Step::DrainAll => Wish::Drain(DrainTo::Keep(std::time::Duration::ZERO)),
            Step::Trim => Wish::Trim(TrimTo { size: limits.max_size, age: limits.max_age }),
        }
    }
}

/// The next thing to do, after what was `done` already.
pub(crate) fn next(findings: &[Finding], allowed: &[Fix], done: &[Step]) -> Option<Step> {
    let found = |codes: &[Code]| findings.iter().any(|finding| codes.contains(&finding.code));
    let may = |fix: Fix, step: Step| allowed.contains(&fix) && !done.contains(&step);
    if found(&[Code::Unreadable, Code::InUse]) {
        return None;
    }
    if found(&BROKEN) {
        return may(Fix::Repair, Step::Repair).then_some(Step::Repair);
    }
    if found(&LARGE) {
        for step in [Step::Drain, Step::DrainAll] {
            if may(Fix::Drain, step) {
                return Some(step);
            }
        }
    }
    (found(&[Code::MaxSize, Code::MaxAge]) && may(Fix::Trim, Step::Trim)).then_some(Step::Trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Severity;

    fn after(codes: &[Code], allowed: &[Fix], done: &[Step]) -> Option<Step> {
        let finding = |code: &Code| Finding {
            code: *code,
            severity: Severity::Warning,
            message: String::new(),
            advice: String::new(),
        };
        next(&codes.iter().map(finding).collect::<Vec<_>>(), allowed, done)
    }

    #[test]
    fn nothing_is_done_that_was_not_allowed_or_is_not_needed() {
        use Code::{Damage, MaxSize, MemoryLimit, MinFree};
        let every = [Fix::Repair, Fix::Drain, Fix::Trim];
        assert_eq!(after(&[], &every, &[]), None);
        assert_eq!(after(&[MinFree], &every, &[]), None, "what is moved aside frees no room");
        assert_eq!(after(&[Damage], &[Fix::None], &[]), None);
        assert_eq!(after(&[Damage], &[Fix::Drain, Fix::Trim], &[]), None);
        assert_eq!(after(&[MaxSize], &[Fix::Repair], &[]), None);
        assert_eq!(after(&[MemoryLimit], &[Fix::Trim], &[]), None, "trimming knows sizes and ages only");
    }

    #[test]
    fn damage_is_mended_first_then_the_log_is_drained_then_trimmed() {
        use Code::{Damage, MaxSize};
        let every = [Fix::Trim, Fix::Drain, Fix::Repair];
        let mut done = Vec::new();
        assert_eq!(after(&[Damage, MaxSize], &every, &done), Some(Step::Repair));
        done.push(Step::Repair);
        assert_eq!(after(&[Damage, MaxSize], &every, &done), None, "what is left of damage stops everything");
        for step in [Step::Drain, Step::DrainAll, Step::Trim] {
            assert_eq!(after(&[MaxSize], &every, &done), Some(step));
            done.push(step);
        }
        assert_eq!(after(&[MaxSize], &every, &done), None);
    }

    #[test]
    fn a_log_that_is_in_use_or_cannot_be_read_is_left_alone() {
        let every = [Fix::Repair, Fix::Drain, Fix::Trim];
        for code in [Code::InUse, Code::Unreadable] {
            assert_eq!(after(&[code, Code::Damage, Code::MaxSize], &every, &[]), None);
        }
    }
}
