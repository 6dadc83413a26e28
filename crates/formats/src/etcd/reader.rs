//! Reading one file of an etcd log: records, damage, the torn end, the zeros behind it.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::{ControlFlow, Range};

use super::broken::{Broken, Extent, Place, reach_without_length};
use super::content::Content;
use super::frame::{
    ALIGNMENT, Kind, LENGTH_FIELD, Length, OPENING, Unverified, parse_frame, parse_without_length, plausible,
};
use super::tally::{Fate, Tally};
use crate::effort::Effort;
use crate::window::Window;
use crate::{Body, Damage, Entry, Lost, Note, Visit};

/// How much is searched at once.
const STRIDE: usize = 64 * 1024;

/// What the file should open with: the checksum at the end of the one before it, worked out should it be needed.
pub(super) type Expected<'a> = dyn Fn() -> Option<u32> + 'a;

/// The reader of one file.
pub(super) struct Reader<'v, 'e, R> {
    file: &'v str,
    window: Window<R>,
    extent: Extent,
    /// The checksum so far; `None` when it is not known.
    sum: Option<u32>,
    effort: Effort,
    tally: Tally,
    visit: &'v mut Visit<'e>,
}

/// What the search for the next sound record found; the window stands there.
struct Search {
    /// Whether there is one, and how it was verified.
    found: Option<Verified>,
    /// Where the last byte that is not zero ends.
    written: u64,
}

/// How a record behind damage was verified.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verified {
    /// It goes on from what was known before the damage: only one record is lost.
    FromBefore,
    /// It goes on from the record before it, which nothing vouches for.
    FromNeighbour,
}

impl<'v, 'e, R: Read> Reader<'v, 'e, R> {
    /// A reader at the start of `source`.
    pub(super) fn new(file: &'v str, source: R, extent: Extent, visit: &'v mut Visit<'e>) -> Self {
        let (window, effort, tally) = (Window::new(source), Effort::default(), Tally::default());
        Self { file, window, extent, sum: None, effort, tally, visit }
    }

    /// Reads all of it.
    pub(super) fn read(mut self, expected: &Expected<'_>) -> (Tally, io::Result<()>) {
        // A visitor that breaks off has what it wants; that is no failure.
        let _broken_off = self.everything(expected);
        self.tally.ends_with = self.sum;
        (self.tally, self.window.take_failure().map_or(Ok(()), Err))
    }

    /// Reads all of it and tells how much was checksummed in vain.
    #[cfg(test)]
    pub(super) fn spent_by_reading(mut self) -> u64 {
        let _broken_off = self.everything(&|| None);
        self.effort.spent()
    }

    fn everything(&mut self, expected: &Expected<'_>) -> ControlFlow<()> {
        self.opening(expected)?;
        loop {
            let field = self.window.peek(LENGTH_FIELD);
            if field.is_empty() {
                return ControlFlow::Continue(());
            }
            if field.iter().all(|&byte| byte == 0) {
                self.zeros()?;
            } else if !self.sound_record()? {
                self.damaged()?;
            }
        }
    }

    /// The first record holds the checksum that the file goes on from. No checksum covers it; whether it is
    /// right shows in the second record.
    fn opening(&mut self, expected: &Expected<'_>) -> ControlFlow<()> {
        let first =
            self.frame_at(0).filter(|(record, _)| record.kind == Kind::Crc).map(|(record, _)| record.crc);
        let spelt = parse_without_length(self.window.peek(OPENING)).map(|(record, _)| record.crc);
        self.tally.opens_with = first;
        let Some((second, _)) = self.frame_at(OPENING) else {
            self.sum = first;
            return ControlFlow::Continue(());
        };
        if let Some(first) = first.filter(|&first| second.follows(first)) {
            self.sum = Some(first);
            return ControlFlow::Continue(());
        }
        let Some(sum) = spelt.into_iter().chain(expected()).find(|&sum| second.follows(sum)) else {
            self.sum = first;
            return ControlFlow::Continue(());
        };
        self.sum = Some(sum);
        self.tally.opens_with = Some(sum);
        self.window.skip(OPENING);
        self.tally.fate = Some(Fate::Stops);
        let lost = Lost { records: Some(1), bytes: OPENING as u64 };
        self.damage(0..OPENING as u64, "the record with the opening checksum is wrong".into(), lost)
    }

    /// The frame `offset` bytes from here, when all of it is there and well-formed.
    fn frame_at(&mut self, offset: usize) -> Option<(Unverified<'_>, Length)> {
        let length = Length::read(self.window.peek(offset + LENGTH_FIELD).get(offset..)?)?;
        parse_frame(self.window.peek(offset + length.total()).get(offset..)?)
    }

    /// Hands out the record here; says whether there is a sound one.
    fn sound_record(&mut self) -> ControlFlow<(), bool> {
        let Some(sum) = self.sum else { return ControlFlow::Continue(false) };
        let Some((record, length)) = self.frame_at(0).filter(|(record, _)| record.follows(sum)) else {
            return ControlFlow::Continue(false);
        };
        let (content, kind, crc) = (Content::read(record.kind, record.data), record.kind, record.crc);
        match content {
            Some(content) => self.record(content, kind, crc, 0..length.total())?,
            None => self.mistyped(kind, crc, length.total())?,
        }
        ControlFlow::Continue(true)
    }

    /// The checksum holds, but the data are not what the type says.
    fn mistyped(&mut self, kind: Kind, crc: u32, total: usize) -> ControlFlow<()> {
        let start = self.window.position();
        self.sum = Some(crc);
        self.window.skip(total);
        self.fail(Fate::Stops);
        let lost = Lost { records: Some(1), bytes: total as u64 };
        let cause = format!("the checksum holds, but the content is no {}", kind.name());
        self.damage(start..start + total as u64, cause.into(), lost)
    }

    /// Hands out a record whose checksum holds and that lies at `frame`, seen from here.
    fn record(&mut self, content: Content, kind: Kind, crc: u32, frame: Range<usize>) -> ControlFlow<()> {
        let here = self.window.position();
        let span = here + frame.start as u64..here + frame.end as u64;
        self.sum = Some(crc);
        self.window.skip(frame.end);
        self.tally.end = span.end;
        let gap = self.tally.add(content);
        let record = content.into_record(kind, crc);
        (self.visit)(Entry { span: span.clone(), body: Body::Record(record) })?;
        match gap {
            Some((from, to)) => {
                self.note(span, "index-gap", format!("no entries have the indexes {from} to {to}"))
            }
            None => ControlFlow::Continue(()),
        }
    }

    /// Here lies no sound record: finds the next one and says what is between.
    fn damaged(&mut self) -> ControlFlow<()> {
        if self.wrong_length()? {
            return ControlFlow::Continue(());
        }
        let broken = self.broken();
        let search = self.search(&broken.sums);
        if self.window.failure().is_some() {
            return ControlFlow::Break(());
        }
        let end = self.window.position();
        let fate = broken.fate(self.extent);
        if let Some(verified) = search.found {
            self.fail(fate);
            let records = (verified == Verified::FromBefore).then_some(1);
            let lost = Lost { records, bytes: end - broken.start };
            return self.damage(broken.start..end, broken.cause(), lost);
        }
        let written = search.written.next_multiple_of(ALIGNMENT as u64).clamp(broken.start, end);
        let span = broken.start..written;
        let len = written - broken.start;
        if fate == Fate::Cuts || self.extent.place == Place::Growing {
            let message = format!("{len} bytes at the end are a record that was not written to its end");
            return self.note(span, "torn-tail", message);
        }
        self.fail(fate);
        self.damage(span, broken.cause(), Lost { records: None, bytes: len })
    }

    /// A record says itself where it ends, so a wrong length field costs nothing but itself; says whether that is it.
    fn wrong_length(&mut self) -> ControlFlow<(), bool> {
        let Some(sum) = self.sum else { return ControlFlow::Continue(false) };
        let broken = self.broken_length();
        // Most records are small; a look at the first bytes tells how many more are needed.
        let reach = reach_without_length(self.window.peek(STRIDE));
        if !self.effort.affords(reach, broken.start) {
            return ControlFlow::Continue(false);
        }
        let parsed = parse_without_length(self.window.peek(reach));
        let sound = parsed.filter(|(record, _)| record.kind != Kind::Crc && record.follows(sum));
        let read = sound.and_then(|(record, length)| {
            Some((Content::read(record.kind, record.data)?, record.kind, record.crc, length.total()))
        });
        let Some((content, kind, crc, total)) = read else {
            self.effort.spend(reach);
            return ControlFlow::Continue(false);
        };
        self.fail(broken.fate(self.extent));
        let lost = Lost { records: Some(0), bytes: LENGTH_FIELD as u64 };
        let end = broken.start + LENGTH_FIELD as u64;
        self.damage(broken.start..end, "length field is wrong".into(), lost)?;
        self.record(content, kind, crc, LENGTH_FIELD..total)?;
        ControlFlow::Continue(true)
    }

    /// What the length field here says, without a look at the record.
    fn broken_length(&mut self) -> Broken {
        let start = self.window.position();
        Broken::new(start, self.window.peek(LENGTH_FIELD), self.sum)
    }

    fn broken(&mut self) -> Broken {
        let mut broken = self.broken_length();
        let Some(length) = broken.length else { return broken };
        let cost = length.total() * Broken::SUMS;
        if self.effort.affords(cost, broken.start) && broken.look_at(self.window.peek(length.total())) {
            self.effort.spend(cost);
        }
        broken
    }

    /// A length of zero is the end for etcd: the file is allocated ahead. Records behind it are lost.
    fn zeros(&mut self) -> ControlFlow<()> {
        if self.wrong_length()? {
            return ControlFlow::Continue(());
        }
        let start = self.window.position();
        let sums = Vec::from_iter(self.sum);
        let search = self.search(&sums);
        if self.window.failure().is_some() {
            return ControlFlow::Break(());
        }
        let end = self.window.position();
        if search.found.is_some() {
            self.fail(if self.extent.place == Place::Inner { Fate::Stops } else { Fate::Cuts });
            let lost = Lost { records: None, bytes: end - start };
            return self.damage(
                start..end,
                "zero where a record should be, with records behind".into(),
                lost,
            );
        }
        if search.written <= start {
            return ControlFlow::Continue(());
        }
        let written = search.written.next_multiple_of(ALIGNMENT as u64).min(end);
        let message = format!("bytes {start} to {written} were written in part, behind the end of the log");
        self.note(start..written, "torn-tail", message)
    }

    /// Moves the window to the next sound record, or to the end of the file.
    fn search(&mut self, sums: &[u32]) -> Search {
        let start = self.window.position();
        let mut written = start;
        let mut step = ALIGNMENT - usize::try_from(start % ALIGNMENT as u64).unwrap_or_default();
        loop {
            written = self.pass(step).unwrap_or(written);
            let chunk = self.window.peek(STRIDE + OPENING);
            let is_end = chunk.len() < STRIDE + OPENING;
            let candidate = next_plausible(chunk);
            let rest = if is_end { chunk.len() } else { STRIDE };
            written = self.pass(candidate.unwrap_or(rest)).unwrap_or(written);
            step = 0;
            if candidate.is_some() {
                if let Some(verified) = self.verify_candidate(sums) {
                    return Search { found: Some(verified), written };
                }
                step = ALIGNMENT;
            } else if is_end {
                return Search { found: None, written };
            }
        }
    }

    /// Passes `len` bytes; answers where the last of them that is not zero ends.
    fn pass(&mut self, len: usize) -> Option<u64> {
        let here = self.window.position();
        let last = self.window.peek(len).iter().rposition(|&byte| byte != 0);
        self.window.skip(len);
        last.map(|last| here + last as u64 + 1)
    }

    /// Whether the record here is sound, or the one behind it because it goes on from this one; the window moves
    /// to the sound one.
    fn verify_candidate(&mut self, sums: &[u32]) -> Option<Verified> {
        let here = self.window.position();
        let (_, length) = self.frame_at(0)?;
        let cost = length.total().saturating_mul(sums.len());
        if !self.effort.affords(cost, here) {
            return None;
        }
        let (record, _) = self.frame_at(0)?;
        if let Some(&sum) = sums.iter().find(|&&sum| record.follows(sum)) {
            self.sum = Some(sum);
            return Some(Verified::FromBefore);
        }
        let crc = record.crc;
        self.effort.spend(cost);
        let (neighbour, behind) = self.frame_at(length.total())?;
        // A record of kind crc only repeats a number: it vouches for nothing.
        let is_sound = neighbour.kind != Kind::Crc && neighbour.follows(crc);
        if !is_sound {
            self.effort.spend(behind.total());
            return None;
        }
        self.sum = Some(crc);
        self.window.skip(length.total());
        Some(Verified::FromNeighbour)
    }

    fn fail(&mut self, fate: Fate) {
        self.tally.fate.get_or_insert(fate);
    }

    fn damage(&mut self, span: Range<u64>, cause: Cow<'static, str>, lost: Lost) -> ControlFlow<()> {
        let damage = Damage { file: self.file.to_owned(), start: span.start, end: span.end, cause, lost };
        (self.visit)(Entry { span, body: Body::Damage(damage) })
    }

    fn note(&mut self, span: Range<u64>, code: &'static str, message: String) -> ControlFlow<()> {
        let note = Note { code, file: self.file.to_owned(), message };
        (self.visit)(Entry { span, body: Body::Note(note) })
    }
}

/// Where in `bytes` a frame may begin, in steps of the alignment.
fn next_plausible(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len().saturating_sub(OPENING - 1))
        .step_by(ALIGNMENT)
        .find(|&at| bytes.get(at..at + OPENING).is_some_and(plausible))
}
