//! Makes the page headers and records of a PostgreSQL segment right, except where its control bytes say otherwise.
//!
//! Written anew and not taken from the decoder, so that a mistake there is not repeated here.

use std::ops::Range;

use crate::control::Control;
use crate::repair::crc32c;

const HEADER: usize = 24;
/// Longer records than this are made shorter, else the first garbage would take the rest of the file for one record.
const LONGEST: usize = 6000;

/// How the file is cut, and where in the stream it begins.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub page: usize,
    pub segment: usize,
    start: u64,
}

impl Shape {
    /// Bytes of the header of the page at `at`.
    pub fn header(&self, at: usize) -> usize {
        if at.is_multiple_of(self.segment) { 40 } else { 24 }
    }

    /// Whether exactly a page header lies there.
    pub fn is_header(&self, range: Range<usize>) -> bool {
        range.start.is_multiple_of(self.page) && range.len() == self.header(range.start)
    }

    /// How many of the bytes of a record lie between two places, which may be the beginnings of pages.
    pub fn room(&self, from: usize, to: usize) -> usize {
        let headers = (from.next_multiple_of(self.page)..to).step_by(self.page);
        to - from - headers.map(|at| self.header(at)).sum::<usize>()
    }

    fn lsn(&self, at: usize) -> u64 {
        self.start + at as u64
    }
}

/// A record that was made right, or left as it was.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its bytes, without the padding behind it.
    pub bytes: Range<usize>,
    /// Whether it was left as it was.
    pub is_left: bool,
}

/// Makes the first page header possible; `None` when there is no room for one.
pub fn opening(control: Control, file: &mut [u8]) -> Option<Shape> {
    let header = file.get_mut(..40)?;
    if control.repairs(0) {
        header[..2].copy_from_slice(&[0x10, 0xd1]);
        header[2] = header[2] & 5 | 2;
        header[3] = 0;
        header[4..8].copy_from_slice(&[1, 0, 0, 0]);
        // A segment of one MiB, in pages of 1 to 64 KiB.
        header[32..36].copy_from_slice(&[0, 0, 0x10, 0]);
        let page = 1024u32 << (header[37] >> 2).trailing_zeros().min(6);
        header[36..40].copy_from_slice(&page.to_le_bytes());
        header[8..10].fill(0);
        header[10] &= 0xf0;
        header[14..16].fill(0);
        if header[2] & 1 == 0 || header[16..20] == [0; 4] {
            header[2] &= !1;
            header[16..20].fill(0);
        }
    }
    let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")) as usize;
    let (mut segment, mut page) = (word(32), word(36));
    let is_possible = header[2] & 2 != 0
        && segment.is_power_of_two()
        && (1 << 20..=1 << 30).contains(&segment)
        && page.is_power_of_two()
        && (1 << 10..=1 << 16).contains(&page);
    if !is_possible {
        (segment, page) = (16 << 20, 8192);
    }
    let address = u64::from_le_bytes(header[8..16].try_into().expect("eight bytes"));
    Some(Shape { page, segment, start: address - address % segment as u64 })
}

/// Makes what follows the first page header right; answers the records in their order.
pub fn segment(control: Control, shape: Shape, file: &mut [u8]) -> Vec<Frame> {
    let mut walk = Walk { control, shape, frames: Vec::new(), before: None };
    let mut at = walk.opened(file);
    while at < file.len().min(shape.segment) {
        match walk.frame(at, file) {
            Some(next) => at = next.next_multiple_of(8),
            None => break,
        }
    }
    walk.frames
}

struct Walk {
    control: Control,
    shape: Shape,
    frames: Vec<Frame>,
    before: Option<u64>,
}

impl Walk {
    /// Passes what the first page goes on with; answers where the first record may begin.
    fn opened(&mut self, file: &mut [u8]) -> usize {
        let goes_on = file[2] & 1 != 0;
        let left = u32::from_le_bytes(file[16..20].try_into().expect("four bytes")) as usize;
        if !goes_on || left == 0 {
            return 0;
        }
        let left = if self.control.repairs(0) { left % LONGEST + 1 } else { left.min(1 << 20) };
        file[16..20].copy_from_slice(&(left as u32).to_le_bytes());
        let mut at = self.shape.header(0);
        for done in 0..left {
            if at % self.shape.page == 0 {
                self.page(at, left - done, file);
                at += self.shape.header(at);
            }
            at += 1;
        }
        at.next_multiple_of(8)
    }

    /// Makes the page header at `at` right, with `left` bytes of a record to come.
    fn page(&self, at: usize, left: usize, file: &mut [u8]) {
        let (len, shape) = (self.shape.header(at), self.shape);
        let (front, rest) = file.split_at_mut(at.min(file.len()));
        let Some(header) = rest.get_mut(..len) else { return };
        if !self.control.repairs(at / shape.page) {
            return;
        }
        header[..2].copy_from_slice(&front[..2]);
        header[2] = header[2] & 4 | u8::from(left > 0) | if len == 40 { 2 } else { 0 };
        header[3] = 0;
        header[4..8].copy_from_slice(&front[4..8]);
        header[8..16].copy_from_slice(&shape.lsn(at).to_le_bytes());
        header[16..20].copy_from_slice(&(left as u32).to_le_bytes());
        if len == 40 {
            header[24..40].copy_from_slice(&front[24..40]);
        }
    }

    /// Makes the record at `at` right; answers where it ends, or `None` where the log does.
    fn frame(&mut self, at: usize, file: &mut [u8]) -> Option<usize> {
        let mut at = at;
        if at.is_multiple_of(self.shape.page) {
            if at > 0 {
                self.page(at, 0, file);
            }
            at += self.shape.header(at);
        }
        let is_left = !self.control.repairs(32 + self.frames.len());
        let length = file.get(at..at + 4)?;
        let mut total = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        if total == 0 {
            return None;
        }
        let fits = |total| self.places(at, total, file.len()).is_some();
        let is_possible = total >= HEADER && (total <= LONGEST || fits(total));
        if is_left && !(is_possible && fits(total)) {
            self.before = Some(self.shape.lsn(at));
            self.frames.push(Frame { bytes: at..at + 8, is_left });
            return Some(at + 8);
        }
        if !is_possible {
            total = HEADER + total % LONGEST;
            file[at..at + 4].copy_from_slice(&(total as u32).to_le_bytes());
        }
        let places = self.places(at, total, file.len())?;
        let mut left = total;
        for place in &places {
            if left < total {
                self.page(place.start - place.start % self.shape.page, left, file);
            }
            left -= place.len();
        }
        if !is_left {
            self.sum(&places, file);
        }
        self.before = Some(self.shape.lsn(at));
        let end = places.last()?.end;
        self.frames.push(Frame { bytes: at..end, is_left });
        let (info, module) = (byte(&places, 16, file), byte(&places, 17, file));
        // Behind a switch nothing follows.
        if module == 0 && info & 0xf0 == 0x40 { None } else { Some(end) }
    }

    /// Where the bytes of a record lie, page by page; `None` when the file ends before.
    fn places(&self, at: usize, total: usize, len: usize) -> Option<Vec<Range<usize>>> {
        let (mut at, mut left, mut places) = (at, total, Vec::new());
        while left > 0 {
            if at.is_multiple_of(self.shape.page) {
                at += self.shape.header(at);
            }
            let room = self.shape.page - at % self.shape.page;
            let taken = room.min(left);
            if at + taken > len {
                return None;
            }
            places.push(at..at + taken);
            (at, left) = (at + taken, left - taken);
        }
        Some(places)
    }

    /// Ties a record to the one before it and puts its checksum in.
    fn sum(&self, places: &[Range<usize>], file: &mut [u8]) {
        let mut record: Vec<u8> = Vec::new();
        places.iter().for_each(|place| record.extend_from_slice(&file[place.clone()]));
        let at = self.shape.lsn(places[0].start);
        let named = u64::from_le_bytes(record[8..16].try_into().expect("eight bytes"));
        let is_possible = named < at && named.is_multiple_of(8);
        let before = self.before.unwrap_or(if is_possible { named } else { self.shape.start });
        record[8..16].copy_from_slice(&before.to_le_bytes());
        let covered = [&record[HEADER..], &record[..20]].concat();
        record[20..24].copy_from_slice(&crc32c(&covered).to_le_bytes());
        let mut rest = record.as_slice();
        for place in places {
            let (bytes, behind) = rest.split_at(place.len());
            file[place.clone()].copy_from_slice(bytes);
            rest = behind;
        }
    }
}

/// One byte of a record.
fn byte(places: &[Range<usize>], at: usize, file: &[u8]) -> u8 {
    places.iter().cloned().flatten().nth(at).and_then(|at| file.get(at)).copied().unwrap_or(0)
}
