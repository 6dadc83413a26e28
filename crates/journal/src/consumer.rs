//! A consumer as its callers see it: reading what is pending, settling, parked events.

use std::sync::Arc;

use crate::commit::{Request, Settlement, Shared, Ticket};
use crate::format::Place;
use crate::journal::done;
use crate::log::hold;
use crate::read::{self, Event, Found, Wanted, Window};
use crate::{CommitError, ConsumerNumber, Millis, ReadError, Scope, Seq, Span, Stream, StreamNumber, limits};

/// A named reader of a journal, whose settlements last.
#[derive(Clone)]
pub struct Consumer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) number: ConsumerNumber,
    pub(crate) name: Arc<str>,
}

/// What became of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They arrived.
    Delivered,
    /// They are put aside, for this reason.
    Parked(String),
    /// They were parked, and are to be delivered again, in their place.
    Requeued,
    /// They were parked, and are given up.
    Dropped,
}

/// An event that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The name of its stream.
    pub stream: String,
    /// Its number.
    pub seq: Seq,
    /// When it was parked.
    pub since: Millis,
    /// Why.
    pub reason: String,
}

/// What a consumer has to do in a stream.
#[derive(Clone, Debug)]
pub struct Backlog {
    /// The stream.
    pub stream: Stream,
    /// Events that are pending.
    pub pending: u64,
    /// The first of them.
    pub oldest: Seq,
}

/// How many events are looked up at once: few enough that the index is not held for long.
const STRIDE: usize = 256;

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which streams concern it; nothing once it is unregistered.
    pub fn scope(&self) -> Option<Scope> {
        hold(&self.shared.state).index.consumer(self.number).map(|known| known.scope.clone())
    }

    /// The pending events of a stream, in order. What is appended or requeued meanwhile is found if it is further on.
    ///
    /// Settling an event is what takes it out: as long as it is not settled, the next iterator begins with it.
    pub fn pending(&self, stream: &Stream) -> Pending {
        self.pending_from(stream, Seq::FIRST)
    }

    /// The pending events of a stream from a number on, in order. What is settled and not synced yet is pending still, so
    /// that who knows how far it has settled begins there.
    pub fn pending_from(&self, stream: &Stream, from: Seq) -> Pending {
        let buffer = Vec::new().into_iter();
        let window = Window::default();
        Pending { consumer: self.clone(), stream: stream.clone(), from, buffer, window }
    }

    /// Every stream in which something is pending.
    pub fn backlog(&self) -> Vec<Backlog> {
        let state = hold(&self.shared.state);
        let names = state.index.stream_names();
        let backlog = names.into_iter().filter_map(|(name, number)| {
            let pending = state.index.pending(self.number, number, Seq::FIRST, usize::MAX);
            let oldest = pending.first()?.0;
            Some(Backlog { stream: Stream { number, name }, pending: pending.len() as u64, oldest })
        });
        backlog.collect()
    }

    /// Every stream in which something is pending, uncounted: that is looked up in an instant where [`Consumer::backlog`]
    /// goes through all events.
    pub fn waiting(&self) -> Vec<Stream> {
        let state = hold(&self.shared.state);
        let waiting = state.index.waiting(self.number).into_iter();
        waiting.map(|(number, name)| Stream { number, name }).collect()
    }

    /// The first pending event of every stream that has one, those that lie furthest back in the journal first: few were
    /// appended later than others behind them.
    pub fn heads(&self) -> Vec<(Stream, Seq)> {
        let state = hold(&self.shared.state);
        let heads = state.index.heads(self.number).into_iter();
        heads.map(|(number, name, seq)| (Stream { number, name }, seq)).collect()
    }

    /// The number of the first event of a stream from a number on that is pending.
    pub fn first_pending(&self, stream: &Stream, from: Seq) -> Option<Seq> {
        let state = hold(&self.shared.state);
        state.index.pending(self.number, stream.number, from, 1).first().map(|(seq, _)| *seq)
    }

    /// Says what became of events of a stream: of one, or of all from one to another. It lasts once the ticket says so;
    /// until then, they are pending.
    pub fn settle(&self, stream: &Stream, events: impl Into<Span>, outcome: Outcome) -> Ticket<()> {
        self.request(stream, vec![events.into()], outcome)
    }

    /// Says what became of events that do not follow each other.
    pub fn settle_some(
        &self,
        stream: &Stream,
        events: impl IntoIterator<Item = Seq>,
        outcome: Outcome,
    ) -> Result<Ticket<()>, CommitError> {
        let mut numbers: Vec<Seq> = events.into_iter().collect();
        numbers.sort_unstable();
        let mut spans: Vec<Span> = Vec::new();
        for seq in numbers {
            match spans.last_mut().filter(|span| span.last().next() >= seq) {
                Some(span) => *span = Span::new(span.first(), seq).unwrap_or(*span),
                None => spans.push(Span::one(seq)),
            }
        }
        if spans.len() > limits::SPANS {
            return Err(CommitError::TooManyRanges { limit: limits::SPANS });
        }
        Ok(self.request(stream, spans, outcome))
    }

    fn request(&self, stream: &Stream, spans: Vec<Span>, outcome: Outcome) -> Ticket<()> {
        let settlement = Settlement {
            stream: stream.number,
            stream_name: Arc::clone(&stream.name),
            consumer: self.number,
            consumer_name: Arc::clone(&self.name),
            outcome,
            spans,
        };
        let place = self.shared.push(Request::Settle(Box::new(settlement)));
        Ticket::new(Arc::clone(&self.shared), place, done)
    }

    /// At most `most` of the events that this consumer has parked.
    pub fn parked(&self, most: usize) -> Vec<Parked> {
        let state = hold(&self.shared.state);
        let Some(known) = state.index.consumer(self.number) else { return Vec::new() };
        let mut positions: Vec<_> = known.positions.iter().collect();
        positions.sort_unstable_by_key(|(number, _)| **number);
        let parked = positions.into_iter().flat_map(|(number, position)| {
            let name = state.index.stream(*number).map(|stream| stream.name.to_string());
            let stream = name.unwrap_or_default();
            position.parked().map(move |(seq, aside)| Parked {
                stream: stream.clone(),
                seq,
                since: aside.since,
                reason: aside.reason.to_string(),
            })
        });
        parked.take(most).collect()
    }

    /// How many events it has parked.
    pub fn count_parked(&self) -> u64 {
        hold(&self.shared.state).index.count_parked(self.number)
    }

    /// Bytes that an event takes in the journal, without reading it; nothing if it is not live.
    pub fn size_of(&self, stream: &Stream, seq: Seq) -> Option<u64> {
        let state = hold(&self.shared.state);
        let place = state.index.stream(stream.number)?.place(seq)?;
        Some(place.bytes())
    }

    /// Reads one event, pending or parked; nothing if nobody may ask for it any more.
    pub fn read(&self, stream: &Stream, seq: Seq) -> Result<Option<Event>, ReadError> {
        let wanted = Wanted { stream: stream.number, name: &stream.name, seq };
        read::read((&self.shared.state, self.shared.id), wanted, &mut Window::default(), Event::of)
    }

    /// Ends it: it has no claim to any event any more.
    pub fn unregister(self) -> Ticket<()> {
        let request = Request::Unregister { consumer: self.number, name: self.name };
        let place = self.shared.push(request);
        Ticket::new(self.shared, place, done)
    }

    fn look_up(&self, stream: StreamNumber, from: Seq) -> Vec<(Seq, Place)> {
        hold(&self.shared.state).index.pending(self.number, stream, from, STRIDE)
    }
}

/// The pending events of a stream.
pub struct Pending {
    consumer: Consumer,
    stream: Stream,
    from: Seq,
    buffer: std::vec::IntoIter<(Seq, Place)>,
    window: Window,
}

impl Pending {
    /// The next event, which was pending when it was looked up with those that follow it: for who is the only one to settle
    /// them. Where it lay then is as good as where it lies now, as long as the bytes there verify.
    pub(crate) fn next_found<T>(
        &mut self,
        mut take: impl FnMut(Found<'_>) -> T,
    ) -> Option<Result<T, ReadError>> {
        loop {
            let (seq, place) = self.look_up_next()?;
            let wanted = Wanted { stream: self.stream.number, name: &self.stream.name, seq };
            if let Some(found) = self.window.event(place, wanted) {
                return Some(Ok(take(found)));
            }
            match self.read(seq, &mut take) {
                Ok(None) => {}
                Ok(Some(taken)) => return Some(Ok(taken)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn look_up_next(&mut self) -> Option<(Seq, Place)> {
        if self.buffer.as_slice().is_empty() {
            self.buffer = self.consumer.look_up(self.stream.number, self.from).into_iter();
        }
        let next = self.buffer.next()?;
        self.from = next.0.next();
        Some(next)
    }

    fn read<T>(&mut self, seq: Seq, take: impl FnOnce(Found<'_>) -> T) -> Result<Option<T>, ReadError> {
        let wanted = Wanted { stream: self.stream.number, name: &self.stream.name, seq };
        let shared = &self.consumer.shared;
        read::read((&shared.state, shared.id), wanted, &mut self.window, take)
    }
}

impl Iterator for Pending {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (seq, _) = self.look_up_next()?;
            // It may have been settled since its number was looked up.
            match self.read(seq, Event::of) {
                Ok(None) => {}
                Ok(Some(event)) => return Some(Ok(event)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
