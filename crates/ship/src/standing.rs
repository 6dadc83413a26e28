//! How a shipper stands: what it counts, what waits, and why.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::course::Cause;
use crate::gate::{Change, Gate};

/// How a shipper stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where events are delivered to.
    pub place: String,
    /// What it does.
    pub state: State,
    /// Why all streams wait, if they do.
    pub cause: Option<String>,
    /// Streams that wait by themselves, with the reason; the first ones by name.
    pub waiting: Vec<(String, String)>,
    /// How many streams wait by themselves.
    pub waiting_count: u64,
    /// How long it has waited: all streams for the server, or the one of them that waits longest.
    pub waiting_for: Option<Duration>,
    /// Of the streams that wait, those at whose head is an event that the server refuses; the first ones by name.
    pub blocked: Vec<(String, String)>,
    /// How many there are.
    pub blocked_count: u64,
    /// Requests on their way.
    pub in_flight: u64,
    /// What was done since the start.
    pub totals: Totals,
}

/// What a shipper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It delivers what there is.
    Delivering,
    /// Some streams wait by themselves.
    Held,
    /// All streams wait for the server.
    Waiting,
}

/// What was done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events that the server said it has.
    pub delivered: u64,
    /// Their bytes.
    pub delivered_bytes: u64,
    /// Events that were put aside.
    pub parked: u64,
    /// Requests that were made.
    pub requests: u64,
    /// Of those, with a batch that had been sent before.
    pub retries: u64,
    /// Of those, not answered by taking the batch.
    pub failures: u64,
    /// Of those, answered by refusing the batch.
    pub refused: u64,
}

/// Streams that are listed by name when they wait.
const LISTED: usize = 100;

#[derive(Default)]
pub(crate) struct Standing {
    pub(crate) counts: Counts,
    pub(crate) gate: Mutex<Gate>,
    /// Streams that wait by themselves. There are no more than workers.
    held: Mutex<BTreeMap<String, Held>>,
}

/// A stream that waits by itself.
struct Held {
    cause: Cause,
    since: Instant,
}

impl Held {
    fn reason(&self) -> &str {
        let (Cause::Failed(reason) | Cause::Blocked(reason)) = &self.cause;
        reason
    }
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) delivered_bytes: AtomicU64,
    pub(crate) parked: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

/// Nothing that is kept here can be left half done.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standing {
    /// A stream waits by itself. Says whether it is the first that does.
    pub(crate) fn hold_back(&self, stream: &str, cause: &Cause, now: Instant) -> bool {
        let mut held = hold(&self.held);
        let is_first = held.is_empty();
        let since = held.get(stream).map_or(now, |known| known.since);
        held.insert(stream.to_owned(), Held { cause: cause.clone(), since });
        is_first
    }

    /// A stream goes on. Says whether it was the last that waited.
    pub(crate) fn let_go(&self, stream: &str) -> bool {
        let mut held = hold(&self.held);
        held.remove(stream).is_some() && held.is_empty()
    }

    /// A request that was begun then was answered, and not with the wish to be left alone.
    pub(crate) fn answered(&self, begun: Instant) -> Change {
        hold(&self.gate).answered(begun)
    }

    pub(crate) fn totals(&self) -> Totals {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals {
            delivered: load(&self.counts.delivered),
            delivered_bytes: load(&self.counts.delivered_bytes),
            parked: load(&self.counts.parked),
            requests: load(&self.counts.requests),
            retries: load(&self.counts.retries),
            failures: load(&self.counts.failures),
            refused: load(&self.counts.refused),
        }
    }

    pub(crate) fn status(&self, place: String, (in_flight, now): (u64, Instant)) -> Status {
        let (cause, closed) = {
            let gate = hold(&self.gate);
            (gate.cause().map(|(cause, _)| cause.to_owned()), gate.since())
        };
        let held = hold(&self.held);
        let named = |(stream, held): (&String, &Held)| (stream.clone(), held.reason().to_owned());
        let waiting: Vec<_> = held.iter().take(LISTED).map(named).collect();
        let is_blocked = |(_, held): &(&String, &Held)| matches!(held.cause, Cause::Blocked(_));
        let state = match (&cause, waiting.is_empty()) {
            (Some(_), _) => State::Waiting,
            (None, false) => State::Held,
            (None, true) => State::Delivering,
        };
        let since = held.values().map(|held| held.since).chain(closed).min();
        Status {
            place,
            state,
            cause,
            waiting,
            waiting_count: held.len() as u64,
            waiting_for: since.map(|since| now.duration_since(since)),
            blocked: held.iter().filter(is_blocked).take(LISTED).map(named).collect(),
            blocked_count: held.iter().filter(is_blocked).count() as u64,
            in_flight,
            totals: self.totals(),
        }
    }
}
