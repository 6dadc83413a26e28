//! Where callers and the thread meet: the queue, the writer, and the rule by which somebody always writes.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::task::Waker;

use super::group::Group;
use super::payload::Given;
use super::queue::{End, Place, Queue, Request, Taken, Thread};
use crate::log::{State, hold};
use crate::storage::Lock;
use crate::writer::Writer;
use crate::{JournalId, Options, Recovery, StreamNumber};

/// All of an open journal.
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    wake: Condvar,
    writer: Mutex<Writing>,
    pub(crate) state: Mutex<State>,
    pub(crate) options: Options,
    pub(crate) id: JournalId,
    pub(crate) recovery: Recovery,
    /// Held until nobody can write any more.
    _lock: Lock,
}

/// The writer, and the memory of what it wrote last.
struct Writing {
    writer: Writer,
    spent: Taken,
}

/// What an opened journal is made of.
pub(crate) struct Made {
    pub(crate) writer: Writer,
    pub(crate) state: State,
    pub(crate) recovery: Recovery,
    pub(crate) lock: Lock,
}

impl Shared {
    pub(crate) fn new(made: Made, options: Options, id: JournalId) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Condvar::new(),
            writer: Mutex::new(Writing { writer: made.writer, spent: Taken::default() }),
            state: Mutex::new(made.state),
            options,
            id,
            recovery: made.recovery,
            _lock: made.lock,
        }
    }

    pub(crate) fn push(&self, request: Request) -> Place {
        hold(&self.queue).push(request)
    }

    /// Adds an event; if there is no room, `waker` is woken when there may be.
    pub(crate) fn push_event(
        &self,
        stream: (StreamNumber, &Arc<str>),
        payload: Given<'_>,
        waker: Option<&Waker>,
    ) -> Option<Place> {
        let mut queue = hold(&self.queue);
        let place = queue.push_event(stream, payload, self.options.queue_bytes);
        if let (None, Some(waker)) = (&place, waker) {
            queue.turn_away(waker);
        }
        place
    }

    /// Adds events that follow each other; if there is no room for all of them, `waker` is woken when there may be.
    pub(crate) fn push_events(
        &self,
        stream: (StreamNumber, &Arc<str>),
        payloads: &[impl AsRef<[u8]>],
        waker: Option<&Waker>,
    ) -> Option<(Arc<Group>, Range<usize>)> {
        let mut queue = hold(&self.queue);
        let places = queue.push_events(stream, payloads, self.options.queue_bytes);
        if let (None, Some(waker)) = (&places, waker) {
            queue.turn_away(waker);
        }
        places
    }

    /// Sees to it that somebody writes what waits, without waiting for it.
    pub(crate) fn kick(&self) {
        let thread = hold(&self.queue).thread;
        match thread {
            Thread::Asleep => self.wake.notify_one(),
            Thread::Busy => {}
            Thread::Absent => self.write(),
        }
    }

    /// Writes what waits, unless somebody is writing: then that one, or the thread, does.
    ///
    /// Whoever adds to the queue calls this or [`kick`](Self::kick) afterwards, and whoever has written looks at the queue
    /// again after letting go of the writer. So a request that came while somebody was writing is seen by one of the
    /// two.
    pub(crate) fn write(&self) {
        loop {
            match self.writer.try_lock() {
                Ok(mut writing) => self.commit(&mut writing),
                Err(TryLockError::Poisoned(poisoned)) => self.commit(&mut poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
            let queue = hold(&self.queue);
            if queue.is_empty() {
                return;
            }
            if queue.thread != Thread::Absent {
                // Its turn: one caller does not write for all others.
                self.wake.notify_one();
                return;
            }
            drop(queue);
            std::thread::yield_now();
        }
    }

    fn commit(&self, writing: &mut Writing) {
        let spent = std::mem::take(&mut writing.spent);
        let (mut taken, turned_away) = hold(&self.queue).take(spent);
        if !taken.requests.is_empty() {
            let outcomes = writing.writer.commit(&self.state, &mut taken);
            taken.group.complete(outcomes);
            let curious = std::mem::take(&mut hold(&self.state).curious);
            curious.into_iter().for_each(Waker::wake);
            writing.writer.tidy(&self.state);
        }
        turned_away.into_iter().for_each(Waker::wake);
        // Not under the lock of the queue: callers wait for that one.
        taken.reset();
        writing.spent = taken;
    }

    /// What the thread does until the journal is closed. A consumer or a ticket may live on; then whoever waits writes.
    pub(crate) fn run(&self) {
        hold(&self.queue).thread = Thread::Busy;
        loop {
            let mut queue = hold(&self.queue);
            while queue.is_empty() {
                if queue.end == End::Closing {
                    queue.thread = Thread::Absent;
                    return;
                }
                queue.thread = Thread::Asleep;
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.thread = Thread::Busy;
            }
            drop(queue);
            self.commit(&mut hold(&self.writer));
        }
    }

    /// Ends the thread once it has written what waits.
    pub(crate) fn end(&self) {
        hold(&self.queue).end = End::Closing;
        self.wake.notify_all();
    }

    /// Writes what is left and the mark that proves it.
    pub(crate) fn finish(&self) {
        let mut writing = hold(&self.writer);
        self.commit(&mut writing);
        writing.writer.close(&self.state);
    }

    pub(crate) fn health(&self) -> crate::Health {
        hold(&self.writer).writer.health(&self.state)
    }
}
