//! Whether a server is there: what requests and checks say about it, and how long to wait before it is tried again.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Failures in a row after which a server counts as absent.
const FAILURES: u32 = 3;

/// Whether a server counts as there.
#[derive(Default)]
pub(crate) struct Circuit {
    is_open: AtomicBool,
    failures: AtomicU32,
    requests: AtomicU64,
    failed: AtomicU64,
    /// Wakes the one who checks.
    pub(crate) doubt: Notify,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// The server is gone.
    Lost,
    /// The server is back.
    Back,
}

impl Circuit {
    pub(crate) fn is_there(&self) -> bool {
        !self.is_open.load(Ordering::Acquire)
    }

    /// Whether it is there and its last answer was one.
    pub(crate) fn is_well(&self) -> bool {
        self.is_there() && self.failures.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn requests(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// It answered.
    pub(crate) fn succeeded(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        // The usual case writes nothing that other threads read.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It did not.
    pub(crate) fn failed(&self) -> Change {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        self.doubt.notify_one();
        if failures >= FAILURES && !self.is_open.swap(true, Ordering::AcqRel) {
            Change::Lost
        } else {
            Change::None
        }
    }

    /// A check of an absent server went well.
    pub(crate) fn close(&self) -> Change {
        self.failures.store(0, Ordering::Relaxed);
        if self.is_open.swap(false, Ordering::AcqRel) { Change::Back } else { Change::None }
    }
}

/// Pauses that double up to a limit, each shortened by chance by up to a half, so that not all try at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    most: Duration,
    chance: u64,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { next: first.min(most), most, chance: seed | 1 }
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.most);
        self.chance = crate::chance::next(self.chance);
        whole.mul_f64(0.5 + 0.5 * crate::chance::share(self.chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_lost_after_failures_in_a_row_and_back_after_a_check() {
        let circuit = Circuit::default();
        assert_eq!([circuit.failed(), circuit.failed()], [Change::None; 2]);
        circuit.succeeded();
        assert_eq!(
            [circuit.failed(), circuit.failed(), circuit.failed()],
            [Change::None, Change::None, Change::Lost]
        );
        assert_eq!((circuit.failed(), circuit.is_there()), (Change::None, false));
        assert_eq!(
            (circuit.close(), circuit.close(), circuit.is_there()),
            (Change::Back, Change::None, true)
        );
        assert_eq!(circuit.requests(), (7, 6));
    }

    #[test]
    fn pauses_double_up_to_their_limit_and_differ_by_chance() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), 7);
        for whole in [100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.pause();
            let whole = Duration::from_millis(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
        }
        let first = |seed| Backoff::new(Duration::from_secs(1), Duration::from_secs(9), seed).pause();
        assert_ne!(first(1), first(99));
    }
}
