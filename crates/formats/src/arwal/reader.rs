//! Reading one job log from a stream: records, damage, the torn end.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::{ControlFlow, Range};

use super::event::event_type;
use super::frame::{
    Frame, HEAD, HEADER, LengthRule, MAX_TOTAL, MIN_TOTAL, length_field, next_plausible, plausible,
};
use super::tally::{Header, Tally};
use super::{MAGIC, VERSION};
use crate::effort::Effort;
use crate::window::Window;
use crate::{Body, Bytes, Damage, Entry, Lost, Note, Record, TimeRange, Value, Visit};

/// How much is searched at once.
const STRIDE: usize = 64 * 1024;

/// Bytes of the length field.
const LENGTH_BYTES: usize = 4;
const LENGTH_FIELD: u64 = LENGTH_BYTES as u64;

/// What gets the bytes of a record that stand behind its length.
pub(super) type Keep<'k> = dyn FnMut(&[u8]) + 'k;

/// The reader of one file.
pub(super) struct Reader<'v, 'e, R> {
    file: &'v str,
    window: Window<R>,
    rule: Option<LengthRule>,
    effort: Effort,
    gave_up: bool,
    tally: Tally,
    /// Gets the bytes of each sound record that stand behind its length, before it is handed out.
    keep: Option<&'v mut Keep<'v>>,
    visit: &'v mut Visit<'e>,
}

/// What the search for the next sound record found.
struct Resumed {
    /// Where the window stands behind the start of the damage; 0 as long as all of it is held.
    passed: u64,
    /// The next sound record, from where the window stands.
    next: Option<usize>,
}

impl<'v, 'e, R: Read> Reader<'v, 'e, R> {
    /// A reader at the start of `source`.
    pub(super) fn new(file: &'v str, source: R, visit: &'v mut Visit<'e>) -> Self {
        let window = Window::new(source);
        Self {
            file,
            window,
            rule: None,
            effort: Effort::default(),
            gave_up: false,
            tally: Tally::default(),
            keep: None,
            visit,
        }
    }

    /// The same, where `keep` gets the bytes of each sound record that stand behind its length.
    pub(super) fn keeping(self, keep: &'v mut Keep<'v>) -> Self {
        Self { keep: Some(keep), ..self }
    }

    /// Reads all of it; the error is one of the system, not of the content.
    pub(super) fn read(mut self) -> (Tally, io::Result<()>) {
        // A visitor that breaks off has what it wants; that is no failure.
        let _broken_off = self.everything();
        let failure = self.window.take_failure().filter(is_of_system);
        (self.tally.finish(), failure.map_or(Ok(()), Err))
    }

    /// Reads all of it and tells how much was checksummed in vain.
    #[cfg(test)]
    pub(super) fn spent_by_reading(mut self) -> u64 {
        let _broken_off = self.everything();
        self.effort.spent()
    }

    fn everything(&mut self) -> ControlFlow<()> {
        self.header()?;
        while !self.window.peek(1).is_empty() {
            match self.sound_at(0) {
                Some((frame, rule)) => self.record(&frame, Some(rule))?,
                None => self.damaged()?,
            }
        }
        self.end_of_stream()
    }

    fn header(&mut self) -> ControlFlow<()> {
        let head = self.window.peek(HEADER);
        let len = head.len();
        let (mut problem, reserved) = header_problem(head);
        if self.failed_in_system() {
            return ControlFlow::Break(());
        }
        if let Some(failure) = self.window.failure().filter(|_| len < HEADER) {
            problem = Some(compressed(failure));
        }
        self.tally.header = if problem.is_some() { Header::Damaged } else { Header::Sound };
        if let Some(cause) = problem {
            let lost = Lost { records: Some(0), bytes: len as u64 };
            self.damage(0..len as u64, cause, lost)?;
        } else if reserved != 0 {
            let message =
                format!("the reserved bytes of the header hold {reserved:#010x}; nothing reads them");
            self.note(12..16, "reserved-bytes", message)?;
        }
        self.window.skip(len);
        ControlFlow::Continue(())
    }

    /// The record `offset` bytes from here, if one lies there whose checksum holds.
    fn sound_at(&mut self, offset: usize) -> Option<(Frame, LengthRule)> {
        let length = length_field(self.window.peek(offset + 4).get(offset..)?)?;
        let first = self.rule.unwrap_or(LengthRule::Whole);
        for rule in [first, first.other()] {
            let Some(total) = rule.total(length) else { continue };
            if !self.effort.affords(total, self.window.position() + offset as u64) {
                self.gave_up = true;
                continue;
            }
            let Some(bytes) = self.window.peek(offset + total).get(offset..) else { continue };
            if bytes.len() < total {
                continue;
            }
            if let Some(frame) = Frame::verify(bytes) {
                return Some((frame, rule));
            }
            self.effort.spend(total);
        }
        None
    }

    /// Hands out the record that begins here; without a `rule` its length was reported as damage.
    fn record(&mut self, frame: &Frame, rule: Option<LengthRule>) -> ControlFlow<()> {
        let start = self.window.position();
        let end = start + frame.total() as u64;
        let before = self.tally.add(frame, rule);
        let bytes = self.window.peek(frame.total());
        if let (Some(keep), Some(behind)) = (&mut self.keep, bytes.get(LENGTH_BYTES..)) {
            keep(behind);
        }
        let record = record_of(frame, frame.payload(bytes));
        let damaged = if rule.is_some() { 0 } else { LENGTH_FIELD };
        let changed = rule.is_some() && self.rule.is_some_and(|before| Some(before) != rule);
        self.rule = rule.or(self.rule);
        self.window.skip(frame.total());
        (self.visit)(Entry { span: start + damaged..end, body: Body::Record(record) })?;
        if changed {
            let message = format!("the length at byte {start} follows another rule than those before it");
            self.note(start..end, "length-rule", message)?;
        }
        if let Some(before) = before
            && self.tally.backward == 1
        {
            let message = format!(
                "the sequence goes back from {before} to {} at byte {start}: more than one attempt of the job \
                 wrote this file",
                frame.sequence()
            );
            self.note(start..end, "sequence-backward", message)?;
        }
        ControlFlow::Continue(())
    }

    /// Here lies no sound record: finds the next one and says what is between.
    fn damaged(&mut self) -> ControlFlow<()> {
        let start = self.window.position();
        let head = self.window.peek(HEAD).to_vec();
        let resumed = self.search();
        if self.failed_in_system() {
            return ControlFlow::Break(());
        }
        let next = resumed.next.unwrap_or_else(|| self.window.peek(usize::MAX).len());
        let end = start + resumed.passed + next as u64;
        if resumed.passed == 0 && next <= MAX_TOTAL {
            // Only the length may be wrong: then the checksum holds from here to the next record.
            if let Some(frame) = Frame::verify(self.window.peek(next)) {
                let lost = Lost { records: Some(0), bytes: LENGTH_FIELD };
                self.damage(start..start + LENGTH_FIELD, "length field is wrong", lost)?;
                return self.record(&frame, None);
            }
        }
        self.window.skip(next);
        let len = end - start;
        let mut lost = Lost { records: lost_records(&head, len), bytes: len };
        if resumed.next.is_some() {
            return self.damage(start..end, cause(&head, len), lost);
        }
        if let Some(failure) = self.window.failure() {
            lost.records = None;
            return self.damage(start..end, compressed(failure), lost);
        }
        if self.is_torn(&head, len) {
            let message = format!("the last {len} bytes are a record that was not written to its end");
            return self.note(start..end, "torn-tail", message);
        }
        self.damage(start..end, cause(&head, len), lost)
    }

    /// Looks for the next sound record behind the start of the damage.
    fn search(&mut self) -> Resumed {
        let mut passed = 0u64;
        let mut offset = 1usize;
        loop {
            // As long as the damage is no longer than a record, its bytes are held: they may be one.
            if offset > MAX_TOTAL {
                self.window.skip(offset);
                passed += offset as u64;
                offset = 0;
            }
            let ahead = self.window.peek(offset + STRIDE).get(offset..).unwrap_or_default();
            if ahead.len() < MIN_TOTAL {
                return Resumed { passed, next: None };
            }
            if let Some(at) = next_plausible(ahead) {
                offset += at;
                if self.sound_at(offset).is_some() {
                    return Resumed { passed, next: Some(offset) };
                }
                offset += 1;
            } else {
                offset += ahead.len() - (HEAD - 1);
            }
        }
    }

    /// Whether a record that begins with `head` was still being written when the file ended `len` bytes on.
    fn is_torn(&self, head: &[u8], len: u64) -> bool {
        let Some(length) = length_field(head) else { return true };
        let rule = self.rule.unwrap_or(LengthRule::Whole);
        plausible(head) && rule.total(length).is_some_and(|total| total as u64 > len)
    }

    /// A compressed file may fail exactly between two records.
    fn end_of_stream(&mut self) -> ControlFlow<()> {
        let end = self.window.position();
        if self.gave_up {
            let message = "the search for sound records was bounded; some may be missing".to_owned();
            self.note(end..end, "search-bounded", message)?;
        }
        let ended_on_record = self.tally.damage_end != Some(end);
        match self.window.failure() {
            Some(failure) if !is_of_system(failure) && ended_on_record => {
                let cause = compressed(failure);
                self.damage(end..end, cause, Lost::default())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn failed_in_system(&self) -> bool {
        self.window.failure().is_some_and(is_of_system)
    }

    fn damage(
        &mut self,
        span: Range<u64>,
        cause: impl Into<Cow<'static, str>>,
        lost: Lost,
    ) -> ControlFlow<()> {
        self.tally.stop();
        self.tally.damage_end = Some(span.end);
        let damage = Damage {
            file: self.file.to_owned(),
            start: span.start,
            end: span.end,
            cause: cause.into(),
            lost,
        };
        (self.visit)(Entry { span, body: Body::Damage(damage) })
    }

    fn note(&mut self, span: Range<u64>, code: &'static str, message: String) -> ControlFlow<()> {
        let note = Note { code, file: self.file.to_owned(), message };
        (self.visit)(Entry { span, body: Body::Note(note) })
    }
}

/// Errors of the decompressor carry no number of the system.
fn is_of_system(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
}

fn compressed(failure: &io::Error) -> Cow<'static, str> {
    Cow::Owned(format!("compressed data cannot be read on: {failure}"))
}

/// Why the `len` bytes that begin with `head` are no sound record.
fn cause(head: &[u8], len: u64) -> Cow<'static, str> {
    let length = length_field(head).unwrap_or_default();
    match LengthRule::Rest.total(length) {
        None => Cow::Owned(format!("record length {length} is not legal")),
        Some(total) if total as u64 > len + 4 => Cow::Borrowed("record is cut off"),
        Some(_) => Cow::Borrowed("checksum mismatch"),
    }
}

/// What is wrong with a file header, and what its reserved bytes hold.
fn header_problem(head: &[u8]) -> (Option<Cow<'static, str>>, u32) {
    if head.len() < HEADER {
        let cause = format!("file header is cut off: {} of {HEADER} bytes are there", head.len());
        return (Some(Cow::Owned(cause)), 0);
    }
    let mut bytes = Bytes::new(head);
    let magic = bytes.take(MAGIC.len(), "magic").unwrap_or_default();
    let version = bytes.u32_le("version").unwrap_or_default();
    let reserved = bytes.u32_le("reserved").unwrap_or_default();
    let problem = if magic != MAGIC {
        Some(Cow::Owned(format!("file header begins with {}, not ARWAL001", magic.escape_ascii())))
    } else if version != VERSION {
        Some(Cow::Owned(format!("file header names version {version}; only version {VERSION} is known")))
    } else {
        None
    };
    (problem, reserved)
}

/// How many records lie in a damage of `len` bytes that begins with `head`, when it is just one.
fn lost_records(head: &[u8], len: u64) -> Option<u64> {
    let length = length_field(head)?;
    let whole = [LengthRule::Whole, LengthRule::Rest];
    let fits = whole.iter().any(|rule| rule.total(length).is_some_and(|total| total as u64 == len));
    fits.then_some(1)
}

fn record_of(frame: &Frame, payload: &[u8]) -> Record {
    let status = match frame.status() {
        1 => Value::from("pending"),
        2 => Value::from("sent"),
        3 => Value::from("failed"),
        other => Value::from(other),
    };
    let mut record = Record::new("event")
        .with("sequence", frame.sequence())
        .with("status", status)
        .with("time", frame.time())
        .with("event_type", event_type(payload).unwrap_or(Value::Null))
        .with("payload", Value::text_or_bytes(payload));
    record.times = Some(TimeRange::at(frame.time()));
    record.samples = 1;
    record
}
