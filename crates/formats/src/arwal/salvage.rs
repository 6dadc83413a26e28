//! For those who write a log anew: its sound records as they stand in it, and what belongs around them.
//!
//! The checksum of a record does not cover its length. So everything behind the length is written again as it was
//! read, whatever rule its length followed.

#![expect(
    clippy::little_endian_bytes,
    reason = "the format's own byte order, in the one place that writes it"
)]

use std::io::BufReader;

use super::frame::MAX_LENGTH;
use super::reader::Reader;
use super::{MAGIC, VERSION, is_compressed, raw};
use crate::window::Counted;
use crate::{Part, Progress, ReadError, Visit, files};

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// Records that verified.
    pub records: u64,
    /// How many of them the program itself reads before it stops.
    pub readable: u64,
    /// How many of them leave their length out of it, as the program itself never does.
    pub rest_lengths: u64,
    /// Whether the file is compressed.
    pub is_compressed: bool,
}

/// Reads a part: `keep` gets the bytes of each sound record that stand behind its length, `visit` everything.
pub fn salvage(
    part: &Part,
    progress: &Progress,
    keep: &mut dyn FnMut(&[u8]),
    visit: &mut Visit<'_>,
) -> Result<Salvaged, ReadError> {
    let failed = |source| ReadError::new(part, source);
    let head = files::read_head(&part.path, MAGIC.len()).map_err(failed)?;
    let file = BufReader::new(files::open(&part.path).map_err(failed)?);
    let source = raw(&part.name, Counted::new(file, progress)).map_err(failed)?;
    let (tally, read) = Reader::new(&part.name, source, visit).keeping(keep).read();
    read.map_err(failed)?;
    Ok(Salvaged {
        records: tally.records,
        readable: tally.readable.unwrap_or(tally.records),
        rest_lengths: tally.rest_lengths,
        is_compressed: is_compressed(&part.name, &head),
    })
}

/// How a file begins.
pub fn file_header() -> [u8; 16] {
    let mut header = [0; 16];
    let fields = MAGIC.iter().chain(&VERSION.to_le_bytes()).copied().collect::<Vec<u8>>();
    header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    header
}

/// The length that stands before the bytes of a record, as the program itself writes it; `None` where the record is
/// larger than any that it reads.
pub fn length_before(behind: &[u8]) -> Option<[u8; 4]> {
    let length = u32::try_from(behind.len().checked_add(4)?).ok()?;
    (length <= MAX_LENGTH).then(|| length.to_le_bytes())
}
