//! The bytes of a segment's file, as many of them as are looked at.

use crate::SegmentId;
use crate::limits::LARGEST_SEGMENT;
use crate::log::names::segment_name;
use crate::storage::{Fault, StoredFile, read_full};

/// Bytes that are read at once: many beside what a call costs, and few enough to stay in the processor's cache until they
/// are looked at.
pub(crate) const ROOM: usize = 256 << 10;

/// A part of a file, which goes forward.
pub(crate) struct Window<'f> {
    file: &'f dyn StoredFile,
    segment: SegmentId,
    /// Bytes of the file.
    len: u64,
    /// Where the part begins.
    start: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    filled: usize,
}

impl<'f> Window<'f> {
    /// A window on the file of a segment. One that is larger than any segment is not read: nobody knows how large it may be.
    pub(crate) fn on(file: &'f dyn StoredFile, segment: SegmentId) -> Result<Self, Fault> {
        let len = file.size().map_err(Fault::on("measure", &segment_name(segment)))?;
        if len > LARGEST_SEGMENT {
            let cause = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is larger than any segment");
            return Err(Fault::on("read", &segment_name(segment))(cause));
        }
        Ok(Self { file, segment, len, start: 0, buffer: Vec::new(), filled: 0 })
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Lets go of what is held: what is looked at next is read anew.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Bytes of memory.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.buffer.capacity()
    }

    /// What is held from `offset` on.
    pub(crate) fn held(&self, offset: u64) -> &[u8] {
        let held = self.buffer.get(..self.filled).unwrap_or_default();
        let skipped = offset.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| held.get(skipped..)).unwrap_or_default()
    }

    /// What is held from `offset` on, once that is at least `bytes`, or all that the file has. What is before it is let go.
    pub(crate) fn hold(&mut self, offset: u64, bytes: usize) -> Result<&[u8], Fault> {
        let held = self.held(offset).len();
        if held < bytes && offset + (held as u64) < self.len {
            self.fill(offset, bytes)?;
        }
        Ok(self.held(offset))
    }

    fn fill(&mut self, offset: u64, bytes: usize) -> Result<(), Fault> {
        let kept = self.held(offset).len();
        self.buffer.copy_within(self.filled - kept..self.filled, 0);
        (self.start, self.filled) = (offset, kept);
        let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.max(ROOM).min(rest);
        if self.buffer.len() < wanted {
            self.buffer.reserve_exact(wanted - self.buffer.len());
            self.buffer.resize(wanted, 0);
        }
        let place = self.buffer.get_mut(kept..wanted).unwrap_or_default();
        let there = read(self.file, self.segment, offset + kept as u64, place)?;
        self.filled = kept + there;
        if self.filled < wanted {
            // It was cut meanwhile.
            self.len = offset + self.filled as u64;
        }
        Ok(())
    }

    /// Some bytes elsewhere in the file, in `scratch`: fewer than were asked for at its end. The window stays where it is.
    pub(crate) fn glance<'s>(
        &self,
        offset: u64,
        bytes: usize,
        scratch: &'s mut Vec<u8>,
    ) -> Result<&'s [u8], Fault> {
        scratch.resize(bytes.max(scratch.len()), 0);
        let place = scratch.get_mut(..bytes).unwrap_or_default();
        let there = read(self.file, self.segment, offset, place)?;
        Ok(scratch.get(..there).unwrap_or_default())
    }
}

fn read(file: &dyn StoredFile, segment: SegmentId, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
    read_full(file, offset, into).map_err(|error| Fault::on("read", &segment_name(segment))(error))
}
