//! Putting a record together from the pages it lies on, and checking it.

use std::borrow::Cow;
use std::io;

use super::lsn::{Geometry, Lsn};
use super::page::{Identity, PageHeader, Place};
use super::record::{HEADER, RecordHeader, SUMMED, is_length};
use super::store::Store;
use crate::effort::Effort;
use crate::sum::Crc32c;

/// How many wrong page headers are kept for one record.
const MAX_FAULTS: usize = 64;

/// The segment that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) start: Lsn,
    pub(super) timeline: u32,
    pub(super) geometry: Geometry,
    pub(super) identity: Option<Identity>,
}

impl Segment {
    /// Where the next segment begins.
    pub(super) fn end(&self) -> Lsn {
        self.start.plus(self.geometry.segment)
    }

    /// What the page at `at` must be.
    pub(super) fn place(&self, at: Lsn) -> Place {
        Place { at, timeline: self.timeline, geometry: self.geometry, identity: self.identity }
    }
}

/// Where the record before must begin: what ties a record to its place, since its checksum does not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before {
    /// Exactly there.
    At(Lsn),
    /// Not before that.
    From(Lsn),
}

impl Before {
    fn accepts(self, header: &RecordHeader, at: Lsn) -> bool {
        match self {
            Before::At(before) => header.before == before,
            Before::From(least) => (least..at).contains(&header.before) && header.before.within(8) == 0,
        }
    }
}

/// A page header that is wrong, and how.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) page: Lsn,
    pub(super) cause: Cow<'static, str>,
    pub(super) blame: Blame,
}

/// What a wrong page header proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The header itself is wrong.
    Page,
    /// It does not fit the record that it goes on with: either of them may be wrong.
    Either,
}

/// What lies where a record should begin.
pub(super) enum Gathered {
    /// A record whose checksum holds.
    Sound(Sound),
    /// Something else.
    Unsound(Unsound),
    /// A record that the server gave up when it started again; it went on at this page.
    GivenUp(Lsn),
}

/// A record whose checksum holds.
pub(super) struct Sound {
    pub(super) header: RecordHeader,
    /// Where the next record can begin.
    pub(super) end: Lsn,
    /// Wrong headers of pages that it lies on.
    pub(super) faults: Vec<Fault>,
}

/// Why there is no sound record.
pub(super) struct Unsound {
    pub(super) cause: Cow<'static, str>,
    /// The first page with a wrong header that it lies on.
    pub(super) fault: Option<Fault>,
    /// Its length; 0 where nothing was written.
    pub(super) length: u32,
}

/// Reads the record at `at`.
pub(super) fn gather(
    store: &mut Store<'_>,
    segment: &Segment,
    at: Lsn,
    before: Before,
    effort: &mut Effort,
) -> io::Result<Gathered> {
    let mut walk = Walk { store, segment, at, faults: Vec::new() };
    let mut head = [0; HEADER];
    let header = match walk.header(&mut head)? {
        Ok(header) => header,
        Err(other) => return Ok(other),
    };
    if !before.accepts(&header, at) {
        let cause = format!("the record names {} as the one before it", header.before);
        return Ok(walk.unsound(cause.into(), header.total));
    }
    let cost = header.total as usize;
    if !effort.affords(cost, at.since(segment.start)) {
        return Ok(walk.unsound("not checked: too many records were checked in vain".into(), header.total));
    }
    let mut sum = Crc32c::new();
    let mut left = u64::from(header.total) - HEADER as u64;
    while left > 0 {
        match walk.next(left, Some(left))? {
            Next::Bytes(bytes) => {
                sum.update(bytes);
                left -= bytes.len() as u64;
            }
            Next::GivenUp(page) => return Ok(Gathered::GivenUp(page)),
            Next::End => {
                effort.spend(cost);
                return Ok(walk.unsound("the record runs past the end of the log".into(), header.total));
            }
        }
    }
    sum.update(head.get(..SUMMED).unwrap_or_default());
    if sum.finish() != header.sum {
        effort.spend(cost);
        return Ok(walk.unsound("checksum mismatch".into(), header.total));
    }
    Ok(Gathered::Sound(Sound { header, end: walk.at.aligned(), faults: walk.faults }))
}

/// Passes `left` bytes of a record that began in an earlier segment; answers where it ends and what page headers on the
/// way are wrong.
pub(super) fn pass(
    store: &mut Store<'_>,
    segment: &Segment,
    at: Lsn,
    left: u64,
) -> io::Result<(Lsn, Vec<Fault>)> {
    let mut walk = Walk { store, segment, at, faults: Vec::new() };
    let mut left = left;
    while left > 0 && walk.at < segment.end() {
        match walk.next(left, Some(left))? {
            Next::Bytes(bytes) => left -= bytes.len() as u64,
            Next::GivenUp(_) | Next::End => break,
        }
    }
    Ok((walk.at.aligned(), walk.faults))
}

enum Next<'b> {
    Bytes(&'b [u8]),
    GivenUp(Lsn),
    End,
}

/// A way through the pages, over their headers.
struct Walk<'s, 'a> {
    store: &'s mut Store<'a>,
    segment: &'s Segment,
    at: Lsn,
    faults: Vec<Fault>,
}

impl Walk<'_, '_> {
    /// The header of the record here, which may lie on two pages.
    fn header(&mut self, into: &mut [u8; HEADER]) -> io::Result<Result<RecordHeader, Gathered>> {
        let mut filled = 0;
        let mut total = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let left = (filled > 0).then(|| u64::from(total).saturating_sub(filled as u64));
            match self.next(rest.len() as u64, left)? {
                Next::Bytes(bytes) => {
                    rest.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                    filled += bytes.len();
                }
                Next::GivenUp(page) => return Ok(Err(Gathered::GivenUp(page))),
                Next::End => {
                    let cause = "the record runs past the end of the log".into();
                    return Ok(Err(self.unsound(cause, total)));
                }
            }
            // A record begins at a multiple of 8, so its length never lies on two pages.
            total = crate::Bytes::new(into).u32_le("length").unwrap_or_default();
            if total == 0 {
                return Ok(Err(self.unsound("zero where a record should be".into(), total)));
            }
            if !is_length(total) {
                return Ok(Err(self.unsound(format!("record length {total} is not possible").into(), total)));
            }
        }
        let cause = "the record header cannot be read".into();
        Ok(RecordHeader::read(into).map_err(|_| self.unsound(cause, total)))
    }

    fn unsound(&self, cause: Cow<'static, str>, length: u32) -> Gathered {
        let fault = self.faults.iter().find(|fault| fault.blame == Blame::Page).cloned();
        Gathered::Unsound(Unsound { cause, fault, length })
    }

    /// The bytes from here to the end of the page, at most `limit`, when `left` bytes of the record are still to come.
    fn next(&mut self, limit: u64, left: Option<u64>) -> io::Result<Next<'_>> {
        let page_size = self.segment.geometry.page;
        if self.at.within(page_size) == 0 {
            let page = self.at;
            match self.page_header(left)? {
                Some(PageKind::GivenUp) => return Ok(Next::GivenUp(page)),
                Some(PageKind::GoesOn) => {}
                None => return Ok(Next::End),
            }
        }
        let within = self.at.within(page_size);
        let start = Lsn::new(self.at.get() - within);
        let from = usize::try_from(within).unwrap_or(usize::MAX);
        let there = self.store.page(start)?.len().saturating_sub(from);
        let len = there.min(usize::try_from(limit).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(Next::End);
        }
        self.at = self.at.plus(len as u64);
        let page = self.store.page(start)?;
        Ok(Next::Bytes(page.get(from..from + len).unwrap_or_default()))
    }

    /// Passes the header of the page here; `None` when there is no page.
    ///
    /// A wrong one is remembered and passed all the same: whether the record is sound its checksum tells.
    fn page_header(&mut self, left: Option<u64>) -> io::Result<Option<PageKind>> {
        let place = self.segment.place(self.at);
        let page = self.store.page(self.at)?;
        if (page.len() as u64) < place.header_len() {
            return Ok(None);
        }
        // Wrong headers in the next segment are told by who reads that, unless the remaining length is wrong by so little
        // that the next record still begins where it says.
        let mut is_hidden = false;
        let fault = match PageHeader::read(page) {
            Err(malformed) => Some((malformed.what.into(), Blame::Page)),
            Ok(header) => match header.fault(&place) {
                None if header.overwrites() => return Ok(Some(PageKind::GivenUp)),
                None => {
                    let remaining = u64::from(header.remaining);
                    let goes_on = left.is_none_or(|left| left == remaining);
                    let hides = left.is_some_and(|left| left.div_ceil(8) == remaining.div_ceil(8));
                    is_hidden = hides && header.continues() && self.at == self.segment.end();
                    let cause = Cow::Borrowed("page header: does not go on with the record before it");
                    (!header.continues() || !goes_on).then_some((cause, Blame::Either))
                }
                Some(cause) => Some((cause, Blame::Page)),
            },
        };
        if let Some((cause, blame)) = fault
            && (self.at < self.segment.end() || is_hidden)
            && self.faults.len() < MAX_FAULTS
        {
            self.faults.push(Fault { page: self.at, cause, blame });
        }
        self.at = self.at.plus(place.header_len());
        Ok(Some(PageKind::GoesOn))
    }
}

enum PageKind {
    GoesOn,
    GivenUp,
}
