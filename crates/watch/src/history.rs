//! What a log was since it last became smaller, as points of which there are never many.
//!
//! Logs grow and are cut: a line through a cut says nothing. So a history begins anew whenever the log has lost more than
//! a twentieth of what it had.

use std::collections::VecDeque;

use formats::UnixTime;

use crate::kept::{Fields, Page};
use crate::{Facts, Point};

/// Points that are kept. When there are more, every second one goes, and from then on points lie twice as far apart: their
/// 7140 pairs take a tenth of a millisecond, and the span that they cover has no end.
const MOST: usize = 120;

/// A loss of less than this share is no cut: servers tidy up a little all the time.
const CUT: f64 = 0.05;

/// Bytes and files at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    at: UnixTime,
    bytes: u64,
    files: u64,
}

/// What a log was since it last became smaller.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    moments: VecDeque<Moment>,
    /// Seconds that lie between two points at least.
    spacing: f64,
}

impl History {
    /// Adds what is known now. What is not known leaves no point.
    pub(crate) fn add(&mut self, facts: &Facts, at: UnixTime) {
        let (Some(bytes), Some(files)) = (facts.bytes, facts.files) else { return };
        let now = Moment { at, bytes, files };
        if self.moments.back().is_some_and(|last| is_cut(last, &now)) {
            *self = Self::default();
        }
        match self.moments.back_mut() {
            // A clock that was set back would make points of the past out of those of the present.
            Some(last) if at <= last.at => *self = Self::from([now]),
            Some(last) if at.seconds_since(last.at) < self.spacing => {}
            _ => self.moments.push_back(now),
        }
        if self.moments.len() > MOST {
            let mut rank = 0;
            self.moments.retain(|_| {
                rank += 1;
                rank % 2 == 1
            });
            let span = self
                .moments
                .back()
                .zip(self.moments.front())
                .map(|(last, first)| last.at.seconds_since(first.at));
            self.spacing = span.unwrap_or(0.0) / (MOST / 2) as f64;
        }
    }

    /// Writes it down.
    pub(crate) fn keep(&self, page: &mut Page) {
        if self.moments.is_empty() {
            return;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds, as nanoseconds"
        )]
        let spacing = (self.spacing.max(0.0) * 1e9) as u64;
        drop(page.line("spacing").word(spacing));
        for moment in &self.moments {
            drop(page.line("point").time(moment.at).word(moment.bytes).word(moment.files));
        }
    }

    /// Takes up what a line says; nothing if that makes no sense.
    pub(crate) fn recall(&mut self, name: &str, fields: &mut Fields<'_>) -> Option<()> {
        if name == "spacing" {
            self.spacing = fields.number::<u64>()? as f64 / 1e9;
            return Some(());
        }
        let moment = Moment { at: fields.time()?, bytes: fields.number()?, files: fields.number()? };
        let is_next = self.moments.back().is_none_or(|last| last.at < moment.at);
        (is_next && self.moments.len() < MOST).then(|| self.moments.push_back(moment))
    }

    /// Goes on after a restart, unless nobody has looked for longer than was looked before: the log may have been cut meanwhile,
    /// and have grown again.
    pub(crate) fn resume(&mut self, now: UnixTime) {
        let Some((first, last)) = self.moments.front().zip(self.moments.back()) else { return };
        if now.seconds_since(last.at) > last.at.seconds_since(first.at) {
            *self = Self::default();
        }
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.moments.len()
    }

    /// Bytes over time.
    pub(crate) fn bytes(&self) -> Vec<Point> {
        self.points(|moment| moment.bytes)
    }

    /// Files over time.
    pub(crate) fn files(&self) -> Vec<Point> {
        self.points(|moment| moment.files)
    }

    fn points(&self, value: impl Fn(&Moment) -> u64) -> Vec<Point> {
        let Some(first) = self.moments.front() else { return Vec::new() };
        let point =
            |moment: &Moment| Point { at: moment.at.seconds_since(first.at), value: value(moment) as f64 };
        self.moments.iter().map(point).collect()
    }
}

impl From<[Moment; 1]> for History {
    fn from(moments: [Moment; 1]) -> Self {
        Self { moments: moments.into(), spacing: 0.0 }
    }
}

fn is_cut(before: &Moment, now: &Moment) -> bool {
    (now.bytes as f64) < before.bytes as f64 * (1.0 - CUT)
        || (now.files as f64) < before.files as f64 * (1.0 - CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(history: &mut History, second: i64, bytes: u64) {
        let facts = Facts { bytes: Some(bytes), files: Some(1), ..Facts::default() };
        history.add(&facts, UnixTime::from_seconds(second));
    }

    #[test]
    fn a_history_begins_anew_when_the_log_is_cut() {
        let mut history = History::default();
        (0..10).for_each(|second| at(&mut history, second, 1_000 + second.unsigned_abs()));
        assert_eq!(history.len(), 10);
        at(&mut history, 10, 980);
        assert_eq!(history.len(), 11, "a little less is no cut");
        at(&mut history, 11, 500);
        assert_eq!(history.len(), 1);
    }

    #[test]
    fn a_history_stays_small_and_reaches_back_to_the_cut() {
        let mut history = History::default();
        (0..100_000).for_each(|second| at(&mut history, second, second.unsigned_abs()));
        assert!((MOST / 4..=MOST).contains(&history.len()), "{}", history.len());
        let points = history.bytes();
        assert!(points[0].value < 1.0 && points.last().unwrap().value > 95_000.0);
    }

    #[test]
    fn what_is_not_known_leaves_no_point_and_a_clock_that_was_set_back_begins_anew() {
        let mut history = History::default();
        history.add(&Facts::default(), UnixTime::from_seconds(1));
        assert_eq!(history.len(), 0);
        at(&mut history, 100, 1);
        at(&mut history, 101, 1);
        at(&mut history, 5, 1);
        assert_eq!(history.len(), 1);
    }
}
