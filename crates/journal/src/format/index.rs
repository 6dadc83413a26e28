//! The entries of an index, as they stand in the payload of its parts.

use std::num::NonZeroU32;

use super::bytes::{Bytes, Malformed, Put};
use crate::number::MOST;
use crate::{ConsumerNumber, Millis, SegmentId, Seq, Span, StreamNumber};

/// Where the frame of an event lies. Twelve bytes, since there is one for each live event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Never zero, so that no place at all takes no more room.
    segment: NonZeroU32,
    /// In units of [`ALIGNMENT`](super::ALIGNMENT).
    offset: u32,
    bytes: u32,
}

impl Place {
    /// The place of a frame; nothing if a number is beyond what fits, which is 2^32 segments of 32 GiB.
    pub fn new(segment: SegmentId, offset: u64, bytes: u64) -> Option<Self> {
        let segment = NonZeroU32::new(u32::try_from(segment.get()).ok()?)?;
        let offset = u32::try_from(offset / super::ALIGNMENT).ok()?;
        Some(Self { segment, offset, bytes: u32::try_from(bytes).ok()? })
    }

    /// The segment.
    pub fn segment(self) -> SegmentId {
        SegmentId::new(u64::from(self.segment.get()))
    }

    /// Where in the segment.
    pub fn offset(self) -> u64 {
        u64::from(self.offset) * super::ALIGNMENT
    }

    /// How many bytes the frame takes.
    pub fn bytes(self) -> u64 {
        u64::from(self.bytes)
    }
}

/// Whether events may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    /// They may.
    Open,
    /// They may not.
    Closed,
}

/// Numbers of the whole journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The number that the next stream gets.
    pub next_stream: StreamNumber,
    /// The number that the next consumer gets.
    pub next_consumer: ConsumerNumber,
    /// Events lost to damage, ever.
    pub lost_to_damage: u64,
    /// Events lost to the budget, ever.
    pub lost_to_budget: u64,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// Numbers of the whole journal.
    Totals(Totals),
    /// A consumer: its number, what the names of its streams begin with, its name.
    Consumer(ConsumerNumber, &'a str, &'a str),
    /// A stream.
    Stream(StreamNumber, Openness, Seq, &'a str),
    /// Where events of a stream lie, from a sequence number on.
    Places(StreamNumber, Seq, Places<'a>),
    /// Where an event lies that is held before those.
    Aside(StreamNumber, Seq, Place),
    /// The lowest sequence number that a consumer has not settled.
    Position(ConsumerNumber, StreamNumber, Seq),
    /// What it has settled beyond.
    Ahead(ConsumerNumber, StreamNumber, Span),
    /// What it has parked.
    Parked(ConsumerNumber, StreamNumber, Seq, Millis, &'a str),
    /// What it has requeued.
    Again(ConsumerNumber, StreamNumber, Seq),
}

/// Places, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places<'a> {
    count: u64,
    encoded: &'a [u8],
}

impl Places<'_> {
    /// Each of them; those that decoded when the entry was read.
    pub fn iter(&self) -> impl Iterator<Item = Option<Place>> + '_ {
        let mut bytes = Bytes::new(self.encoded);
        (0..self.count).map_while(move |_| place(&mut bytes).ok())
    }
}

const TOTALS: u8 = 1;
const CONSUMER: u8 = 2;
const STREAM: u8 = 3;
const PLACES: u8 = 4;
const POSITION: u8 = 5;
const AHEAD: u8 = 6;
const PARKED: u8 = 7;
const AGAIN: u8 = 8;
const ASIDE: u8 = 9;

/// Appends an entry, unless it is of places: those are put by [`put_places`].
pub fn put_entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    match *entry {
        Entry::Totals(totals) => {
            out.put_u8(TOTALS);
            out.put_varint(totals.next_stream.get());
            out.put_varint(u64::from(totals.next_consumer.get()));
            out.put_varint(totals.lost_to_damage);
            out.put_varint(totals.lost_to_budget);
        }
        Entry::Consumer(number, prefix, name) => {
            out.put_u8(CONSUMER);
            out.put_varint(u64::from(number.get()));
            out.put_text(prefix);
            out.put_text(name);
        }
        Entry::Stream(number, openness, next, name) => {
            out.put_u8(STREAM);
            out.put_varint(number.get());
            out.put_u8(u8::from(openness == Openness::Closed));
            out.put_varint(next.get());
            out.put_text(name);
        }
        Entry::Places(stream, first, places) => put_places(out, stream, first, places.iter()),
        Entry::Aside(stream, seq, place) => {
            out.put_u8(ASIDE);
            out.put_varint(stream.get());
            out.put_varint(seq.get());
            put_place(out, Some(place));
        }
        Entry::Position(consumer, stream, low) => {
            put_keys(out, POSITION, consumer, stream);
            out.put_varint(low.get());
        }
        Entry::Ahead(consumer, stream, span) => {
            put_keys(out, AHEAD, consumer, stream);
            out.put_varint(span.first().get());
            out.put_varint(span.last().get());
        }
        Entry::Parked(consumer, stream, seq, time, reason) => {
            put_keys(out, PARKED, consumer, stream);
            out.put_varint(seq.get());
            out.put_zigzag(time.get());
            out.put_text(reason);
        }
        Entry::Again(consumer, stream, seq) => {
            put_keys(out, AGAIN, consumer, stream);
            out.put_varint(seq.get());
        }
    }
}

fn put_keys(out: &mut Vec<u8>, tag: u8, consumer: ConsumerNumber, stream: StreamNumber) {
    out.put_u8(tag);
    out.put_varint(u64::from(consumer.get()));
    out.put_varint(stream.get());
}

/// Appends an entry of places.
pub fn put_places(
    out: &mut Vec<u8>,
    stream: StreamNumber,
    first: Seq,
    places: impl Iterator<Item = Option<Place>>,
) {
    let mut encoded = Vec::new();
    let mut count = 0;
    for place in places {
        count += 1;
        put_place(&mut encoded, place);
    }
    out.put_u8(PLACES);
    out.put_varint(stream.get());
    out.put_varint(first.get());
    out.put_varint(count);
    out.put(&encoded);
}

fn put_place(out: &mut Vec<u8>, place: Option<Place>) {
    out.put_varint(place.map_or(0, |place| place.segment().get()));
    if let Some(place) = place {
        out.put_varint(u64::from(place.offset));
        out.put_varint(u64::from(place.bytes));
    }
}

fn place(bytes: &mut Bytes<'_>) -> Result<Option<Place>, Malformed> {
    let Some(segment) = NonZeroU32::new(small(bytes, "segment")?) else { return Ok(None) };
    let (offset, length) = (small(bytes, "offset")?, small(bytes, "length")?);
    Ok(Some(Place { segment, offset, bytes: length }))
}

fn small(bytes: &mut Bytes<'_>, what: &'static str) -> Result<u32, Malformed> {
    u32::try_from(bytes.varint(what)?).map_err(|_| Malformed { what })
}

/// Hands each entry in the payload of a part to `take`.
pub fn for_each_entry<'a>(payload: &'a [u8], mut take: impl FnMut(Entry<'a>)) -> Result<(), Malformed> {
    let mut bytes = Bytes::new(payload);
    while !bytes.is_empty() {
        take(entry(&mut bytes)?);
    }
    Ok(())
}

fn entry<'a>(bytes: &mut Bytes<'a>) -> Result<Entry<'a>, Malformed> {
    Ok(match bytes.u8("tag")? {
        TOTALS => Entry::Totals(Totals {
            next_stream: stream(bytes)?,
            next_consumer: consumer(bytes)?,
            lost_to_damage: bytes.varint("lost")?,
            lost_to_budget: bytes.varint("lost")?,
        }),
        CONSUMER => Entry::Consumer(consumer(bytes)?, bytes.text("prefix")?, bytes.text("name")?),
        STREAM => {
            let number = stream(bytes)?;
            let openness = if bytes.u8("state")? == 0 { Openness::Open } else { Openness::Closed };
            Entry::Stream(number, openness, seq(bytes)?, bytes.text("name")?)
        }
        PLACES => {
            let (stream, first, count) = (stream(bytes)?, seq(bytes)?, bytes.varint("count")?);
            let before = bytes.rest();
            for _ in 0..count {
                place(bytes)?;
            }
            let len = before.len() - bytes.rest().len();
            let encoded = before.get(..len).unwrap_or_default();
            Entry::Places(stream, first, Places { count, encoded })
        }
        POSITION => Entry::Position(consumer(bytes)?, stream(bytes)?, seq(bytes)?),
        AHEAD => {
            let (consumer, stream) = (consumer(bytes)?, stream(bytes)?);
            let span = Span::new(seq(bytes)?, seq(bytes)?).ok_or(Malformed { what: "range" })?;
            Entry::Ahead(consumer, stream, span)
        }
        PARKED => {
            let (consumer, stream, seq) = (consumer(bytes)?, stream(bytes)?, seq(bytes)?);
            Entry::Parked(consumer, stream, seq, Millis::new(bytes.zigzag("time")?), bytes.text("reason")?)
        }
        ASIDE => {
            let (stream, seq) = (stream(bytes)?, seq(bytes)?);
            Entry::Aside(stream, seq, place(bytes)?.ok_or(Malformed { what: "place" })?)
        }
        AGAIN => Entry::Again(consumer(bytes)?, stream(bytes)?, seq(bytes)?),
        _ => return Err(Malformed { what: "tag" }),
    })
}

fn stream(bytes: &mut Bytes<'_>) -> Result<StreamNumber, Malformed> {
    bytes.varint("stream").map(StreamNumber::new)
}

fn consumer(bytes: &mut Bytes<'_>) -> Result<ConsumerNumber, Malformed> {
    small(bytes, "consumer").map(ConsumerNumber::new)
}

fn seq(bytes: &mut Bytes<'_>) -> Result<Seq, Malformed> {
    let seq = Seq::new(bytes.varint("sequence number")?);
    if seq >= Seq::FIRST && seq.get() <= MOST { Ok(seq) } else { Err(Malformed { what: "sequence number" }) }
}
