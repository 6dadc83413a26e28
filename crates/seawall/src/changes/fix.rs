//! What a gate may do about what it found: findings and permissions in, the next fix out. Nothing here has an effect.
//!
//! * Damage comes first. A log that is damaged is neither drained nor trimmed: what cannot be read cannot be moved, and
//!   a cut through it would hide it.
//! * Draining comes before trimming, since it loses nothing.
//! * Each fix is tried once, so that a gate ends.

use std::time::Duration;

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
    /// Drops what makes the log too large.
    TrimSize,
    /// Drops what is too old.
    TrimAge,
}

impl Step {
    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Step::Repair => "repair",
            Step::Drain | Step::DrainAll => "drain",
            Step::TrimSize | Step::TrimAge => "trim",
        }
    }

    /// What is wanted of the log. Nobody trims to a limit that was not set: it could not have been exceeded.
    pub(crate) fn wish(self, limits: &Limits) -> Wish {
        match self {
            Step::Repair => Wish::Repair,
            Step::Drain => Wish::Drain(DrainTo::Usual),
            Step::DrainAll => Wish::Drain(DrainTo::Keep(Duration::ZERO)),
            Step::TrimSize => Wish::Trim(TrimTo::Size(limits.max_size.unwrap_or(u64::MAX))),
            Step::TrimAge => Wish::Trim(TrimTo::Age(limits.max_age.unwrap_or(Duration::MAX))),
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
    let steps = [
        (&LARGE[..], Fix::Drain, Step::Drain),
        (&LARGE, Fix::Drain, Step::DrainAll),
        (&[Code::MaxSize], Fix::Trim, Step::TrimSize),
        (&[Code::MaxAge], Fix::Trim, Step::TrimAge),
    ];
    let next = steps.into_iter().find(|(codes, fix, step)| found(codes) && may(*fix, *step));
    next.map(|(_, _, step)| step)
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
        for step in [Step::Drain, Step::DrainAll, Step::TrimSize] {
            assert_eq!(after(&[MaxSize], &every, &done), Some(step));
            done.push(step);
        }
        assert_eq!(after(&[MaxSize], &every, &done), None);
        assert_eq!(after(&[MaxSize, Code::MaxAge], &every, &done), Some(Step::TrimAge));
    }

    #[test]
    fn a_log_that_is_in_use_or_cannot_be_read_is_left_alone() {
        let every = [Fix::Repair, Fix::Drain, Fix::Trim];
        for code in [Code::InUse, Code::Unreadable] {
            assert_eq!(after(&[code, Code::Damage, Code::MaxSize], &every, &[]), None);
        }
    }
}
