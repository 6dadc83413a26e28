//! The live events of a stream, for those who look and settle nothing.

use std::sync::Arc;

use crate::commit::Shared;
use crate::log::hold;
use crate::read::{self, Event, Wanted, Window};
use crate::{ReadError, Seq, Stream};

/// How many events are looked up at once: few enough that the index is not held for long.
const STRIDE: usize = 256;

/// The live events of a stream, in order. What is appended meanwhile is found as well.
pub struct Events {
    shared: Arc<Shared>,
    stream: Stream,
    from: Seq,
    buffer: std::vec::IntoIter<Seq>,
    window: Window,
}

impl Events {
    pub(crate) fn of(shared: &Arc<Shared>, stream: &Stream) -> Self {
        let (shared, stream) = (Arc::clone(shared), stream.clone());
        Self { shared, stream, from: Seq::FIRST, buffer: Vec::new().into_iter(), window: Window::default() }
    }

    /// The same from a number on.
    #[must_use]
    pub fn from(self, seq: Seq) -> Self {
        Self { from: seq, buffer: Vec::new().into_iter(), ..self }
    }

    fn look_up(&self) -> Vec<Seq> {
        let state = hold(&self.shared.state);
        let Some(stream) = state.index.stream(self.stream.number) else { return Vec::new() };
        stream.events(self.from).map(|(seq, _)| seq).take(STRIDE).collect()
    }
}

impl Iterator for Events {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let seq = match self.buffer.next() {
                Some(seq) => seq,
                None => {
                    self.buffer = self.look_up().into_iter();
                    self.buffer.next()?
                }
            };
            self.from = seq.next();
            let wanted = Wanted { stream: self.stream.number, name: &self.stream.name, seq };
            // It may have been settled since its number was looked up.
            let journal = (&self.shared.state, self.shared.id);
            if let Some(event) = read::read(journal, wanted, &mut self.window, Event::of).transpose() {
                return Some(event);
            }
        }
    }
}
