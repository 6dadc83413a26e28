//! How long something that goes on by itself may stand still: a body, a client that is sent something.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that runs while something is waited for.
///
/// Most waits are short, and setting a timer costs more than reading the clock. So it is set once and left alone; if it
/// goes off early, because what it was set for has come long ago, it is set anew.
pub(crate) struct Patience {
    limit: Duration,
    until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, until: None, timer: None }
    }

    /// It went on.
    pub(crate) fn rest(&mut self) {
        self.until = None;
    }

    /// What is waited for next has so long.
    pub(crate) fn begin(&mut self, limit: Duration) {
        self.limit = limit;
        self.until = None;
    }

    /// What is waited for next has until then.
    pub(crate) fn begin_until(&mut self, until: Instant) {
        self.until = Some(until);
    }

    /// Ready once it has stood still for as long as the limit.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Duration> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + self.limit);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        loop {
            if timer.deadline() > until {
                timer.as_mut().reset(until);
            }
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= until {
                return Poll::Ready(self.limit);
            }
            timer.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_the_whole_limit_however_early_the_timer_was_set() {
        let begun = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(3));
        for _ in 0..5 {
            let short = tokio::time::sleep(Duration::from_secs(2));
            tokio::select! { () = short => {}, _ = poll_fn(|context| patience.poll(context)) => panic!("too early") }
            patience.rest();
        }
        poll_fn(|context| patience.poll(context)).await;
        assert_eq!(begun.elapsed().as_secs(), 13);
        patience.begin(Duration::from_secs(1));
        poll_fn(|context| patience.poll(context)).await;
        assert_eq!(begun.elapsed().as_secs(), 14);
    }
}
