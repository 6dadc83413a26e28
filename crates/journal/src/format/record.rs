//! What frames say: one variant for each kind, and its payload.

use super::bytes::{Bytes, Malformed, Put};
use super::frame::Head;
use crate::{ConsumerNumber, Seq, Span, StreamNumber};

/// How a consumer is done with events, or is not after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling<'a> {
    /// They arrived.
    Delivered,
    /// They are put aside, for this reason.
    Parked(&'a str),
    /// They were parked and are to be delivered again.
    Requeued,
    /// They were parked and are given up.
    Dropped,
}

/// Where a consumer begins that is registered while there are events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest event that is still there.
    Oldest,
    /// Behind the newest.
    Newest,
}

/// Why events are gone that nobody has settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostTo {
    /// Their bytes could not be trusted.
    Damage,
    /// They were the oldest, and there was no room.
    Budget,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A stream has a name from here on.
    Opened {
        /// Its number.
        stream: StreamNumber,
        /// Its name.
        name: &'a str,
    },
    /// An event.
    Event {
        /// Its stream.
        stream: StreamNumber,
        /// Its number.
        seq: Seq,
        /// What the caller gave.
        payload: &'a [u8],
    },
    /// No further event will come.
    Closed(StreamNumber),
    /// There is a consumer.
    Registered {
        /// Its number.
        consumer: ConsumerNumber,
        /// Where it begins.
        start: Start,
        /// What the names of the streams begin with that concern it.
        prefix: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// There is this consumer no more.
    Unregistered(ConsumerNumber),
    /// A consumer is done with events.
    Settled {
        /// Their stream.
        stream: StreamNumber,
        /// The consumer.
        consumer: ConsumerNumber,
        /// How.
        settling: Settling<'a>,
        /// Which.
        spans: Vec<Span>,
    },
    /// An event has a new place.
    Carried {
        /// Its stream.
        stream: StreamNumber,
        /// Its number.
        seq: Seq,
        /// What the caller gave.
        payload: &'a [u8],
    },
    /// Events are gone.
    Lost {
        /// Their stream.
        stream: StreamNumber,
        /// Why.
        to: LostTo,
        /// Which.
        spans: Vec<Span>,
    },
    /// A part of the index.
    Index {
        /// Its number, from zero.
        part: u32,
        /// Whether others follow.
        more: More,
        /// The entries, encoded.
        entries: &'a [u8],
    },
    /// Nothing but the proof that what is before was synced.
    Mark,
}

/// Whether parts of an index follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There are others.
    Follows,
    /// It was the last.
    Ends,
}

const OPENED: u8 = 1;
const EVENT: u8 = 2;
const CLOSED: u8 = 3;
const REGISTERED: u8 = 4;
const UNREGISTERED: u8 = 5;
const SETTLED: u8 = 6;
const CARRIED: u8 = 7;
const LOST: u8 = 8;
const INDEX: u8 = 9;
const MARK: u8 = 10;

impl<'a> Record<'a> {
    /// The kind of an index's part.
    pub const INDEX_KIND: u8 = INDEX;

    /// The number of its kind.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Opened { .. } => OPENED,
            Self::Event { .. } => EVENT,
            Self::Closed(_) => CLOSED,
            Self::Registered { .. } => REGISTERED,
            Self::Unregistered(_) => UNREGISTERED,
            Self::Settled { .. } => SETTLED,
            Self::Carried { .. } => CARRIED,
            Self::Lost { .. } => LOST,
            Self::Index { .. } => INDEX,
            Self::Mark => MARK,
        }
    }

    /// The stream that stands in the head.
    pub fn stream(&self) -> StreamNumber {
        match self {
            Self::Opened { stream, .. }
            | Self::Event { stream, .. }
            | Self::Closed(stream)
            | Self::Settled { stream, .. }
            | Self::Carried { stream, .. }
            | Self::Lost { stream, .. } => *stream,
            _ => StreamNumber::NONE,
        }
    }

    /// The sequence number that stands in the head.
    pub fn seq(&self) -> Seq {
        match self {
            Self::Event { seq, .. } | Self::Carried { seq, .. } => *seq,
            _ => Seq::default(),
        }
    }

    /// Appends the payload.
    pub fn put_payload(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened { name, .. } => out.put(name.as_bytes()),
            Self::Event { payload, .. } | Self::Carried { payload, .. } => out.put(payload),
            Self::Closed(_) | Self::Mark => {}
            Self::Registered { consumer, start, prefix, name } => {
                out.put_u32(consumer.get());
                out.put_u8(u8::from(*start == Start::Newest));
                out.put_text(prefix);
                out.put(name.as_bytes());
            }
            Self::Unregistered(consumer) => out.put_u32(consumer.get()),
            Self::Settled { consumer, settling, spans, .. } => {
                out.put_u32(consumer.get());
                let (outcome, reason) = settling.encode();
                out.put_u8(outcome);
                put_spans(out, spans);
                out.put(reason.as_bytes());
            }
            Self::Lost { to, spans, .. } => {
                out.put_u8(u8::from(*to == LostTo::Budget));
                put_spans(out, spans);
            }
            Self::Index { part, more, entries } => {
                out.put_u32(*part);
                out.put_u8(u8::from(*more == More::Ends));
                out.put(entries);
            }
        }
    }

    /// Reads what a verified frame says.
    pub fn decode(head: &Head, payload: &'a [u8]) -> Result<Self, Malformed> {
        let (stream, seq) = (head.stream, head.seq);
        let mut bytes = Bytes::new(payload);
        Ok(match head.kind {
            OPENED => Self::Opened { stream, name: text(payload, "name")? },
            EVENT => Self::Event { stream, seq: number(seq)?, payload },
            CLOSED => Self::Closed(stream),
            REGISTERED => Self::Registered {
                consumer: ConsumerNumber::new(bytes.u32("consumer")?),
                start: if bytes.u8("start")? == 0 { Start::Oldest } else { Start::Newest },
                prefix: bytes.text("prefix")?,
                name: text(bytes.rest(), "name")?,
            },
            UNREGISTERED => Self::Unregistered(ConsumerNumber::new(bytes.u32("consumer")?)),
            SETTLED => {
                let consumer = ConsumerNumber::new(bytes.u32("consumer")?);
                let outcome = bytes.u8("outcome")?;
                let spans = spans(&mut bytes)?;
                let settling = Settling::decode(outcome, bytes.rest())?;
                Self::Settled { stream, consumer, settling, spans }
            }
            CARRIED => Self::Carried { stream, seq: number(seq)?, payload },
            LOST => Self::Lost {
                stream,
                to: if bytes.u8("cause")? == 0 { LostTo::Damage } else { LostTo::Budget },
                spans: spans(&mut bytes)?,
            },
            INDEX => Self::Index {
                part: bytes.u32("part")?,
                more: if bytes.u8("end")? == 1 { More::Ends } else { More::Follows },
                entries: bytes.rest(),
            },
            MARK => Self::Mark,
            _ => return Err(Malformed { what: "kind" }),
        })
    }
}

impl<'a> Settling<'a> {
    fn encode(self) -> (u8, &'a str) {
        match self {
            Self::Delivered => (0, ""),
            Self::Parked(reason) => (1, reason),
            Self::Requeued => (2, ""),
            Self::Dropped => (3, ""),
        }
    }

    fn decode(outcome: u8, reason: &'a [u8]) -> Result<Self, Malformed> {
        match outcome {
            0 => Ok(Self::Delivered),
            1 => Ok(Self::Parked(text(reason, "reason")?)),
            2 => Ok(Self::Requeued),
            3 => Ok(Self::Dropped),
            _ => Err(Malformed { what: "outcome" }),
        }
    }
}

fn text<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed { what })
}

fn number(seq: Seq) -> Result<Seq, Malformed> {
    if seq >= Seq::FIRST { Ok(seq) } else { Err(Malformed { what: "sequence number" }) }
}

#[expect(clippy::cast_possible_truncation, reason = "spans are split long before there are 2^32 in a frame")]
fn put_spans(out: &mut Vec<u8>, spans: &[Span]) {
    out.put_u32(spans.len() as u32);
    for span in spans {
        out.put_u64(span.first().get());
        out.put_u64(span.last().get());
    }
}

fn spans(bytes: &mut Bytes<'_>) -> Result<Vec<Span>, Malformed> {
    let wrong = Malformed { what: "ranges" };
    let count = usize::try_from(bytes.u32("ranges")?).map_err(|_| wrong)?;
    // The count is believed once the bytes are there.
    let mut stored = Bytes::new(bytes.take(count.checked_mul(16).ok_or(wrong)?, "ranges")?);
    let mut spans: Vec<Span> = Vec::with_capacity(count);
    while !stored.is_empty() {
        let (first, last) = (Seq::new(stored.u64("ranges")?), Seq::new(stored.u64("ranges")?));
        let span = Span::new(first, last).ok_or(wrong)?;
        if spans.last().is_some_and(|before| before.last() >= span.first()) {
            return Err(wrong);
        }
        spans.push(span);
    }
    Ok(spans)
}
