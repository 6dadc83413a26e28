//! A rate of events: how long the next ones have to wait.

use std::time::Duration;

use tokio::time::Instant;

/// Spreads events over time. A pure state machine.
#[derive(Clone, Debug)]
pub struct Pace {
    each: Duration,
    free: Option<Instant>,
}

impl Pace {
    /// So many events a second; one at least.
    pub fn new(rate: u32) -> Self {
        Self { each: Duration::from_secs(1) / rate.max(1), free: None }
    }

    /// Takes a place for so many events, and says how long they wait for it.
    pub fn take(&mut self, events: usize, now: Instant) -> Duration {
        let from = self.free.filter(|free| *free > now).unwrap_or(now);
        self.free = Some(from + self.each.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX)));
        from.duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_spread_over_time_and_a_pause_is_not_saved_up() {
        let start = Instant::now();
        let mut pace = Pace::new(10);
        assert_eq!(pace.take(5, start), Duration::ZERO);
        assert_eq!(pace.take(10, start), Duration::from_millis(500));
        assert_eq!(pace.take(1, start + Duration::from_secs(1)), Duration::from_millis(500));
        assert_eq!(pace.take(1, start + Duration::from_mins(1)), Duration::ZERO);
        assert_eq!(pace.take(1, start + Duration::from_mins(1)), Duration::from_millis(100));
    }
}
