//! A stream: its name, the next number, and where its live events lie.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Gone;
use crate::format::{Openness, Place};
use crate::{Seq, Span};

/// Numbers beyond those of live events that may be passed over with a place kept for each. What says that more are
/// missing would cost memory out of proportion to what it is written in.
const FEW: u64 = 64;

/// An ordered sequence of events.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) name: Arc<str>,
    pub(crate) openness: Openness,
    /// The number that the next event gets.
    pub(crate) next: Seq,
    /// What the batch that is being written has come to.
    pub(crate) draft: Draft,
    /// The number that belongs to the first of `places`.
    first: Seq,
    /// Where events lie; nothing for those that are not live. Twelve bytes each.
    places: VecDeque<Option<Place>>,
    /// Live events before `first` that somebody holds aside, so that they do not keep places for all behind them.
    aside: BTreeMap<Seq, Place>,
    /// How many of `places` and `aside` are live.
    live: u64,
}

/// What a batch that is not synced yet makes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    /// The number that its next event gets.
    pub(crate) next: Seq,
    /// Whether its name is in the log.
    pub(crate) naming: Naming,
}

/// Whether the name of a stream is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// It has to be written before the first event.
    Due,
    /// It is in the batch that is being written.
    Drafted,
    /// It is there.
    Logged,
}

impl Stream {
    pub(crate) fn new(name: Arc<str>, naming: Naming) -> Self {
        Self {
            name,
            openness: Openness::Open,
            next: Seq::FIRST,
            draft: Draft { next: Seq::FIRST, naming },
            first: Seq::FIRST,
            places: VecDeque::new(),
            aside: BTreeMap::new(),
            live: 0,
        }
    }

    /// Goes on behind the events that an index knows of.
    pub(crate) fn resume(&mut self, next: Seq) {
        self.next = next;
        self.draft.next = next;
        self.first = next;
    }

    /// How many events are live.
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    /// How many events keep a place in memory, drafted ones with them.
    pub(crate) fn window(&self) -> u64 {
        self.places.len() as u64 + self.aside.len() as u64 + self.next.until(self.draft.next)
    }

    /// The number behind the last one.
    fn end(&self) -> Seq {
        self.first.plus(self.places.len() as u64)
    }

    /// Adds an event behind all others. Numbers that are passed over are of events that were lost.
    pub(crate) fn push(&mut self, seq: Seq, place: Option<Place>) {
        if self.places.is_empty() {
            self.first = seq;
        }
        if self.gap(seq) > self.live + FEW {
            self.set_all_aside();
            self.first = seq;
        }
        while self.end() < seq {
            self.places.push_back(None);
        }
        self.places.push_back(place);
        self.live += u64::from(place.is_some());
    }

    /// Keeps what is live as what comes before all others.
    fn set_all_aside(&mut self) {
        let numbers = (self.first.get()..).map(Seq::new);
        let live = numbers.zip(self.places.drain(..)).filter_map(|(seq, place)| Some((seq, place?)));
        self.aside.extend(live);
    }

    /// How many places a push of `seq` would add.
    pub(crate) fn gap(&self, seq: Seq) -> u64 {
        if self.places.is_empty() { 0 } else { self.end().until(seq) }
    }

    /// Holds an event that comes before all others.
    pub(crate) fn set_aside(&mut self, seq: Seq, place: Place) {
        let before = self.aside.insert(seq, place);
        self.live += u64::from(before.is_none());
    }

    fn slot(&mut self, seq: Seq) -> Option<&mut Option<Place>> {
        let index = usize::try_from(self.first.until(seq)).ok()?;
        if seq < self.first { None } else { self.places.get_mut(index) }
    }

    pub(crate) fn place(&self, seq: Seq) -> Option<Place> {
        if seq < self.first {
            return self.aside.get(&seq).copied();
        }
        let index = usize::try_from(self.first.until(seq)).ok()?;
        self.places.get(index).copied().flatten()
    }

    /// Gives a live event another place, and says which it had.
    pub(crate) fn replace(&mut self, seq: Seq, place: Place) -> Option<Place> {
        if seq < self.first {
            return self.aside.get_mut(&seq).map(|held| std::mem::replace(held, place));
        }
        self.slot(seq)?.as_mut().map(|held| std::mem::replace(held, place))
    }

    /// Lets go of an event, and says where it was.
    pub(crate) fn release(&mut self, seq: Seq) -> Option<Place> {
        let released =
            if seq < self.first { self.aside.remove(&seq) } else { self.slot(seq).and_then(Option::take) };
        self.live -= u64::from(released.is_some());
        released
    }

    /// Lets go of all events before one, and gives up their places.
    pub(super) fn release_before(&mut self, seq: Seq) -> Gone {
        let kept = self.aside.split_off(&seq);
        let mut gone: Gone = std::mem::replace(&mut self.aside, kept).into_values().collect();
        if self.first < seq {
            let before = usize::try_from(self.first.until(seq)).unwrap_or(usize::MAX).min(self.places.len());
            gone.extend(self.places.drain(..before).flatten());
            self.first = self.first.plus(before as u64);
        }
        self.live -= gone.events();
        gone
    }

    /// Gives up places at the front: of events that are not live, and of those that `is_held` beside the turn.
    pub(crate) fn trim(&mut self, is_held: impl Fn(Seq) -> bool) {
        while let Some(&front) = self.places.front() {
            match front {
                None => {}
                Some(place) if is_held(self.first) => {
                    self.aside.insert(self.first, place);
                }
                Some(_) => return,
            }
            self.places.pop_front();
            self.first = self.first.next();
        }
        if self.places.capacity() > 64 && self.places.len() < self.places.capacity() / 4 {
            self.places.shrink_to(self.places.len() * 2);
        }
    }

    /// The live events from `from` on, in order.
    pub(crate) fn events(&self, from: Seq) -> impl Iterator<Item = (Seq, Place)> + '_ {
        let skipped = usize::try_from(self.first.until(from)).unwrap_or(usize::MAX).min(self.places.len());
        // Not by passing over them one by one: who reads a long stream asks for it in many pieces.
        let numbers = (self.first.get() + skipped as u64..).map(Seq::new);
        let places = numbers.zip(self.places.range(skipped..));
        let aside = self.aside.range(from..).map(|(&seq, &place)| (seq, place));
        aside.chain(places.filter_map(|(seq, place)| Some((seq, (*place)?))))
    }

    /// The live events of a range.
    pub(crate) fn live_in(&self, span: Span) -> impl Iterator<Item = Seq> + '_ {
        self.events(span.first()).map(|(seq, _)| seq).take_while(move |&seq| seq <= span.last())
    }

    /// Events before all others that are held aside.
    pub(crate) fn aside(&self) -> impl Iterator<Item = (Seq, Place)> + '_ {
        self.aside.iter().map(|(&seq, &place)| (seq, place))
    }

    /// The places as they are kept, from the first on.
    pub(crate) fn places(&self) -> (Seq, &VecDeque<Option<Place>>) {
        (self.first, &self.places)
    }

    /// Nothing of the batch that was being written holds.
    pub(crate) fn discard_draft(&mut self) {
        self.draft.next = self.next;
        if self.draft.naming == Naming::Drafted {
            self.draft.naming = Naming::Due;
        }
    }
}
