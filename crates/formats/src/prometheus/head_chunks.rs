//! `chunks_head` files: finished chunks of series that are still in the head.
//!
//! ```text
//! file:  magic 0x0130BC91 u32 | version u8 = 1 | 0 0 0 | chunk* | zeros (the file is written ahead)
//! chunk: series u64 | min time i64 | max time i64 | encoding u8 | length varint | data | crc u32
//! ```
//! Big endian; CRC-32C of everything from the series to the data. Bit 7 of the encoding marks out-of-order samples.
//! When the server finds a bad chunk it deletes this file and all later ones, and takes the samples from the WAL
//! where it still has them.

use std::io::{self, Read};

use super::layout::Tail;
use crate::effort::Effort;
use crate::sum::crc32c;
use crate::{
    Body, Bytes, Damage, Entry, Lost, Malformed, Note, Part, Progress, Record, TimeRange, UnixTime, Value,
    Visit,
};

const MAGIC: &[u8] = &[0x01, 0x30, 0xbc, 0x91];
/// Bytes before the first chunk.
pub(super) const FILE_HEADER: usize = 8;
const CHUNK_HEADER: usize = 25;

/// The longest chunk: 240 samples of full width, or a histogram with thousands of buckets, with a wide margin.
const MAX_CHUNK: usize = 1024 * 1024;

const BLOCK: usize = 256 * 1024;

/// Bytes of a series number.
const SERIES: usize = 8;

/// Series numbers of the head have 40 bits.
const MAX_SERIES: u64 = 1 << 40;

/// More than this between zeros looks like what is left of a chunk, not like a flipped byte.
const STRAY_BYTES_IN_ZEROS: usize = 16;

/// Whether bytes begin like such a file.
pub(super) fn has_magic(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// One chunk, checksum right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadChunk<'a> {
    /// The series.
    pub series: u64,
    /// First and last time in milliseconds.
    pub times: (i64, i64),
    /// Encoding without the out-of-order bit.
    pub encoding: u8,
    /// Whether it holds late samples.
    pub order: ChunkOrder,
    /// Encoded samples.
    pub data: &'a [u8],
}

/// Which samples a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkOrder {
    /// Samples that came in order.
    InOrder,
    /// Late samples.
    OutOfOrder,
}

impl<'a> HeadChunk<'a> {
    /// Reads the chunk at the cursor and checks its sum.
    pub fn read(bytes: &mut Bytes<'a>) -> Result<Self, Malformed> {
        let all = bytes.rest();
        let start = bytes.position();
        let series = bytes.u64_be("chunk: series")?;
        let times = (bytes.i64_be("chunk: min time")?, bytes.i64_be("chunk: max time")?);
        let encoding = bytes.u8("chunk: encoding")?;
        let len = bytes.length("chunk: length")?;
        if len > MAX_CHUNK {
            return Err(bytes.malformed("chunk: longer than any chunk"));
        }
        let data = bytes.take(len, "chunk: data")?;
        let covered = all.get(..bytes.position() - start).unwrap_or_default();
        if bytes.u32_be("chunk: crc")? != crc32c(covered) {
            return Err(Malformed { what: CHECKSUM, at: start });
        }
        let order = if encoding & 0x80 == 0 { ChunkOrder::InOrder } else { ChunkOrder::OutOfOrder };
        Ok(Self { series, times, encoding: encoding & 0x7f, order, data })
    }

    /// How many samples it holds: the first two bytes of every encoding, of which some use two bits otherwise.
    pub fn samples(&self) -> u64 {
        let count = Bytes::new(self.data).u16_be("count").unwrap_or(0);
        u64::from(if self.encoding >= 5 { count & 0x3fff } else { count })
    }

    fn record(&self) -> Record {
        let range =
            TimeRange { min: UnixTime::from_millis(self.times.0), max: UnixTime::from_millis(self.times.1) };
        let mut record = Record::new("head_chunk")
            .with("ref", self.series)
            .with("min_time", range.min)
            .with("max_time", range.max)
            .with("encoding", encoding_name(self.encoding))
            .with("out_of_order", self.order == ChunkOrder::OutOfOrder)
            .with("samples", self.samples())
            .with("bytes", self.data.len() as u64);
        record.times = Some(range);
        record.samples = self.samples();
        record
    }
}

fn encoding_name(encoding: u8) -> Value {
    match encoding {
        1 => "xor".into(),
        2 => "histogram".into(),
        3 => "float_histogram".into(),
        4 => "xor2".into(),
        5 => "histogram_st".into(),
        6 => "float_histogram_st".into(),
        other => u64::from(other).into(),
    }
}

/// Streams a file.
pub(super) fn read(part: &Part, tail: Tail, progress: &Progress, visit: &mut Visit<'_>) -> io::Result<()> {
    let file = crate::files::open(&part.path)?;
    let len = file.metadata()?.len();
    stream(Scan::new(file, len, part, tail), progress, visit)
}

/// Streams a file that lies in memory.
pub(super) fn read_bytes(bytes: &[u8], part: &Part, tail: Tail, visit: &mut Visit<'_>) -> io::Result<()> {
    stream(Scan::new(bytes, bytes.len() as u64, part, tail), &Progress::default(), visit)
}

fn stream<R: Read>(mut scan: Scan<'_, R>, progress: &Progress, visit: &mut Visit<'_>) -> io::Result<()> {
    loop {
        let more = scan.fill(progress)?;
        while let Some(entry) = scan.next(more) {
            if visit(entry).is_break() {
                return Ok(());
            }
        }
        if more == More::No {
            return Ok(());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

struct Scan<'p, R> {
    part: &'p Part,
    tail: Tail,
    source: R,
    left: u64,
    view: Vec<u8>,
    at: usize,
    offset: u64,
    zeros_from: Option<u64>,
    effort: Effort,
}

impl<'p, R: Read> Scan<'p, R> {
    /// Reads `len` bytes of `source`.
    fn new(source: R, len: u64, part: &'p Part, tail: Tail) -> Self {
        let (view, effort) = (Vec::new(), Effort::default());
        Self { part, tail, source, left: len, view, at: 0, offset: 0, zeros_from: None, effort }
    }

    fn fill(&mut self, progress: &Progress) -> io::Result<More> {
        self.view.drain(..self.at.min(self.view.len()));
        self.at = 0;
        let wanted = self.left.min((BLOCK + MAX_CHUNK) as u64);
        let read = self.source.by_ref().take(wanted).read_to_end(&mut self.view)? as u64;
        progress.add(read);
        self.left = if read < wanted { 0 } else { self.left - read };
        Ok(if self.left == 0 { More::No } else { More::Yes })
    }

    /// The next entry, or nothing when more of the file is needed or it ended.
    fn next(&mut self, more: More) -> Option<Entry> {
        let rest = self.view.get(self.at..).filter(|rest| !rest.is_empty())?;
        if self.offset == 0 && rest.len() >= FILE_HEADER {
            if let Some(entry) = self.header() {
                return Some(entry);
            }
            return self.next(more);
        }
        if more == More::Yes && rest.len() < CHUNK_HEADER + MAX_CHUNK + 16 {
            return None;
        }
        // No series has the number 0: this is the end of the chunks, or a hole.
        if rest.iter().take(SERIES).all(|&byte| byte == 0) {
            return self.zeros();
        }
        if let Some(from) = self.zeros_from.take() {
            let damage = Damage { start: from, ..self.lost(0, HOLE, None) };
            let damage = Damage { lost: Lost { records: None, bytes: damage.end - from }, ..damage };
            return Some(Entry { span: from..damage.end, body: Body::Damage(damage) });
        }
        let mut bytes = Bytes::new(rest);
        match HeadChunk::read(&mut bytes) {
            Ok(chunk) => {
                let body = Body::Record(chunk.record());
                let len = bytes.position();
                Some(self.advance(len, body))
            }
            Err(malformed) => Some(self.damage(malformed)),
        }
    }

    fn advance(&mut self, len: usize, body: Body) -> Entry {
        let start = self.offset;
        self.at += len;
        self.offset += len as u64;
        Entry { span: start..self.offset, body }
    }

    /// Skips the file header, or says what is wrong with it.
    fn header(&mut self) -> Option<Entry> {
        let header = self.view.get(..FILE_HEADER)?;
        if has_magic(header) && header.ends_with(&[1, 0, 0, 0]) {
            self.at += FILE_HEADER;
            self.offset += FILE_HEADER as u64;
            return None;
        }
        if self.tail == Tail::MayBeTorn && header.iter().all(|&byte| byte == 0) {
            let message = "the newest file was created and not begun; the server deletes it";
            let note = Note { code: "torn-tail", file: self.part.name.clone(), message: message.to_owned() };
            return Some(self.advance(FILE_HEADER, Body::Note(note)));
        }
        let damage = self.lost(FILE_HEADER, BAD_HEADER, Some(0));
        Some(self.advance(FILE_HEADER, Body::Damage(damage)))
    }

    /// Zeros end the chunks; anything behind them makes them damage.
    fn zeros(&mut self) -> Option<Entry> {
        let rest = self.view.get(self.at..)?;
        if rest.iter().all(|&byte| byte == 0) {
            self.zeros_from.get_or_insert(self.offset);
            self.offset += rest.len() as u64;
            self.at = self.view.len();
            return None;
        }
        // The last zeros may be the first bytes of a small series number, so they alone do not say where it goes on.
        let next = resync(rest, self.offset, &mut self.effort);
        if next.is_none()
            && let Some(entry) = self.stray()
        {
            return Some(entry);
        }
        let len = next.unwrap_or(self.view.len() - self.at);
        let from = self.zeros_from.take().unwrap_or(self.offset);
        let mut damage = self.lost(len, HOLE, None);
        damage.start = from;
        damage.lost.bytes = damage.end - from;
        Some(Entry { span: from..damage.end, ..self.advance(len, Body::Damage(damage)) })
    }

    /// A few flipped bytes in the zeros behind the last chunk, and nothing but zeros behind them.
    fn stray(&mut self) -> Option<Entry> {
        let rest = self.view.get(self.at..)?;
        let first = rest.iter().position(|&byte| byte != 0)?;
        let behind = rest.iter().rposition(|&byte| byte != 0)? + 1;
        if behind - first > STRAY_BYTES_IN_ZEROS || behind == rest.len() {
            return None;
        }
        let mut damage = self.lost(behind, "non-zero bytes behind the last chunk", Some(0));
        damage.start += first as u64;
        damage.lost.bytes = damage.end - damage.start;
        // What follows counts zeros anew: a hole must not reach back over what is told here.
        self.zeros_from = None;
        let span = damage.start..damage.end;
        Some(Entry { span, ..self.advance(behind, Body::Damage(damage)) })
    }

    fn damage(&mut self, malformed: Malformed) -> Entry {
        let rest = self.view.get(self.at..).unwrap_or_default();
        let next = resync(rest, self.offset, &mut self.effort);
        let series = Bytes::new(rest).u64_be("").unwrap_or(0);
        if next.is_none()
            && series >= MAX_SERIES
            && let Some(entry) = self.stray()
        {
            return entry;
        }
        let rest = self.view.get(self.at..).unwrap_or_default();
        let len = next.unwrap_or_else(|| {
            // Up to the zeros that were written ahead, so that the range says what was really there.
            rest.iter().rposition(|&byte| byte != 0).map_or(rest.len(), |last| last + 1)
        });
        if next.is_none() && self.left == 0 && self.tail == Tail::MayBeTorn {
            let message = "the newest file ends inside a chunk; the server takes its samples from the WAL";
            let note = Note { code: "torn-tail", file: self.part.name.clone(), message: message.to_owned() };
            return self.advance(len, Body::Note(note));
        }
        let records = (malformed.what == CHECKSUM && next.is_some()).then_some(1);
        let damage = self.lost(len, malformed.what, records);
        self.advance(len, Body::Damage(damage))
    }

    fn lost(&self, len: usize, cause: &'static str, records: Option<u64>) -> Damage {
        let (start, bytes) = (self.offset, len as u64);
        let lost = Lost { records, bytes };
        Damage { file: self.part.name.clone(), start, end: start + bytes, cause: cause.into(), lost }
    }
}

/// Where the next chunk with a right checksum begins, seen from `offset` of the file.
fn resync(rest: &[u8], offset: u64, effort: &mut Effort) -> Option<usize> {
    let mut at = 1;
    while at < rest.len().saturating_sub(CHUNK_HEADER) {
        let here = rest.get(at..)?;
        // No series has the number 0, so none begins before its last byte comes in sight.
        let zeros = here.iter().position(|&byte| byte != 0)?;
        if zeros >= SERIES {
            at += zeros + 1 - SERIES;
            continue;
        }
        if is_plausible(Bytes::new(here)) && effort.affords(here.len().min(MAX_CHUNK), offset) {
            let mut bytes = Bytes::new(here);
            if HeadChunk::read(&mut bytes).is_ok() {
                return Some(at);
            }
            effort.spend(bytes.position());
        }
        at += 1;
    }
    None
}

/// References have 40 bits, times are ordered, encodings are few: noise fails this nearly always.
fn is_plausible(mut bytes: Bytes<'_>) -> bool {
    let mut fields = || {
        let series = bytes.u64_be("").ok()?;
        let times = (bytes.i64_be("").ok()?, bytes.i64_be("").ok()?);
        let encoding = bytes.u8("").ok()? & 0x7f;
        Some((1..MAX_SERIES).contains(&series) && times.0 <= times.1 && (1..=6).contains(&encoding))
    };
    fields().unwrap_or(false)
}

/// A file that does not begin as it must, which the server cannot open.
pub(super) const BAD_HEADER: &str = "bad file header";

const CHECKSUM: &str = "checksum mismatch";
const HOLE: &str = "zeros where chunks were";

#[cfg(test)]
#[expect(clippy::big_endian_bytes, reason = "the test writes what the reader reads")]
mod tests {
    use super::*;

    /// A chunk's header that announces so much data.
    fn header(data: usize) -> Vec<u8> {
        let mut bytes = [&[0; 7][..], &[1], &[0; 16], &[1]].concat();
        let mut left = data;
        while left >= 0x80 {
            bytes.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
            left >>= 7;
        }
        bytes.push(u8::try_from(left).unwrap());
        bytes
    }

    #[test]
    fn headers_of_long_chunks_everywhere_cost_no_more_than_the_bound() {
        let mut sound = [header(2), vec![0, 1]].concat();
        sound.extend_from_slice(&crc32c(&sound).to_be_bytes());
        let bad = header(MAX_CHUNK).repeat(15);
        let mut bytes = [MAGIC, &[1, 0, 0, 0]].concat();
        bytes.extend([bad, sound].concat().repeat(4000));
        let part = Part {
            name: String::new(),
            path: std::path::PathBuf::new(),
            role: crate::Role::HeadChunks,
            bytes: bytes.len() as u64,
            modified: None,
        };
        let mut scan = Scan::new(bytes.as_slice(), bytes.len() as u64, &part, Tail::MayBeTorn);
        while scan.fill(&Progress::default()).unwrap() == More::Yes {
            while scan.next(More::Yes).is_some() {}
        }
        while scan.next(More::No).is_some() {}
        let spent = scan.effort.spent();
        assert!(spent > Effort::FREE / 2, "the bound was never in reach: {spent}");
        assert!(spent <= Effort::FREE + Effort::PER_BYTE * bytes.len() as u64, "{spent}");
    }
}
