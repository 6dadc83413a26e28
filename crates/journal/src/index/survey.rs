//! Questions to the index.

use std::sync::Arc;

use super::{Claim, Consumer, Index, Naming, Position, Stream, Usage};
use crate::format::{Place, Totals};
use crate::{ConsumerNumber, SegmentId, Seq, Span, StreamNumber};

impl Index {
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Live events of all streams.
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    pub(crate) fn stream(&self, number: StreamNumber) -> Option<&Stream> {
        self.streams.get(&number)
    }

    pub(crate) fn stream_mut(&mut self, number: StreamNumber) -> Option<&mut Stream> {
        self.streams.get_mut(&number)
    }

    pub(crate) fn number_of(&self, name: &str) -> Option<StreamNumber> {
        self.names.get(name).copied()
    }

    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Every stream, by number.
    pub(crate) fn streams(&self) -> Vec<(StreamNumber, &Stream)> {
        let mut streams: Vec<_> = self.streams.iter().map(|(&number, stream)| (number, stream)).collect();
        streams.sort_unstable_by_key(|(number, _)| *number);
        streams
    }

    /// Gives a stream a number; its name is written before its first event.
    pub(crate) fn name_stream(&mut self, name: &str) -> StreamNumber {
        let number = self.totals.next_stream;
        self.open(number, name, Naming::Due);
        number
    }

    pub(crate) fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    pub(crate) fn consumer_called(&self, name: &str) -> Option<&Consumer> {
        self.consumers.iter().find(|known| known.name == name)
    }

    pub(crate) fn consumer(&self, number: ConsumerNumber) -> Option<&Consumer> {
        self.consumers.iter().find(|known| known.number == number)
    }

    /// Where a consumer is in a stream.
    #[cfg(test)]
    pub(crate) fn position(&self, consumer: ConsumerNumber, stream: StreamNumber) -> Position {
        let positions = self.consumer(consumer).map(|known| &known.positions);
        positions.and_then(|positions| positions.get(&stream)).cloned().unwrap_or_default()
    }

    /// At most `most` live events of a stream from `from` on that a consumer is to be given, in order.
    pub(crate) fn pending(
        &self,
        consumer: ConsumerNumber,
        stream: StreamNumber,
        from: Seq,
        most: usize,
    ) -> Vec<(Seq, Place)> {
        let Some((found, known)) = self.streams.get(&stream).zip(self.consumer(consumer)) else {
            return Vec::new();
        };
        if !known.scope.covers(stream, &found.name) {
            return Vec::new();
        }
        let unmoved = Position::default();
        let position = known.positions.get(&stream).unwrap_or(&unmoved);
        // What was requeued is below the position, and so before all that is coming.
        let again = position.again().filter(|&seq| seq >= from);
        let again = again.filter_map(|seq| Some((seq, found.place(seq)?)));
        let coming = found.events(from.max(position.low));
        let coming = coming.filter(|&(seq, _)| position.claim(seq) == Claim::Coming);
        again.chain(coming).take(most).collect()
    }

    /// The streams in which something is pending for a consumer.
    pub(crate) fn waiting(&self, consumer: ConsumerNumber) -> Vec<(StreamNumber, Arc<str>)> {
        let all = self.streams.iter().map(|(number, stream)| (*number, &stream.name));
        let waiting = all.filter(|(number, _)| !self.pending(consumer, *number, Seq::FIRST, 1).is_empty());
        waiting.map(|(number, name)| (number, Arc::clone(name))).collect()
    }

    /// How many events of all streams a consumer has parked.
    pub(crate) fn count_parked(&self, consumer: ConsumerNumber) -> u64 {
        let positions = self.consumer(consumer).into_iter().flat_map(|known| known.positions.values());
        positions.map(|position| position.parked().count() as u64).sum()
    }

    /// The first event of each stream that is pending for a consumer, those that lie furthest back first.
    pub(crate) fn heads(&self, consumer: ConsumerNumber) -> Vec<(StreamNumber, Arc<str>, Seq)> {
        let head = |(number, stream): (&StreamNumber, &Stream)| {
            let (seq, place) = *self.pending(consumer, *number, Seq::FIRST, 1).first()?;
            Some(((place.segment(), place.offset()), (*number, Arc::clone(&stream.name), seq)))
        };
        let mut heads: Vec<_> = self.streams.iter().filter_map(head).collect();
        heads.sort_unstable_by_key(|(place, _)| *place);
        heads.into_iter().map(|(_, head)| head).collect()
    }

    /// How many events of all streams a consumer has not settled.
    pub(crate) fn count_pending(&self, consumer: ConsumerNumber) -> u64 {
        let Some(known) = self.consumer(consumer) else { return 0 };
        let unmoved = Position::default();
        let of = |(number, stream): (&StreamNumber, &Stream)| {
            let position = known.positions.get(number).unwrap_or(&unmoved);
            let coming = stream.events(position.low);
            coming.filter(|&(seq, _)| position.claim(seq) == Claim::Coming).count() + position.again().count()
        };
        let concerned =
            self.streams.iter().filter(|(number, stream)| known.scope.covers(**number, &stream.name));
        concerned.map(|stream| of(stream) as u64).sum()
    }

    /// What of each segment is live.
    pub(crate) fn usage(&self, segment: SegmentId) -> Usage {
        self.usage.get(&segment).copied().unwrap_or_default()
    }

    /// The segments that hold live events.
    pub(crate) fn used_segments(&self) -> Vec<SegmentId> {
        let mut used: Vec<SegmentId> = self.usage.keys().copied().collect();
        used.sort_unstable();
        used
    }

    /// The live events in a segment, by stream.
    pub(crate) fn events_in(&self, segment: SegmentId) -> Vec<(StreamNumber, Vec<Span>)> {
        let within = |stream: &Stream| {
            let mut spans: Vec<Span> = Vec::new();
            for (seq, _) in stream.events(Seq::FIRST).filter(|(_, place)| place.segment() == segment) {
                match spans.last_mut().filter(|span| span.last().next() == seq) {
                    Some(span) => *span = Span::new(span.first(), seq).unwrap_or(*span),
                    None => spans.push(Span::one(seq)),
                }
            }
            spans
        };
        let found = self.streams().into_iter().map(|(number, stream)| (number, within(stream)));
        found.filter(|(_, spans)| !spans.is_empty()).collect()
    }

    /// The names and numbers of all streams.
    pub(crate) fn stream_names(&self) -> Vec<(Arc<str>, StreamNumber)> {
        self.streams().into_iter().map(|(number, stream)| (Arc::clone(&stream.name), number)).collect()
    }
}
