//! What one channel is told, and when: news and the present in, letters out. A state machine without effects.
//!
//! * A letter for each change: trouble that is new, worse or less bad, and its end. Reminders while it lasts.
//! * What cannot be delivered is tried again, with pauses that double, and given up after a while. The next change, or the
//!   next reminder, is a new letter.
//! * Trouble that is over before anybody could be told of it is told once, as over. Trouble that comes back before its end
//!   could be told has not ended.
//! * One letter at a time, the worst trouble first.

mod kept;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use formats::UnixTime;

use crate::Severity;
use crate::alert::{Key, Letter, News, Occasion, Route, State, Trouble, Verdict};
pub(super) use kept::{keep_news, recall_news};

/// By which rules a channel is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What it is told.
    pub route: Route,
    /// How often trouble is told again while it lasts; nothing for never.
    pub reminder: Option<Duration>,
    /// Whether the end of trouble is told.
    pub endings: Endings,
    /// How long a letter is tried.
    pub patience: Duration,
}

/// Whether the end of trouble is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endings {
    /// It is.
    Told,
    /// It is not.
    Silent,
}

/// A letter that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What it was about.
    pub key: Key,
    /// Why it was to be sent.
    pub occasion: Occasion,
    /// Why it was not taken.
    pub reason: String,
}

/// What was counted since the desk is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Letters that were taken.
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Letters that were given up.
    pub lost: u64,
    /// News that found no place.
    pub overflow: u64,
}

/// Troubles that are remembered at once: far more than anybody can look after, in less than a megabyte.
const MOST: usize = 1_000;

/// The first pause after a failure. It doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause, unless the receiver asks for more.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The longest pause that a receiver may ask for.
const MOST_ASKED: Duration = Duration::from_hours(1);

/// What one channel is told.
#[derive(Clone, Debug)]
pub struct Desk {
    rules: Rules,
    open: BTreeMap<Key, Entry>,
    /// The letter that is on its way.
    away: Option<Away>,
    /// Nothing is sent before.
    pause: Option<UnixTime>,
    /// Attempts that failed in a row.
    failures: u32,
    tally: Tally,
}

/// A letter that is on its way.
#[derive(Clone, Debug)]
struct Away {
    key: Key,
    occasion: Occasion,
    severity: Severity,
    written: UnixTime,
}

/// A trouble.
#[derive(Clone, Debug)]
struct Entry {
    trouble: Trouble,
    since: UnixTime,
    /// When it ends by itself.
    ends: Option<UnixTime>,
    is_over: bool,
    /// What the receiver knows, and since when.
    told: Option<(Severity, UnixTime)>,
    /// When the letter that is due was first written.
    written: Option<UnixTime>,
}

impl Entry {
    /// Why a letter about it is due, if one is.
    fn occasion(&self, rules: &Rules, now: UnixTime) -> Option<Occasion> {
        match (self.is_over, self.told) {
            (true, _) if rules.endings == Endings::Told => Some(Occasion::Resolved),
            (_, None) => Some(Occasion::Firing),
            (true, Some(_)) => None,
            (false, Some((severity, _))) if severity != self.trouble.severity => Some(Occasion::Firing),
            (false, Some((_, at))) => {
                let is_time = rules.reminder.is_some_and(|reminder| later(at, reminder) <= now);
                is_time.then_some(Occasion::Reminder)
            }
        }
    }

    fn end(&mut self) {
        if !self.is_over {
            (self.is_over, self.ends, self.written) = (true, None, None);
        }
    }
}

impl Desk {
    /// A desk of a channel that was told nothing yet.
    pub fn new(rules: Rules) -> Self {
        let (open, tally) = (BTreeMap::new(), Tally::default());
        Self { rules, open, away: None, pause: None, failures: 0, tally }
    }

    /// Other rules for the same channel. What it is no longer told about is forgotten.
    pub fn rule(&mut self, rules: Rules) {
        self.rules = rules;
        let route = &self.rules.route;
        self.open.retain(|key, _| route.covers(&News { key: key.clone(), state: State::Well }));
        // Whatever stood in the way may be what was changed. A letter that is on its way is sent again: nobody hears any more
        // what became of it.
        (self.pause, self.failures, self.away) = (None, 0, None);
    }

    /// Hears news.
    pub fn hear(&mut self, news: &News, now: UnixTime) {
        if !self.rules.route.covers(news) {
            return;
        }
        let is_full = self.open.len() >= MOST;
        match (self.rules.route.told(news), self.open.get_mut(&news.key)) {
            (State::Well, None) => {}
            (State::Well, Some(entry)) => entry.end(),
            (State::Trouble(_), None) if is_full => self.tally.overflow += 1,
            (State::Trouble(trouble), None) => {
                let ends = trouble.lasts.map(|lasts| later(now, lasts));
                let (trouble, since) = (trouble.clone(), now);
                let entry = Entry { trouble, since, ends, is_over: false, told: None, written: None };
                self.open.insert(news.key.clone(), entry);
            }
            (State::Trouble(trouble), Some(entry)) => {
                if entry.is_over || entry.trouble.severity != trouble.severity {
                    entry.written = None;
                }
                // Its end is being told: what comes now is another trouble.
                let is_leaving = |away: &Away| away.key == news.key && away.occasion == Occasion::Resolved;
                if self.away.as_ref().is_some_and(is_leaving) {
                    entry.since = now;
                }
                entry.is_over = false;
                entry.ends = trouble.lasts.map(|lasts| later(now, lasts));
                entry.trouble = trouble.clone();
            }
        }
    }

    /// The letter that is to be sent now, if one is. [`Desk::settle`] hears what became of it.
    pub fn due(&mut self, now: UnixTime) -> Option<Letter> {
        self.tidy(now);
        // A pause that is longer than any comes from a clock that was set back.
        let pause = self.pause.filter(|pause| *pause <= later(now, MOST_ASKED));
        if self.away.is_some() || pause.is_some_and(|pause| pause > now) {
            return None;
        }
        let rules = &self.rules;
        let due = self.open.iter_mut().filter_map(|(key, entry)| {
            let occasion = entry.occasion(rules, now)?;
            Some((key, entry, occasion))
        });
        let (key, entry, occasion) =
            due.max_by_key(|(_, entry, _)| (entry.trouble.severity, Reverse(entry.since)))?;
        let (at, severity) = (*entry.written.get_or_insert(now), entry.trouble.severity);
        self.away = Some(Away { key: key.clone(), occasion, severity, written: at });
        Some(Letter {
            key: key.clone(),
            occasion,
            severity,
            message: entry.trouble.message.clone(),
            advice: entry.trouble.advice.clone(),
            since: entry.since,
            at,
        })
    }

    /// Hears what became of the letter, and says if it was given up.
    pub fn settle(&mut self, verdict: Verdict, now: UnixTime) -> Option<Lost> {
        let Away { key, occasion, severity, written } = self.away.take()?;
        let reason = match verdict {
            Verdict::Delivered { .. } => {
                self.tally.sent += 1;
                (self.failures, self.pause) = (0, None);
                None
            }
            Verdict::Retry { after, reason } => {
                self.tally.failed += 1;
                self.pause = Some(later(now, self.next_pause(after)));
                if later(written, self.rules.patience) > now {
                    return None;
                }
                Some(reason)
            }
            Verdict::Refused { reason } => {
                self.tally.failed += 1;
                Some(reason)
            }
        };
        self.close(&key, occasion, (severity, now));
        let lost = reason.map(|reason| Lost { key, occasion, reason });
        self.tally.lost += u64::from(lost.is_some());
        lost
    }

    /// When [`Desk::due`] may have something that it does not have now.
    pub fn next(&self, now: UnixTime) -> Option<UnixTime> {
        let pause = self.pause.unwrap_or(now);
        let of = |entry: &Entry| {
            let letter = match entry.occasion(&self.rules, now) {
                Some(_) => Some(now),
                None => entry.told.zip(self.rules.reminder).map(|((_, at), reminder)| later(at, reminder)),
            };
            [letter.map(|at| at.max(pause)), entry.ends].into_iter().flatten().min()
        };
        self.open.values().filter_map(of).min()
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Troubles that there are.
    pub fn firing(&self) -> usize {
        self.open.values().filter(|entry| !entry.is_over).count()
    }

    /// Letters that are due, or on their way.
    pub fn waiting(&self, now: UnixTime) -> usize {
        self.open.values().filter(|entry| entry.occasion(&self.rules, now).is_some()).count()
    }

    /// Ends what ends by itself, and forgets what nobody has to be told of.
    fn tidy(&mut self, now: UnixTime) {
        let rules = &self.rules;
        self.open.retain(|_, entry| {
            if entry.ends.is_some_and(|ends| ends <= now) {
                entry.end();
            }
            !entry.is_over || entry.occasion(rules, now).is_some()
        });
    }

    fn next_pause(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        asked.map_or(doubled, |asked| asked.clamp(FIRST_PAUSE, MOST_ASKED))
    }

    /// A letter is done with, whether it was taken or given up.
    fn close(&mut self, key: &Key, occasion: Occasion, told: (Severity, UnixTime)) {
        let Some(entry) = self.open.get_mut(key) else { return };
        match (occasion, entry.is_over) {
            (Occasion::Resolved, true) => {
                self.open.remove(key);
            }
            // It came back meanwhile.
            (Occasion::Resolved, false) => entry.told = None,
            _ => {
                // What has changed meanwhile is another letter.
                if entry.trouble.severity == told.0 && !entry.is_over {
                    entry.written = None;
                }
                entry.told = Some(told);
            }
        }
    }
}

/// So long after.
pub(crate) fn later(at: UnixTime, span: Duration) -> UnixTime {
    let nanos = at.nanos().saturating_add(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX));
    UnixTime::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "desk_test.rs"]
mod tests;
