//! Reads events back from where the index says that they lie.

use std::io;
use std::sync::{Arc, Mutex};

use crate::format::{Frame, Identity, Place, Record};
use crate::log::names::segment_name;
use crate::log::{State, hold};
use crate::storage::{Fault, StoredFile, read_range};
use crate::{JournalId, Millis, ReadError, SegmentId, Seq, StreamNumber};

/// An event as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the stream.
    pub seq: Seq,
    /// When it was appended.
    pub time: Millis,
    /// What the caller gave.
    pub payload: Vec<u8>,
}

/// Which event of which stream.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) stream: StreamNumber,
    pub(crate) name: &'a str,
    pub(crate) seq: Seq,
}

/// Bytes that are read at once by who reads one event after the other.
const MOST_AHEAD: u64 = 256 << 10;

/// The same, of who has only begun to.
const LEAST_AHEAD: u64 = 8 << 10;

/// Bytes of a segment that were read, for one event or ahead.
///
/// What lies at a place never changes as long as the segment has its number, so bytes that verify are as good as new ones.
/// Those that do not are read again.
#[derive(Default)]
pub(crate) struct Window {
    begins: Option<(SegmentId, u64)>,
    bytes: Vec<u8>,
    /// How much is read ahead: more and more while events follow each other, nothing when they are scattered.
    ahead: u64,
}

impl Window {
    /// The bytes at a place, if they were read and are whole.
    fn at(&self, place: Place) -> Option<&[u8]> {
        let (_, start) = self.begins.filter(|begins| begins.0 == place.segment())?;
        let from = usize::try_from(place.offset().checked_sub(start)?).ok()?;
        self.bytes.get(from..from.checked_add(usize::try_from(place.bytes()).ok()?)?)
    }

    /// Whether a place is close behind what was read.
    fn goes_on_at(&self, place: Place) -> bool {
        let len = self.bytes.len() as u64;
        let gap = self.begins.filter(|begins| begins.0 == place.segment());
        let gap = gap.and_then(|(_, start)| place.offset().checked_sub(start + len));
        gap.is_some_and(|gap| gap <= len)
    }

    /// Reads from a place on.
    fn fill(&mut self, file: &dyn StoredFile, place: Place) -> io::Result<()> {
        let goes_on = self.goes_on_at(place);
        self.ahead = if goes_on { (2 * self.ahead).clamp(LEAST_AHEAD, MOST_AHEAD) } else { 0 };
        self.begins = None;
        self.bytes = read_range(file, place.offset(), place.bytes().max(self.ahead))?;
        self.begins = Some((place.segment(), place.offset()));
        Ok(())
    }
}

/// Reads a live event, or nothing if it is not live any more. From `window` if it is there.
///
/// Between looking the place up and reading it, the event may be carried elsewhere, or be settled and its segment
/// written anew. Bytes that do not verify are damage only if the place is still the same.
pub(crate) fn read(
    state: &Mutex<State>,
    id: JournalId,
    wanted: Wanted<'_>,
    window: &mut Window,
) -> Result<Option<Event>, ReadError> {
    let mut tried: Option<Place> = None;
    loop {
        let Some((place, file)) = locate(state, wanted)? else { return Ok(None) };
        let known = window.at(place).and_then(|bytes| decode(bytes, (id, place), wanted));
        if known.is_some() {
            return Ok(known);
        }
        window.fill(&*file, place).map_err(Fault::on("read", &segment_name(place.segment())))?;
        if let Some(event) = window.at(place).and_then(|bytes| decode(bytes, (id, place), wanted)) {
            return Ok(Some(event));
        }
        if tried == Some(place) {
            return Err(ReadError::Damaged {
                stream: wanted.name.to_owned(),
                seq: wanted.seq,
                segment: place.segment(),
                offset: place.offset(),
            });
        }
        tried = Some(place);
    }
}

type Located = (Place, Arc<dyn StoredFile>);

fn locate(state: &Mutex<State>, wanted: Wanted<'_>) -> Result<Option<Located>, Fault> {
    let mut state = hold(state);
    let place = state.index.stream(wanted.stream).and_then(|stream| stream.place(wanted.seq));
    let Some(place) = place else { return Ok(None) };
    let file = state.segments.file(place.segment())?;
    Ok(Some((place, file)))
}

fn decode(bytes: &[u8], (id, place): (JournalId, Place), wanted: Wanted<'_>) -> Option<Event> {
    let frame = Frame::verify(&Identity::new(id, place.segment()), place.offset(), bytes)?;
    let time = frame.head().time;
    match Record::decode(frame.head(), frame.payload()).ok()? {
        Record::Event { stream, seq, payload } | Record::Carried { stream, seq, payload } => {
            let is_it = stream == wanted.stream && seq == wanted.seq;
            is_it.then(|| Event { seq, time, payload: payload.to_vec() })
        }
        _ => None,
    }
}
