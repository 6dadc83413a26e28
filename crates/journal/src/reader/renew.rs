//! Segments that follow the newest one and hold what is still wanted: an index of everything, and the events of
//! segments that are taken away.
//!
//! The index comes first and still has those events in their old places; carrying them behind it gives them their new
//! ones, as in a running journal. Once the new segments are there, a start needs none of those that are taken away.

use std::collections::BTreeMap;

use super::{Reader, Summary};
use crate::format::{
    Found, Frame, HEADER_BYTES, Head, Identity, LostTo, More, Record, Scan, SegmentHeader, frame_bytes,
    put_frame,
};
use crate::index::Index;
use crate::limits::{INDEX_PART, LARGEST_SEGMENT, SMALLEST_SEGMENT};
use crate::log::segments::read_segment;
use crate::storage::Fault;
use crate::{JournalId, Lsn, Millis, SegmentId, Seq, Span, StreamNumber};

/// What became of the live events when segments were renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Those that have a new place.
    pub carried: u64,
    /// Those that cannot be read and are given up.
    pub lost: u64,
    /// All that are live now.
    pub live: u64,
}

/// What receives a new segment: its number, and all bytes of its file.
pub type PutSegment<'p, E> = dyn FnMut(SegmentId, &[u8]) -> Result<(), E> + 'p;

impl Reader {
    /// Makes the segments that a journal goes on with when the segments `away` are taken from it.
    ///
    /// They are numbered from `next` on, which has to be above all that are there, and are the same each time.
    pub fn renew<E: From<Fault>>(
        &self,
        summary: &Summary,
        (away, next, now): (&[SegmentId], SegmentId, Millis),
        put: &mut PutSegment<'_, E>,
    ) -> Result<Renewed, E> {
        let Some(journal) = self.journal else { return Ok(Renewed::default()) };
        let mut index = summary.found.clone();
        let mut renewed = Renewed::default();
        for &segment in away {
            let bytes = read_segment(&*self.storage, segment)?;
            let sound = sound_events(&Identity::new(journal, segment), &bytes, summary.wanted(segment));
            renewed.carried += sound.len() as u64;
            renewed.lost += give_up(&mut index, segment, &sound);
        }
        renewed.live = index.live();
        let size = self.segment_size();
        let mut pen = Pen { journal, size, now, lsn: summary.next, segment: next, bytes: Vec::new(), put };
        pen.begin();
        let parts = index.parts(usize::try_from(INDEX_PART.min(size / 8)).unwrap_or(usize::MAX));
        for (number, entries) in (0u32..).zip(&parts) {
            let more = if number as usize + 1 == parts.len() { More::Ends } else { More::Follows };
            pen.write(&Record::Index { part: number, more, entries }, now)?;
        }
        for &segment in away {
            let bytes = read_segment(&*self.storage, segment)?;
            for (time, event) in
                sound_events(&Identity::new(journal, segment), &bytes, summary.wanted(segment)).values()
            {
                pen.write(event, *time)?;
            }
        }
        pen.end()?;
        Ok(renewed)
    }

    /// The size that most of the journal has.
    fn segment_size(&self) -> u64 {
        let headers = self.headers.segments.iter().rev().filter_map(|headed| headed.header.as_ref().ok());
        let stated = headers.map(|header| header.size).next().unwrap_or(LARGEST_SEGMENT / 16);
        stated.clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT) / 4096 * 4096
    }
}

/// The wanted events of a segment that verify, carried, by their offsets.
fn sound_events<'a>(
    identity: &Identity,
    bytes: &'a [u8],
    wanted: &[u64],
) -> BTreeMap<u64, (Millis, Record<'a>)> {
    let verified = |found: Found<'a>| match found {
        Found::Frame(offset, frame) if wanted.binary_search(&offset).is_ok() => {
            Some((offset, carried(&frame)?))
        }
        Found::Frame(..) | Found::Bad(_) => None,
    };
    Scan::new(*identity, bytes).filter_map(verified).collect()
}

fn carried<'a>(frame: &Frame<'a>) -> Option<(Millis, Record<'a>)> {
    match Record::decode(frame.head(), frame.payload()).ok()? {
        Record::Event { stream, seq, payload } | Record::Carried { stream, seq, payload } => {
            Some((frame.head().time, Record::Carried { stream, seq, payload }))
        }
        _ => None,
    }
}

/// Gives up the events of a segment that are not among the sound ones, and says how many they were.
fn give_up(index: &mut Index, segment: SegmentId, sound: &BTreeMap<u64, (Millis, Record<'_>)>) -> u64 {
    let mut lost: Vec<(StreamNumber, Vec<Span>)> = Vec::new();
    for (number, stream) in index.streams() {
        let here = stream.events(Seq::FIRST).filter(|(_, place)| place.segment() == segment);
        let gone = here.filter(|(seq, place)| {
            let found = sound.get(&place.offset()).map(|(_, record)| (record.stream(), record.seq()));
            found != Some((number, *seq))
        });
        let spans: Vec<Span> = gone.map(|(seq, _)| Span::one(seq)).collect();
        if !spans.is_empty() {
            lost.push((number, spans));
        }
    }
    let count = lost.iter().map(|(_, spans)| spans.len() as u64).sum();
    for (stream, spans) in lost {
        let record = Record::Lost { stream, to: LostTo::Damage, spans };
        // It says what the index itself has said.
        index.apply(&record, None, Millis::default()).ok();
    }
    count
}

/// Writes frames into one segment after the other.
struct Pen<'p, 'q, E> {
    journal: JournalId,
    size: u64,
    now: Millis,
    lsn: Lsn,
    segment: SegmentId,
    bytes: Vec<u8>,
    put: &'p mut PutSegment<'q, E>,
}

impl<E> Pen<'_, '_, E> {
    fn begin(&mut self) {
        let header = SegmentHeader {
            journal: self.journal,
            segment: self.segment,
            first: self.lsn,
            made: self.now,
            size: self.size,
        };
        self.bytes = header.encode();
    }

    fn write(&mut self, record: &Record<'_>, time: Millis) -> Result<(), E> {
        let mut payload = Vec::new();
        record.put_payload(&mut payload);
        let bytes = frame_bytes(payload.len() as u64);
        let at = self.bytes.len() as u64;
        if at + bytes > self.size && at > HEADER_BYTES {
            self.end()?;
            self.segment = self.segment.next();
            self.begin();
        }
        // A file is put in its place as a whole, once it is synced: what is before a frame was synced when it is found.
        let (kind, stream, seq) = (record.kind(), record.stream(), record.seq());
        let head = Head { kind, behind: 1, lsn: self.lsn, time, stream, seq };
        let offset = self.bytes.len() as u64;
        put_frame(&mut self.bytes, &Identity::new(self.journal, self.segment), offset, &head, &payload);
        self.lsn = self.lsn.next();
        Ok(())
    }

    /// Fills the file up with zeros, and hands it out.
    fn end(&mut self) -> Result<(), E> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX).max(self.bytes.len());
        self.bytes.resize(size, 0);
        (self.put)(self.segment, &self.bytes)
    }
}
