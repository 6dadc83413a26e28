//! Checksums: plain ones, and those of frames, which cover the place where a frame lies.

use crc_fast::{CrcAlgorithm, Digest, checksum};

use super::bytes::Put;
use crate::{JournalId, SegmentId};

/// CRC-64/NVME.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// Which segment of which journal bytes belong to.
#[derive(Clone, Copy)]
pub struct Identity {
    journal: JournalId,
    segment: SegmentId,
    /// Has taken in both, so that a frame's sum goes on from here.
    begun: Digest,
    mark: u32,
}

impl Identity {
    /// The identity of `segment` of `journal`.
    #[expect(clippy::cast_possible_truncation, reason = "the mark is the lower half")]
    pub fn new(journal: JournalId, segment: SegmentId) -> Self {
        let mut bytes = Vec::with_capacity(24);
        bytes.put_u128(journal.get());
        bytes.put_u64(segment.get());
        let mut begun = Digest::new(CrcAlgorithm::Crc64Nvme);
        begun.update(&bytes);
        // A mark of zero would be found everywhere in a file of zeros.
        let mark = begun.finalize() as u32 | 1;
        Self { journal, segment, begun, mark }
    }

    /// The journal.
    pub fn journal(&self) -> JournalId {
        self.journal
    }

    /// The segment.
    pub fn segment(&self) -> SegmentId {
        self.segment
    }

    /// What every frame of the segment begins with.
    pub(crate) fn mark(&self) -> u32 {
        self.mark
    }

    /// The sum of a frame that lies at `offset` of the segment.
    pub(crate) fn sum(&self, offset: u64, frame: &[u8]) -> u64 {
        #[expect(clippy::little_endian_bytes, reason = "a number of the format")]
        let place = offset.to_le_bytes();
        let mut digest = self.begun;
        digest.update(&place);
        digest.update(frame);
        digest.finalize()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "segment {} of journal {}", self.segment, self.journal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_value_holds() {
        assert_eq!(sum(b"123456789"), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn the_sum_of_a_frame_depends_on_journal_segment_and_offset() {
        let here = Identity::new(JournalId::new(1), SegmentId::new(1));
        let other_journal = Identity::new(JournalId::new(2), SegmentId::new(1));
        let other_segment = Identity::new(JournalId::new(1), SegmentId::new(2));
        let sum = here.sum(4096, b"frame");
        assert_ne!(sum, here.sum(4104, b"frame"));
        assert_ne!(sum, other_journal.sum(4096, b"frame"));
        assert_ne!(sum, other_segment.sum(4096, b"frame"));
        assert_ne!(here.mark(), other_segment.mark());
    }
}
