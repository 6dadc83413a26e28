//! The queue in front of the disk: what came while the last sync ran.

use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;

use super::group::Group;
use super::payload::{Given, Payload};
use crate::format::{Laid, Start};
use crate::{ConsumerNumber, Outcome, Scope, Span, StreamNumber};

/// Something that is to be in the log. Payloads that were copied lie one after the other in [`Taken::laid`], their
/// streams in [`Taken::streams`].
pub(crate) enum Request {
    Append { stream: usize, payload: Payload },
    Close { stream: StreamNumber, name: Arc<str> },
    Register { name: String, start: Start, scope: Scope },
    Unregister { consumer: ConsumerNumber, name: Arc<str> },
    Settle(Box<Settlement>),
}

/// What a consumer says about events.
pub(crate) struct Settlement {
    pub(crate) stream: StreamNumber,
    pub(crate) stream_name: Arc<str>,
    pub(crate) consumer: ConsumerNumber,
    pub(crate) consumer_name: Arc<str>,
    pub(crate) outcome: Outcome,
    /// Ascending and apart.
    pub(crate) spans: Vec<Span>,
}

/// Memory of requests and events that is kept for the next ones; what a burst took is given back.
const KEPT_REQUESTS: usize = 1 << 14;
const KEPT_BYTES: usize = 4 << 20;

/// All that waits, as it is taken.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) requests: Vec<Request>,
    /// Events that were copied, each laid out for its frame.
    laid: Vec<u8>,
    /// How many bytes are held besides.
    shared: usize,
    /// One for all events in a row that are of the same stream: an event of its own would have to count who holds the
    /// name, on two processors in turns.
    streams: Vec<(StreamNumber, Arc<str>)>,
    pub(crate) group: Arc<Group>,
}

/// Requests as they were taken.
#[derive(Clone, Copy)]
pub(crate) struct Requests<'t> {
    pub(crate) all: &'t [Request],
    streams: &'t [(StreamNumber, Arc<str>)],
}

/// What waits for the disk.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Taken,
    /// Those who found the queue full.
    turned_away: Vec<Waker>,
    /// What the thread does.
    pub(crate) thread: Thread,
    /// Whether more may come.
    pub(crate) end: End,
}

/// What the writing thread does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Thread {
    /// There is none: not yet, not any more, or never.
    #[default]
    Absent,
    /// It looks at the queue before it sleeps.
    Busy,
    /// It has to be told.
    Asleep,
}

/// Whether the journal is being closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Open,
    Closing,
}

/// Where a request stands that waits.
pub(crate) struct Place {
    pub(crate) group: Arc<Group>,
    pub(crate) number: usize,
    /// What the thread did when the request came.
    pub(crate) thread: Thread,
}

impl Taken {
    /// The requests, and what the events that were copied lie in.
    pub(crate) fn split(&mut self) -> (Requests<'_>, &mut [u8]) {
        (Requests { all: &self.requests, streams: &self.streams }, &mut self.laid)
    }

    fn put(&mut self, payload: Given<'_>) -> Payload {
        match payload {
            Given::Borrowed(bytes) => Payload::Copied(Laid::put(&mut self.laid, bytes)),
            Given::Shared(bytes) => {
                self.shared += (**bytes).as_ref().len();
                Payload::Shared(Arc::clone(bytes))
            }
        }
    }

    /// Where a stream stands in [`Taken::streams`], which ends with it.
    fn stream(&mut self, (number, name): (StreamNumber, &Arc<str>)) -> usize {
        if self.streams.last().is_none_or(|last| last.0 != number) {
            self.streams.push((number, Arc::clone(name)));
        }
        self.streams.len() - 1
    }

    /// Empties it, and keeps its memory unless that is much.
    pub(crate) fn reset(&mut self) {
        self.requests.clear();
        self.requests.shrink_to(KEPT_REQUESTS);
        self.laid.clear();
        self.laid.shrink_to(KEPT_BYTES);
        self.shared = 0;
        self.streams.clear();
        self.streams.shrink_to(KEPT_REQUESTS);
        self.group = Arc::default();
    }
}

impl<'t> Requests<'t> {
    /// The stream of an event, if the request is one.
    pub(crate) fn stream_of(self, request: &Request) -> Option<(StreamNumber, &'t Arc<str>)> {
        let &Request::Append { stream, .. } = request else { return None };
        self.streams.get(stream).map(|(number, name)| (*number, name))
    }
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.requests.is_empty()
    }

    /// Adds a request that is small.
    pub(crate) fn push(&mut self, request: Request) -> Place {
        let number = self.waiting.requests.len();
        self.waiting.requests.push(request);
        Place { group: Arc::clone(&self.waiting.group), number, thread: self.thread }
    }

    fn lacks_room(&self, bytes: usize, limit: usize) -> bool {
        let there = self.waiting.laid.len() + self.waiting.shared;
        !self.is_empty() && there.saturating_add(bytes) > limit
    }

    /// Adds an event, if there is room for it. A queue with nothing in it takes any.
    pub(crate) fn push_event(
        &mut self,
        stream: (StreamNumber, &Arc<str>),
        payload: Given<'_>,
        limit: usize,
    ) -> Option<Place> {
        if self.lacks_room(payload.bytes().len(), limit) {
            return None;
        }
        let payload = self.waiting.put(payload);
        let stream = self.waiting.stream(stream);
        Some(self.push(Request::Append { stream, payload }))
    }

    /// Adds events that follow each other, if there is room for all of them. A queue with nothing in it takes any.
    pub(crate) fn push_events(
        &mut self,
        stream: (StreamNumber, &Arc<str>),
        payloads: &[impl AsRef<[u8]>],
        limit: usize,
    ) -> Option<(Arc<Group>, Range<usize>)> {
        let bytes: usize = payloads.iter().map(|payload| payload.as_ref().len()).sum();
        if self.lacks_room(bytes, limit) {
            return None;
        }
        let first = self.waiting.requests.len();
        for payload in payloads {
            self.push_event(stream, Given::Borrowed(payload.as_ref()), usize::MAX);
        }
        Some((Arc::clone(&self.waiting.group), first..self.waiting.requests.len()))
    }

    /// Wakes `waker` when there may be room.
    pub(crate) fn turn_away(&mut self, waker: &Waker) {
        self.turned_away.push(waker.clone());
    }

    /// Takes all that waits, and those who may try again now. `spent` is empty, and its memory is used again.
    pub(crate) fn take(&mut self, spent: Taken) -> (Taken, Vec<Waker>) {
        (std::mem::replace(&mut self.waiting, spent), std::mem::take(&mut self.turned_away))
    }
}
