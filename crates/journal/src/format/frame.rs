//! A frame: its head, its payload, the sum over both and over the place where it lies.

use std::ops::Range;

use super::bytes::{Bytes, Put};
use super::sum::Identity;
use crate::number::MOST;
use crate::{Lsn, Millis, Seq, StreamNumber};

/// Bytes before the payload.
pub const HEAD_BYTES: u64 = 48;
/// Bytes of the sum behind the payload.
pub const SUM_BYTES: u64 = 8;
/// Frames begin at multiples of this.
pub const ALIGNMENT: u64 = 8;

/// Bytes that a frame with a payload of `payload` bytes takes in the file.
pub const fn frame_bytes(payload: u64) -> u64 {
    (HEAD_BYTES + payload).next_multiple_of(ALIGNMENT) + SUM_BYTES
}

/// What stands in the head of a frame besides what follows from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The kind, as a number: whether this version knows it is asked later.
    pub kind: u8,
    /// How far behind it the last frame is that was known to be synced.
    pub behind: u32,
    /// Its number.
    pub lsn: Lsn,
    /// When it was appended.
    pub time: Millis,
    /// Its stream.
    pub stream: StreamNumber,
    /// The number of the event.
    pub seq: Seq,
}

impl Head {
    /// The highest LSN that this frame proves to have been synced.
    pub fn proves(&self) -> Lsn {
        self.lsn.minus(u64::from(self.behind))
    }
}

/// A frame whose sum holds; there is no other way to make one than [`Frame::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    head: Head,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `bytes`, which lie at `offset` of the segment.
    pub fn verify(identity: &Identity, offset: u64, bytes: &'a [u8]) -> Option<Self> {
        let length = claimed_length(identity, bytes)?;
        let padded = length.checked_next_multiple_of(8)?;
        let covered = bytes.get(..padded)?;
        let stored = Bytes::new(bytes.get(padded..)?).u64("sum").ok()?;
        if stored != identity.sum(offset, covered) {
            return None;
        }
        let head = head(covered)?;
        Some(Self { head, payload: covered.get(48..length)? })
    }

    /// Its head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Its payload.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Bytes that it takes in the file.
    pub fn bytes(&self) -> u64 {
        frame_bytes(self.payload.len() as u64)
    }
}

/// The length in a head that carries the mark, if a frame may have it.
fn claimed_length(identity: &Identity, bytes: &[u8]) -> Option<usize> {
    let mut fields = Bytes::new(bytes);
    if fields.u32("mark").ok()? != identity.mark() {
        return None;
    }
    let length = fields.u32("length").ok()?;
    (u64::from(length) >= HEAD_BYTES).then_some(usize::try_from(length).ok()?)
}

/// Bytes that a frame at the start of `bytes` says that it takes, verified or not.
pub(crate) fn claimed_bytes(identity: &Identity, bytes: &[u8]) -> Option<u64> {
    claimed_length(identity, bytes).map(|length| frame_bytes(length as u64 - HEAD_BYTES))
}

/// The kind that a frame at the start of `bytes` says that it has, verified or not.
pub(crate) fn claims_kind(identity: &Identity, bytes: &[u8]) -> Option<u8> {
    claimed_length(identity, bytes)?;
    head(bytes).map(|head| head.kind)
}

fn head(bytes: &[u8]) -> Option<Head> {
    let mut fields = Bytes::new(bytes.get(8..)?);
    let kind = fields.u8("kind").ok()?;
    fields.take(3, "zeros").ok()?;
    let behind = fields.u32("behind").ok()?;
    let lsn = Lsn::new(fields.u64("LSN").ok()?);
    let time = Millis::new(fields.i64("time").ok()?);
    let stream = StreamNumber::new(fields.u64("stream").ok()?);
    let seq = Seq::new(fields.u64("sequence number").ok()?);
    (lsn.get() <= MOST && seq.get() <= MOST).then_some(Head { kind, behind, lsn, time, stream, seq })
}

/// A payload in memory, with room around it for the rest of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Laid {
    start: usize,
    payload: usize,
}

impl Laid {
    /// Appends a payload and the room for the rest of its frame.
    #[expect(clippy::cast_possible_truncation, reason = "a head is small")]
    pub(crate) fn put(out: &mut Vec<u8>, payload: &[u8]) -> Self {
        let laid = Self { start: out.len(), payload: payload.len() };
        out.resize(laid.start + HEAD_BYTES as usize, 0);
        out.put(payload);
        out.resize(laid.range().end, 0);
        laid
    }

    /// Bytes of the payload.
    pub(crate) fn payload(self) -> u64 {
        self.payload as u64
    }

    /// Where the frame lies.
    #[expect(clippy::cast_possible_truncation, reason = "it lies in memory")]
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.start + frame_bytes(self.payload()) as usize
    }

    /// Makes it the frame that will lie at `offset` of the segment. `all` is what it was put into.
    ///
    /// The payload is refused by the caller if it is longer than a quarter of a segment, so its length fits.
    #[expect(clippy::cast_possible_truncation, reason = "no segment has more than a gigabyte")]
    pub(crate) fn seal(self, all: &mut [u8], identity: &Identity, offset: u64, head: &Head) {
        let Some(frame) = all.get_mut(self.range()) else { return };
        let (covered, mut sum) = frame.split_at_mut(frame.len() - SUM_BYTES as usize);
        let mut fields = &mut *covered;
        fields.put_u32(identity.mark());
        fields.put_u32((HEAD_BYTES + self.payload()) as u32);
        fields.put(&[head.kind, 0, 0, 0]);
        fields.put_u32(head.behind);
        fields.put_u64(head.lsn.get());
        fields.put_i64(head.time.get());
        fields.put_u64(head.stream.get());
        fields.put_u64(head.seq.get());
        sum.put_u64(identity.sum(offset, covered));
    }
}

/// Appends the frame that will lie at `offset` of the segment.
pub fn put_frame(out: &mut Vec<u8>, identity: &Identity, offset: u64, head: &Head, payload: &[u8]) {
    let laid = Laid::put(out, payload);
    laid.seal(out, identity, offset, head);
}
