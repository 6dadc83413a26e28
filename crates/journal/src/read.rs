//! Reads events back from where the index says that they lie.

use std::io;
use std::sync::{Arc, Mutex};

use crate::format::{Frame, Identity, Place, Record};
use crate::log::names::segment_name;
use crate::log::{State, hold};
use crate::storage::{Fault, StoredFile, read_full};
use crate::{JournalId, Millis, ReadError, Seq, StreamNumber};

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

/// An event whose frame verified, as it lies in memory that is lent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) seq: Seq,
    pub(crate) time: Millis,
    pub(crate) payload: &'a [u8],
}

impl Event {
    /// The same with memory of its own.
    pub(crate) fn of(found: Found<'_>) -> Self {
        Self { seq: found.seq, time: found.time, payload: found.payload.to_vec() }
    }
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

/// Memory of a window that is kept for what is read next.
const KEPT_BYTES: usize = 256 << 10;

/// Bytes of a segment that were read, for one event or ahead.
///
/// What lies at a place never changes as long as the segment has its number, so bytes that verify are as good as new ones.
/// Those that do not are read again.
#[derive(Default)]
pub(crate) struct Window {
    begins: Option<(Identity, u64)>,
    bytes: Vec<u8>,
    /// How much is read ahead: more and more while events follow each other, nothing when they are scattered.
    ahead: u64,
}

impl Window {
    /// The bytes at a place, if they were read and are whole.
    fn at(&self, place: Place) -> Option<(&Identity, &[u8])> {
        let (identity, start) = self.begins_in(place)?;
        let from = usize::try_from(place.offset().checked_sub(start)?).ok()?;
        let bytes = self.bytes.get(from..from.checked_add(usize::try_from(place.bytes()).ok()?)?)?;
        Some((identity, bytes))
    }

    fn begins_in(&self, place: Place) -> Option<(&Identity, u64)> {
        let (identity, start) = self.begins.as_ref()?;
        (identity.segment() == place.segment()).then_some((identity, *start))
    }

    /// Whether a place is close behind what was read.
    fn goes_on_at(&self, place: Place) -> bool {
        let len = self.bytes.len() as u64;
        let gap = self.begins_in(place).and_then(|(_, start)| place.offset().checked_sub(start + len));
        gap.is_some_and(|gap| gap <= len)
    }

    /// Reads from a place on.
    fn fill(&mut self, file: &dyn StoredFile, id: JournalId, place: Place) -> io::Result<()> {
        let goes_on = self.goes_on_at(place);
        self.ahead = if goes_on { (2 * self.ahead).clamp(LEAST_AHEAD, MOST_AHEAD) } else { 0 };
        self.begins = None;
        let len = usize::try_from(place.bytes().max(self.ahead)).map_err(|_| io::ErrorKind::FileTooLarge)?;
        // What a large event took is given back with the next one.
        self.bytes.truncate(len);
        self.bytes.shrink_to(KEPT_BYTES);
        self.bytes.resize(len, 0);
        let there = read_full(file, place.offset(), &mut self.bytes)?;
        self.bytes.truncate(there);
        self.begins = Some((Identity::new(id, place.segment()), place.offset()));
        Ok(())
    }

    /// The event at a place, if it was read and verifies.
    pub(crate) fn event(&self, place: Place, wanted: Wanted<'_>) -> Option<Found<'_>> {
        let (identity, bytes) = self.at(place)?;
        decode(identity, (place.offset(), bytes), wanted)
    }
}

/// Reads a live event and lets `take` have it, or nothing if it is not live any more. From `window` if it is there.
///
/// Between looking the place up and reading it, the event may be carried elsewhere, or be settled and its segment
/// written anew. Bytes that do not verify are damage only if the place is still the same.
pub(crate) fn read<T>(
    (state, id): (&Mutex<State>, JournalId),
    wanted: Wanted<'_>,
    window: &mut Window,
    take: impl FnOnce(Found<'_>) -> T,
) -> Result<Option<T>, ReadError> {
    let mut tried: Option<Place> = None;
    loop {
        let Some((place, file)) = locate(state, wanted, window)? else { return Ok(None) };
        if let Some(file) = &file {
            window.fill(&**file, id, place).map_err(Fault::on("read", &segment_name(place.segment())))?;
        }
        if let Some(event) = window.event(place, wanted) {
            return Ok(Some(take(event)));
        }
        if tried == Some(place) {
            return Err(ReadError::Damaged {
                stream: wanted.name.to_owned(),
                seq: wanted.seq,
                segment: place.segment(),
                offset: place.offset(),
            });
        }
        tried = file.map(|_| place);
        window.begins = None;
    }
}

/// Where an event lies, and the file unless what is there was read.
type Located = (Place, Option<Arc<dyn StoredFile>>);

fn locate(state: &Mutex<State>, wanted: Wanted<'_>, window: &Window) -> Result<Option<Located>, Fault> {
    let mut state = hold(state);
    let place = state.index.stream(wanted.stream).and_then(|stream| stream.place(wanted.seq));
    let Some(place) = place else { return Ok(None) };
    let file = if window.at(place).is_some() { None } else { Some(state.segments.file(place.segment())?) };
    Ok(Some((place, file)))
}

fn decode<'a>(
    identity: &Identity,
    (offset, bytes): (u64, &'a [u8]),
    wanted: Wanted<'_>,
) -> Option<Found<'a>> {
    let frame = Frame::verify(identity, offset, bytes)?;
    let time = frame.head().time;
    match Record::decode(frame.head(), frame.payload()).ok()? {
        Record::Event { stream, seq, payload } | Record::Carried { stream, seq, payload } => {
            let is_it = stream == wanted.stream && seq == wanted.seq;
            is_it.then_some(Found { seq, time, payload })
        }
        _ => None,
    }
}
