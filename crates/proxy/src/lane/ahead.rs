//! Pending writes of a lane that were read ahead from the journal.

use std::collections::VecDeque;

use journal::{Consumer, Event, ReadError, Seq, Stream};

/// Events that are read at once, at most, and their bytes, unless one has more.
const EVENTS: usize = 64;
const BYTES: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Ahead {
    events: VecDeque<Event>,
}

impl Ahead {
    /// The first pending event from `from` on; nothing if there is none. It stays here until a later one is asked for, so
    /// that another attempt need not read it again.
    pub(super) async fn first(
        &mut self,
        consumer: &Consumer,
        stream: &Stream,
        from: Seq,
    ) -> Result<Option<Event>, ReadError> {
        while self.events.front().is_some_and(|event| event.seq < from) {
            self.events.pop_front();
        }
        if self.events.is_empty() {
            let (consumer, stream) = (consumer.clone(), stream.clone());
            // Where reading from a disk keeps nobody waiting. It fails only when the proxy is stopping.
            let read = tokio::task::spawn_blocking(move || read(&consumer, &stream, from));
            self.events = read.await.unwrap_or_else(|_| Ok(VecDeque::new()))?;
        }
        Ok(self.events.front().cloned())
    }
}

fn read(consumer: &Consumer, stream: &Stream, from: Seq) -> Result<VecDeque<Event>, ReadError> {
    let mut found = VecDeque::new();
    let mut bytes = 0;
    for event in consumer.pending_from(stream, from).take(EVENTS) {
        match event {
            Ok(event) => {
                bytes += event.payload.len();
                found.push_back(event);
            }
            // What was read before it is used first.
            Err(_) if !found.is_empty() => break,
            Err(error) => return Err(error),
        }
        if bytes >= BYTES {
            break;
        }
    }
    Ok(found)
}
