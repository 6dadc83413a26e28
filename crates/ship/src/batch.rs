//! A batch: events of one stream that follow each other, and their keys.

use std::sync::Arc;

use journal::{Event, JournalId, Seq, StreamNumber};

/// Events of one stream without a gap in their numbers, so that the first and the last say which they are.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where they come from.
    pub origin: Origin,
    /// The stream's name.
    pub stream: Arc<str>,
    /// The events; one at least.
    pub events: Vec<Event>,
}

/// Where events come from: what tells their numbers from those of every other stream, also one of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Arc<str>);

impl Origin {
    /// A stream of a journal. Its name may be used again when it has ended; its number is not.
    pub fn of(journal: JournalId, stream: StreamNumber) -> Self {
        Self(format!("{journal}-{stream}").into())
    }

    /// Anything else, by a name that is its own: letters, digits and `-`.
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }
}

impl Batch {
    /// What tells this event from every other one, whenever and however often it is sent.
    pub fn key_of(&self, seq: Seq) -> String {
        format!("{}-{seq}", self.origin.0)
    }

    /// What tells this batch from every other one. The same events make the same key.
    pub fn key(&self) -> String {
        let seq = |event: Option<&Event>| event.map_or(Seq::FIRST, |event| event.seq);
        let (first, last) = (seq(self.events.first()), seq(self.events.last()));
        if first == last { self.key_of(first) } else { format!("{}-{first}-{last}", self.origin.0) }
    }

    /// Bytes of the events.
    pub fn bytes(&self) -> u64 {
        self.events.iter().map(|event| event.payload.len() as u64).sum()
    }
}
