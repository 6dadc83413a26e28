//! The frames of one segment, what lies between them, and what should be there and is not.

use std::ops::ControlFlow;

use super::Reader;
use crate::format::{Frame, HEADER_BYTES, Identity, Record, Scan, SegmentHeader};
use crate::log::names::segment_name;
use crate::log::segments::read_segment;
use crate::recover::judge::{Bounds, Limit, Lost, Ruling, judge};
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
        let identity = Identity::new(journal, segment);
        let bounds = Bounds { expected: expected(known), limit: limit_of(behind) };
        let mut bytes = self.bytes(known)?;
        if life == Life::Running && bounds.limit == Limit::Open {
            let holes = |bytes: &[u8]| holes(Scan::new(identity, bytes), bounds);
            for _ in 0..LOOKS {
                let before = holes(&bytes);
                if before.is_empty() {
                    break;
                }
                bytes = self.bytes(known)?;
                if holes(&bytes) == before {
                    break;
                }
            }
        }
        let mut telling = Telling { visit, wanted, held: None, over: false };
        telling.head(known, &bytes);
        let judged = judge(Scan::new(identity, &bytes), bounds, &mut |ruling| telling.rule(known, ruling));
        telling.miss_rest(bytes.len() as u64);
        if let Some((start, end)) = judged.cut {
            telling.tell(Piece::Torn(start, end));
        }
        Ok(())
    }

    /// All bytes of a segment, as long as the file is this segment still.
    fn bytes(&self, known: &Known) -> Result<Vec<u8>, Fault> {
        let bytes = read_segment(&*self.storage, known.segment)?;
        match SegmentHeader::decode(&bytes) {
            Ok(header) if header.segment != known.segment => {
                Err(Fault::on("read", &segment_name(known.segment))(std::io::ErrorKind::NotFound.into()))
            }
            _ => Ok(bytes),
        }
    }
}

fn expected(known: &Known) -> Lsn {
    match known.begins {
        Begins::Stated(lsn) | Begins::Seen(lsn) => lsn,
        Begins::Unknown => Lsn::FIRST,
    }
}

fn holes(scan: Scan<'_>, bounds: Bounds) -> Vec<Lost> {
    let mut holes = Vec::new();
    judge(scan, bounds, &mut |ruling| {
        if let Ruling::Lost(lost) = ruling {
            holes.push(lost);
        }
    });
    holes
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
    fn head(&mut self, known: &Known, bytes: &[u8]) {
        match SegmentHeader::decode(bytes) {
            Ok(header) if header.size > bytes.len() as u64 => {
                let end = bytes.len() as u64;
                let short = Unsound { start: end, end, flaw: Flaw::Short, frames: None, live: 0 };
                self.tell(Piece::Unsound(short));
            }
            Ok(_) => {}
            Err(_) => {
                // What is lost is known if frames are there to be counted.
                let frames = (known.begins != Begins::Unknown).then_some(0);
                self.unsound((0, HEADER_BYTES.min(bytes.len() as u64)), Flaw::Header, frames);
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
