//! Whether a server may be asked at all: it is left alone for a while after it was not there, or had too much to do.
//!
//! A pure state machine. Requests of several streams are on their way at once, and fail at once: a failure of one that
//! was begun before the gate was closed last says nothing new.

use std::time::Duration;

use tokio::time::Instant;

/// The gate in front of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    /// Failures in a row.
    failures: u32,
    /// When it was closed last, until when, and why.
    closed: Option<Closed>,
}

#[derive(Clone, Debug)]
struct Closed {
    /// When the first failure of those in a row was told.
    first: Instant,
    since: Instant,
    until: Instant,
    cause: String,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// The server is gone, or busy.
    Lost,
    /// The server is back.
    Back,
}

impl Gate {
    /// When the server may be asked, if it may not now.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.closed.as_ref().map(|closed| closed.until).filter(|until| *until > now)
    }

    /// Why it is closed, or was last, as long as no answer has come since; and how many failures there were.
    pub(crate) fn cause(&self) -> Option<(&str, u32)> {
        self.closed.as_ref().map(|closed| (closed.cause.as_str(), self.failures))
    }

    /// Since when it is closed, whether or not somebody may try meanwhile.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.closed.as_ref().map(|closed| closed.first)
    }

    /// How many failures there are in a row, with one that is to be told.
    pub(crate) fn failures_with_next(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// A request that was begun then has failed.
    pub(crate) fn failed(
        &mut self,
        begun: Instant,
        (now, pause): (Instant, Duration),
        cause: &str,
    ) -> Change {
        if self.closed.as_ref().is_some_and(|closed| begun < closed.since) {
            return Change::None;
        }
        self.failures = self.failures.saturating_add(1);
        let is_first = self.closed.is_none();
        let first = self.closed.as_ref().map_or(now, |closed| closed.first);
        self.closed = Some(Closed { first, since: now, until: now + pause, cause: cause.to_owned() });
        if is_first { Change::Lost } else { Change::None }
    }

    /// A request that was begun then was answered.
    pub(crate) fn answered(&mut self, begun: Instant) -> Change {
        if self.closed.as_ref().is_none_or(|closed| begun < closed.since) {
            return Change::None;
        }
        self.failures = 0;
        self.closed = None;
        Change::Back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_at_once_are_one_and_an_answer_opens() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut gate = Gate::default();
        assert_eq!(gate.closed_until(at(0)), None);
        assert_eq!(gate.failed(at(0), (at(1), Duration::from_secs(5)), "gone"), Change::Lost);
        assert_eq!(gate.failed(at(0), (at(2), Duration::from_secs(5)), "gone"), Change::None);
        assert_eq!((gate.closed_until(at(3)), gate.failures_with_next()), (Some(at(6)), 2));
        assert_eq!(gate.answered(at(0)), Change::None, "it was begun before");
        assert_eq!(gate.closed_until(at(6)), None, "somebody may try");
        assert_eq!(gate.cause(), Some(("gone", 1)), "nobody has yet");
        assert_eq!(gate.failed(at(6), (at(7), Duration::from_secs(9)), "busy"), Change::None);
        assert_eq!((gate.closed_until(at(8)), gate.cause()), (Some(at(16)), Some(("busy", 2))));
        assert_eq!(gate.since(), Some(at(1)), "it has been so since the first failure");
        assert_eq!(gate.answered(at(16)), Change::Back);
        assert_eq!((gate.cause(), gate.failures_with_next(), gate.since()), (None, 1, None));
    }
}
