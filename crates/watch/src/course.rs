//! What is to be done about one log: facts and the present in, events and checkpoints out. A state machine without effects.
//!
//! * Each change of health is told once. So is each flaw, and each forecast that comes within the hour.
//! * A checkpoint is made when its time has come, when the log is too large or too old and the cooldown is over, and at once
//!   when that becomes critical; while it stays so, again after each cooldown. One at a time, and none by itself over damage.
//! * A checkpoint counts when the log is smaller than before. When some in a row do not help a log that is critical, a restart
//!   is considered, once until it is no longer critical, and made where its own rules allow it; see [`Restarts`]. No
//!   checkpoint is made meanwhile.

mod kept;

use std::time::Duration;

use formats::UnixTime;

use crate::forecast::forecast;
use crate::history::History;
use crate::restart::course::Restarts;
use crate::{
    Decision, Eta, Facts, Flaw, FlawKind, Forecast, Happening, Hindrance, Judgement, Outcome, Reason,
    RestartOutcome, Schedule, Severity, Thresholds,
};
pub(crate) use kept::{named, severity};

/// When checkpoints are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Rhythm {
    /// How long no other is made after one.
    pub cooldown: Duration,
    /// When one is made, however the log is.
    pub schedule: Option<Schedule>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// This is told.
    Tell(Happening),
    /// A checkpoint is made; [`Course::settle`] hears what became of it.
    Checkpoint(Reason),
    /// The server is restarted; [`Course::settle_restart`] hears what became of it.
    Restart(Reason),
}

/// Why a checkpoint that was asked for is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The target has no way to make one.
    NoWay,
    /// One is being made.
    Running,
    /// One was made not long ago.
    Cooling {
        /// What is left of the cooldown.
        left: Duration,
    },
}

/// A checkpoint that is being made.
#[derive(Clone, Debug)]
struct Running {
    reason: Reason,
    since: UnixTime,
    before: Facts,
}

/// The last checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// When it ended.
    pub at: UnixTime,
    /// Why it was made.
    pub reason: Reason,
    /// What became of it.
    pub outcome: Outcome,
}

/// How many checkpoints have become what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Made, and the log became smaller or had nothing to checkpoint.
    pub effective: u64,
    /// Made in vain.
    pub ineffective: u64,
    /// Not made.
    pub failed: u64,
    /// Bytes that they freed.
    pub freed_bytes: u64,
}

/// A forecast is told when something will have happened before this.
const SOON: Duration = Duration::from_hours(1);

/// Whether anything is wrong with a log by itself, whatever its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Soundness {
    Sound,
    Flawed,
}

impl Soundness {
    fn of(flaws: &[Flaw]) -> Self {
        if flaws.is_empty() { Self::Sound } else { Self::Flawed }
    }
}

/// What is known about one log, and what follows.
#[derive(Debug)]
pub(crate) struct Course {
    thresholds: Thresholds,
    rhythm: Option<Rhythm>,
    pub(crate) restarts: Restarts,
    pub(crate) facts: Option<Facts>,
    pub(crate) judgement: Judgement,
    pub(crate) forecast: Option<Forecast>,
    pub(crate) looked: Option<UnixTime>,
    history: History,
    has_told_forecast: bool,
    /// How it was when it was last seen.
    soundness: Soundness,
    running: Option<Running>,
    /// When the last attempt began.
    attempted: Option<UnixTime>,
    /// When one last helped.
    pub(crate) helped: Option<UnixTime>,
    pub(crate) made: Option<Made>,
    pub(crate) tally: Tally,
    /// How badly a checkpoint was wanted when the log was last seen.
    wanted: Option<Severity>,
    /// In a row, while the log was critical.
    in_vain: u32,
    /// From when on the schedule counts.
    scheduled: Option<UnixTime>,
}

impl Course {
    /// A log of which nothing is known yet. Without a rhythm no checkpoints are made.
    pub(crate) fn new(thresholds: Thresholds, rhythm: Option<Rhythm>) -> Self {
        Self {
            thresholds,
            rhythm,
            restarts: Restarts::default(),
            facts: None,
            judgement: Judgement::default(),
            forecast: None,
            looked: None,
            history: History::default(),
            has_told_forecast: false,
            soundness: Soundness::Sound,
            running: None,
            attempted: None,
            helped: None,
            made: None,
            tally: Tally::default(),
            wanted: None,
            in_vain: 0,
            scheduled: None,
        }
    }

    /// Other rules for the same log.
    pub(crate) fn rule(&mut self, thresholds: Thresholds, rhythm: Option<Rhythm>) {
        (self.thresholds, self.rhythm) = (thresholds, rhythm);
    }

    /// Whether something is being done about it.
    fn is_busy(&self) -> bool {
        self.running.is_some() || self.restarts.is_running()
    }

    /// The thresholds in force.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Hears what was seen, or why nothing was.
    pub(crate) fn see(&mut self, seen: Result<Facts, String>, now: UnixTime) -> Vec<Step> {
        self.looked = Some(now);
        self.scheduled.get_or_insert(now);
        let before = std::mem::take(&mut self.judgement);
        let mut steps = Vec::new();
        match seen {
            Ok(facts) => {
                self.history.add(&facts, now);
                self.forecast = forecast(&self.history, &facts, &self.thresholds);
                self.judgement = Judgement::of(&facts, &self.thresholds, &before.breaches);
                let known = self.facts.as_ref().map(|facts| facts.flaws.as_slice()).unwrap_or_default();
                // What was found place by place has been told so.
                let is_new = |flaw: &&Flaw| {
                    flaw.kind != FlawKind::Found && !known.iter().any(|known| known.kind == flaw.kind)
                };
                let flaws = facts.flaws.iter().filter(is_new).cloned();
                steps.extend(flaws.map(|flaw| Step::Tell(Happening::Damage(flaw))));
                let before = std::mem::replace(&mut self.soundness, Soundness::of(&facts.flaws));
                let is_mended = (before, self.soundness) == (Soundness::Flawed, Soundness::Sound);
                steps.extend(is_mended.then_some(Step::Tell(Happening::Mended)));
                self.facts = Some(facts);
            }
            Err(why) => {
                // What was held against it is held against it again when it can be seen.
                self.judgement = Judgement { breaches: before.breaches, ..Judgement::blind(why) };
                (self.facts, self.forecast) = (None, None);
            }
        }
        if self.judgement.health != before.health || before.blind.is_some() != self.judgement.blind.is_some()
        {
            let (from, to) = (before.health, self.judgement.clone());
            steps.push(Step::Tell(Happening::Health { from, to }));
        }
        steps.extend(self.foresee());
        if self.judgement.wants_checkpoint() != Some(Severity::Critical) {
            self.in_vain = 0;
        }
        // What could not be seen for a while is in no new danger when it can be seen again.
        if self.judgement.blind.is_none() {
            let before = std::mem::replace(&mut self.wanted, self.judgement.wants_checkpoint());
            steps.extend(self.due(before, now).and_then(|reason| self.begin(reason, now)));
        }
        steps
    }

    /// Why a checkpoint would not be made if somebody asked for it.
    pub(crate) fn denial(&self, now: UnixTime) -> Option<Denied> {
        if self.rhythm.is_none() {
            return Some(Denied::NoWay);
        }
        if self.is_busy() {
            return Some(Denied::Running);
        }
        self.cooldown(now).map(|left| Denied::Cooling { left })
    }

    /// Asks for a checkpoint of a log that is so now. What is not known cannot be seen to become smaller.
    pub(crate) fn ask(&mut self, facts: Option<Facts>, now: UnixTime) -> Result<Step, Denied> {
        if let Some(denied) = self.denial(now) {
            return Err(denied);
        }
        self.facts = Some(facts.ok_or(Denied::NoWay)?);
        self.begin(Reason::Manual, now).ok_or(Denied::NoWay)
    }

    /// What is left of the cooldown for whoever asks. A checkpoint that failed has done nothing that wants rest, and who has set
    /// right why it failed should not have to wait.
    pub(crate) fn cooldown(&self, now: UnixTime) -> Option<Duration> {
        let has_failed = matches!(&self.made, Some(Made { outcome: Outcome::Failed(_), .. }));
        self.cooling(self.rhythm.as_ref()?, now).filter(|_| !has_failed)
    }

    /// When the schedule wants the next one.
    pub(crate) fn next(&self) -> Option<UnixTime> {
        let since = self.attempted.max(self.scheduled)?;
        self.rhythm.as_ref()?.schedule.as_ref()?.next(since)
    }

    /// Whether a checkpoint is being made.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether a checkpoint that is being made has helped, as far as these facts show.
    pub(crate) fn has_helped(&self, after: &Facts, now: UnixTime) -> Option<Outcome> {
        let running = self.running.as_ref()?;
        let before = &running.before;
        let (freed_bytes, freed_replay) = after.less_than(before);
        if freed_bytes == 0 && freed_replay == 0 {
            let is_empty = before.bytes == Some(0) || before.replay.is_some_and(|replay| replay.count == 0);
            return is_empty.then_some(Outcome::Idle);
        }
        Some(Outcome::Effective { freed_bytes, freed_replay, took: span(running.since, now) })
    }

    /// Hears what became of the checkpoint.
    pub(crate) fn settle(&mut self, outcome: Outcome, now: UnixTime) -> Vec<Step> {
        let Some(Running { reason, .. }) = self.running.take() else { return Vec::new() };
        match &outcome {
            Outcome::Effective { freed_bytes, .. } => {
                self.tally.effective += 1;
                self.tally.freed_bytes = self.tally.freed_bytes.saturating_add(*freed_bytes);
            }
            Outcome::Idle => self.tally.effective += 1,
            Outcome::Ineffective { .. } => self.tally.ineffective += 1,
            Outcome::Failed(_) => self.tally.failed += 1,
        }
        if outcome.is_good() {
            (self.helped, self.in_vain) = (Some(now), 0);
        } else if self.judgement.wants_checkpoint() == Some(Severity::Critical) {
            self.in_vain += 1;
        }
        self.made = Some(Made { at: now, reason, outcome: outcome.clone() });
        let mut steps = vec![Step::Tell(Happening::Checkpoint { reason, outcome })];
        steps.extend(self.consider(now));
        steps
    }

    /// What follows from checkpoints in vain.
    fn consider(&mut self, now: UnixTime) -> Vec<Step> {
        let after = self.restarts.after();
        if self.in_vain < after {
            return Vec::new();
        }
        let hindrance = self.restarts.hindrance(Reason::Critical, &self.judgement, now);
        let mut steps = Vec::new();
        if self.in_vain == after {
            let (checkpoints, decision) =
                (self.in_vain, hindrance.map_or(Decision::Made, Decision::Withheld));
            steps.push(Step::Tell(Happening::RestartConsideration { checkpoints, decision }));
        }
        match hindrance {
            None => steps.extend(self.begin_restart(Reason::Critical, now)),
            Some(hindrance) => self.restarts.withhold(hindrance),
        }
        steps
    }

    /// Asks for a restart of the server.
    pub(crate) fn ask_restart(&mut self, now: UnixTime) -> Result<Step, Hindrance> {
        if self.running.is_some() {
            return Err(Hindrance::Running);
        }
        match self.restarts.hindrance(Reason::Manual, &self.judgement, now) {
            Some(hindrance) => Err(hindrance),
            None => self.begin_restart(Reason::Manual, now).ok_or(Hindrance::Running),
        }
    }

    fn begin_restart(&mut self, reason: Reason, now: UnixTime) -> Option<Step> {
        if self.is_busy() {
            return None;
        }
        self.restarts.begin(reason, self.facts.clone().unwrap_or_default(), now);
        Some(Step::Restart(reason))
    }

    /// Hears what became of a restart. What comes in vain is counted anew.
    pub(crate) fn settle_restart(&mut self, outcome: RestartOutcome, now: UnixTime) -> Vec<Step> {
        self.in_vain = 0;
        let reason = self.restarts.settle(outcome.clone(), now);
        reason.map(|reason| Step::Tell(Happening::Restart { reason, outcome })).into_iter().collect()
    }

    fn cooling(&self, rhythm: &Rhythm, now: UnixTime) -> Option<Duration> {
        let left = rhythm.cooldown.checked_sub(span(self.attempted?, now))?;
        (!left.is_zero()).then_some(left)
    }

    /// Why a checkpoint is due, if one is.
    fn due(&self, before: Option<Severity>, now: UnixTime) -> Option<Reason> {
        let rhythm = self.rhythm.as_ref()?;
        let is_cool = self.cooling(rhythm, now).is_none();
        match self.judgement.wants_checkpoint() {
            Some(Severity::Critical) if before != Some(Severity::Critical) || is_cool => {
                return Some(Reason::Critical);
            }
            Some(Severity::Warning) if is_cool => return Some(Reason::Warning),
            _ => {}
        }
        let since = self.attempted.max(self.scheduled)?;
        let is_time = rhythm.schedule.as_ref().is_some_and(|schedule| schedule.is_due(since, now));
        (is_time && is_cool && !self.judgement.is_damaged()).then_some(Reason::Scheduled)
    }

    fn begin(&mut self, reason: Reason, now: UnixTime) -> Option<Step> {
        if self.is_busy() {
            return None;
        }
        let before = self.facts.clone()?;
        self.running = Some(Running { reason, since: now, before });
        self.attempted = Some(now);
        Some(Step::Checkpoint(reason))
    }

    /// Tells a forecast when it comes within the hour, and is ready to tell the next one when it no longer does.
    fn foresee(&mut self) -> Option<Step> {
        let soon = |eta: Option<Eta>| eta.is_some_and(|eta| eta.likely <= SOON);
        let coming = self.forecast.filter(|forecast| soon(forecast.critical) || soon(forecast.full));
        let is_new = coming.is_some() && !self.has_told_forecast;
        self.has_told_forecast = coming.is_some();
        coming.filter(|_| is_new).map(|forecast| Step::Tell(Happening::Forecast(forecast)))
    }
}

/// From one moment to a later one; nothing if a clock was set back between the two.
pub(crate) fn span(from: UnixTime, to: UnixTime) -> Duration {
    Duration::try_from_secs_f64(to.seconds_since(from)).unwrap_or_default()
}

#[cfg(test)]
#[path = "course_test.rs"]
mod tests;
