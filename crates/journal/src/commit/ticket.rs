//! What a caller holds while its request is on the way.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use super::group::{Answer, Group};
use super::payload::{Given, Kept};
use super::queue::{Place, Thread};
use super::shared::Shared;
use crate::{CommitError, StreamNumber};

/// A request on its way to the disk: a future of what becomes of it, for which a thread can wait as well.
///
/// The request is made whether or not anybody waits; dropping the ticket does not take it back.
#[must_use = "what is in the log is known from the ticket alone"]
pub struct Ticket<T> {
    shared: Arc<Shared>,
    stage: Stage,
    meaning: fn(Answer) -> Option<T>,
}

enum Stage {
    /// It was refused at once.
    Refused(Option<CommitError>),
    /// The queue is full.
    Outside { stream: StreamNumber, name: Arc<str>, payload: Kept },
    /// It is in the queue, and nobody was told yet.
    Queued(Arc<Group>, usize),
    /// Somebody will write it.
    Under(Arc<Group>, usize),
}

impl From<Place> for Stage {
    fn from(place: Place) -> Self {
        match place.thread {
            // It looks at the queue again in any case.
            Thread::Busy => Self::Under(place.group, place.number),
            Thread::Asleep | Thread::Absent => Self::Queued(place.group, place.number),
        }
    }
}

impl<T> Ticket<T> {
    pub(crate) fn new(shared: Arc<Shared>, place: Place, meaning: fn(Answer) -> Option<T>) -> Self {
        Self { shared, stage: place.into(), meaning }
    }

    pub(crate) fn refused(shared: Arc<Shared>, error: CommitError, meaning: fn(Answer) -> Option<T>) -> Self {
        Self { shared, stage: Stage::Refused(Some(error)), meaning }
    }

    /// An event for which there was no room.
    pub(crate) fn outside(
        shared: Arc<Shared>,
        (stream, name): (StreamNumber, Arc<str>),
        payload: Given<'_>,
        meaning: fn(Answer) -> Option<T>,
    ) -> Self {
        Self { shared, stage: Stage::Outside { stream, name, payload: payload.into() }, meaning }
    }

    /// Blocks until the request is synced, or has failed.
    ///
    /// As long as nobody else is writing, the caller writes: that saves waking a thread and being woken by it.
    pub fn wait(mut self) -> Result<T, CommitError> {
        if let Stage::Queued(group, number) = &self.stage {
            self.stage = Stage::Under(Arc::clone(group), *number);
            self.shared.write();
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut ticket = pin!(self);
        loop {
            match ticket.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn enter(&mut self, context: &Context<'_>) {
        if let Stage::Outside { stream, name, payload } = &self.stage
            && let Some(place) =
                self.shared.push_event((*stream, name), payload.given(), Some(context.waker()))
        {
            self.stage = place.into();
        }
        if let Stage::Queued(group, number) = &self.stage {
            self.stage = Stage::Under(Arc::clone(group), *number);
            self.shared.kick();
        }
    }
}

impl<T> Future for Ticket<T> {
    type Output = Result<T, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.enter(context);
        let meaning = self.meaning;
        match &mut self.stage {
            Stage::Refused(error) => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
            Stage::Outside { .. } | Stage::Queued(..) => Poll::Pending,
            Stage::Under(group, number) => match group.poll(*number, context) {
                Poll::Ready(Ok(answer)) => {
                    meaning(answer).map_or(Poll::Pending, |value| Poll::Ready(Ok(value)))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(*error)),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if let Stage::Queued(..) = self.stage {
            self.shared.kick();
        }
    }
}

impl<T> Unpin for Ticket<T> {}

/// Wakes a thread that waits.
pub(super) struct Unpark(pub(super) thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
