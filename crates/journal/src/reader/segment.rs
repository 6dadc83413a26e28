//! The frames of one segment, what lies between them, and what should be there and is not.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use super::Reader;
use super::open::Opened;
use crate::format::{Frame, HEADER_BYTES, Record, SegmentHeader};
use crate::log::Frames;
use crate::recover::judge::{Bounds, Limit, Ruling, judge_by, proven};
use crate::recover::replay::limit_of;
use crate::recover::survey::{Begins, Known};
use crate::storage::Fault;
use crate::{Lsn, SegmentId};

/// Whether a process may be writing the journal meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Nobody writes it.
    Still,
    /// A process appends to it, and may clear segments away.
    Running,
}

/// Something in a segment, in the order of the file.
#[derive(Clone, Debug)]
pub enum Piece<'a> {
    /// A frame that counts, where it is, and what it says.
    Frame(u64, Frame<'a>, Record<'a>),
    /// What cannot be trusted.
    Unsound(Unsound),
    /// The end of the log was written and never acknowledged as a whole: from where, and up to where something began.
    Torn(u64, u64),
}

/// A range that cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsound {
    /// Its first byte.
    pub start: u64,
    /// The byte behind it.
    pub end: u64,
    /// What is wrong.
    pub flaw: Flaw,
    /// Frames that are lost with it; nothing where that cannot be known.
    pub frames: Option<u64>,
    /// Events in it that a consumer still has to get.
    pub live: u64,
}

/// What is wrong with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The header does not verify. Frames are read all the same.
    Header,
    /// Frames that had been synced do not verify.
    Frames,
    /// A frame verifies, and this part of it says what cannot be.
    Contents(&'static str),
    /// The index says that events are here, and others are, or none.
    Place,
    /// The file is shorter than its header says.
    Short,
}

/// What receives the pieces; it may break off.
pub type Visit<'v> = dyn FnMut(Piece<'_>) -> ControlFlow<()> + 'v;

/// How often the newest segment of a running journal is read again before a hole in it is believed: whoever reads while
/// a batch is written may see its end and not its beginning, and not twice the same.
const LOOKS: usize = 5;

impl Reader {
    /// Reads a segment. `wanted` are the offsets of events that have to be there, ascending.
    ///
    /// Nothing is handed out of a file that is not this journal's segment of that name. One that was cleared away
    /// meanwhile is a fault of the kind [`NotFound`](std::io::ErrorKind::NotFound).
    pub fn read(
        &self,
        segment: SegmentId,
        life: Life,
        wanted: &[u64],
        visit: &mut Visit<'_>,
    ) -> Result<(), Fault> {
        let at = self.known.binary_search_by_key(&segment, |known| known.segment).ok();
        let Some((journal, at)) = self.journal.zip(at) else { return Ok(()) };
        let behind = self.known.get(at..).unwrap_or_default();
        let Some(known) = behind.first() else { return Ok(()) };
        let bounds = Bounds { expected: expected(known), limit: limit_of(behind) };
        let opened = Opened::of(&*self.storage, segment)?;
        let mut frames = opened.frames(journal)?;
        let proven = match (life, bounds.limit) {
            (Life::Running, Limit::Open) => look(&mut frames, bounds)?,
            _ => proven(&mut frames, bounds)?,
        };
        let mut telling = Telling { visit, wanted, held: None, over: false };
        let bytes = frames.file_bytes();
        telling.head(known, opened.head(), bytes);
        let judged = judge_by((&mut frames, proven), bounds, &mut |ruling| {
            if let Ruling::Lost(_) = ruling {
                opened.demand_same()?;
            }
            telling.rule(known, ruling);
            Ok(if telling.over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if telling.over {
            return Ok(());
        }
        opened.demand_same()?;
        telling.miss_rest(bytes);
        if let Some((start, end)) = judged.cut {
            telling.tell(Piece::Torn(start, end));
        }
        Ok(())
    }
}

fn expected(known: &Known) -> Lsn {
    match known.begins {
        Begins::Stated(lsn) | Begins::Seen(lsn) => lsn,
        Begins::Unknown => Lsn::FIRST,
    }
}

/// Looks at a segment that is being written until there is no hole in it, or the same ones are seen twice, and says what was
/// proven to be synced before the last look.
fn look(frames: &mut Frames<'_>, bounds: Bounds) -> Result<Lsn, Fault> {
    let mut seen = proven(frames, bounds)?;
    let mut before = holes((frames, seen), bounds)?;
    for _ in 0..LOOKS {
        if before == Holes::default() {
            break;
        }
        seen = proven(frames, bounds)?;
        let now = holes((frames, seen), bounds)?;
        if now == before {
            break;
        }
        before = now;
    }
    Ok(seen)
}

/// How many holes there are, and a sum over their places: there may be too many to keep each.
#[derive(Default, PartialEq, Eq)]
struct Holes(u64, u64);

fn holes(judged: (&mut Frames<'_>, Lsn), bounds: Bounds) -> Result<Holes, Fault> {
    let (mut count, mut places) = (0, DefaultHasher::new());
    judge_by(judged, bounds, &mut |ruling| {
        if let Ruling::Lost(lost) = ruling {
            count += 1;
            lost.hash(&mut places);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(if count == 0 { Holes::default() } else { Holes(count, places.finish()) })
}

/// Tells what was found, and which of the wanted events were passed over.
struct Telling<'v, 'w> {
    visit: &'v mut Visit<'w>,
    wanted: &'v [u64],
    /// What was lost last: wanted events behind it are lost with it, if no frame follows.
    held: Option<Unsound>,
    over: bool,
}

impl Telling<'_, '_> {
    fn tell(&mut self, piece: Piece<'_>) {
        if !self.over {
            self.over = (self.visit)(piece).is_break();
        }
    }

    fn unsound(&mut self, (start, end): (u64, u64), flaw: Flaw, frames: Option<u64>) {
        let live = self.pass(end);
        self.release();
        self.held = Some(Unsound { start, end, flaw, frames, live });
    }

    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.tell(Piece::Unsound(held));
        }
    }

    /// What is wrong before the first frame.
    fn head(&mut self, known: &Known, head: &[u8], bytes: u64) {
        match SegmentHeader::decode(head) {
            Ok(header) if header.size > bytes => {
                let short = Unsound { start: bytes, end: bytes, flaw: Flaw::Short, frames: None, live: 0 };
                self.tell(Piece::Unsound(short));
            }
            Ok(_) => {}
            Err(_) => {
                // What is lost is known if frames are there to be counted.
                let frames = (known.begins != Begins::Unknown).then_some(0);
                self.unsound((0, HEADER_BYTES.min(bytes)), Flaw::Header, frames);
            }
        }
    }

    fn rule(&mut self, known: &Known, ruling: Ruling<'_>) {
        match ruling {
            Ruling::Lost(lost) => {
                // Frames before the first one that is seen are not counted by a header that is damaged.
                let is_counted = known.first().is_some() || lost.start > HEADER_BYTES;
                self.unsound((lost.start, lost.end), Flaw::Frames, is_counted.then_some(lost.frames));
            }
            Ruling::Counts(offset, frame) => {
                self.miss(offset);
                self.release();
                let (start, end) = (offset, offset + frame.bytes());
                let live = self.pass(end);
                let record = Record::decode(frame.head(), frame.payload());
                let flaw = match &record {
                    Err(malformed) => Some((Flaw::Contents(malformed.what), 1)),
                    Ok(Record::Event { .. } | Record::Carried { .. }) => None,
                    Ok(_) => (live > 0).then_some((Flaw::Place, 0)),
                };
                if let Ok(record) = record {
                    self.tell(Piece::Frame(offset, frame, record));
                }
                if let Some((flaw, frames)) = flaw {
                    self.tell(Piece::Unsound(Unsound { start, end, flaw, frames: Some(frames), live }));
                }
            }
        }
    }

    /// Says that wanted events do not lie where a frame begins, if there are any up to `end`.
    fn miss(&mut self, end: u64) {
        if let Some(&start) = self.wanted.first().filter(|&&first| first < end) {
            self.unsound((start, end), Flaw::Place, Some(0));
        }
    }

    /// Says that wanted events are not there at all.
    fn miss_rest(&mut self, bytes: u64) {
        let live = self.wanted.len() as u64;
        match (self.wanted.first(), &mut self.held) {
            (None, _) => {}
            (Some(_), Some(held)) => held.live += live,
            (Some(&start), None) => {
                let end = bytes.max(start);
                self.held = Some(Unsound { start, end, flaw: Flaw::Place, frames: Some(0), live });
            }
        }
        self.release();
    }

    /// Passes over the wanted events before `end`, and says how many there were.
    fn pass(&mut self, end: u64) -> u64 {
        let passed = self.wanted.partition_point(|&offset| offset < end);
        self.wanted = self.wanted.get(passed..).unwrap_or_default();
        passed as u64
    }
}
