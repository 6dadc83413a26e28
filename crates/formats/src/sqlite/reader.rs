//! Reading one `-wal` file: the frames that count, what lies behind them, and whether that is damage.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};

use super::frame::{FILE_HEADER, FRAME_HEADER, FileHeader, Frame, Generation, HeaderFault, Sum};
use super::index::Index;
use crate::{Body, Damage, Entry, Lost, Note, Record, Visit};

/// The largest frame.
const MAX_FRAME: usize = FRAME_HEADER + 65536;

/// What is known of a log after it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) header_fault: Option<HeaderFault>,
    pub(super) page_size: Option<u64>,
    pub(super) checkpoint: Option<u32>,
    /// Frames whose checksums hold from the first on.
    pub(super) frames: u64,
    /// Those of them that belong to finished transactions.
    pub(super) committed: u64,
    /// Pages of the database after the last finished transaction.
    pub(super) database_pages: Option<u64>,
    /// Frames of finished transactions that SQLite does not reach.
    pub(super) lost: u64,
    /// Frames behind those that count.
    pub(super) stale: u64,
}

impl Tally {
    /// Bytes of the log that count; `None` when its header tells nothing.
    pub(super) fn live_bytes(&self) -> Option<u64> {
        let frame = self.page_size? + FRAME_HEADER as u64;
        Some(FILE_HEADER as u64 + self.committed * frame)
    }
}

/// Why reading ended early.
enum Stop {
    /// The visitor wants no more.
    Enough,
    /// The file cannot be read.
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Failed(error)
    }
}

type Step<T = ()> = Result<T, Stop>;

/// What lies behind the last frame whose checksum holds.
#[derive(Default)]
struct Behind {
    /// Complete frames.
    frames: u64,
    /// Frames at its start that carry the salts of the log.
    unfinished: u64,
    /// The number of the last sound frame there that ends a transaction.
    last_commit: Option<u64>,
}

/// The reader of one file.
pub(super) struct Reader<'v, 'e, R> {
    file: &'v str,
    source: R,
    index: Option<Index>,
    len: u64,
    tally: Tally,
    visit: &'v mut Visit<'e>,
}

impl<'v, 'e, R: Read + Seek> Reader<'v, 'e, R> {
    /// A reader of `source`, which the `-shm` file `index` speaks of as it was before.
    pub(super) fn new(file: &'v str, source: R, index: Option<Index>, visit: &'v mut Visit<'e>) -> Self {
        Self { file, source, index, len: 0, tally: Tally::default(), visit }
    }

    /// Reads all of it.
    pub(super) fn read(mut self) -> (Tally, io::Result<()>) {
        match self.everything() {
            Err(Stop::Failed(error)) => (self.tally, Err(error)),
            Ok(()) | Err(Stop::Enough) => (self.tally, Ok(())),
        }
    }

    fn everything(&mut self) -> Step {
        self.len = self.source.seek(SeekFrom::End(0))?;
        if self.len == 0 {
            return Ok(());
        }
        let head = self.bytes(0, FILE_HEADER)?;
        let Ok(header) = FileHeader::read(&head) else {
            let cause = format!("file header is cut off: {} of {FILE_HEADER} bytes are there", self.len);
            self.tally.header_fault = Some(HeaderFault::Invalid(cause.clone().into()));
            return self.damage(0..self.len, cause.into(), Lost { records: Some(0), bytes: self.len });
        };
        self.tally.checkpoint = Some(header.checkpoint);
        match header.generation() {
            Ok(generation) => self.frames(&header, generation),
            Err(fault) => self.frames_of_a_wrong_header(&header, fault),
        }
    }

    /// The frames from the first on as long as their checksums hold.
    fn frames(&mut self, header: &FileHeader, generation: Generation) -> Step {
        self.tally.page_size = Some(generation.page_size as u64);
        self.index.take_if(|index| !index.is_of(generation.salts));
        let mut sum = generation.seed;
        let mut buffer = Vec::new();
        let mut number = 1;
        while self.load(number, generation, &mut buffer)? {
            let frame = whole(&buffer)?;
            let computed = frame.sum(sum, generation.order);
            if frame.header.salts != generation.salts || frame.header.stored != computed {
                return self.behind(header, generation, number, sum);
            }
            sum = computed;
            self.tally.frames = number;
            if frame.header.commits() {
                self.tally.committed = number;
                self.tally.database_pages = Some(frame.header.database_pages.into());
            }
            self.record(generation, number, &frame, Reached::Yes)?;
            number += 1;
        }
        self.end(generation, number)
    }

    /// SQLite ignores all of such a log; its frames are looked at all the same, to say what is lost.
    fn frames_of_a_wrong_header(&mut self, header: &FileHeader, fault: HeaderFault) -> Step {
        let cause = match &fault {
            HeaderFault::Invalid(cause) => cause.clone(),
            HeaderFault::Version(version) => Cow::Owned(format!("header names version {version}")),
        };
        self.tally.header_fault = Some(fault);
        let front = self.bytes(FILE_HEADER as u64, MAX_FRAME)?;
        let Some(generation) = header.guess(&front) else {
            let lost = Lost { records: None, bytes: self.len };
            return self.damage(0..self.len, cause, lost);
        };
        self.tally.page_size = Some(generation.page_size as u64);
        let mut sum = generation.seed;
        let (mut number, mut commits) = (1, 0);
        let mut buffer = Vec::new();
        while self.load(number, generation, &mut buffer)? {
            let frame = whole(&buffer)?;
            let computed = frame.sum(sum, generation.order);
            if frame.header.salts != generation.salts || frame.header.stored != computed {
                break;
            }
            sum = computed;
            commits = if frame.header.commits() { number } else { commits };
            number += 1;
        }
        self.tally.lost = commits;
        self.damage(0..FILE_HEADER as u64, cause, Lost { records: Some(commits), bytes: self.len })?;
        for reached in 1..number {
            if self.load(reached, generation, &mut buffer)? {
                self.record(generation, reached, &whole(&buffer)?, Reached::No)?;
            }
        }
        self.leftover(generation, number, 0)
    }

    /// Frame `first` does not verify: decides whether what follows is normal or damage.
    fn behind(&mut self, header: &FileHeader, generation: Generation, first: u64, sum: Sum) -> Step {
        let behind = self.look_behind(generation, first, sum)?;
        let attested = self.index.as_ref().map_or(0, |index| index.last_frame);
        let last = first - 1 + behind.frames;
        let end = behind.last_commit.unwrap_or(0).max(attested.min(last));
        if end < first {
            return self.leftover(generation, first, behind.unfinished);
        }
        if self.is_restarted(header)? {
            let message = "a writer started the log over while it was read; read it again".to_owned();
            return self.note(self.offset(generation, first)..self.len, "restarted", message);
        }
        self.damaged(generation, first..end + 1, sum)?;
        self.leftover(generation, end + 1, 0)
    }

    /// Reads the rest of the file without handing anything out.
    ///
    /// A frame there is sound when it has the salts of the log and its checksum goes on from the frame before
    /// it: from the checksum stored there, or, should that be the damaged bytes, from the one computed there.
    fn look_behind(&mut self, generation: Generation, first: u64, sum: Sum) -> Step<Behind> {
        let mut behind = Behind::default();
        let mut chain = Chain::new(generation, sum);
        let mut buffer = Vec::new();
        while self.load(first + behind.frames, generation, &mut buffer)? {
            let frame = whole(&buffer)?;
            let is_of_generation = frame.header.salts == generation.salts;
            if is_of_generation && behind.unfinished == behind.frames {
                behind.unfinished += 1;
            }
            if chain.accepts(&frame) && frame.header.commits() {
                behind.last_commit = Some(first + behind.frames);
            }
            behind.frames += 1;
        }
        Ok(behind)
    }

    /// Hands out frames that SQLite does not reach: the sound ones as records, the others as damage.
    fn damaged(&mut self, generation: Generation, frames: Range<u64>, sum: Sum) -> Step {
        // The transaction that the damage cuts in two is lost from its beginning on.
        let lost = frames.end - 1 - self.tally.committed;
        self.tally.lost = lost;
        let mut unreported =
            Lost { records: Some(lost), bytes: lost * (generation.page_size + FRAME_HEADER) as u64 };
        let mut chain = Chain::new(generation, sum);
        let mut buffer = Vec::new();
        let mut bad: Option<(u64, &'static str)> = None;
        for number in frames.clone() {
            if !self.load(number, generation, &mut buffer)? {
                break;
            }
            let frame = whole(&buffer)?;
            if chain.accepts(&frame) {
                if let Some((from, cause)) = bad.take() {
                    let span = self.offset(generation, from)..self.offset(generation, number);
                    self.damage(span, cause.into(), std::mem::take(&mut unreported))?;
                }
                self.record(generation, number, &frame, Reached::No)?;
            } else if bad.is_none() {
                let is_of_generation = frame.header.salts == generation.salts;
                let cause = if is_of_generation { "checksum mismatch" } else { "salt of another generation" };
                bad = Some((number, cause));
            }
        }
        let Some((from, cause)) = bad else { return Ok(()) };
        let span = self.offset(generation, from)..self.offset(generation, frames.end);
        self.damage(span, cause.into(), unreported)
    }

    /// What lies from frame `first` to the end of the file counts for nothing, and is no damage.
    fn leftover(&mut self, generation: Generation, first: u64, unfinished: u64) -> Step {
        let frame = (generation.page_size + FRAME_HEADER) as u64;
        let mut at = self.offset(generation, first + unfinished);
        if unfinished > 0 {
            at = if self.len - at < frame { self.len } else { at };
            let message = format!(
                "{unfinished} frames from frame {first} on belong to a transaction that was not finished or was \
                 rolled back"
            );
            self.note(self.offset(generation, first)..at, "torn-tail", message)?;
        }
        if at >= self.len {
            return Ok(());
        }
        let bytes = self.len - at;
        self.tally.stale = bytes / frame;
        let message = format!("the last {bytes} bytes are left over from before the last checkpoint");
        self.note(at..self.len, "stale-frames", message)
    }

    /// All frames verified; less than one may be left.
    fn end(&mut self, generation: Generation, next: u64) -> Step {
        let at = self.offset(generation, next);
        let (frames, committed) = (self.tally.frames, self.tally.committed);
        if frames > committed {
            let start = self.offset(generation, committed + 1);
            let count = frames - committed;
            let message = format!("the last {count} frames belong to a transaction that was not finished");
            self.note(start..at, "uncommitted-frames", message)?;
        }
        let attested = self.index.as_ref().map_or(0, |index| index.last_frame);
        if attested > committed {
            let lost = attested - committed;
            self.tally.lost = lost;
            let cause =
                format!("the index knows {attested} committed frames; here they end with {committed}");
            let bytes = lost * (generation.page_size + FRAME_HEADER) as u64;
            return self.damage(at..self.len.max(at), cause.into(), Lost { records: Some(lost), bytes });
        }
        if at >= self.len {
            return Ok(());
        }
        let message = format!("the last {} bytes are a frame that was not written to its end", self.len - at);
        self.note(at..self.len, "torn-tail", message)
    }

    fn offset(&self, generation: Generation, number: u64) -> u64 {
        let at = FILE_HEADER as u64 + (number - 1) * (generation.page_size + FRAME_HEADER) as u64;
        at.min(self.len)
    }

    /// Whether the header changed since it was read.
    fn is_restarted(&mut self, before: &FileHeader) -> Step<bool> {
        // This seek also drops what is buffered, which would still be the old header.
        self.source.seek(SeekFrom::Start(0))?;
        let head = self.bytes(0, FILE_HEADER)?;
        Ok(FileHeader::read(&head).map_or(true, |now| now.salts != before.salts))
    }

    /// Reads a whole frame; says whether there is one.
    fn load(&mut self, number: u64, generation: Generation, into: &mut Vec<u8>) -> Step<bool> {
        let size = generation.page_size + FRAME_HEADER;
        let at = self.offset(generation, number);
        if at + size as u64 > self.len {
            return Ok(false);
        }
        into.resize(size, 0);
        self.seek(at)?;
        match self.source.read_exact(into) {
            // A server cut the file meanwhile.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => Ok(read.map(|()| true)?),
        }
    }

    /// At most `limit` bytes from `at` on.
    fn bytes(&mut self, at: u64, limit: usize) -> Step<Vec<u8>> {
        self.seek(at)?;
        let mut bytes = Vec::new();
        self.source.by_ref().take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Goes to `at` without giving up what is buffered.
    fn seek(&mut self, at: u64) -> Step {
        let here = self.source.stream_position()?;
        self.source.seek_relative(at.cast_signed().wrapping_sub(here.cast_signed()))?;
        Ok(())
    }

    fn record(&mut self, generation: Generation, number: u64, frame: &Frame<'_>, reached: Reached) -> Step {
        let span = self.offset(generation, number)..self.offset(generation, number + 1);
        let record = Record::new("frame")
            .with("frame", number)
            .with("page", frame.header.page)
            .with("database_pages", frame.header.database_pages)
            .with("commit", frame.header.commits())
            .with("ignored", matches!(reached, Reached::No));
        self.hand_out(Entry { span, body: Body::Record(record) })
    }

    fn damage(&mut self, span: Range<u64>, cause: Cow<'static, str>, lost: Lost) -> Step {
        let damage = Damage { file: self.file.to_owned(), start: span.start, end: span.end, cause, lost };
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

/// Whether SQLite reads a frame.
#[derive(Clone, Copy)]
enum Reached {
    Yes,
    No,
}

/// Follows the checksums behind a frame that does not verify.
struct Chain {
    generation: Generation,
    /// The checksum as stored in the frame before, and as computed there.
    seeds: [Sum; 2],
}

impl Chain {
    fn new(generation: Generation, sum: Sum) -> Self {
        Self { generation, seeds: [sum, sum] }
    }

    fn accepts(&mut self, frame: &Frame<'_>) -> bool {
        let stored = frame.header.stored;
        if frame.header.salts != self.generation.salts {
            // Left over most likely, and then in bulk: not worth a checksum. The one stored may still serve the next.
            self.seeds = [stored, stored];
            return false;
        }
        let [by_stored, by_computed] = self.seeds;
        let computed = frame.sum(by_stored, self.generation.order);
        let is_sound = stored == computed
            || by_stored != by_computed && stored == frame.sum(by_computed, self.generation.order);
        self.seeds = [stored, computed];
        is_sound
    }
}

fn whole(bytes: &[u8]) -> io::Result<Frame<'_>> {
    Frame::new(bytes).map_err(io::Error::other)
}
