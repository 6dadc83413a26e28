//! One file in blocks: read, framed, handed out for decoding.

use std::fs::File;
use std::io::{self, Read};

use super::found::{Batch, End, Place};
use super::framer::Framer;
use crate::Part;

/// How much of a file is read at once.
///
/// Small enough that a block is still in the second-level cache when its checksums are taken and again when it is
/// decompressed; large enough that a system call and a lock per block cost nothing.
const BLOCK: usize = 256 * 1024;

/// A block of a file and what was found in it.
#[derive(Debug, Default)]
pub(super) struct Block {
    input: Vec<u8>,
    /// Records and damage of the block.
    pub(super) batch: Batch,
}

impl Block {
    /// The bytes of a record that was found in this block.
    #[inline]
    pub(super) fn bytes(&self, place: &Place) -> &[u8] {
        match place {
            Place::Input(range) => self.input.get(range.clone()),
            Place::Joined(range) => self.batch.joined.get(range.clone()),
        }
        .unwrap_or_default()
    }
}

/// Reads one file block by block.
#[derive(Debug)]
pub(super) struct Feed<R = File> {
    file: R,
    /// Bytes of the file when it was opened: what is appended meanwhile is not read.
    left: u64,
    /// Where the next block begins in the file.
    offset: u64,
    rest: Vec<u8>,
    framer: Framer,
    ended: bool,
}

impl Feed {
    /// Opens a part.
    pub(super) fn open(part: &Part) -> io::Result<Self> {
        let file = crate::files::open(&part.path)?;
        let left = file.metadata()?.len();
        Ok(Self::new(file, left))
    }
}

impl<R: Read> Feed<R> {
    /// Reads `left` bytes of `file`.
    pub(super) fn new(file: R, left: u64) -> Self {
        Self { file, left, offset: 0, rest: Vec::new(), framer: Framer::default(), ended: false }
    }

    /// Fills `block` with what comes next and returns how many bytes were read, or `None` at the end.
    pub(super) fn next(&mut self, block: &mut Block) -> io::Result<Option<u64>> {
        if self.ended {
            return Ok(None);
        }
        block.input.clear();
        block.input.append(&mut self.rest);
        let wanted = self.left.min(BLOCK as u64);
        // One byte more than wanted, so that reading to the end needs no further call to see it.
        block.input.reserve(BLOCK + 64);
        let read = Read::by_ref(&mut self.file).take(wanted).read_to_end(&mut block.input)? as u64;
        // Fewer bytes than there were at the start: the file was cut meanwhile, and this is its end.
        self.left = if read < wanted { 0 } else { self.left - read };
        let end = if self.left == 0 { End::Here } else { End::More };
        self.ended = end == End::Here;
        let done = self.framer.advance(&block.input, self.offset, end, &mut block.batch);
        self.rest.extend_from_slice(block.input.get(done..).unwrap_or_default());
        self.offset += done as u64;
        Ok(Some(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus::{Compression, Pages};

    fn segment() -> Vec<u8> {
        let mut pages = Pages::default();
        for _ in 0..200 {
            pages.log(&[2; 9000], Compression::None);
        }
        pages.bytes().to_vec()
    }

    /// Spans of what is found, and how many bytes were read.
    fn found(mut feed: Feed<&[u8]>) -> (usize, u64) {
        let (mut block, mut found, mut bytes) = (Block::default(), 0, 0);
        while let Some(read) = feed.next(&mut block).unwrap() {
            found += block.batch.found.len();
            bytes += read;
        }
        (found, bytes)
    }

    #[test]
    fn records_that_lie_across_blocks_are_found_once() {
        let bytes = segment();
        assert!(bytes.len() > 4 * BLOCK);
        assert_eq!(found(Feed::new(&bytes, bytes.len() as u64)), (200, bytes.len() as u64));
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_read_ends_where_it_ends() {
        let bytes = segment();
        for kept in [0, 1, 5000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let cut = bytes.get(..kept).unwrap();
            let (records, read) = found(Feed::new(cut, bytes.len() as u64));
            assert_eq!(read, kept as u64);
            assert!(records <= kept / 9000 + 1, "{records} records in {kept} bytes");
        }
    }

    #[test]
    fn what_is_appended_while_reading_is_left_for_the_next_time() {
        let bytes = segment();
        assert_eq!(found(Feed::new(&bytes, 100_000)).1, 100_000);
    }
}
