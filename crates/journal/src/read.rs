//! Reads events back from where the index says that they lie.

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

/// Reads a live event, or nothing if it is not live any more.
///
/// Between looking the place up and reading it, the event may be carried elsewhere, or be settled and its segment
/// written anew. Bytes that do not verify are damage only if the place is still the same.
pub(crate) fn read(
    state: &Mutex<State>,
    id: JournalId,
    wanted: Wanted<'_>,
) -> Result<Option<Event>, ReadError> {
    let mut tried: Option<Place> = None;
    loop {
        let Some((place, file)) = locate(state, wanted)? else { return Ok(None) };
        if let Some(event) = read_at(&*file, place, (id, wanted))? {
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

fn read_at(
    file: &dyn StoredFile,
    place: Place,
    (id, wanted): (JournalId, Wanted<'_>),
) -> Result<Option<Event>, Fault> {
    let name = segment_name(place.segment());
    let bytes = read_range(file, place.offset(), place.bytes()).map_err(Fault::on("read", &name))?;
    Ok(decode(&bytes, (id, place.segment(), place.offset()), wanted))
}

fn decode(
    bytes: &[u8],
    (id, segment, offset): (JournalId, SegmentId, u64),
    wanted: Wanted<'_>,
) -> Option<Event> {
    let frame = Frame::verify(&Identity::new(id, segment), offset, bytes)?;
    let time = frame.head().time;
    match Record::decode(frame.head(), frame.payload()).ok()? {
        Record::Event { stream, seq, payload } | Record::Carried { stream, seq, payload } => {
            let is_it = stream == wanted.stream && seq == wanted.seq;
            is_it.then(|| Event { seq, time, payload: payload.to_vec() })
        }
        _ => None,
    }
}
