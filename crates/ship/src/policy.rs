//! How events are delivered: plain values, and the pauses that follow from them.

use std::time::Duration;

/// How events are delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What goes into one request.
    pub batch: BatchLimits,
    /// Requests on their way at the same time, each for another stream. Memory is so many batches.
    pub in_flight: usize,
    /// Events a second, of all streams together; nothing: as fast as the server takes them.
    pub rate: Option<u32>,
    /// Pauses before something is sent again.
    pub backoff: Backoff,
    /// How often a batch is sent that the server answers with an error, or not at all, before it counts as refused;
    /// nothing: until it is taken.
    pub attempts: Option<u32>,
    /// What becomes of an event that the server refuses.
    pub on_refused: OnRefused,
}

/// What goes into one request. One event always does, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Events at most.
    pub events: usize,
    /// Bytes of events at most.
    pub bytes: usize,
    /// How long the oldest event waits for more to come.
    pub wait: Duration,
}

/// What becomes of an event that the server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefused {
    /// It is put aside with the reason, and its stream goes on.
    Park,
    /// Its stream waits, and it is tried again: nothing may overtake it.
    Block,
}

/// Pauses that grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first pause.
    pub initial: Duration,
    /// The longest.
    pub max: Duration,
    /// By how much each is longer than the one before.
    pub multiplier: f64,
    /// By how much of itself a pause may be shorter, by chance, so that not all try at once.
    pub jitter: f64,
}

impl Backoff {
    /// The pause after so many failures in a row. `share` is chance, 0 to 1.
    pub fn pause(&self, failures: u32, share: f64) -> Duration {
        let growth = self.multiplier.powi(i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX));
        let whole = (self.initial.as_secs_f64() * growth).min(self.max.as_secs_f64());
        Duration::from_secs_f64(whole * (1.0 - self.jitter * share))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            batch: BatchLimits::default(),
            in_flight: 8,
            rate: None,
            backoff: Backoff::default(),
            attempts: None,
            on_refused: OnRefused::Park,
        }
    }
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { events: 500, bytes: 1 << 20, wait: Duration::from_millis(100) }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(1), max: Duration::from_mins(1), multiplier: 2.0, jitter: 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit_and_are_shorter_by_half_at_most() {
        let backoff = Backoff::default();
        let whole = |failures| backoff.pause(failures, 0.0).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 8, u32::MAX].map(whole), [1, 2, 4, 32, 60, 60, 60]);
        assert_eq!(backoff.pause(3, 1.0), Duration::from_secs(2));
    }
}
