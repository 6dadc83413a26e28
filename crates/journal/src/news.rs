//! A future of the next thing that is synced.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::Lsn;
use crate::commit::Shared;
use crate::log::hold;

/// Waits until something is synced that came after what was seen, and says how far it is then.
#[must_use = "a future does nothing unless it is polled"]
pub struct News {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seen: Lsn,
}

impl Future for News {
    type Output = Lsn;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Lsn> {
        let mut state = hold(&self.shared.state);
        if state.durable > self.seen {
            return Poll::Ready(state.durable);
        }
        if !state.curious.iter().any(|waker| waker.will_wake(context.waker())) {
            state.curious.push(context.waker().clone());
        }
        Poll::Pending
    }
}
