//! Frames that one write and one sync cover.

use crate::format::{Head, Identity, Place, Record, frame_bytes, put_frame};
use crate::storage::StoredFile;
use crate::{Lsn, Millis, SegmentId};
use std::sync::Arc;

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
    pub(super) out: Vec<u8>,
    pub(super) entries: Vec<Entry<'r>>,
    scratch: Vec<u8>,
    first: Lsn,
    durable: Lsn,
}

/// A frame of a batch.
pub(super) struct Entry<'r> {
    pub(super) record: Record<'r>,
    pub(super) place: Option<Place>,
    pub(super) time: Millis,
}

/// There is no room in the segment.
pub(super) struct NoRoom;

impl<'r> Batch<'r> {
    /// A batch whose first frame is `first`, while all frames up to `durable` are synced.
    pub(super) fn new(out: Vec<u8>, first: Lsn, durable: Lsn) -> Self {
        Self { out, entries: Vec::new(), scratch: Vec::new(), first, durable }
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
        self.scratch.clear();
        let payload: &[u8] = match record {
            Record::Event { payload, .. } | Record::Carried { payload, .. } => payload,
            ref other => {
                other.put_payload(&mut self.scratch);
                &self.scratch
            }
        };
        let offset = active.at + self.out.len() as u64;
        let bytes = frame_bytes(payload.len() as u64);
        if offset + bytes > active.size {
            return Err(NoRoom);
        }
        let lsn = self.first.plus(self.entries.len() as u64);
        let head = Head {
            kind: record.kind(),
            // A batch has as many frames as fit into a segment, so the distance fits.
            behind: u32::try_from(self.durable.until(lsn)).unwrap_or(u32::MAX),
            lsn,
            time,
            stream: record.stream(),
            seq: record.seq(),
        };
        put_frame(&mut self.out, &active.identity, offset, &head, payload);
        self.entries.push(Entry { record, place: Place::new(active.segment, offset, bytes), time });
        Ok(())
    }
}
