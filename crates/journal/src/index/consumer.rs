//! A consumer: what it has settled in each stream, what it has put aside.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers::ByNumber;
use super::ranges::Ranges;
use crate::format::Settling;
use crate::{ConsumerNumber, Millis, Scope, Seq, Span, StreamNumber};

/// A named reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) number: ConsumerNumber,
    pub(crate) name: String,
    /// Which streams concern it.
    pub(crate) scope: Scope,
    /// Streams of which it has settled anything.
    pub(crate) positions: ByNumber<StreamNumber, Position>,
}

/// Where a consumer is in a stream. Sixteen bytes as long as it settles in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The lowest sequence number that it has not settled.
    pub(crate) low: Seq,
    extra: Option<Box<Extra>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extra {
    /// Settled beyond `low`.
    ahead: Ranges,
    /// Settled by putting aside.
    parked: BTreeMap<Seq, Aside>,
    /// Below `low`, and wanted again.
    again: BTreeSet<Seq>,
}

/// Why and when an event was parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) since: Millis,
    pub(crate) reason: Box<str>,
}

impl Default for Position {
    fn default() -> Self {
        Self::from(Seq::FIRST)
    }
}

impl From<Seq> for Position {
    fn from(low: Seq) -> Self {
        Self { low, extra: None }
    }
}

/// What a consumer has with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is still to come, in its turn.
    Coming,
    /// It is held beside the turn: parked or requeued.
    Held,
    /// Nothing any more.
    None,
}

impl Position {
    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn claim(&self, seq: Seq) -> Claim {
        let extra = self.extra.as_deref();
        if extra.is_some_and(|extra| extra.parked.contains_key(&seq) || extra.again.contains(&seq)) {
            Claim::Held
        } else if seq >= self.low && !extra.is_some_and(|extra| extra.ahead.contains(seq)) {
            Claim::Coming
        } else {
            Claim::None
        }
    }

    /// The first number that may be claimed: before it, nothing is.
    pub(crate) fn first_claim(&self) -> Seq {
        let Some(extra) = self.extra.as_deref() else { return self.low };
        let (parked, again) = (extra.parked.keys().next(), extra.again.first());
        parked.into_iter().chain(again).copied().fold(self.low, Seq::min)
    }

    pub(crate) fn again(&self) -> impl Iterator<Item = Seq> + '_ {
        self.extra.iter().flat_map(|extra| extra.again.iter().copied())
    }

    pub(crate) fn parked(&self) -> impl Iterator<Item = (Seq, &Aside)> {
        self.extra.iter().flat_map(|extra| extra.parked.iter().map(|(&seq, aside)| (seq, aside)))
    }

    pub(crate) fn ahead(&self) -> impl Iterator<Item = Span> + '_ {
        self.extra.iter().flat_map(|extra| extra.ahead.iter())
    }

    /// What is settled ahead comes from an index.
    pub(crate) fn insert_ahead(&mut self, span: Span) {
        self.extra().ahead.insert(span);
    }

    /// What is parked comes from an index, or is settled by being parked.
    pub(crate) fn insert_parked(&mut self, seq: Seq, aside: Aside) {
        self.extra().parked.insert(seq, aside);
    }

    /// What is requeued comes from an index.
    pub(crate) fn insert_again(&mut self, seq: Seq) {
        self.extra().again.insert(seq);
    }

    /// Does what a settlement says to the events of `span`, of which `live` are still there.
    pub(crate) fn settle(&mut self, settling: Settling<'_>, span: Span, live: &[Seq], time: Millis) {
        match settling {
            Settling::Delivered => {
                self.forget(span);
                self.pass(span);
            }
            Settling::Parked(reason) => {
                self.forget(span);
                self.pass(span);
                for &seq in live {
                    self.insert_parked(seq, Aside { since: time, reason: reason.into() });
                }
            }
            Settling::Requeued => {
                for seq in self.take_parked(span) {
                    if seq < self.low {
                        self.extra().again.insert(seq);
                    } else {
                        self.extra().ahead.remove(seq);
                    }
                }
            }
            Settling::Dropped => drop(self.take_parked(span)),
        }
        self.tidy();
    }

    /// Holds nothing of `span` aside any more.
    pub(crate) fn forget(&mut self, span: Span) {
        self.take_parked(span);
        if let Some(extra) = &mut self.extra {
            let again: Vec<Seq> = extra.again.range(span.first()..=span.last()).copied().collect();
            for seq in again {
                extra.again.remove(&seq);
            }
        }
        self.tidy();
    }

    fn take_parked(&mut self, span: Span) -> Vec<Seq> {
        let Some(extra) = &mut self.extra else { return Vec::new() };
        let taken: Vec<Seq> = extra.parked.range(span.first()..=span.last()).map(|(&seq, _)| seq).collect();
        for seq in &taken {
            extra.parked.remove(seq);
        }
        taken
    }

    fn pass(&mut self, span: Span) {
        if span.last() < self.low {
            return;
        }
        if span.first() > self.low {
            self.extra().ahead.insert(span);
            return;
        }
        self.low = span.last().next();
        while let Some(last) = self.extra.as_mut().and_then(|extra| extra.ahead.take_up_to(self.low)) {
            self.low = self.low.max(last.next());
        }
    }

    fn tidy(&mut self) {
        let is_idle =
            |extra: &Extra| extra.ahead.is_empty() && extra.parked.is_empty() && extra.again.is_empty();
        if self.extra.as_deref().is_some_and(is_idle) {
            self.extra = None;
        }
    }
}
