//! What became of the last reload: a wrong file changes nothing, so somebody has to see it elsewhere than in the log.

use std::sync::atomic::{AtomicBool, Ordering};

/// What became of the last one.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Reloads {
    was_refused: AtomicBool,
}

impl Reloads {
    /// One was tried.
    pub(in crate::daemon) fn note<T, E>(&self, reloaded: &Result<T, E>) {
        self.was_refused.store(reloaded.is_err(), Ordering::Relaxed);
    }

    /// Whether the last one was taken, or none was tried.
    pub(super) fn last_was_taken(&self) -> bool {
        !self.was_refused.load(Ordering::Relaxed)
    }
}
