//! What the server's own reader makes of a damaged file: where it stops, and what it takes without a word.
//!
//! It is simpler than [`super::framer`]:
//!
//! * It stops for good at the first thing that it does not like.
//! * Zeros up to the end of a page are padding wherever they stand, and a record may go on behind them.
//! * A file that ends in padding is whole, even when a record was begun before the padding.
//! * A file that ends inside a page goes on with zeros.
//! * Bits that no writer sets and record types that do not exist are passed over. (To 2.42 the flag of Zstandard is
//!   such a bit, so it passes over all that newer servers compressed with it.)
//!
//! Only damaged files are read in this way, so it is written to be compared with the server, not to be fast.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use super::fragment::{Compression, HEADER, Header, Kind, PAGE, PAGE_U64, all_zero};
use super::framer::MAX_RECORD;
use super::record::Type;
use super::skim::skim;
use super::unpack::Unpacker;
use crate::{Part, Role, Survey};

/// What the server makes of a file, or of the files of a checkpoint, which it reads as one.
#[derive(Debug)]
pub(super) struct Replay {
    /// Name of the file in which it ends.
    pub(super) file: String,
    pub(super) role: Role,
    /// Records that it takes.
    pub(super) records: u64,
    /// Samples in them.
    pub(super) samples: u64,
    pub(super) ending: Ending,
    pub(super) joints: Joints,
}

/// How a replay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the end of the file.
    Whole,
    /// Likewise, and it forgets a record that was begun.
    Unfinished,
    /// At the record or padding that begins at this byte.
    Stopped(u64),
}

/// Whether records are put together over zeros: such a record was never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joints {
    Sound,
    OverZeros,
}

/// Replays what is damaged, in the order of a start and up to where it stops.
pub(super) fn damaged(survey: &Survey) -> Vec<Replay> {
    let of = |role| -> Vec<(&Part, u64)> {
        let parts = survey.parts.iter().filter(|survey| survey.part.role == role);
        parts.map(|survey| (&survey.part, survey.damage)).collect()
    };
    let mut replays = Vec::new();
    let checkpoint = of(Role::Checkpoint);
    if checkpoint.iter().any(|(_, damage)| *damage > 0) {
        let parts: Vec<&Part> = checkpoint.iter().map(|(part, _)| *part).collect();
        replays.extend(Reader::new(&parts).replay().ok());
    }
    for role in [Role::Live, Role::OutOfOrder] {
        for (part, _) in of(role).into_iter().filter(|(_, damage)| *damage > 0) {
            // What vanished meanwhile, or cannot be read, has been told.
            let Ok(replay) = Reader::new(&[part]).replay() else { continue };
            let stopped = matches!(replay.ending, Ending::Stopped(_));
            replays.push(replay);
            if stopped {
                break;
            }
        }
    }
    replays
}

/// What the server takes of files that it reads as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Records.
    pub records: u64,
    /// Samples in them.
    pub samples: u64,
    /// The file in which it stops, and there goes on to its own repair.
    pub stops_in: Option<String>,
}

/// What the server takes of `parts`, read as one.
pub(super) fn taken(parts: &[&Part]) -> io::Result<Taken> {
    let replay = Reader::new(parts).replay()?;
    let stops_in = matches!(replay.ending, Ending::Stopped(_)).then_some(replay.file);
    Ok(Taken { records: replay.records, samples: replay.samples, stops_in })
}

/// A place in one of the files.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: usize,
    offset: u64,
}

/// Files one after the other, each with zeros up to the end of its last page.
struct Stream<'a> {
    parts: &'a [&'a Part],
    opened: usize,
    file: Option<BufReader<io::Chain<io::Take<File>, io::Take<io::Repeat>>>>,
    offset: u64,
}

impl Stream<'_> {
    /// Where the next byte lies; `None` at the end of the last file.
    fn place(&mut self) -> io::Result<Option<Place>> {
        loop {
            if let Some(file) = &mut self.file
                && !file.fill_buf()?.is_empty()
            {
                return Ok(Some(Place { file: self.opened - 1, offset: self.offset }));
            }
            let Some(part) = self.parts.get(self.opened) else { return Ok(None) };
            let file = crate::files::open(&part.path)?;
            let len = file.metadata()?.len();
            let padding = io::repeat(0).take(len.next_multiple_of(PAGE_U64) - len);
            self.file = Some(BufReader::new(file.take(len).chain(padding)));
            self.offset = 0;
            self.opened += 1;
        }
    }

    /// Reads as much of `wanted` as there is.
    fn fill(&mut self, wanted: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(room) = wanted.get_mut(filled..).filter(|room| !room.is_empty())
            && self.place()?.is_some()
            && let Some(file) = &mut self.file
        {
            let read = file.read(room)?;
            filled += read;
            self.offset += read as u64;
        }
        Ok(filled)
    }

    /// How much of the page is left.
    fn page_rest(&self) -> usize {
        usize::try_from(self.offset.next_multiple_of(PAGE_U64) - self.offset).unwrap_or(0)
    }
}

/// What stands at the cursor.
enum Step {
    /// Nothing to stop at.
    On,
    /// A whole record.
    Record(Compression),
    /// Something that the server does not like.
    Stop,
    /// The end.
    End,
}

struct Reader<'a> {
    stream: Stream<'a>,
    role: Role,
    unpacker: Unpacker,
    buffer: Vec<u8>,
    /// Fragments that are not marked as compressed go here, the others there, whatever record they belong to.
    plain: Vec<u8>,
    packed: Vec<u8>,
    /// Where the record that is being put together began.
    begun: Option<Place>,
    /// What was read last, if it was a fragment.
    last: Option<Kind>,
    /// Of the record that is being put together.
    joints: Joints,
    replay: Replay,
}

impl<'a> Reader<'a> {
    fn new(parts: &'a [&'a Part]) -> Self {
        let role = parts.first().map_or(Role::Live, |part| part.role);
        Self {
            stream: Stream { parts, opened: 0, file: None, offset: 0 },
            role,
            unpacker: Unpacker::new(),
            buffer: vec![0; PAGE],
            plain: Vec::new(),
            packed: Vec::new(),
            begun: None,
            last: None,
            joints: Joints::Sound,
            replay: Replay {
                file: parts.last().map_or_else(String::new, |part| part.name.clone()),
                role,
                records: 0,
                samples: 0,
                ending: Ending::Whole,
                joints: Joints::Sound,
            },
        }
    }

    fn replay(mut self) -> io::Result<Replay> {
        while let Some(here) = self.stream.place()? {
            let begun = self.begun.unwrap_or(here);
            match self.step(here)? {
                Step::On => {}
                Step::Record(compression) if self.takes(compression) => {}
                Step::Record(_) | Step::Stop => return Ok(self.stopped(begun)),
                Step::End => break,
            }
        }
        match self.begun {
            Some(begun) if matches!(self.last, Some(Kind::First | Kind::Middle)) => {
                return Ok(self.stopped(begun));
            }
            Some(_) => self.replay.ending = Ending::Unfinished,
            None => {}
        }
        Ok(self.replay)
    }

    fn stopped(mut self, at: Place) -> Replay {
        self.replay.ending = Ending::Stopped(at.offset);
        if let Some(part) = self.stream.parts.get(at.file) {
            self.replay.file.clone_from(&part.name);
        }
        self.replay
    }

    /// Reads a fragment, or padding.
    fn step(&mut self, here: Place) -> io::Result<Step> {
        let mut header = [0; HEADER];
        let (first, others) = header.split_at_mut(1);
        self.stream.fill(first)?;
        if first.iter().all(|byte| byte % 8 == 0) {
            return self.padding();
        }
        let read = self.stream.fill(others)?;
        let Some(header) = Header::read(&header).filter(|header| read > 0 && header.len() <= PAGE) else {
            return Ok(if read > 0 { Step::Stop } else { Step::End });
        };
        self.last = header.kind();
        let wanted = self.buffer.get_mut(..header.len() - HEADER).unwrap_or_default();
        let read = self.stream.fill(wanted)?;
        let data = self.buffer.get(..header.len() - HEADER).unwrap_or_default();
        if read < data.len() || !header.vouches_for(data) {
            return Ok(if read == 0 && !data.is_empty() { Step::End } else { Step::Stop });
        }
        let compression = header.compression_as_read();
        let buffer = if compression == Compression::None { &mut self.plain } else { &mut self.packed };
        buffer.extend_from_slice(data);
        let follows = self.begun.is_some();
        self.begun.get_or_insert(here);
        Ok(match header.kind() {
            Some(Kind::Full) if !follows => Step::Record(compression),
            Some(Kind::Last) if follows => Step::Record(compression),
            Some(Kind::First) if !follows => Step::On,
            Some(Kind::Middle) if follows && self.plain.len() + self.packed.len() <= MAX_RECORD => Step::On,
            _ => Step::Stop,
        })
    }

    /// Reads the rest of a page that begins like padding.
    fn padding(&mut self) -> io::Result<Step> {
        self.last = None;
        let rest = self.stream.page_rest();
        let zeros = self.buffer.get_mut(..rest).unwrap_or_default();
        let read = self.stream.fill(zeros)?;
        if self.begun.is_some() && rest + 1 >= HEADER {
            self.joints = Joints::OverZeros;
        }
        Ok(if read == rest && all_zero(zeros) { Step::On } else { Step::Stop })
    }

    /// Decompresses and decodes the record that is complete, and counts it if the server takes it.
    fn takes(&mut self, compression: Compression) -> bool {
        let record = if compression == Compression::None || self.packed.is_empty() {
            Some(self.plain.as_slice())
        } else {
            self.unpacker.unpack(&self.packed, compression).ok()
        };
        let Some(samples) = record.and_then(|record| samples_in(record, self.role)) else { return false };
        self.replay.records += 1;
        self.replay.samples += samples;
        if std::mem::replace(&mut self.joints, Joints::Sound) == Joints::OverZeros {
            self.replay.joints = Joints::OverZeros;
        }
        self.plain.clear();
        self.packed.clear();
        self.begun = None;
        true
    }
}

/// Samples in a record; `None` when the server cannot decode it. It decodes no type that it does not know, and none
/// that has no place in this log.
fn samples_in(record: &[u8], role: Role) -> Option<u64> {
    let kind = record.first().map_or(Type::Empty, |&byte| Type::of(byte));
    let late = role == Role::OutOfOrder;
    match kind {
        Type::Empty | Type::Unknown(_) => Some(0),
        Type::Markers if !late => Some(0),
        Type::Series | Type::Tombstones | Type::Exemplars | Type::Metadata if late => Some(0),
        _ => skim(record, |_| {}).ok().map(|skim| skim.points),
    }
}
