//! Checksums: plain ones, and those of frames, which cover the place where a frame lies.

use crc_fast::{CrcAlgorithm, Digest, checksum};

use super::bytes::Put;
use crate::{JournalId, SegmentId};

/// CRC-64/NVME.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// Bytes that are summed at once, from a place in memory that suits it: what sums is made for whole chunks, and takes
/// several times as long for what is around them.
const CHUNK: usize = 128;
const CHUNKS: usize = 4 * CHUNK;

#[repr(align(64))]
struct Chunks([u8; CHUNKS]);

/// The state of a sum that has taken in `word` and `bytes`, of which there is room for before the end of some chunks.
///
/// They are moved to the end of whole chunks. A sum begins with the state `!0`, which these eight bytes turn to zero; and a
/// state of zero stays what it is for as many zeros as come before a word that the state to go on from was added to.
#[expect(clippy::little_endian_bytes, reason = "the sum takes the lowest byte first")]
fn short(word: u64, bytes: &[u8]) -> Option<u64> {
    let mut chunks = Chunks([0; CHUNKS]);
    let chunks = chunks.0.get_mut(..(8 + bytes.len()).next_multiple_of(CHUNK))?;
    let (before, behind) = chunks.split_at_mut_checked(chunks.len() - bytes.len())?;
    behind.copy_from_slice(bytes);
    *before.last_chunk_mut()? = word.to_le_bytes();
    let first = before.first_chunk_mut()?;
    *first = (!u64::from_le_bytes(*first)).to_le_bytes();
    Some(!sum(chunks))
}

/// How many bytes are summed with the word before them: all of a few, and of many what is around their chunks.
fn head(bytes: &[u8]) -> usize {
    const MOST: usize = CHUNKS - 8;
    if bytes.len() <= MOST {
        return bytes.len();
    }
    let head = MOST - CHUNK + 1 + (bytes.len() - MOST - 1) % CHUNK;
    // Chunks are read from aligned memory. Some bytes too many are better than that each of them is not.
    head - bytes.get(head..).map_or(0, |rest| rest.as_ptr().addr() % 16)
}

/// The sum of a word and what follows it: `word` is the state before both, with the word's bits turned in it. A sum of nothing
/// has the state `!0`, so a sum begins with the complement of its first eight bytes.
pub(crate) fn sum_from(word: u64, bytes: &[u8]) -> u64 {
    let (head, rest) = bytes.split_at_checked(head(bytes)).unwrap_or((bytes, &[]));
    let state = short(word, head).unwrap_or_default();
    if rest.is_empty() {
        return !state;
    }
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Nvme, state);
    digest.update(rest);
    digest.finalize()
}

/// A sum on its way.
pub(crate) struct Summing(Digest);

impl Summing {
    /// Takes in what follows.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of all that was taken in.
    pub(crate) fn sum(&self) -> u64 {
        self.0.finalize()
    }
}

/// Which segment of which journal bytes belong to.
#[derive(Clone, Copy)]
pub struct Identity {
    journal: JournalId,
    segment: SegmentId,
    /// The state of a sum that has taken in both, so that a frame's goes on from here.
    begun: u64,
    mark: u32,
}

impl Identity {
    /// The identity of `segment` of `journal`.
    #[expect(clippy::cast_possible_truncation, reason = "the mark is the lower half")]
    pub fn new(journal: JournalId, segment: SegmentId) -> Self {
        let mut bytes = Vec::with_capacity(24);
        bytes.put_u128(journal.get());
        bytes.put_u64(segment.get());
        let sum = sum(&bytes);
        // A mark of zero would be found everywhere in a file of zeros.
        let (begun, mark) = (!sum, sum as u32 | 1);
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
        sum_from(self.begun ^ offset, frame)
    }

    /// The same sum, of a frame that comes in pieces.
    pub(crate) fn begin_sum(&self, offset: u64) -> Summing {
        let state = short(self.begun ^ offset, &[]).unwrap_or_default();
        Summing(Digest::new_with_init_state(CrcAlgorithm::Crc64Nvme, state))
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
    #[expect(clippy::little_endian_bytes, reason = "numbers as the format has them")]
    fn the_sum_of_a_frame_is_that_of_journal_segment_offset_and_frame_in_a_row() {
        let bytes: Vec<u8> = (0..2000u32).map(|number| (number * number).to_le_bytes()[0]).collect();
        let identity = Identity::new(JournalId::new(7), SegmentId::new(9));
        for start in 0..16 {
            for end in start..bytes.len() {
                let frame = &bytes[start..end];
                let mut row =
                    [&7u128.to_le_bytes()[..], &9u64.to_le_bytes(), &4096u64.to_le_bytes()].concat();
                row.extend_from_slice(frame);
                assert_eq!(identity.sum(4096, frame), sum(&row), "{start}..{end}");
                let mut pieces = identity.begin_sum(4096);
                frame.chunks(700).for_each(|piece| pieces.add(piece));
                assert_eq!(pieces.sum(), sum(&row), "{start}..{end} in pieces");
            }
        }
    }

    #[test]
    #[expect(clippy::little_endian_bytes, reason = "numbers as the format has them")]
    fn a_sum_from_the_complement_of_the_first_word_is_the_sum_of_all() {
        let bytes: Vec<u8> = (0..2000u32).map(|number| (number * number).to_le_bytes()[0]).collect();
        for end in 8..bytes.len() {
            let (word, behind) = bytes[..end].split_first_chunk().unwrap();
            assert_eq!(sum_from(!u64::from_le_bytes(*word), behind), sum(&bytes[..end]), "{end} bytes");
        }
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
