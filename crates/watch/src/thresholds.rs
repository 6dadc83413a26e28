//! Where a log becomes worth attention, and where it becomes dangerous: limits in two steps, and what fits each engine.

use std::time::Duration;

use formats::Format;

use crate::{Breach, Facts, Floor, Limits, Measure, Severity, breaches};

/// Limits in two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Beyond these a log is worth attention.
    pub warning: Limits,
    /// Beyond these data or the next start are at stake.
    pub critical: Limits,
}

/// By how much a log has to be below a limit before it is well again: one that hovers around its limit is told once.
const SLACK: f64 = 0.1;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

impl Thresholds {
    /// What fits an engine that is left as it comes. A log of unknown purpose has no size that would be too much.
    pub fn of(format: Option<Format>) -> Self {
        let (files, bytes, hours) = match format {
            // Both cut their logs every two hours; three times that means that they no longer do.
            Some(Format::Prometheus | Format::Loki) => (None, None, Some(6)),
            // A snapshot is due at 900 files and forced at 1800.
            Some(Format::Influxdb3) => (Some(900), None, None),
            // max_wal_size is 1 GiB, and checkpoints stay below twice that.
            Some(Format::Postgres) => (None, Some(4 * GIB), None),
            // A checkpoint is due at 1000 pages, which are 4 MiB.
            Some(Format::Sqlite) => (None, Some(64 * MIB), None),
            // Five files are kept.
            Some(Format::Etcd) => (Some(10), None, None),
            Some(Format::Arwal | Format::Journal) | None => (None, None, None),
        };
        let warning = Limits {
            max_files: files,
            max_size: bytes,
            max_age: hours.map(Duration::from_hours),
            memory: None,
            min_free: Some(Floor::Percent(10.0)),
        };
        Self { warning, critical: beyond(&warning) }
    }

    /// 30 files or 1 GiB, twice the files or three times the size.
    pub fn classic() -> Self {
        let warning = Limits {
            max_files: Some(30),
            max_size: Some(GIB),
            min_free: Some(Floor::Percent(10.0)),
            ..Limits::default()
        };
        Self { warning, critical: beyond(&warning) }
    }

    /// These with limits that somebody chose: a critical one follows its warning where it is not chosen itself.
    #[must_use]
    pub fn with(self, warning: &Limits, critical: &Limits) -> Self {
        let follows = beyond(warning);
        Self {
            warning: over(warning, &self.warning),
            critical: over(critical, &over(&follows, &self.critical)),
        }
    }

    /// What is not kept, the worst of each measure. What was `held` against the log before stays until there is some way
    /// to its limit.
    pub fn breaches(&self, facts: &Facts, held: &[(Severity, Breach)]) -> Vec<(Severity, Breach)> {
        let severities = [(Severity::Critical, &self.critical), (Severity::Warning, &self.warning)];
        let mut found: Vec<(Severity, Breach)> = Vec::new();
        for (severity, limits) in severities {
            let tight = tightened(limits, severity, held);
            let breaches = breaches(facts, &tight).into_iter();
            for breach in breaches.filter_map(|breach| with_limit_of(limits, breach, facts)) {
                if !found.iter().any(|(_, known)| known.measure == breach.measure) {
                    found.push((severity, breach));
                }
            }
        }
        found
    }
}

/// What is critical where only the warning is chosen.
fn beyond(warning: &Limits) -> Limits {
    let times = |value: Option<u64>, factor: u64| value.map(|value| value.saturating_mul(factor));
    Limits {
        max_files: times(warning.max_files, 2),
        max_size: times(warning.max_size, 3),
        max_age: warning.max_age.map(|age| age.saturating_mul(3)),
        memory: None,
        min_free: warning.min_free.map(|floor| match floor {
            Floor::Bytes(bytes) => Floor::Bytes(bytes / 2),
            Floor::Percent(percent) => Floor::Percent(percent / 2.0),
        }),
    }
}

fn over(chosen: &Limits, other: &Limits) -> Limits {
    Limits {
        max_files: chosen.max_files.or(other.max_files),
        max_size: chosen.max_size.or(other.max_size),
        max_age: chosen.max_age.or(other.max_age),
        memory: chosen.memory.or(other.memory),
        min_free: chosen.min_free.or(other.min_free),
    }
}

/// Limits as they count for a log that has exceeded some of them at that severity before, or worse.
fn tightened(limits: &Limits, severity: Severity, held: &[(Severity, Breach)]) -> Limits {
    let is_held =
        |measure| held.iter().any(|(worst, breach)| breach.measure == measure && *worst >= severity);
    let less = |value: Option<u64>, measure| {
        value.map(|value| if is_held(measure) { scaled(value, 1.0 - SLACK) } else { value })
    };
    let more = |floor: Floor| match floor {
        Floor::Bytes(bytes) => Floor::Bytes(scaled(bytes, 1.0 + SLACK)),
        Floor::Percent(percent) => Floor::Percent(percent * (1.0 + SLACK)),
    };
    Limits {
        max_files: less(limits.max_files, Measure::Files),
        max_size: less(limits.max_size, Measure::Size),
        // Nothing hovers around an age: what is old grows older until it is gone.
        max_age: limits.max_age,
        memory: less(limits.memory, Measure::Memory),
        min_free: limits.min_free.map(|floor| if is_held(Measure::Free) { more(floor) } else { floor }),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of bytes or files, scaled"
)]
fn scaled(value: u64, factor: f64) -> u64 {
    (value as f64 * factor) as u64
}

/// The breach with the limit that was chosen, and not with the one that is left at last.
fn with_limit_of(limits: &Limits, breach: Breach, facts: &Facts) -> Option<Breach> {
    let limit = match breach.measure {
        Measure::Size => limits.max_size?,
        Measure::Files => limits.max_files?,
        Measure::Age => limits.max_age?.as_secs(),
        Measure::Memory => limits.memory?,
        Measure::Free => limits.min_free?.bytes(facts.room.map_or(0, |room| room.total)),
    };
    Some(Breach { limit, ..breach })
}

#[cfg(test)]
#[path = "thresholds_test.rs"]
mod tests;
