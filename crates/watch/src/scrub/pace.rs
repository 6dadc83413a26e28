//! How fast is read, and whether to go on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Bytes are saved up for naps of this length: the system wakes nobody for less.
const NAP: Duration = Duration::from_millis(5);

/// Slows a reader down, until whoever has the other end of a channel lets go of it.
///
/// A nap follows what was read and is as long as that may take at the rate. So no clock is needed, a reading that takes
/// long by itself is slower still, and there is never a hurry to catch up.
pub(super) struct Pace {
    rate: u64,
    stop: Mutex<Receiver<()>>,
    is_over: AtomicBool,
    saved: Mutex<Duration>,
}

impl Pace {
    pub(super) fn new(rate: u64, stop: Receiver<()>) -> Self {
        let (is_over, saved) = (AtomicBool::new(false), Mutex::default());
        Self { rate: rate.max(1), stop: Mutex::new(stop), is_over, saved }
    }

    /// Whether it is to end.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// So many bytes were read.
    pub(super) fn spent(&self, bytes: u64) {
        let due = {
            let Ok(mut saved) = self.saved.lock() else { return };
            let time = Duration::try_from_secs_f64(bytes as f64 / self.rate as f64);
            *saved = saved.saturating_add(time.unwrap_or(Duration::MAX));
            if *saved < NAP {
                return;
            }
            std::mem::take(&mut *saved)
        };
        self.rest(due);
    }

    /// Waits, unless it is to end.
    pub(super) fn rest(&self, span: Duration) {
        if self.is_over() {
            return;
        }
        let ended = match self.stop.lock() {
            Ok(stop) => stop.recv_timeout(span) != Err(RecvTimeoutError::Timeout),
            Err(_) => true,
        };
        if ended {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_reader_is_let_go_at_once_when_nobody_waits_for_it_any_more() {
        let (go, stop) = channel();
        let pace = Pace::new(1, stop);
        assert!(!pace.is_over());
        drop(go);
        pace.spent(1_000_000_000);
        assert!(pace.is_over());
        pace.spent(u64::MAX);
    }

    #[test]
    fn naps_add_up_to_what_the_rate_allows() {
        let (_go, stop) = channel();
        let pace = Pace::new(1 << 20, stop);
        let before = tokio::time::Instant::now();
        (0..64).for_each(|_| pace.spent(1 << 10));
        // What is saved up for the next nap is missing.
        let all = Duration::from_micros(62_500);
        assert!(before.elapsed() >= all.saturating_sub(NAP), "64 KiB at 1 MiB a second");
        assert!(!pace.is_over());
    }
}
