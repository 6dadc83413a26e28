//! The index: which events are live, where they lie, and what each consumer has done with them.
//!
//! It is what the frames of the log add up to, and is changed by [`Index::apply`] alone: by the writer once a batch
//! is synced, and by recovery, frame by frame, in the same way. Memory for each live event is the twelve bytes of its
//! place, up to twice that while a queue of places grows; an event that is parked or requeued costs a node of a
//! tree.

mod consumer;
mod numbers;
mod ranges;
mod stream;
mod survey;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::format::{LostTo, Malformed, Openness, Place, Record, Settling, Start, Totals};
use crate::number::MOST;
use crate::scope::stand_in;
use crate::{ConsumerNumber, Millis, Scope, SegmentId, Seq, Span, StreamNumber, limits};
pub(crate) use consumer::{Claim, Consumer, Position};
pub(crate) use numbers::ByNumber;
pub(crate) use stream::{Naming, Stream};

/// Numbers that may be passed over between two events. More would be places for nothing: damage of that size means
/// that the log is not what it was.
const MAX_GAP: u64 = 1 << 24;

/// What the frames of the log add up to.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    streams: ByNumber<StreamNumber, Stream>,
    names: HashMap<Arc<str>, StreamNumber>,
    consumers: Vec<Consumer>,
    usage: ByNumber<SegmentId, Usage>,
    totals: Totals,
    /// Live events of all streams.
    live: u64,
}

/// What of a segment is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// Events that are live no more, by segment.
#[derive(Default)]
struct Gone(Vec<(SegmentId, Usage)>);

impl Gone {
    fn events(&self) -> u64 {
        self.0.iter().map(|(_, usage)| usage.events).sum()
    }
}

impl Extend<Place> for Gone {
    fn extend<I: IntoIterator<Item = Place>>(&mut self, places: I) {
        for place in places {
            // Events of a stream lie in the order of their numbers, so there are few changes of the segment.
            match self.0.last_mut() {
                Some((segment, usage)) if *segment == place.segment() => {
                    usage.events += 1;
                    usage.bytes += place.bytes();
                }
                _ => self.0.push((place.segment(), Usage { events: 1, bytes: place.bytes() })),
            }
        }
    }
}

impl FromIterator<Place> for Gone {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        let mut gone = Self::default();
        gone.extend(places);
        gone
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            streams: ByNumber::default(),
            names: HashMap::new(),
            consumers: Vec::new(),
            usage: ByNumber::default(),
            totals: Totals {
                next_stream: StreamNumber::FIRST,
                next_consumer: ConsumerNumber::FIRST,
                lost_to_damage: 0,
                lost_to_budget: 0,
            },
            live: 0,
        }
    }
}

impl Index {
    /// Takes in what a frame says that lies at `place`.
    pub(crate) fn apply(
        &mut self,
        record: &Record<'_>,
        place: Option<Place>,
        time: Millis,
    ) -> Result<(), Malformed> {
        match record {
            Record::Opened { stream, name } => self.open(*stream, name, Naming::Logged),
            Record::Event { stream, seq, .. } => return self.add(*stream, *seq, place),
            Record::Closed(stream) => {
                if let Some(closed) = self.streams.get_mut(stream) {
                    closed.openness = Openness::Closed;
                }
                self.forget_if_over(*stream);
            }
            Record::Registered { consumer, .. } if self.is_one_too_many(*consumer) => {
                return Err(Malformed { what: "consumer" });
            }
            Record::Registered { consumer, start, prefix, name } => {
                let (name, scope) = ((*name).to_owned(), Scope::from_prefix(prefix));
                let positions = ByNumber::default();
                self.register(Consumer { number: *consumer, name, scope, positions }, *start);
            }
            Record::Unregistered(consumer) => {
                self.consumers.retain(|known| known.number != *consumer);
                self.release_all();
            }
            Record::Settled { stream, consumer, settling, spans } => {
                spans.iter().for_each(|span| self.settle((*consumer, *stream), *settling, *span, time));
            }
            Record::Carried { stream, seq, .. } => self.carry(*stream, *seq, place),
            Record::Lost { stream, to, spans } => self.lose(*stream, *to, spans),
            Record::Index { .. } | Record::Mark => {}
        }
        Ok(())
    }

    /// Enters a stream under a name that no other has.
    pub(crate) fn open(&mut self, number: StreamNumber, name: &str, naming: Naming) {
        self.totals.next_stream = self.totals.next_stream.max(number.next());
        if let Some(stream) = self.streams.get_mut(&number) {
            stream.draft.naming = naming;
            return;
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name), number);
        self.streams.insert(number, Stream::new(name, naming));
    }

    /// Every consumer is asked about every event, so more of them than a journal takes would cost time without bound.
    fn is_one_too_many(&self, consumer: ConsumerNumber) -> bool {
        self.consumers.len() >= limits::CONSUMERS && self.consumer(consumer).is_none()
    }

    fn add(&mut self, number: StreamNumber, seq: Seq, place: Option<Place>) -> Result<(), Malformed> {
        let Some(stream) = self.streams.get_mut(&number) else {
            // Its name was in a range that is damaged. The events are not lost with it.
            self.open(number, &stand_in(number), Naming::Due);
            return self.add(number, seq, place);
        };
        if seq < stream.next || stream.gap(seq) > MAX_GAP {
            return Err(Malformed { what: "sequence number" });
        }
        stream.push(seq, place);
        stream.next = seq.next();
        stream.draft.next = stream.draft.next.max(stream.next);
        self.count_in(place);
        Ok(())
    }

    fn count_in(&mut self, place: Option<Place>) {
        if let Some(place) = place {
            let usage = self.usage.entry(place.segment()).or_default();
            usage.events += 1;
            usage.bytes += place.bytes();
            self.live += 1;
        }
    }

    fn count_out(&mut self, gone: Gone) {
        for (segment, Usage { events, bytes }) in gone.0 {
            self.live = self.live.saturating_sub(events);
            if let Some(usage) = self.usage.get_mut(&segment) {
                usage.events = usage.events.saturating_sub(events);
                usage.bytes = usage.bytes.saturating_sub(bytes);
                if usage.events == 0 {
                    self.usage.remove(&segment);
                }
            }
        }
    }

    fn register(&mut self, mut consumer: Consumer, start: Start) {
        self.totals.next_consumer = self.totals.next_consumer.max(consumer.number.next());
        if self.consumers.iter().any(|known| known.number == consumer.number) {
            return;
        }
        if start == Start::Newest {
            let behind = self.streams.iter().filter(|(number, stream)| {
                stream.next > Seq::FIRST && consumer.scope.covers(**number, &stream.name)
            });
            consumer.positions =
                behind.map(|(&number, stream)| (number, Position::from(stream.next))).collect();
        }
        self.consumers.push(consumer);
        self.release_all();
    }

    fn settle(
        &mut self,
        (consumer, number): (ConsumerNumber, StreamNumber),
        settling: Settling<'_>,
        span: Span,
        time: Millis,
    ) {
        let Some(stream) = self.streams.get(&number) else { return };
        // Numbers that were never given out cannot be done with.
        let Some(span) = Span::new(Seq::FIRST, stream.next.before()).and_then(|given| given.common(span))
        else {
            return;
        };
        let concerned =
            |known: &&mut Consumer| known.number == consumer && known.scope.covers(number, &stream.name);
        let Some(consumer) = self.consumers.iter_mut().find(concerned) else { return };
        // Only of those that are parked is each one kept.
        let parked: Vec<Seq> = match settling {
            Settling::Parked(_) => stream.live_in(span).collect(),
            _ => Vec::new(),
        };
        let position = consumer.positions.entry(number).or_default();
        position.settle(settling, span, &parked, time);
        self.release(number, Some(span));
    }

    fn carry(&mut self, number: StreamNumber, seq: Seq, place: Option<Place>) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let Some(old) = place.and_then(|place| stream.replace(seq, place)) else { return };
        self.count_out(Gone::from_iter([old]));
        self.count_in(place);
    }

    fn lose(&mut self, number: StreamNumber, to: LostTo, spans: &[Span]) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let mut gone = Vec::new();
        for span in spans {
            let live: Vec<Seq> = stream.live_in(*span).collect();
            gone.extend(live.into_iter().filter_map(|seq| stream.release(seq)));
            let positions = self.consumers.iter_mut().filter_map(|known| known.positions.get_mut(&number));
            positions.for_each(|position| position.forget(*span));
        }
        let total = match to {
            LostTo::Damage => &mut self.totals.lost_to_damage,
            LostTo::Budget => &mut self.totals.lost_to_budget,
        };
        *total = total.saturating_add(gone.len() as u64);
        self.count_out(gone.into_iter().collect());
        self.release(number, None);
    }

    /// Lets go of what no consumer has a claim to any more whom the stream concerns: before the first event to which somebody
    /// has one, and in `span`.
    fn release(&mut self, number: StreamNumber, span: Option<Span>) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let unmoved = Position::default();
        let concerned = self.consumers.iter().filter(|known| known.scope.covers(number, &stream.name));
        let mut positions: Vec<&Position> =
            concerned.map(|known| known.positions.get(&number).unwrap_or(&unmoved)).collect();
        // What concerns nobody is kept for the first whom it does.
        if positions.is_empty() {
            positions.push(&unmoved);
        }
        let claims = |seq: Seq, claim: Claim| positions.iter().any(|position| position.claim(seq) == claim);
        let free = |seq: &Seq| !claims(*seq, Claim::Coming) && !claims(*seq, Claim::Held);
        // Most often that is all of it, and none of these has to be looked at.
        let claimed = positions.iter().map(|position| position.first_claim()).min().unwrap_or(Seq::FIRST);
        let mut gone = stream.release_before(claimed);
        if let Some(rest) = span.and_then(|span| Span::new(span.first().max(claimed), span.last())) {
            let rest: Vec<Seq> = stream.live_in(rest).filter(free).collect();
            gone.extend(rest.into_iter().filter_map(|seq| stream.release(seq)));
        }
        stream.trim(|seq| !claims(seq, Claim::Coming));
        self.count_out(gone);
        self.forget_if_over(number);
    }

    fn release_all(&mut self) {
        let numbers: Vec<StreamNumber> = self.streams.keys().copied().collect();
        for number in numbers {
            let last = self.streams.get(&number).map(|stream| stream.next.before());
            self.release(number, last.and_then(|last| Span::new(Seq::FIRST, last)));
        }
    }

    fn forget_if_over(&mut self, number: StreamNumber) {
        let is_over = |stream: &Stream| stream.openness == Openness::Closed && stream.live() == 0;
        if !self.streams.get(&number).is_some_and(is_over) {
            return;
        }
        if let Some(stream) = self.streams.remove(&number)
            && self.names.get(&stream.name) == Some(&number)
        {
            self.names.remove(&stream.name);
        }
        self.consumers.iter_mut().for_each(|consumer| drop(consumer.positions.remove(&number)));
    }

    /// Passes over as many numbers in every stream as frames were lost: one of them may have been an event of it.
    pub(crate) fn skip(&mut self, frames: u64) {
        for stream in self.streams.values_mut() {
            stream.next = stream.next.plus(frames).min(Seq::new(MOST));
            stream.draft.next = stream.next;
        }
    }
}
