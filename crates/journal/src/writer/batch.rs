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
    /// Memory for the frames, which begin behind `skipped` bytes.
    pub(super) out: Vec<u8>,
    skipped: usize,
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

/// A line of a processor's cache.
const LINE: usize = 64;

impl<'r> Batch<'r> {
    /// A batch whose first frame is `first` and lies at `at`, while all frames up to `durable` are synced.
    ///
    /// Its bytes are laid so in memory that lines of the cache hold the same of them there and in the kernel's pages:
    /// copying takes a third longer where they are shifted.
    pub(super) fn new(mut out: Vec<u8>, (first, at): (Lsn, u64), durable: Lsn) -> Self {
        let at = usize::try_from(at % LINE as u64).unwrap_or_default();
        let skipped = at.wrapping_sub(out.as_ptr().addr()) % LINE;
        out.resize(skipped, 0);
        Self { out, skipped, entries: Vec::new(), scratch: Vec::new(), first, durable }
    }

    /// What is to be written.
    pub(super) fn bytes(&self) -> &[u8] {
        self.out.get(self.skipped..).unwrap_or_default()
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
        let offset = active.at + self.bytes().len() as u64;
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
