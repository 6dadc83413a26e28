//! What writers and readers share: the index, the segments, and what was found and counted.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::segments::Segments;
use crate::index::Index;
use crate::{Counters, Damage, Lsn};

/// What writers and readers share.
pub(crate) struct State {
    pub(crate) index: Index,
    pub(crate) segments: Segments,
    pub(crate) damage: Vec<Damage>,
    pub(crate) counters: Counters,
    /// The last frame that is synced and in the index.
    pub(crate) durable: Lsn,
    /// Who waits for news.
    pub(crate) curious: Vec<Waker>,
}

/// Takes a lock. A thread that panicked while it held it has left nothing half done that matters more than going on:
/// the log itself is only what is synced.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
