//! Reads the next batch of a stream from the journal.

use journal::{Consumer, Event, ReadError, Seq, Span, Stream};

/// What a batch may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// What was found.
pub(super) enum Found {
    /// Nothing is pending.
    Nothing,
    /// Events that follow each other without a gap.
    Run(Vec<Event>, Fill),
    /// The first pending event is damaged.
    Damaged(Seq),
    /// The journal could not be read.
    Failed(String),
}

/// Whether a batch could have more events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// There was no room for the next one, or it does not follow.
    Full,
    /// As soon as some are appended.
    Growing,
}

/// The first pending events of a stream, without those of `unsettled`, which have arrived and are not noted yet.
pub(super) fn read(consumer: &Consumer, stream: &Stream, unsettled: Option<Span>, room: Room) -> Found {
    let skip = |seq: Seq| unsettled.filter(|span| span.contains(seq)).map(|span| span.last().next());
    let Some(first) = consumer.first_pending(stream, Seq::FIRST) else { return Found::Nothing };
    let from = skip(first).unwrap_or(first);
    let (mut events, mut bytes) = (Vec::<Event>::new(), 0);
    for event in consumer.pending_from(stream, from) {
        let event = match event {
            Ok(event) => event,
            // What was read before it goes first.
            Err(_) if !events.is_empty() => return Found::Run(events, Fill::Full),
            Err(ReadError::Damaged { seq, .. }) => return Found::Damaged(seq),
            Err(error) => return Found::Failed(error.to_string()),
        };
        let follows = events.last().is_none_or(|last| last.seq.next() == event.seq);
        if !follows || skip(event.seq).is_some() {
            return Found::Run(events, Fill::Full);
        }
        bytes += event.payload.len();
        if !events.is_empty() && bytes > room.bytes {
            return Found::Run(events, Fill::Full);
        }
        events.push(event);
        if events.len() >= room.events {
            return Found::Run(events, Fill::Full);
        }
    }
    if events.is_empty() { Found::Nothing } else { Found::Run(events, Fill::Growing) }
}
