//! Those who wait for the same commit, and what becomes of each.

use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::log::hold;
use crate::{CommitError, ConsumerNumber, Seq};

/// What a request was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An event has this number.
    Appended(Seq),
    /// A consumer has this number.
    Registered(ConsumerNumber),
    /// It is done.
    Done,
}

/// What became of a request. Nearly all go well, and those are to be small.
pub(crate) type Outcome = Result<Answer, Box<CommitError>>;

/// Everyone who was in the queue when it was taken. One allocation for all of them, and a waker for each.
#[derive(Default)]
pub(crate) struct Group(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    outcomes: Option<Vec<Outcome>>,
    wakers: Vec<Option<Waker>>,
}

impl Group {
    /// Tells everyone what became of their requests.
    ///
    /// This is the one place that an acknowledgement comes from. The writer calls it once the sync has returned that
    /// covers all of them, or once it has failed.
    pub(crate) fn complete(&self, outcomes: Vec<Outcome>) {
        let wakers = {
            let mut waiting = hold(&self.0);
            waiting.outcomes = Some(outcomes);
            std::mem::take(&mut waiting.wakers)
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// What became of the request with that number in the group.
    pub(crate) fn poll(&self, number: usize, context: &Context<'_>) -> Poll<Outcome> {
        let mut waiting = hold(&self.0);
        if let Some(outcomes) = &waiting.outcomes {
            // Every request has its outcome; the writer counts them.
            return outcomes.get(number).cloned().map_or(Poll::Pending, Poll::Ready);
        }
        if waiting.wakers.len() <= number {
            waiting.wakers.resize(number + 1, None);
        }
        if let Some(place) = waiting.wakers.get_mut(number) {
            match place {
                Some(waker) if waker.will_wake(context.waker()) => {}
                _ => *place = Some(context.waker().clone()),
            }
        }
        Poll::Pending
    }
}
