//! `chunks_head`: which of its files stay, which go, and which are written anew with every chunk where it was.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use formats::prometheus::{ChunkOrder, Chunking, Directory};
use formats::{Part, Progress, ReadError, Role};

use super::column::Column;
use super::reading::Ledger;

/// Magic and version.
pub(super) const HEADER: &[u8] = &[0x01, 0x30, 0xbc, 0x91, 1, 0, 0, 0];

/// What was found in a file.
#[derive(Clone, Debug)]
pub(super) struct ChunkFile {
    pub(super) number: u64,
    pub(super) part: Part,
    /// Ranges without a chunk that can be trusted, header included.
    pub(super) damage: Vec<Range<u64>>,
    /// Where the last good chunk ends.
    pub(super) end: u64,
    /// Whether it ends inside a chunk.
    pub(super) torn: u64,
}

impl ChunkFile {
    /// Whether the server would not read all of it. An empty last file is removed by it, and that is as good.
    pub(super) fn is_damaged(&self, is_last: Place) -> bool {
        let too_short = is_last == Place::Middle && self.part.bytes < HEADER.len() as u64;
        !self.damage.is_empty() || too_short
    }
}

/// Where in the row a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Others follow.
    Middle,
    /// It is the last one.
    Last,
}

/// Reads all files, in order, and notes in `chunks` how many a start takes of each series.
pub(super) fn read(
    directory: &Directory,
    ledger: &mut Ledger,
    chunks: &mut Column,
    progress: &Progress,
) -> Result<Vec<ChunkFile>, ReadError> {
    let mut files = Vec::new();
    for part in directory.parts().iter().filter(|part| part.role == Role::HeadChunks) {
        let Some(number) = super::number_of(&part.name) else { continue };
        let header = HEADER.len() as u64;
        let mut file = ChunkFile { number, part: part.clone(), damage: Vec::new(), end: header, torn: 0 };
        directory.chunks(part, progress, &mut |found| {
            match found {
                Chunking::Chunk(at, chunk) => {
                    // Reference, times, encoding; length; data; checksum.
                    let data = chunk.data.len() as u64;
                    file.end = at + 25 + uvarint_len(data) + data + 4;
                    let taken = chunk.order == ChunkOrder::OutOfOrder || ledger.takes_until(chunk.times.1);
                    if taken {
                        ledger.note(chunk.series);
                        if let Some(count) = chunks.at(chunk.series) {
                            *count = count.saturating_add(1);
                        }
                    }
                }
                Chunking::Damage(damage) => file.damage.push(damage.start..damage.end),
                Chunking::Note(_) => file.torn += 1,
            }
            ControlFlow::Continue(())
        })?;
        files.push(file);
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

fn uvarint_len(number: u64) -> u64 {
    u64::from((64 - number.leading_zeros()).div_ceil(7).max(1))
}

/// Writes a file anew: every good chunk stays where it was, and what cannot be trusted becomes a chunk of a series
/// that will never be.
pub(super) fn write(file: &ChunkFile, there: &Path, progress: &Progress) -> io::Result<()> {
    let mut from = File::open(&file.part.path)?;
    let mut to = BufWriter::new(File::create(there)?);
    let (mut at, mut fillers) = (0, Fillers::default());
    to.write_all(HEADER)?;
    skip(&mut from, HEADER.len() as u64, &mut at)?;
    for range in file.damage.iter().filter(|range| range.end <= file.end) {
        if range.end <= at {
            continue;
        }
        let start = range.start.max(at);
        copy(&mut from, start - at, &mut to)?;
        fillers.write(range.end - start, &mut to)?;
        at = start;
        skip(&mut from, range.end - start, &mut at)?;
    }
    copy(&mut from, file.end.saturating_sub(at), &mut to)?;
    progress.add(file.part.bytes);
    to.flush()
}

fn copy(from: &mut File, bytes: u64, to: &mut impl Write) -> io::Result<()> {
    io::copy(&mut from.take(bytes), to).map(drop)
}

fn skip(from: &mut File, bytes: u64, at: &mut u64) -> io::Result<()> {
    *at += bytes;
    io::copy(&mut from.take(bytes), &mut io::sink()).map(drop)
}

/// Chunks without samples, of series with the highest numbers there are: no head ever comes to give them.
#[derive(Default)]
struct Fillers {
    written: u64,
}

/// The fixed parts of a chunk and a length of one byte.
const SMALLEST: u64 = 30;

/// Longer stretches become several chunks: no chunk is longer than a MiB.
const LONGEST: u64 = 512 * 1024;

impl Fillers {
    /// Fills exactly `bytes`. Fewer than a chunk takes are never between two chunks.
    fn write(&mut self, mut bytes: u64, to: &mut impl Write) -> io::Result<()> {
        while bytes >= LONGEST + SMALLEST {
            to.write_all(&self.filler(LONGEST))?;
            bytes -= LONGEST;
        }
        to.write_all(&self.filler(bytes))
    }

    #[expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]
    fn filler(&mut self, bytes: u64) -> Vec<u8> {
        self.written += 1;
        let mut chunk = ((1_u64 << 40) - self.written).to_be_bytes().to_vec();
        chunk.extend_from_slice(&[0; 16]);
        chunk.push(1);
        let data = bytes.saturating_sub(SMALLEST);
        if data < 0x80 {
            chunk.push(u8::try_from(data).unwrap_or(0));
        } else {
            // A length that takes three bytes, whatever it is, so that every size can be had.
            let data = data - 2;
            let seven = |shift: u32| u8::try_from(data >> shift & 0x7f).unwrap_or(0);
            chunk.extend_from_slice(&[seven(0) | 0x80, seven(7) | 0x80, seven(14)]);
        }
        chunk.resize(usize::try_from(bytes).unwrap_or(0).saturating_sub(4), 0);
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &chunk);
        chunk.extend_from_slice(&u32::try_from(crc).unwrap_or(0).to_be_bytes());
        chunk
    }
}

#[cfg(test)]
mod tests {
    use formats::Bytes;
    use formats::prometheus::HeadChunk;

    use super::*;

    #[test]
    fn a_filler_of_any_size_is_a_chunk_of_that_size() {
        for bytes in (30..400).chain([16_411, 16_412, 16_413, 16_414, 16_415, LONGEST]) {
            let chunk = Fillers::default().filler(bytes);
            let mut cursor = Bytes::new(&chunk);
            let read = HeadChunk::read(&mut cursor).unwrap();
            assert_eq!((cursor.position() as u64, read.series, read.samples()), (bytes, (1 << 40) - 1, 0));
        }
    }
}
