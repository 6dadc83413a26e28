//! Fragments to records: joins what belongs together and says which bytes cannot be trusted.
//!
//! * A record is handed on only when every fragment's checksum is right and the fragments follow each other
//!   without a gap. The server itself joins a `first` before a zeroed page with a `last` behind it and so serves
//!   samples that never existed; here such a record is lost.
//! * Damage starts where the first byte lies that cannot be trusted. When a header cannot be trusted, the next
//!   fragment with a right checksum in the page, else the next page, is where reading goes on.
//! * Zeros are padding only to the end of the file. Zeros with data behind them are a hole: no writer since 2019
//!   leaves them.

use std::ops::Range;

use super::found::{
    BAD_LENGTH, BAD_TYPE, Batch, CHECKSUM, End, FLAGS_DIFFER, Found, HOLE, IN_PADDING, OUT_OF_ORDER, Place,
    RESERVED_BITS, UNFINISHED, UNFINISHED_AT_END, What,
};
use super::fragment::{
    Compression, HEADER, Header, Kind, PAGE, PAGE_U64, SEARCH_BUDGET, all_zero, begins_soundly, resync,
};
use crate::Lost;

/// The longest record that is put together.
///
/// A segment has 128 MiB by default and 256 MiB at most, and a record lies in one segment; real records have
/// kilobytes. The bound keeps a chain of fragments that never ends from taking memory without end.
pub(crate) const MAX_RECORD: usize = 128 * 1024 * 1024;

/// How much input must be in view, unless the file ends before.
pub(crate) const LOOKAHEAD: usize = PAGE + HEADER;

/// More flips than this in padding look like the rest of a record, not like a flipped byte.
const STRAY_BYTES_IN_PADDING: usize = 16;

/// A record whose end has not been seen.
#[derive(Debug)]
struct Pending {
    span: Range<u64>,
    /// Behind the last damage that was told inside of it.
    told: u64,
    joined_from: usize,
    compression: Compression,
}

impl Pending {
    /// What of it was not told yet.
    fn rest(&self) -> Range<u64> {
        self.span.start.max(self.told)..self.span.end
    }
}

/// A damage that may still grow.
#[derive(Debug)]
struct Open {
    span: Range<u64>,
    cause: &'static str,
    lost: Lost,
}

/// Puts the fragments of one file together.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    pending: Option<Pending>,
    open: Option<Open>,
    zeros_from: Option<u64>,
    carry: Vec<u8>,
    search: Search,
}

/// What searching may still cost in a page.
#[derive(Debug, Default)]
struct Search {
    page: u64,
    spent: usize,
}

impl Search {
    /// What is left for the page at the cursor.
    fn left(&mut self, view: &View<'_>) -> usize {
        let page = view.offset / PAGE_U64;
        if page != self.page {
            *self = Self { page, spent: 0 };
        }
        SEARCH_BUDGET.saturating_sub(self.spent)
    }

    /// Whether `bytes` more may be checksummed in the page at the cursor; then they count.
    fn affords(&mut self, view: &View<'_>, bytes: usize) -> bool {
        let affordable = bytes <= self.left(view);
        self.spent += if affordable { bytes } else { 0 };
        affordable
    }

    /// Where the next fragment begins in the page at the cursor.
    fn next(&mut self, view: &View<'_>) -> Option<usize> {
        let mut left = self.left(view);
        let next = resync(view.page_rest(), &mut left);
        self.spent = SEARCH_BUDGET - left;
        next
    }
}

/// A fragment whose checksum is right.
#[derive(Clone, Copy)]
struct Piece {
    kind: Kind,
    compression: Compression,
    /// Header and data together.
    len: usize,
    /// Whether its header has bits that no writer sets.
    is_marked: bool,
}

/// Bytes in view, from the cursor on.
#[derive(Clone, Copy)]
struct View<'a> {
    bytes: &'a [u8],
    offset: u64,
    /// Where `bytes` begin in the input.
    index: usize,
    end: End,
}

impl View<'_> {
    /// Bytes up to the end of the page or of the file.
    fn page_rest(&self) -> &[u8] {
        let left = PAGE - usize::try_from(self.offset % PAGE_U64).unwrap_or(0);
        self.bytes.get(..left).unwrap_or(self.bytes)
    }

    /// The range of the next `len` bytes in the file.
    fn span(&self, len: usize) -> Range<u64> {
        self.offset..self.offset + len as u64
    }
}

impl Framer {
    /// Frames what `input`, which begins at `offset` of the file, holds, and returns how much of it is done with.
    pub(crate) fn advance(&mut self, input: &[u8], offset: u64, end: End, batch: &mut Batch) -> usize {
        batch.found.clear();
        batch.joined.clear();
        batch.joined.append(&mut self.carry);
        if let Some(pending) = &mut self.pending {
            pending.joined_from = 0;
        }
        let mut index = 0;
        while let Some(bytes) = input.get(index..).filter(|bytes| !bytes.is_empty()) {
            if end == End::More && bytes.len() < LOOKAHEAD {
                break;
            }
            index += self.step(View { bytes, offset: offset + index as u64, index, end }, batch);
        }
        if end == End::Here && index >= input.len() {
            self.finish(offset + input.len() as u64, batch);
        }
        if let Some(pending) = &self.pending {
            self.carry = batch.joined.split_off(pending.joined_from.min(batch.joined.len()));
        }
        index
    }

    /// Takes what stands at the cursor and returns its length.
    #[inline]
    fn step(&mut self, view: View<'_>, batch: &mut Batch) -> usize {
        let rest = view.page_rest();
        if let Some(header) = Header::read(rest)
            && let (Some(kind), Some(compression)) = (header.kind(), header.compression())
            && let Some(data) = header.data(rest)
            && !header.has_reserved_bits()
            && !data.is_empty()
            && header.vouches_for(data)
        {
            self.accept(Piece { kind, compression, len: header.len(), is_marked: false }, &view, batch);
            return header.len();
        }
        self.step_aside(view, batch)
    }

    /// The cursor stands at padding, at damage, or at something odd that is still sound.
    #[cold]
    fn step_aside(&mut self, view: View<'_>, batch: &mut Batch) -> usize {
        let rest = view.page_rest();
        if all_zero(rest) {
            // Less than a header at the end of a page is padding in the middle of a file too.
            if rest.len() >= HEADER {
                self.zeros_from.get_or_insert(view.offset);
            }
            return rest.len();
        }
        let Some(header) = Header::read(rest) else { return self.step_over_stump(view, batch) };
        if header.is_empty() && header.is_plausible() && rest.get(HEADER).is_some_and(|&byte| byte == 0) {
            // What zeros leave of a header when they begin inside it looks like a fragment without data.
            return self.step_over_zeros(view, batch);
        }
        if let Some(kind) = header.kind()
            && let Some(compression) = header.compression()
            && let Some(data) = header.data(view.bytes)
            && header.vouches_for(data)
        {
            // Sound but for bits that no writer sets, or for a fragment that crosses the end of its page: the
            // server takes both, so the record is not lost.
            let is_marked = header.has_reserved_bits();
            self.accept(Piece { kind, compression, len: header.len(), is_marked }, &view, batch);
            return header.len();
        }
        let starts_with_zeros = rest.iter().take(HEADER).all(|&byte| byte == 0);
        let goes_on_with_zeros = rest.get(HEADER..).is_some_and(all_zero);
        if header.kind().is_none() && (starts_with_zeros || goes_on_with_zeros) {
            return self.step_over_zeros(view, batch);
        }
        self.step_over_damage(view, header, batch)
    }

    /// Less than a header is left of the page or of the file, and it is not padding.
    fn step_over_stump(&mut self, view: View<'_>, batch: &mut Batch) -> usize {
        let rest = view.page_rest();
        let ends_page = (view.offset + rest.len() as u64).is_multiple_of(PAGE_U64);
        if ends_page {
            let stray = stray_bytes(rest);
            let span = view.offset + stray.start as u64..view.offset + stray.end as u64;
            let bytes = stray.len() as u64;
            self.damage(span, IN_PADDING, Lost { records: Some(0), bytes }, batch);
        } else {
            self.torn(view.span(rest.len()), batch);
        }
        rest.len()
    }

    /// Zeros where a fragment should begin, and something else behind them in the same page.
    fn step_over_zeros(&mut self, view: View<'_>, batch: &mut Batch) -> usize {
        let rest = view.page_rest();
        let stray = stray_bytes(rest);
        if let Some(next) = self.search.next(&view) {
            self.zeros_from.get_or_insert(view.offset);
            return next;
        }
        // Only the last page is padded; elsewhere this is what a hole leaves of a record.
        let last_page = view.end == End::Here && view.bytes.len() == rest.len();
        if last_page && stray.len() <= STRAY_BYTES_IN_PADDING {
            let span = view.offset + stray.start as u64..view.offset + stray.end as u64;
            let bytes = stray.len() as u64;
            self.damage(span, IN_PADDING, Lost { records: Some(0), bytes }, batch);
        } else {
            self.lose(view.span(rest.len()), HOLE, None, batch);
        }
        rest.len()
    }

    /// A header that cannot be trusted, or data that does not match it.
    fn step_over_damage(&mut self, view: View<'_>, header: Header, batch: &mut Batch) -> usize {
        let rest = view.page_rest();
        let cause = if header.kind().is_none() || header.compression().is_none() {
            BAD_TYPE
        } else if header.len() > PAGE {
            BAD_LENGTH
        } else {
            CHECKSUM
        };
        if header.data(rest).is_some_and(|data| header.vouches_for(data)) {
            self.lose(view.span(header.len()), cause, Some(1), batch);
            return header.len();
        }
        if self.search.affords(&view, 2 * rest.len()) {
            if let Some(length) = header.vouched_length(rest) {
                self.lose(view.span(HEADER + length), BAD_LENGTH, Some(1), batch);
                return HEADER + length;
            }
            if rest.get(header.len()..).is_some_and(begins_soundly) {
                self.lose(view.span(header.len()), cause, Some(1), batch);
                return header.len();
            }
        }
        if let Some(next) = self.search.next(&view) {
            self.lose(view.span(next), cause, None, batch);
            return next;
        }
        // Only now: a length that is wrong leads into padding as easily as a right one.
        if rest.get(header.len()..).is_some_and(all_zero) {
            self.lose(view.span(header.len()), cause, Some(1), batch);
            return header.len();
        }
        if ends_early(&view, header) {
            self.torn(view.span(rest.len()), batch);
        } else {
            self.lose(view.span(rest.len()), cause, None, batch);
        }
        rest.len()
    }

    /// A fragment whose checksum is right.
    #[inline]
    fn accept(&mut self, piece: Piece, view: &View<'_>, batch: &mut Batch) {
        let Piece { kind, compression, len, .. } = piece;
        let span = view.span(len);
        if self.zeros_from.is_some() {
            self.hole_before(span.start, batch);
        }
        match kind {
            Kind::Full => {
                self.drop_pending(batch);
                let told = self.marked(piece, view, batch);
                self.close(batch);
                let place = Place::Input(view.index + HEADER..view.index + len);
                batch.found.push(Found { span, told, what: What::Record(place, compression) });
            }
            Kind::First => {
                self.drop_pending(batch);
                let told = self.marked(piece, view, batch);
                self.close(batch);
                let joined_from = batch.joined.len();
                self.pending = Some(Pending { span, told, joined_from, compression });
                batch.joined.extend_from_slice(view.bytes.get(HEADER..len).unwrap_or_default());
            }
            Kind::Middle | Kind::Last => self.join(piece, view, batch),
        }
    }

    /// Tells of bits that no writer sets in the header of a fragment that is kept; answers up to where it told.
    #[inline]
    fn marked(&mut self, piece: Piece, view: &View<'_>, batch: &mut Batch) -> u64 {
        let Range { start, end } = view.span(usize::from(piece.is_marked));
        if piece.is_marked {
            self.damage(start..end, RESERVED_BITS, Lost { records: Some(0), bytes: 0 }, batch);
            // The record is kept: what comes next is not lost with this.
            self.close(batch);
        }
        end
    }

    /// A fragment that goes on with a record.
    fn join(&mut self, piece: Piece, view: &View<'_>, batch: &mut Batch) {
        let Piece { kind, compression, len, .. } = piece;
        let span = view.span(len);
        let Some(pending) = &mut self.pending else {
            return self.orphan(span, batch);
        };
        if pending.compression != compression {
            // One of the flags is wrong, and nothing says which: the record is in doubt from its beginning.
            let from = pending.rest().start;
            batch.joined.truncate(pending.joined_from);
            self.pending = None;
            return self.lose(from..span.end, FLAGS_DIFFER, Some(1), batch);
        }
        let joined = batch.joined.len() - pending.joined_from;
        if pending.span.end != span.start || joined + len > MAX_RECORD {
            return self.lose(span, OUT_OF_ORDER, Some(1), batch);
        }
        pending.span.end = span.end;
        if piece.is_marked {
            pending.told = span.start + 1;
        }
        batch.joined.extend_from_slice(view.bytes.get(HEADER..len).unwrap_or_default());
        self.marked(piece, view, batch);
        if kind == Kind::Last
            && let Some(done) = self.pending.take()
        {
            let place = Place::Joined(done.joined_from..batch.joined.len());
            let what = What::Record(place, compression);
            batch.found.push(Found { span: done.span, told: done.told, what });
        }
    }

    /// A continuation without a beginning: lost with the damage before it, or a damage of its own.
    fn orphan(&mut self, span: Range<u64>, batch: &mut Batch) {
        match &mut self.open {
            Some(open) => open.lost.bytes += span.end - span.start,
            None => self.lose(span, OUT_OF_ORDER, Some(1), batch),
        }
    }

    /// Zeros turn out to lie before data.
    fn hole_before(&mut self, data: u64, batch: &mut Batch) {
        if let Some(from) = self.zeros_from.take() {
            self.lose(from..data, HOLE, None, batch);
        }
    }

    /// A range is lost, and with it the record that was being put together.
    fn lose(&mut self, span: Range<u64>, cause: &'static str, records: Option<u64>, batch: &mut Batch) {
        if let Some(from) = self.zeros_from.take() {
            self.damage(from..span.start, HOLE, Lost { records: None, bytes: span.start - from }, batch);
        }
        let mut bytes = span.end - span.start;
        if let Some(pending) = self.pending.take() {
            bytes += pending.span.end - pending.span.start;
            batch.joined.truncate(pending.joined_from);
        }
        self.damage(span, cause, Lost { records, bytes }, batch);
    }

    /// Opens a damage, or widens the open one when both together are one stretch of unknown content.
    fn damage(&mut self, span: Range<u64>, cause: &'static str, lost: Lost, batch: &mut Batch) {
        if let Some(open) = &mut self.open
            && open.span.end == span.start
            && (open.lost.records.is_none() || lost.records.is_none())
        {
            open.span.end = span.end;
            open.lost = Lost { records: None, bytes: open.lost.bytes + lost.bytes };
            return;
        }
        self.close(batch);
        self.open = Some(Open { span, cause, lost });
    }

    /// Hands on the open damage.
    #[inline]
    fn close(&mut self, batch: &mut Batch) {
        if let Some(open) = self.open.take() {
            batch.found.push(Found::new(open.span, What::Damage(open.cause, open.lost)));
        }
    }

    /// A record that will never be finished.
    fn drop_pending(&mut self, batch: &mut Batch) {
        if let Some(pending) = self.pending.take() {
            batch.joined.truncate(pending.joined_from);
            let bytes = pending.span.end - pending.span.start;
            self.damage(pending.rest(), UNFINISHED, Lost { records: Some(1), bytes }, batch);
        }
    }

    /// The file ends inside a record.
    fn torn(&mut self, span: Range<u64>, batch: &mut Batch) {
        if self.zeros_from.is_some() {
            self.hole_before(span.start, batch);
        }
        self.close(batch);
        let begun = self.pending.take().map(|pending| (pending.span.start, pending.told));
        let (start, told) = begun.unwrap_or((span.start, span.start));
        batch.found.push(Found { span: start..span.end, told, what: What::Torn });
    }

    /// The file ends at `end`.
    fn finish(&mut self, end: u64, batch: &mut Batch) {
        match self.pending.take() {
            Some(pending) if self.zeros_from.is_none() && pending.span.end == end => {
                self.close(batch);
                batch.found.push(Found { span: pending.span, told: pending.told, what: What::Torn });
            }
            Some(pending) => {
                self.zeros_from = None;
                let bytes = pending.span.end - pending.span.start;
                self.damage(pending.rest(), UNFINISHED_AT_END, Lost { records: Some(1), bytes }, batch);
                self.close(batch);
            }
            None => {
                self.close(batch);
                self.blank(end, batch);
            }
        }
    }

    /// A writer pads the last page; it never writes pages of nothing but zeros.
    fn blank(&mut self, end: u64, batch: &mut Batch) {
        let Some(from) = self.zeros_from.take() else { return };
        let span = from.next_multiple_of(PAGE_U64)..end;
        if span.start < span.end {
            batch.found.push(Found::new(span, What::Blank));
        }
    }
}

/// Whether the file ends before the fragment does, as after a crash: a writer fills pages in order, so what is
/// there must be the beginning of a fragment that fits its page.
fn ends_early(view: &View<'_>, header: Header) -> bool {
    let in_page = usize::try_from(view.offset % PAGE_U64).unwrap_or(0);
    view.end == End::Here
        && view.bytes.len() < header.len()
        && in_page + header.len() <= PAGE
        && header.is_plausible()
}

/// From the first to behind the last byte that is not zero.
fn stray_bytes(bytes: &[u8]) -> Range<usize> {
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(0);
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    start..end
}
