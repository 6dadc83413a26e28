//! Reading one segment: records, damage, the end of the log.

use std::borrow::Cow;
use std::io;
use std::ops::{ControlFlow, Range};

use super::failure::{Failure, candidates};
use super::gather::{Before, Blame, Fault, Gathered, Segment, Sound, Unsound, gather, pass};
use super::lsn::{Lsn, SegmentName};
use super::page::PageHeader;
use super::record::is_length;
use super::store::Store;
use crate::effort::Effort;
use crate::{Body, Damage, Entry, Lost, Note, Visit};

/// How many damaged places of a segment are remembered; what the server does is decided by the first few.
const MAX_DAMAGE: usize = 1_000;

/// What is known of a segment after it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Where the last sound record ends.
    pub(super) end: Lsn,
    /// The damage in it, at most [`MAX_DAMAGE`] places.
    pub(super) damage: Vec<Range<Lsn>>,
}

/// Where a segment stands in its timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Segments with later parts of the log follow.
    Inner,
    /// The newest follows: the last record may go on there, and may not be written to its end.
    BeforeNewest,
    /// The newest: here the log ends.
    Newest,
}

/// Why reading ended early.
enum Stop {
    /// The visitor wants no more.
    Enough,
    /// A file cannot be read.
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Failed(error)
    }
}

type Step<T = ()> = Result<T, Stop>;

/// The reader of one segment.
pub(super) struct Reader<'v, 'e, 'a> {
    file: &'v str,
    /// Bytes of the file, which should be those of a segment.
    len: u64,
    segment: Segment,
    standing: Standing,
    /// The server remembers to have written everything before this place.
    written: Lsn,
    store: Store<'a>,
    /// Where the last sound record begins.
    before: Option<Lsn>,
    effort: Effort,
    tally: Tally,
    visit: &'v mut Visit<'e>,
}

/// Where the first record of a segment begins.
struct Opening {
    at: Lsn,
    /// Wrong headers of pages before it.
    faults: Vec<Fault>,
    /// Why there is none.
    unsound: Option<Unsound>,
}

/// A place where a record should begin.
struct Attempt {
    /// Where the record begins: behind the page header, if there is one.
    record: Lsn,
    /// What is wrong with that header.
    fault: Option<Fault>,
    gathered: Gathered,
}

impl<'v, 'e, 'a> Reader<'v, 'e, 'a> {
    /// A reader of `segment`, of which `len` bytes are in `store`.
    pub(super) fn new(
        file: &'v str,
        len: u64,
        segment: Segment,
        store: Store<'a>,
        visit: &'v mut Visit<'e>,
    ) -> Self {
        let (effort, tally) = (Effort::default(), Tally { end: segment.start, ..Tally::default() });
        let (standing, written) = (Standing::Newest, Lsn::default());
        Self { file, len, segment, standing, written, store, before: None, effort, tally, visit }
    }

    /// Reads all of it.
    pub(super) fn read(mut self, standing: Standing, written: Lsn) -> (Tally, io::Result<()>) {
        (self.standing, self.written) = (standing, written);
        match self.everything() {
            Err(Stop::Failed(error)) => (self.tally, Err(error)),
            Ok(()) | Err(Stop::Enough) => (self.tally, Ok(())),
        }
    }

    /// Reads all of it and tells how much was checksummed in vain.
    #[cfg(test)]
    pub(super) fn spent_by_reading(mut self) -> u64 {
        drop(self.everything());
        self.effort.spent()
    }

    fn everything(&mut self) -> Step {
        let mut at = self.opening()?;
        while let Some(here) = at.filter(|at| *at < self.segment.end()) {
            let Attempt { record, fault, gathered } = self.attempt(here)?;
            at = match gathered {
                Gathered::Sound(sound) => Some(self.sound(record, fault, sound)?),
                Gathered::GivenUp(page) => Some(self.given_up(here, page)?),
                Gathered::Unsound(unsound) => {
                    self.failed(&Failure { at: here, record, fault, unsound, is_opening: false })?
                }
            };
        }
        Ok(())
    }

    /// Finds where the first record begins: the first page may go on with one of the segment before, which is checked
    /// there.
    fn opening(&mut self) -> Step<Option<Lsn>> {
        let Opening { at, faults, unsound } = self.first_record()?;
        let Some(mut unsound) = unsound else {
            for fault in faults {
                self.wrong_header(fault)?;
            }
            return Ok(Some(at));
        };
        if at == self.segment.start || unsound.length == 0 && faults.is_empty() {
            return Ok(Some(at));
        }
        let start = self.segment.start;
        let cause = "page header: no record begins where the remaining length says".into();
        let of_start = faults.into_iter().find(|fault| fault.page == start);
        let fault = of_start.unwrap_or(Fault { page: start, cause, blame: Blame::Either });
        // If nothing sound follows, the record of the segment before is torn, which is told there.
        unsound.length = 0;
        let record = start.plus(self.segment.place(start).header_len());
        self.failed(&Failure { at: start, record, fault: Some(fault), unsound, is_opening: true })
    }

    /// Looks for the first record where the first page says.
    fn first_record(&mut self) -> Step<Opening> {
        let start = self.segment.start;
        let place = self.segment.place(start);
        let header = PageHeader::read(self.store.page(start)?).ok();
        let left = header.map_or(0, |header| header.remaining);
        let (mut at, mut faults) = (start, Vec::new());
        if left > 0 {
            let cause = header.and_then(|header| header.fault(&place));
            let front = start.plus(place.header_len());
            let (end, others) = pass(&mut self.store, &self.segment, front, left.into())?;
            at = end;
            faults.extend(cause.map(|cause| Fault { page: start, cause, blame: Blame::Page }));
            faults.extend(others);
        }
        if at >= self.segment.end() && faults.is_empty() {
            return Ok(Opening { at, faults, unsound: None });
        }
        let unsound = match self.attempt(at)?.gathered {
            Gathered::Unsound(unsound) => Some(unsound),
            _ => None,
        };
        Ok(Opening { at, faults, unsound })
    }

    /// Tries to read the record at `at`, behind the page header if one lies there.
    fn attempt(&mut self, at: Lsn) -> Step<Attempt> {
        let (mut record, mut fault) = (at, None);
        if at.within(self.segment.geometry.page) == 0 {
            let place = self.segment.place(at);
            let cause = match PageHeader::read(self.store.page(at)?) {
                Err(_) => Some(("page header: the file ends before it".into(), Blame::Page)),
                Ok(header) => match header.fault(&place) {
                    None if header.continues() => {
                        Some(("page header: goes on with a record that has ended".into(), Blame::Either))
                    }
                    fault => fault.map(|cause| (cause, Blame::Page)),
                },
            };
            fault = cause.map(|(cause, blame)| Fault { page: at, cause, blame });
            record = at.plus(place.header_len());
        }
        let before = self.before.map_or(Before::From(Lsn::default()), Before::At);
        let gathered = gather(&mut self.store, &self.segment, record, before, &mut self.effort)?;
        Ok(Attempt { record, fault, gathered })
    }

    /// Hands out a record; answers where the next one begins.
    fn sound(&mut self, at: Lsn, fault: Option<Fault>, sound: Sound) -> Step<Lsn> {
        if let Some(fault) = fault {
            self.wrong_header(fault)?;
        }
        self.before = Some(at);
        self.tally.end = sound.end;
        let record = sound.header.into_record(at);
        let span = self.span(at, sound.end);
        self.hand_out(Entry { span, body: Body::Record(record) })?;
        for fault in sound.faults {
            self.wrong_header(fault)?;
        }
        // Behind a switch the rest of the segment holds nothing.
        Ok(if sound.header.switches() { self.segment.end() } else { sound.end })
    }

    /// A page header alone is wrong: what lies on the page is sound.
    fn wrong_header(&mut self, fault: Fault) -> Step {
        let end = fault.page.plus(self.segment.place(fault.page).header_len());
        let lost = Lost { records: Some(0), bytes: end.since(fault.page) };
        if fault.page >= self.segment.end() {
            // The first page of the next segment, whose reader cannot tell.
            self.tally.damage.push(fault.page..end);
            let (file, bytes) = (self.next_file(), end.since(fault.page));
            let damage = Damage { file, start: 0, end: bytes, cause: fault.cause, lost };
            return self.hand_out(Entry { span: self.span(end, end), body: Body::Damage(damage) });
        }
        self.damage(self.span(fault.page, end), fault.page..end, fault.cause, lost)
    }

    /// The name of the part with the next segment.
    fn next_file(&self) -> String {
        let Segment { timeline, geometry, .. } = self.segment;
        let next = SegmentName::holding(timeline, self.segment.end(), geometry).to_string();
        match self.file.rsplit_once('/') {
            Some((dir, _)) => format!("{dir}/{next}"),
            None => next,
        }
    }

    fn given_up(&mut self, at: Lsn, page: Lsn) -> Step<Lsn> {
        let message = format!("the record at {at} was not written to its end; the server went on at {page}");
        self.note(self.span(at, page), "given-up-record", message)?;
        Ok(page)
    }

    /// No sound record lies here; answers where reading goes on, if it does.
    fn failed(&mut self, failure: &Failure) -> Step<Option<Lsn>> {
        let Failure { at, record, .. } = *failure;
        let least = if self.before.is_some() { record } else { Lsn::default() };
        let next = self.search(self.segment, at, least)?;
        if next.is_none() && self.is_end(failure)? {
            if failure.is_unused() {
                return Ok(None);
            }
            let message = format!("the record at {record} was not written to its end: here the log ends");
            return self.note(self.span(at, failure.claimed_end()), "torn-tail", message).map(|()| None);
        }
        // A server may have written it since it was read, or may have taken the file away to write into it anew.
        if let Some(at) = self.is_sound_now(failure)? {
            return Ok(Some(at));
        }
        if !self.store.is_in_place()? {
            let message = "the server recycled the file while it was read".to_owned();
            return self.note(self.span(at, self.segment.end()), "vanished", message).map(|()| None);
        }
        let end = match next {
            Some((next, _)) => next,
            None if self.standing == Standing::Newest && is_length(failure.unsound.length) => {
                failure.claimed_end().aligned().min(self.segment.end())
            }
            None => self.segment.end(),
        };
        let (from, cause) = failure.origin(end);
        let records = next.filter(|(_, before)| *before == record).map(|_| 1);
        self.before = None;
        self.damage(self.span(at, end), from..end, cause, Lost { records, bytes: end.since(record) })?;
        Ok(next.map(|(next, _)| next))
    }

    /// Looks again; answers where reading goes on if a sound record is there now.
    fn is_sound_now(&mut self, failure: &Failure) -> Step<Option<Lsn>> {
        self.store.forget();
        if failure.is_opening {
            let Opening { at, unsound, .. } = self.first_record()?;
            return Ok(unsound.is_none().then_some(at));
        }
        let attempt = self.attempt(failure.at)?;
        Ok((!matches!(attempt.gathered, Gathered::Unsound(_))).then_some(failure.at))
    }

    /// Whether the log ends where this record should be, given that no sound one follows in this segment.
    fn is_end(&mut self, failure: &Failure) -> Step<bool> {
        if self.written > failure.at {
            return Ok(false);
        }
        let end = self.segment.end();
        match self.standing {
            Standing::Newest => Ok(true),
            // The record has to reach into the newest segment, and nothing sound may follow there.
            Standing::BeforeNewest if failure.claimed_end() > end => {
                let newest = Segment { start: end, ..self.segment };
                Ok(self.search(newest, failure.record, failure.record)?.is_none())
            }
            _ => Ok(false),
        }
    }

    /// The next sound record of `segment` behind `lost`, and where the one before it begins, which is not before
    /// `least`.
    ///
    /// Pages behind the end of the log hold what the file held before it was recycled: records whose checksum holds,
    /// but which name earlier places than this one.
    fn search(&mut self, segment: Segment, lost: Lsn, least: Lsn) -> Step<Option<(Lsn, Lsn)>> {
        let page_size = segment.geometry.page;
        let mut page = Lsn::new(lost.get() - lost.within(page_size)).max(segment.start);
        while page < segment.end() {
            let bytes = self.store.page(page)?.to_vec();
            if bytes.is_empty() {
                break;
            }
            // With nothing known of the record before, the page has to vouch for its place.
            let is_tied =
                least > Lsn::default() || PageHeader::read(&bytes).is_ok_and(|header| header.is_of(page));
            let candidates =
                if is_tied { candidates(&bytes, segment.place(page), least) } else { Vec::new() };
            for at in candidates.into_iter().filter(|at| *at > lost) {
                let found = gather(&mut self.store, &segment, at, Before::From(least), &mut self.effort)?;
                if let Gathered::Sound(sound) = found {
                    return Ok(Some((at, sound.header.before)));
                }
            }
            page = page.plus(page_size);
        }
        Ok(None)
    }

    /// The range of the file for a range of the stream, which may end in the next one.
    fn span(&self, from: Lsn, to: Lsn) -> Range<u64> {
        let len = self.len.min(self.segment.geometry.segment);
        from.since(self.segment.start).min(len)..to.since(self.segment.start).min(len)
    }

    fn damage(&mut self, span: Range<u64>, place: Range<Lsn>, cause: Cow<'static, str>, lost: Lost) -> Step {
        if self.tally.damage.len() < MAX_DAMAGE {
            self.tally.damage.push(place.clone());
        }
        let Range { start, end } = self.span(place.start, place.end);
        let damage = Damage { file: self.file.to_owned(), start, end, cause, lost };
        self.hand_out(Entry { span, body: Body::Damage(damage) })
    }

    fn note(&mut self, span: Range<u64>, code: &'static str, message: String) -> Step {
        let note = Note { code, file: self.file.to_owned(), message };
        self.hand_out(Entry { span, body: Body::Note(note) })
    }

    fn hand_out(&mut self, entry: Entry) -> Step {
        match (self.visit)(entry) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Enough),
        }
    }
}
