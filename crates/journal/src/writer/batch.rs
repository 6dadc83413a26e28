//! Frames that one write and one sync cover.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;

use crate::format::{Head, Identity, Laid, Place, Record, frame_bytes, put_frame};
use crate::storage::StoredFile;
use crate::{Lsn, Millis, SegmentId};

/// The segment that is being written.
pub(super) struct Active {
    pub(super) segment: SegmentId,
    pub(super) name: String,
    pub(super) file: Arc<dyn StoredFile>,
    pub(super) identity: Identity,
    /// Behind the last frame that is synced.
    pub(super) at: u64,
    pub(super) size: u64,
}

/// Frames that one write and one sync cover.
pub(super) struct Batch<'r> {
    /// Memory for frames.
    pub(super) out: Vec<u8>,
    /// Where the frames lie, in their order.
    pieces: Vec<Piece>,
    bytes: u64,
    pub(super) entries: Vec<Entry<'r>>,
    scratch: Vec<u8>,
    first: Lsn,
}

/// Frames in a row.
enum Piece {
    /// In the batch.
    Own(Range<usize>),
    /// Where the queue has laid out events.
    Laid(Range<usize>),
}

/// A frame of a batch.
pub(super) struct Entry<'r> {
    /// What it says. Of an event that the queue has laid out, the bytes are left out.
    pub(super) record: Record<'r>,
    /// Bytes of its payload.
    pub(super) payload: u64,
    pub(super) place: Option<Place>,
    pub(super) time: Millis,
}

/// There is no room in the segment.
pub(super) struct NoRoom;

impl<'r> Batch<'r> {
    /// A batch whose first frame is `first`, while all frames before that are synced. `out` is empty.
    pub(super) fn new(out: Vec<u8>, first: Lsn) -> Self {
        let (pieces, entries, scratch) = (Vec::new(), Vec::new(), Vec::new());
        Self { out, pieces, bytes: 0, entries, scratch, first }
    }

    /// Bytes that are to be written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is to be written, piece by piece. `laid` is what the queue has laid out. What is not there would be told as
    /// written: that is an error.
    pub(super) fn pieces<'b>(&'b self, laid: &'b [u8]) -> io::Result<Vec<IoSlice<'b>>> {
        let bytes = self.pieces.iter().map(|piece| match piece {
            Piece::Own(range) => self.out.get(range.clone()),
            Piece::Laid(range) => laid.get(range.clone()),
        });
        bytes.map(|bytes| bytes.map(IoSlice::new).ok_or(io::ErrorKind::InvalidInput.into())).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The LSN behind the last frame.
    pub(super) fn end(&self) -> Lsn {
        self.first.plus(self.entries.len() as u64)
    }

    /// Adds a frame behind the others.
    pub(super) fn put(&mut self, active: &Active, record: Record<'r>, time: Millis) -> Result<(), NoRoom> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let payload: &[u8] = match record {
            Record::Event { payload, .. } | Record::Carried { payload, .. } => payload,
            ref other => {
                other.put_payload(&mut scratch);
                &scratch
            }
        };
        let length = payload.len() as u64;
        let added = self.add(active, (record, length), time);
        if let Ok((offset, head)) = &added {
            let start = self.out.len();
            put_frame(&mut self.out, &active.identity, *offset, head, payload);
            match self.pieces.last_mut() {
                Some(Piece::Own(last)) => last.end = self.out.len(),
                _ => self.pieces.push(Piece::Own(start..self.out.len())),
            }
        }
        self.scratch = scratch;
        added.map(|_| ())
    }

    /// Adds the frame of an event that lies in `all`, without its bytes in the record.
    pub(super) fn put_laid(
        &mut self,
        active: &Active,
        record: Record<'r>,
        (laid, all): (Laid, &mut [u8]),
        time: Millis,
    ) -> Result<(), NoRoom> {
        let (offset, head) = self.add(active, (record, laid.payload()), time)?;
        laid.seal(all, &active.identity, offset, &head);
        let range = laid.range();
        match self.pieces.last_mut() {
            Some(Piece::Laid(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Laid(range)),
        }
        Ok(())
    }

    /// Takes note of a frame, and says where it goes and what stands in its head.
    fn add(
        &mut self,
        active: &Active,
        (record, payload): (Record<'r>, u64),
        time: Millis,
    ) -> Result<(u64, Head), NoRoom> {
        let offset = active.at + self.bytes;
        let bytes = frame_bytes(payload);
        if offset + bytes > active.size {
            return Err(NoRoom);
        }
        let lsn = self.end();
        let head = Head {
            kind: record.kind(),
            // A batch has as many frames as fit into a segment, so the distance fits.
            behind: u32::try_from(self.first.minus(1).until(lsn)).unwrap_or(u32::MAX),
            lsn,
            time,
            stream: record.stream(),
            seq: record.seq(),
        };
        self.bytes += bytes;
        let place = Place::new(active.segment, offset, bytes);
        self.entries.push(Entry { record, payload, place, time });
        Ok((offset, head))
    }
}
