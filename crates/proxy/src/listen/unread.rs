//! Requests that could not be read, and were answered all the same: told, but not so often that whoever sends them fills a
//! log.

use std::error::Error;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use journal::Millis;

/// Between two times that it is told.
const PAUSE_MILLIS: i64 = 1000;

/// Counts them between two times that they are told.
pub(crate) struct Unread {
    since: AtomicU64,
    next: AtomicI64,
}

impl Default for Unread {
    fn default() -> Self {
        Self { since: AtomicU64::new(0), next: AtomicI64::new(i64::MIN) }
    }
}

impl Unread {
    /// One more; how many there were since it was told last, if it is time to tell.
    pub(crate) fn count(&self, now: Millis) -> Option<u64> {
        self.since.fetch_add(1, Ordering::Relaxed);
        let (now, next) = (now.get(), self.next.load(Ordering::Relaxed));
        // A clock that was set back may not silence it for long.
        let is_due = now >= next || now < next.saturating_sub(PAUSE_MILLIS);
        let soon = now.saturating_add(PAUSE_MILLIS);
        let is_ours =
            is_due && self.next.compare_exchange(next, soon, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        is_ours.then(|| self.since.swap(0, Ordering::Relaxed))
    }
}

/// Why what a client sent was no request; nothing if its connection ended for another reason: most are left by their clients.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> Option<String> {
    let hyper = error.downcast_ref::<hyper::Error>()?;
    let reason = || hyper.source().map_or_else(|| hyper.to_string(), |source| format!("{hyper}: {source}"));
    (hyper.is_parse() && !hyper.is_incomplete_message()).then(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_told_at_once_and_none_is_forgotten() {
        let unread = Unread::default();
        let told = |now| unread.count(Millis::new(now));
        assert_eq!(told(0), Some(1));
        assert_eq!((told(1), told(500), told(999)), (None, None, None));
        assert_eq!(told(1000), Some(4));
        assert_eq!(told(-5000), Some(1), "the clock was set back");
        assert_eq!((told(-4999), told(-4000)), (None, Some(2)));
    }
}
