//! Pending writes of a lane that were read ahead from the journal.

use std::collections::VecDeque;

use bytes::Bytes;
use journal::{Consumer, ReadError, Seq, Stream};

/// Events that are read at once, at most, and their bytes, unless one has more. Each lane that catches up has so many, so
/// what is large is read alone, once there is room for it.
const EVENTS: usize = 64;
pub(super) const BYTES: usize = 64 << 10;

/// A write as it lies in the journal. Copies share its bytes.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) seq: Seq,
    pub(super) payload: Bytes,
}

#[derive(Default)]
pub(super) struct Ahead {
    events: VecDeque<Found>,
}

impl Ahead {
    /// Lets go of what comes before `from`.
    pub(super) fn forget_before(&mut self, from: Seq) {
        while self.events.front().is_some_and(|event| event.seq < from) {
            self.events.pop_front();
        }
    }

    /// Lets go of a large event: another attempt reads it again, and meanwhile its memory is somebody else's.
    pub(super) fn forget_large(&mut self) {
        if self.events.front().is_some_and(|event| event.payload.len() > BYTES) {
            self.events.clear();
        }
    }

    /// The first pending event from `from` on; nothing if there is none. It stays here until a later one is asked for, so
    /// that another attempt need not read it again.
    pub(super) async fn first(
        &mut self,
        consumer: &Consumer,
        stream: &Stream,
        from: Seq,
    ) -> Result<Option<Found>, ReadError> {
        self.forget_before(from);
        if self.events.is_empty() {
            let (consumer, stream) = (consumer.clone(), stream.clone());
            // Where reading from a disk keeps nobody waiting. It fails only when the proxy is stopping.
            let read = tokio::task::spawn_blocking(move || read(&consumer, &stream, from));
            self.events = read.await.unwrap_or_else(|_| Ok(VecDeque::new()))?;
        }
        Ok(self.events.front().cloned())
    }
}

fn read(consumer: &Consumer, stream: &Stream, from: Seq) -> Result<VecDeque<Found>, ReadError> {
    let mut found = VecDeque::new();
    let mut bytes = 0;
    for event in consumer.pending_from(stream, from).take(EVENTS) {
        match event {
            Ok(event) => {
                bytes += event.payload.len();
                found.push_back(Found { seq: event.seq, payload: event.payload.into() });
            }
            // What was read before it is used first.
            Err(_) if !found.is_empty() => break,
            Err(error) => return Err(error),
        }
        let next = found.back().and_then(|event| consumer.size_of(stream, event.seq.next()));
        if bytes + next.and_then(|next| usize::try_from(next).ok()).unwrap_or_default() > BYTES {
            break;
        }
    }
    Ok(found)
}
