//! How long the head of a request may take: one timer for all heads of a connection, where hyper would make one for each.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::patience::Patience;

/// The timer of one connection, which waits for one head at a time.
#[derive(Clone)]
pub(super) struct HeadTimer(Arc<Mutex<Patience>>);

impl HeadTimer {
    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for HeadTimer {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Patience::new(Duration::ZERO))))
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.patience().begin(duration);
        Box::pin(Wait(self.clone()))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.patience().begin_until(deadline.into());
        Box::pin(Wait(self.clone()))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

/// Ready once the head that is waited for should be there.
struct Wait(HeadTimer);

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.patience().poll(context).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_head_has_its_whole_time_and_no_more() {
        let timer = HeadTimer::default();
        let begun = timer.now();
        let head = || timer.sleep_until(timer.now() + Duration::from_secs(3));
        for _ in 0..3 {
            assert!(
                timeout(Duration::from_secs(2), head()).await.is_err(),
                "the head before it had its own time"
            );
        }
        head().await;
        timer.sleep(Duration::from_secs(1)).await;
        assert_eq!((timer.now() - begun).as_secs(), 10);
    }
}
