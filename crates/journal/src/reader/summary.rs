//! What the frames of a journal add up to, as a start would find it.

use std::collections::BTreeMap;

use super::Reader;
use crate::format::Openness;
use crate::index::{Claim, Index, Position};
use crate::log::Segments;
use crate::recover::replay::{Keep, Replayed, miss_segments, replay};
use crate::recover::survey::{IdFile, Known, Surveyed};
use crate::storage::Fault;
use crate::{Cause, ConsumerNumber, Lsn, SegmentId, Seq, StreamNumber};

/// What the frames of a journal add up to.
pub struct Summary {
    /// Every stream that is open, or has events left, by number.
    pub streams: Vec<StreamSummary>,
    /// Every consumer.
    pub consumers: Vec<ConsumerSummary>,
    /// Events that somebody may still ask for.
    pub live_events: u64,
    /// Bytes of their frames.
    pub live_bytes: u64,
    /// Events that damage has cost, ever, with what a start would find now.
    pub lost_to_damage: u64,
    /// Events that the budget has cost, ever.
    pub lost_to_budget: u64,
    /// The segment that begins with the index where a start begins; nothing if it begins with the first of all frames.
    pub index: Option<SegmentId>,
    /// Frames that a start would find to be lost.
    pub lost_frames: u64,
    /// Segments that should be there.
    pub missing: Vec<Missing>,
    /// What keeps the oldest segment that holds something live.
    pub blocker: Option<Blocker>,
    /// Where live events lie, by segment, ascending.
    wanted: BTreeMap<SegmentId, Vec<u64>>,
    pub(super) found: Index,
    pub(super) next: Lsn,
}

/// How a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    /// Its number.
    pub number: StreamNumber,
    /// Its name.
    pub name: String,
    /// Whether events may still come.
    pub openness: Openness,
    /// The number of the newest event; nothing if there was none.
    pub last: Option<Seq>,
    /// Events that somebody may still ask for.
    pub live: u64,
    /// Bytes of their frames.
    pub live_bytes: u64,
}

/// How a consumer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSummary {
    /// Its number.
    pub number: ConsumerNumber,
    /// Its name.
    pub name: String,
    /// Events that it still has to get.
    pub pending: u64,
    /// Events that it has put aside.
    pub parked: u64,
}

/// A segment, or several, that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The missing segment; or the one before which frames are missing.
    pub segment: SegmentId,
    /// What is lost with it.
    pub lost: Absent,
}

/// What is lost with a segment that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// So many frames before the segment.
    FramesBefore(u64),
    /// So many events of the segment that somebody still has to get.
    Events(u64),
}

/// What keeps a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The oldest segment with a live event.
    pub segment: SegmentId,
    /// Live events in it.
    pub events: u64,
    /// The stream of one of them.
    pub stream: String,
    /// Consumers that have a claim to that one: pending, or put aside. Without any consumer, everything is kept.
    pub consumers: Vec<String>,
}

impl Summary {
    /// Where the live events of a segment lie, ascending.
    pub fn wanted(&self, segment: SegmentId) -> &[u64] {
        self.wanted.get(&segment).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Reader {
    /// Adds up what a start would find, and changes nothing. Nothing if no header says which journal this is.
    pub fn summary(&self) -> Result<Option<Summary>, Fault> {
        let Some(id) = self.journal else { return Ok(None) };
        let known = |known: &Known| Known { segment: known.segment, size: known.size, begins: known.begins };
        let segments: Vec<Known> = self.known.iter().map(known).collect();
        let mut files = Segments::new(std::sync::Arc::clone(&self.storage));
        segments.iter().for_each(|known| files.insert(known.segment, known.size));
        let surveyed = Surveyed { id, id_file: IdFile::Sound, segments, names: Vec::new() };
        let mut replayed = replay(&surveyed, &mut files, Keep::Nothing)?;
        let lost_frames = replayed.recovery.damage.iter().map(|damage| damage.lost_frames).sum();
        let between = missing(&replayed, Absent::FramesBefore);
        let damage = replayed.recovery.damage.len();
        miss_segments(&mut replayed, &files);
        replayed.recovery.damage.drain(..damage);
        let gone = missing(&replayed, Absent::Events);
        Ok(Some(add_up(replayed, between.into_iter().chain(gone).collect(), lost_frames)))
    }
}

fn missing(replayed: &Replayed, lost: fn(u64) -> Absent) -> Vec<Missing> {
    let damage = replayed.recovery.damage.iter().filter(|damage| damage.cause == Cause::Missing);
    damage.map(|damage| Missing { segment: damage.segment, lost: lost(damage.lost_frames) }).collect()
}

fn add_up(replayed: Replayed, missing: Vec<Missing>, lost_frames: u64) -> Summary {
    let found = replayed.index;
    let totals = found.totals();
    let mut summary = Summary {
        streams: Vec::new(),
        consumers: Vec::new(),
        live_events: found.live(),
        live_bytes: 0,
        lost_to_damage: totals.lost_to_damage,
        lost_to_budget: totals.lost_to_budget,
        index: replayed.indexes.first().copied(),
        lost_frames,
        missing,
        blocker: blocker(&found),
        wanted: BTreeMap::new(),
        found: Index::default(),
        next: replayed.next,
    };
    for (number, stream) in found.streams() {
        let mut live_bytes = 0;
        for (_, place) in stream.events(Seq::FIRST) {
            live_bytes += place.bytes();
            summary.wanted.entry(place.segment()).or_default().push(place.offset());
        }
        summary.live_bytes += live_bytes;
        let last = Some(stream.next.before()).filter(|last| *last >= Seq::FIRST);
        let (name, openness, live) = (stream.name.to_string(), stream.openness, stream.live());
        summary.streams.push(StreamSummary { number, name, openness, last, live, live_bytes });
    }
    summary.wanted.values_mut().for_each(|offsets| offsets.sort_unstable());
    summary.consumers =
        found.consumers().iter().map(|known| consumer(&found, known.number, &known.name)).collect();
    summary.found = found;
    summary
}

fn consumer(index: &Index, number: ConsumerNumber, name: &str) -> ConsumerSummary {
    let (mut pending, mut parked) = (0, 0);
    let unmoved = Position::default();
    let known = index.consumer(number);
    for (stream, found) in index.streams() {
        let position = known.and_then(|known| known.positions.get(&stream)).unwrap_or(&unmoved);
        let set_aside = position.parked().filter(|(seq, _)| found.place(*seq).is_some()).count() as u64;
        let again = position.again().filter(|seq| found.place(*seq).is_some()).count() as u64;
        let coming = found.events(position.low).filter(|(seq, _)| position.claim(*seq) == Claim::Coming);
        pending += coming.count() as u64 + again;
        parked += set_aside;
    }
    ConsumerSummary { number, name: name.to_owned(), pending, parked }
}

fn blocker(index: &Index) -> Option<Blocker> {
    let segment = index.used_segments().into_iter().next()?;
    let (number, spans) = index.events_in(segment).into_iter().next()?;
    let seq = spans.first()?.first();
    let unmoved = Position::default();
    let claims = |known: &&crate::index::Consumer| {
        known.positions.get(&number).unwrap_or(&unmoved).claim(seq) != Claim::None
    };
    Some(Blocker {
        segment,
        events: index.usage(segment).events,
        stream: index.stream(number)?.name.to_string(),
        consumers: index.consumers().iter().filter(claims).map(|known| known.name.clone()).collect(),
    })
}
