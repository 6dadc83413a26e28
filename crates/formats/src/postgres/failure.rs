//! A place where no sound record lies, and where one may begin behind it.

use std::borrow::Cow;

use super::gather::{Blame, Fault, Unsound};
use super::lsn::Lsn;
use super::page::Place;
use super::record::is_length;
use crate::Bytes;

/// A place where a record should begin and none is sound.
pub(super) struct Failure {
    /// The place, which is that of the page header when one lies before the record.
    pub(super) at: Lsn,
    pub(super) record: Lsn,
    /// What is wrong with that header.
    pub(super) fault: Option<Fault>,
    pub(super) unsound: Unsound,
    /// Whether it is the beginning of the segment.
    pub(super) is_opening: bool,
}

impl Failure {
    /// Whether nothing was written here since the file was made or recycled.
    pub(super) fn is_unused(&self) -> bool {
        let is_of_page = self.fault.as_ref().is_some_and(|fault| fault.blame == Blame::Page);
        is_of_page || self.unsound.length == 0
    }

    /// Where the record would end if its length were right.
    pub(super) fn claimed_end(&self) -> Lsn {
        self.record.plus(self.unsound.length.into())
    }

    /// Where damage that ends at `end` begins, and why.
    pub(super) fn origin(&self, end: Lsn) -> (Lsn, Cow<'static, str>) {
        let fault = self.fault.as_ref().or(self.unsound.fault.as_ref()).filter(|fault| fault.page < end);
        fault.map_or_else(
            || (self.record, self.unsound.cause.clone()),
            |fault| (fault.page, fault.cause.clone()),
        )
    }
}

/// Where on a page a record may begin that names a place not before `least` for the one before it.
pub(super) fn candidates(bytes: &[u8], place: Place, least: Lsn) -> Vec<Lsn> {
    let mut found = Vec::new();
    let mut offset = place.header_len();
    while let Some(rest) =
        usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).filter(|rest| rest.len() >= 8)
    {
        let at = place.at.plus(offset);
        let mut fields = Bytes::new(rest);
        let (total, _xid) = (fields.u32_le("length"), fields.u32_le("transaction"));
        // The last place on a page leaves that field to the next page.
        let before = fields.u64_le("previous record").map_or(least, Lsn::new);
        if total.is_ok_and(is_length) && (least..at).contains(&before) {
            found.push(at);
        }
        offset += 8;
    }
    found
}
