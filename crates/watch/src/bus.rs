//! The events of all targets, in order: the newest of them are kept, and whoever waits is woken.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use formats::UnixTime;
use tokio::sync::watch;

use crate::{Event, Happening};

/// Events that are kept: hours of an unquiet night, in less than a megabyte.
const KEPT: usize = 1_024;

/// The events of all targets.
#[derive(Debug)]
pub struct Bus {
    kept: Mutex<VecDeque<Event>>,
    newest: watch::Sender<u64>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { kept: Mutex::default(), newest: watch::channel(0).0 }
    }
}

impl Bus {
    /// Adds an event. The oldest one goes when there are too many.
    pub(crate) fn add(&self, at: UnixTime, target: &str, what: Happening) -> Event {
        let mut kept = self.hold();
        let seq = *self.newest.borrow() + 1;
        let event = Event { seq, at, target: target.to_owned(), what };
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event.clone());
        // Woken under the lock, so that numbers grow for everyone.
        self.newest.send_replace(seq);
        event
    }

    /// The events behind a number, oldest first. Where the first one is not the next number, some are gone.
    pub fn since(&self, seq: u64) -> Vec<Event> {
        self.hold().iter().filter(|event| event.seq > seq).cloned().collect()
    }

    /// The number of the newest event, and what wakes those who wait for the next.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn hold(&self) -> MutexGuard<'_, VecDeque<Event>> {
        // A list cannot be left half changed by these.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn the_newest_events_are_kept_and_numbers_never_repeat() {
        let bus = Bus::default();
        for _ in 0..KEPT + 10 {
            bus.add(UnixTime::from_seconds(0), "db", Happening::CheckpointBegun(Reason::Manual));
        }
        let all = bus.since(0);
        assert_eq!((all.len(), all[0].seq), (KEPT, 11));
        let newest = *bus.newest().borrow();
        assert_eq!(newest, KEPT as u64 + 10);
        assert!(bus.since(newest).is_empty());
        assert_eq!(bus.since(newest - 1).len(), 1);
    }
}
