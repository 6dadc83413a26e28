//! The index as the entries of its parts, and back.

use super::consumer::Aside;
use super::{ByNumber, Consumer, Index, Naming, Position, Stream};
use crate::format::{Entry, Malformed, Place, for_each_entry, put_entry, put_places};
use crate::{ConsumerNumber, Scope, StreamNumber};

/// Places in one entry; an entry has to fit into a part.
const PLACES_IN_AN_ENTRY: usize = 1024;

/// Entries, cut into parts.
struct Parts {
    done: Vec<Vec<u8>>,
    current: Vec<u8>,
    /// A part that has come to this many bytes is done.
    enough: usize,
}

impl Parts {
    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        put(&mut self.current);
        if self.current.len() >= self.enough {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    fn entry(&mut self, entry: &Entry<'_>) {
        self.add(|out| put_entry(out, entry));
    }
}

impl Index {
    /// All that is to be known, in parts of about `enough` bytes. There is always one.
    pub(crate) fn parts(&self, enough: usize) -> Vec<Vec<u8>> {
        let mut parts = Parts { done: Vec::new(), current: Vec::new(), enough };
        parts.entry(&Entry::Totals(self.totals));
        for consumer in &self.consumers {
            parts.entry(&Entry::Consumer(consumer.number, consumer.scope.prefix(), &consumer.name));
        }
        // A stream whose name is not in the log has no events in it either.
        for (number, stream) in self.streams() {
            if stream.draft.naming == Naming::Logged || stream.live() > 0 {
                write_stream(&mut parts, number, stream);
            }
        }
        for consumer in &self.consumers {
            let mut positions: Vec<_> = consumer.positions.iter().collect();
            positions.sort_unstable_by_key(|(number, _)| **number);
            for (number, position) in positions {
                write_position(&mut parts, consumer.number, *number, position);
            }
        }
        if !parts.current.is_empty() || parts.done.is_empty() {
            parts.done.push(parts.current);
        }
        parts.done
    }

    /// Takes in a part of an index that was written.
    pub(crate) fn load(&mut self, part: &[u8]) -> Result<(), Malformed> {
        for_each_entry(part, |entry| self.load_entry(&entry))
    }

    fn load_entry(&mut self, entry: &Entry<'_>) {
        match *entry {
            Entry::Totals(totals) => self.totals = totals,
            Entry::Consumer(number, prefix, name) if !self.is_one_too_many(number) => {
                let (name, scope) = (name.to_owned(), Scope::from_prefix(prefix));
                self.consumers.push(Consumer { number, name, scope, positions: ByNumber::default() });
            }
            Entry::Consumer(..) => {}
            Entry::Stream(number, openness, next, name) => {
                self.open(number, name, Naming::Logged);
                if let Some(stream) = self.streams.get_mut(&number) {
                    stream.openness = openness;
                    stream.resume(next);
                }
            }
            Entry::Aside(number, seq, place) => {
                if let Some(stream) = self.streams.get_mut(&number) {
                    stream.set_aside(seq, place);
                    self.count_in(Some(place));
                }
            }
            Entry::Places(number, first, places) => {
                for (seq, place) in (first.get()..).map(crate::Seq::new).zip(places.iter()) {
                    self.load_place(number, seq, place);
                }
            }
            Entry::Position(consumer, stream, low) => {
                self.with_position(consumer, stream, |position| position.low = low);
            }
            Entry::Ahead(consumer, stream, span) => {
                self.with_position(consumer, stream, |position| position.insert_ahead(span));
            }
            Entry::Parked(consumer, stream, seq, since, reason) => {
                let aside = Aside { since, reason: reason.into() };
                self.with_position(consumer, stream, |position| position.insert_parked(seq, aside));
            }
            Entry::Again(consumer, stream, seq) => {
                self.with_position(consumer, stream, |position| position.insert_again(seq));
            }
        }
    }

    fn load_place(&mut self, number: StreamNumber, seq: crate::Seq, place: Option<Place>) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        if stream.gap(seq) <= super::MAX_GAP {
            stream.push(seq, place);
            self.count_in(place);
        }
    }

    fn with_position(
        &mut self,
        consumer: ConsumerNumber,
        stream: StreamNumber,
        change: impl FnOnce(&mut Position),
    ) {
        if let Some(known) = self.consumers.iter_mut().find(|known| known.number == consumer) {
            change(known.positions.entry(stream).or_default());
        }
    }
}

fn write_stream(parts: &mut Parts, number: StreamNumber, stream: &Stream) {
    parts.entry(&Entry::Stream(number, stream.openness, stream.next, &stream.name));
    let (mut first, places) = stream.places();
    for (seq, place) in stream.aside() {
        parts.entry(&Entry::Aside(number, seq, place));
    }
    let mut left = places.iter().copied().peekable();
    while left.peek().is_some() {
        let some: Vec<Option<Place>> = left.by_ref().take(PLACES_IN_AN_ENTRY).collect();
        parts.add(|out| put_places(out, number, first, some.iter().copied()));
        first = first.plus(some.len() as u64);
    }
}

fn write_position(parts: &mut Parts, consumer: ConsumerNumber, stream: StreamNumber, position: &Position) {
    parts.entry(&Entry::Position(consumer, stream, position.low));
    for span in position.ahead() {
        parts.entry(&Entry::Ahead(consumer, stream, span));
    }
    for (seq, aside) in position.parked() {
        parts.entry(&Entry::Parked(consumer, stream, seq, aside.since, &aside.reason));
    }
    for seq in position.again() {
        parts.entry(&Entry::Again(consumer, stream, seq));
    }
}
