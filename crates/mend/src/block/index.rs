//! `index`: whose samples the chunks are.
//!
//! ```text
//! file:     magic 0xBAAAD700 u32 | version u8 = 2 | symbols | series* | postings* | postings table | toc
//! symbols:  length u32 | [ count u32 | { text }, sorted ] | crc
//! series:   0 up to a multiple of 16 | length uvarint | [ labels | chunks ] | crc
//!   labels: count uvarint | { name, value: ordinals of symbols, uvarint }, sorted
//!   chunks: count uvarint | { min time | max time - min time uvarint | reference }
//!           of the first: min time varint, reference uvarint
//!           of the others: min time - max time of the one before uvarint, reference - that of the one before varint
//! postings: 0 up to a multiple of 4 | length u32 | [ count u32 | { series u32 } ] | crc
//! table:    length u32 | [ count u32 | { 2 | name text | value text | offset of the postings uvarint } ] | crc
//! toc:      [ symbols, series, 0, 0, postings, table: offsets u64 ] | crc
//! ```
//! Big endian; the crc is a CRC-32C u32 of what stands in brackets; text = length uvarint, bytes. A series is referred to
//! by its offset / 16. The first postings are those of the empty name and value: all series. The others follow in the
//! order of name and value.
//!
//! The two zeros in the toc are the places of label indices, which nobody reads: servers do not write them any more.

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

use std::path::PathBuf;

use super::output::{Output, crc32c, put_text, put_uvarint, put_varint};
use super::postings::{Listed, Postings};
use super::segments::ChunkRef;
use super::{Label, Symbols};
use crate::MendError;

/// Magic and version.
const HEADER: [u8; 5] = [0xba, 0xaa, 0xd7, 0x00, 2];

/// What series begin at a multiple of.
pub(super) const SERIES_UNIT: u64 = 16;

/// How many bytes of symbols are written at once.
const PIECE: usize = 64 * 1024;

/// What the index says of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) min_time: i64,
    pub(super) max_time: i64,
    pub(super) place: ChunkRef,
}

/// The index, while it is written.
#[derive(Debug)]
pub(super) struct Index<'s> {
    output: Output,
    symbols: &'s Symbols<'s>,
    /// Where series begin.
    series: u64,
    postings: Postings,
    scratch: Vec<u8>,
}

impl<'s> Index<'s> {
    /// Begins with the symbols.
    pub(super) fn create(path: PathBuf, symbols: &'s Symbols<'s>) -> Result<Self, MendError> {
        let mut output = Output::create(path)?;
        output.put(&HEADER)?;
        let texts = symbols.iter().map(text_len).sum::<u64>();
        output.put(&length(4 + texts)?)?;
        let mut body = output.summed();
        body.put(&length(symbols.len() as u64)?)?;
        let mut scratch = Vec::new();
        for text in symbols.iter() {
            put_text(text, &mut scratch);
            if scratch.len() > PIECE {
                body.put(&scratch)?;
                scratch.clear();
            }
        }
        body.put(&scratch)?;
        body.end()?;
        let series = output.at();
        Ok(Self { output, symbols, series, postings: Postings::default(), scratch })
    }

    /// Appends a series.
    pub(super) fn put(&mut self, labels: &[Label], chunks: &[Placed]) -> Result<(), MendError> {
        self.output.align(SERIES_UNIT)?;
        let id = u32::try_from(self.output.at() / SERIES_UNIT).map_err(|_| too_large())?;
        self.postings.count(id, labels);
        let out = &mut self.scratch;
        out.clear();
        put_uvarint(labels.len() as u64, out);
        for label in labels {
            put_uvarint(u64::from(label.name.0), out);
            put_uvarint(u64::from(label.value.0), out);
        }
        put_uvarint(chunks.len() as u64, out);
        let mut before: Option<&Placed> = None;
        for chunk in chunks {
            let width = chunk.max_time.wrapping_sub(chunk.min_time).cast_unsigned();
            if let Some(before) = before {
                put_uvarint(chunk.min_time.wrapping_sub(before.max_time).cast_unsigned(), out);
                put_uvarint(width, out);
                put_varint(chunk.place.0.wrapping_sub(before.place.0).cast_signed(), out);
            } else {
                put_varint(chunk.min_time, out);
                put_uvarint(width, out);
                put_uvarint(chunk.place.0, out);
            }
            before = Some(chunk);
        }
        let mut len = Vec::with_capacity(4);
        put_uvarint(out.len() as u64, &mut len);
        let sum = crc32c(out);
        out.extend_from_slice(&sum.to_be_bytes());
        self.output.put(&len)?;
        self.output.put(&self.scratch)
    }

    /// Appends postings, their table, and the table of contents. Answers with the length of the file.
    pub(super) fn finish(mut self) -> Result<u64, MendError> {
        self.output.align(4)?;
        let postings = self.output.at();
        let lists = self.postings.write(&mut self.output)?;
        let table = self.output.at();
        self.put_table(postings, &lists)?;
        let mut toc = self.output.summed();
        // A symbol table always stands behind the header.
        for offset in [HEADER.len() as u64, self.series, 0, 0, postings, table] {
            toc.put(&offset.to_be_bytes())?;
        }
        toc.end()?;
        self.output.finish()
    }

    fn put_table(&mut self, postings: u64, lists: &[Listed]) -> Result<(), MendError> {
        let symbols = self.symbols;
        let all = (&[][..], &[][..], self.postings.series());
        let texts = |&(label, count): &Listed| {
            (symbols.text(label.name), symbols.text(label.value), u64::from(count))
        };
        let entries = || std::iter::once(all).chain(lists.iter().map(texts));
        // Its length stands before it, so it is made twice.
        let mut len = 4;
        let mut at = postings;
        for (name, value, count) in entries() {
            len += 1 + text_len(name) + text_len(value) + uvarint_len(at);
            at += Postings::len(count);
        }
        self.output.put(&length(len)?)?;
        let mut body = self.output.summed();
        body.put(&length(lists.len() as u64 + 1)?)?;
        let mut at = postings;
        for (name, value, count) in entries() {
            self.scratch.clear();
            self.scratch.push(2);
            put_text(name, &mut self.scratch);
            put_text(value, &mut self.scratch);
            put_uvarint(at, &mut self.scratch);
            body.put(&self.scratch)?;
            at += Postings::len(count);
        }
        body.end()
    }
}

fn text_len(text: &[u8]) -> u64 {
    let len = text.len() as u64;
    uvarint_len(len) + len
}

fn uvarint_len(value: u64) -> u64 {
    u64::from((u64::BITS - value.leading_zeros()).div_ceil(7).max(1))
}

/// A length or a count, which has 32 bits.
pub(super) fn length(len: u64) -> Result<[u8; 4], MendError> {
    u32::try_from(len).map(u32::to_be_bytes).map_err(|_| too_large())
}

fn too_large() -> MendError {
    MendError::Impossible {
        reason: "the index of a block would be larger than its format allows".to_owned(),
        advice: "this log has more series than one block can hold; trim it instead".to_owned(),
    }
}
