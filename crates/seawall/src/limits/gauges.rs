//! How far a log is from each limit that was asked for: what a gate shows when all is well.

use watch::Floor;

use super::{Facts, Limits, oldest_age};
use crate::show::units;

/// One limit and what is measured against it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gauge {
    /// The limit's name.
    pub(crate) name: &'static str,
    /// What is measured.
    pub(crate) value: String,
    /// What is allowed.
    pub(crate) limit: String,
    /// How much of what is allowed is taken: more than 1 is too much, and `None` cannot be told.
    pub(crate) share: Option<f64>,
}

impl Gauge {
    /// Whether the limit is kept.
    pub(crate) fn kept(&self) -> bool {
        self.share.is_some_and(|share| share <= 1.0)
    }
}

/// A gauge for each limit that was asked for.
pub(crate) fn gauges(facts: &Facts<'_>, limits: &Limits) -> Vec<Gauge> {
    let (files, bytes) = facts.survey.weight();
    let mut gauges = Vec::new();
    if let Some(limit) = limits.max_size {
        gauges.push(at_most("size", (Some(bytes), limit), units::size));
    }
    if let Some(limit) = limits.max_files {
        gauges.push(at_most("files", (Some(files), limit), units::count));
    }
    if let Some(limit) = limits.max_age {
        let age = oldest_age(facts.survey, facts.now).map(|age| age.seconds);
        gauges.push(at_most("age", (age, limit.as_secs()), |seconds| units::span(seconds as f64)));
    }
    if let Some(limit) = limits.memory {
        let memory = facts.survey.estimate.map(|estimate| estimate.memory_at_most());
        gauges.push(at_most("memory", (memory, limit), units::size));
    }
    gauges.extend(limits.min_free.and_then(|floor| free(facts, floor)));
    gauges
}

fn at_most(name: &'static str, (value, limit): (Option<u64>, u64), text: impl Fn(u64) -> String) -> Gauge {
    let share = |value: u64| if value <= limit { value as f64 / limit.max(1) as f64 } else { f64::INFINITY };
    let shown = value.map_or_else(|| "unknown".to_owned(), &text);
    Gauge { name, value: shown, limit: format!("of {}", text(limit)), share: value.map(share) }
}

fn free(facts: &Facts<'_>, floor: Floor) -> Option<Gauge> {
    let room = facts.room?;
    let percent = room.free as f64 / room.total.max(1) as f64 * 100.0;
    let (wanted, limit) = match floor {
        Floor::Bytes(bytes) => (bytes as f64 / room.free.max(1) as f64, units::size(bytes)),
        Floor::Percent(wanted) => (wanted / percent.max(f64::MIN_POSITIVE), format!("{wanted}%")),
    };
    let value = format!("{} ({percent:.1}%)", units::size(room.free));
    Some(Gauge { name: "free", value, limit: format!("at least {limit}"), share: Some(wanted) })
}
