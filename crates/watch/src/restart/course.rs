//! When a server is restarted, and what became of that: facts and the present in, decisions out.
//!
//! * One is made when checkpoints have not helped a log in danger so often in a row, and when somebody asks.
//! * By itself none is made within the cooldown, and no more than so many in 24 hours. Over damage none is made at all.
//! * A server is back when it serves, where it can be asked; else when its keeper says that it runs. From then on the log has
//!   half a minute to become smaller.

use std::collections::VecDeque;
use std::time::Duration;

use formats::UnixTime;

use super::{OverDamage, RestartRules};
use crate::course::span;
use crate::{Facts, Judgement, Reason};

/// Checkpoints in vain before a restart is considered, where nothing says how one is made.
const IN_VAIN: u32 = 2;

/// What restarts are counted over.
const DAY: Duration = Duration::from_hours(24);

/// Restarts that are remembered: more than anybody allows in a day.
pub(super) const MOST: usize = 1_000;

/// How long the log may take to become smaller once the server is back.
const SETTLING: Duration = Duration::from_secs(30);

/// Why a server is not restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Nothing says how.
    NoWay,
    /// It is being restarted, or a checkpoint is being made.
    Running,
    /// Its log is damaged, or cannot be seen.
    Damaged,
    /// It was restarted not long ago.
    Cooling {
        /// What is left of the cooldown.
        left: Duration,
    },
    /// It was restarted often enough.
    Enough,
}

impl Hindrance {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Hindrance::NoWay => "no-restart",
            Hindrance::Running => "running",
            Hindrance::Damaged => "damaged",
            Hindrance::Cooling { .. } => "cooldown",
            Hindrance::Enough => "enough",
        }
    }
}

/// What follows when a restart is considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is made.
    Made,
    /// It is not.
    Withheld(Hindrance),
}

impl Decision {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Decision::Made => "made",
            Decision::Withheld(hindrance) => hindrance.name(),
        }
    }
}

/// What became of a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestartOutcome {
    /// The server is back, and the log is smaller.
    Helped {
        /// How long that took, until it served.
        took: Duration,
        /// Bytes that count no longer.
        freed_bytes: u64,
        /// Files, or frames, that a start need not replay any more.
        freed_replay: u64,
    },
    /// The server is back, and the log is no smaller.
    InVain {
        /// How long that took, until it served.
        took: Duration,
    },
    /// It was restarted, and does not serve.
    Lost(String),
    /// It was not restarted.
    Failed(String),
}

impl RestartOutcome {
    /// The word in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            RestartOutcome::Helped { .. } => "effective",
            RestartOutcome::InVain { .. } => "ineffective",
            RestartOutcome::Lost(_) => "lost",
            RestartOutcome::Failed(_) => "failed",
        }
    }
}

/// The last restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Restarted {
    /// When that was over.
    pub at: UnixTime,
    /// Why it was made.
    pub reason: Reason,
    /// What became of it.
    pub outcome: RestartOutcome,
}

/// How many restarts have become what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartTally {
    /// The server is back, and the log is smaller.
    pub effective: u64,
    /// The server is back, and the log is not.
    pub ineffective: u64,
    /// The server did not serve again in time.
    pub lost: u64,
    /// Not made.
    pub failed: u64,
}

/// How often a restart was due and not made, by what kept it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// The log was damaged, or could not be seen.
    pub damaged: u64,
    /// The server had been restarted not long ago.
    pub cooldown: u64,
    /// It had been restarted often enough.
    pub enough: u64,
}

/// A restart that is being made.
#[derive(Clone, Debug)]
struct Running {
    reason: Reason,
    since: UnixTime,
    before: Facts,
    /// When its keeper had said that it runs.
    done: Option<UnixTime>,
    /// When the server was first seen to serve again.
    back: Option<UnixTime>,
}

/// The restarts of one server.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    rules: Option<RestartRules>,
    running: Option<Running>,
    /// When the last ones began.
    pub(super) begun: VecDeque<UnixTime>,
    pub(crate) made: Option<Restarted>,
    pub(crate) tally: RestartTally,
    pub(crate) withheld: Withheld,
}

impl Restarts {
    /// Other rules; without any, none is made.
    pub(crate) fn rule(&mut self, rules: Option<RestartRules>) {
        self.rules = rules;
    }

    /// Checkpoints in vain before one is considered.
    pub(crate) fn after(&self) -> u32 {
        self.rules.map_or(IN_VAIN, |rules| rules.after)
    }

    /// Whether one is being made.
    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// What is left of the cooldown.
    pub(crate) fn cooldown(&self, now: UnixTime) -> Option<Duration> {
        let left = self.rules?.cooldown.checked_sub(span(*self.begun.back()?, now))?;
        (!left.is_zero()).then_some(left)
    }

    /// What keeps one from being made for that reason, of a server whose log is judged so.
    pub(crate) fn hindrance(
        &self,
        reason: Reason,
        judgement: &Judgement,
        now: UnixTime,
    ) -> Option<Hindrance> {
        let Some(rules) = self.rules else { return Some(Hindrance::NoWay) };
        if self.is_running() {
            return Some(Hindrance::Running);
        }
        let is_unsound = judgement.blind.is_some() || judgement.is_damaged();
        if is_unsound && rules.over_damage == OverDamage::Refuse {
            return Some(Hindrance::Damaged);
        }
        if reason == Reason::Manual {
            return None;
        }
        if let Some(left) = self.cooldown(now) {
            return Some(Hindrance::Cooling { left });
        }
        let today = self.begun.iter().filter(|begun| span(**begun, now) < DAY).count();
        (today >= rules.most_a_day as usize).then_some(Hindrance::Enough)
    }

    /// One was due, and this has kept it. Where nothing says how one is made, none was to be made.
    pub(crate) fn withhold(&mut self, hindrance: Hindrance) {
        let count = match hindrance {
            Hindrance::NoWay | Hindrance::Running => return,
            Hindrance::Damaged => &mut self.withheld.damaged,
            Hindrance::Cooling { .. } => &mut self.withheld.cooldown,
            Hindrance::Enough => &mut self.withheld.enough,
        };
        *count += 1;
    }

    /// One is made from now on.
    pub(crate) fn begin(&mut self, reason: Reason, before: Facts, now: UnixTime) {
        if self.begun.len() == MOST {
            self.begun.pop_front();
        }
        self.begun.push_back(now);
        self.running = Some(Running { reason, since: now, before, done: None, back: None });
    }

    /// Its keeper has said that it runs: from now on it has to serve in time.
    pub(crate) fn done(&mut self, now: UnixTime) {
        if let Some(running) = &mut self.running {
            running.done = Some(now);
        }
    }

    /// What has become of it, as far as these facts show; nothing where none could be had.
    pub(crate) fn outcome(
        &mut self,
        seen: Option<&Facts>,
        now: UnixTime,
        patience: Duration,
    ) -> Option<RestartOutcome> {
        let running = self.running.as_mut()?;
        // Without a server to ask, its keeper has said that it runs.
        let serves = |facts: &Facts| facts.server.is_none_or(|server| server.is_ready);
        match seen.filter(|facts| serves(facts)) {
            Some(_) => {
                running.back.get_or_insert(now);
            }
            None => running.back = None,
        }
        let Some(back) = running.back else {
            let waited = span(running.done.unwrap_or(running.since), now);
            let why = || format!("the server was restarted and has not served again after {waited:.0?}");
            return (waited >= patience).then(|| RestartOutcome::Lost(why()));
        };
        let took = span(running.since, back);
        let (freed_bytes, freed_replay) = seen.map_or((0, 0), |after| after.less_than(&running.before));
        if freed_bytes > 0 || freed_replay > 0 {
            return Some(RestartOutcome::Helped { took, freed_bytes, freed_replay });
        }
        (span(back, now) >= SETTLING).then_some(RestartOutcome::InVain { took })
    }

    /// Hears what became of it; gives back why it was made.
    pub(crate) fn settle(&mut self, outcome: RestartOutcome, now: UnixTime) -> Option<Reason> {
        let Running { reason, .. } = self.running.take()?;
        let count = match outcome {
            RestartOutcome::Helped { .. } => &mut self.tally.effective,
            RestartOutcome::InVain { .. } => &mut self.tally.ineffective,
            RestartOutcome::Lost(_) => &mut self.tally.lost,
            RestartOutcome::Failed(_) => &mut self.tally.failed,
        };
        *count += 1;
        self.made = Some(Restarted { at: now, reason, outcome });
        Some(reason)
    }
}

#[cfg(test)]
#[path = "course_test.rs"]
mod tests;
