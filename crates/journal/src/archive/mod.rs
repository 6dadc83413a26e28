//! Archives of streams that have ended: `<stream>.wal.zst`, with ARWAL001 inside, for `zstd -d` and for every reader of that
//! format.
//!
//! The archiver is a consumer like others. It holds every event until the stream is closed and its archive is safe:
//! written to another name, synced, renamed, the names synced. Only then it settles the events, so that their segments
//! may go.

mod ahead;
mod arwal;
mod names;
mod retain;

use std::io::{self, Write};
use std::sync::Arc;

use crate::storage::{Fault, Storage, StoredFile, read_range, write_all};
use crate::{
    Commit, CommitError, Consumer, Journal, Millis, Openness, Outcome, ReadError, Scope, Seq, Span, Start,
    Stream,
};
use ahead::{Piece, Spent, pieces, read_ahead};
pub use arwal::MOST_PAYLOAD;
use arwal::{HEADER, TRAILER_BYTES, Trailer};
pub use names::{ENDING, encode as file_stem};
pub use retain::{Retention, expired};

/// The name of the archiver's consumer.
pub const ARCHIVER: &str = "archive";

/// The archive in the making.
const ASIDE: &str = "archive.tmp";

/// How hard zstd tries: 1 is the fastest, [`Level::MOST`] the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(i32);

impl Level {
    /// The level beyond which memory grows more than archives shrink.
    pub const MOST: u8 = 19;

    /// A level; nothing if there is none of that number.
    pub fn new(level: u8) -> Option<Self> {
        (1..=Self::MOST).contains(&level).then_some(Self(i32::from(level)))
    }

    /// Its number.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl Default for Level {
    /// On logs, the fastest level is as small as the usual one of zstd, at twice the speed.
    fn default() -> Self {
        Self(1)
    }
}

/// How far the fastest level looks back, as a power of two. What zstd takes by itself is four times that: slower, since it does
/// not stay near the processor, and smaller by a hundredth on logs.
const WINDOW: u32 = 17;

/// Bytes that are written at once.
const CHUNK: usize = 256 << 10;

/// Bytes that the disk is told to write while others are compressed, so that the sync at the end has little left to do.
const BEGUN: u64 = 1 << 20;

/// An archive that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The file's name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was made; nothing if the file does not say.
    pub made: Option<Millis>,
    /// How many events are in it; nothing if the file does not say.
    pub events: Option<u64>,
}

/// An archive that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The stream.
    pub stream: String,
    /// The archive.
    pub archive: Archive,
    /// Events that are not in it, since they were damaged.
    pub damaged: Vec<Seq>,
}

/// Why a stream could not be archived. Its events are kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] Fault),
    /// The journal could not be read.
    #[error(transparent)]
    Read(ReadError),
    /// The archive is there, and the journal could not note it: it is made again.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Archives the streams of a journal that have ended.
#[derive(Clone)]
pub struct Archiver {
    journal: Journal,
    consumer: Consumer,
    storage: Arc<dyn Storage>,
    level: Level,
}

impl Archiver {
    /// An archiver of the streams in `scope` that writes into `storage`. From here on, their events are kept until they
    /// are archived.
    pub fn new(journal: &Journal, scope: Scope, storage: Arc<dyn Storage>) -> Result<Self, ArchiveError> {
        let consumer = journal.consumer_of(ARCHIVER, Start::Oldest, scope)?;
        Ok(Self { journal: journal.clone(), consumer, storage, level: Level::default() })
    }

    /// The same with another level of compression.
    #[must_use]
    pub fn at_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Archives every stream that is closed and not archived yet.
    pub fn run(&self) -> Result<Vec<Archived>, ArchiveError> {
        let mut made = Vec::new();
        self.run_each(&mut |archived| made.push(archived))?;
        Ok(made)
    }

    /// The same, and hands out each archive once it is there.
    pub fn run_each(&self, each: &mut dyn FnMut(Archived)) -> Result<(), ArchiveError> {
        let closed = self.journal.streams().into_iter().filter(|stream| stream.openness == Openness::Closed);
        for stream in closed {
            if let Some(archived) = self.archive(&stream.name)? {
                each(archived);
            }
        }
        Ok(())
    }

    fn archive(&self, name: &str) -> Result<Option<Archived>, ArchiveError> {
        let stream = self.journal.stream(name)?;
        if self.consumer.pending(&stream).next().is_none() {
            return Ok(None);
        }
        let written = self.write(&stream, name);
        if !matches!(written, Ok(Some(_))) {
            // On a disk that is full, what there is of it takes the room that everything else needs.
            self.storage.remove(ASIDE).ok();
        }
        let Some((last, archived)) = written? else { return Ok(None) };
        if let Some(all) = Span::new(Seq::FIRST, last) {
            self.consumer.settle(&stream, all, Outcome::Delivered).wait()?;
        }
        Ok(Some(archived))
    }

    /// Writes the archive of a stream, and says up to which event; nothing where there is none.
    fn write(&self, stream: &Stream, name: &str) -> Result<Option<(Seq, Archived)>, ArchiveError> {
        let mut writer = ArchiveWriter::begin(&*self.storage, self.level)?;
        let (events, spent) = (|| self.consumer.pending(stream), Spent::default());
        let (last, damaged) = match self.journal.shared.options.commit {
            Commit::Caller => writer.add_all(&mut pieces(events(), &spent), &spent)?,
            Commit::Thread => read_ahead(events, &spent, |pieces| writer.add_all(pieces, &spent))?,
        };
        let Some(last) = last else { return Ok(None) };
        let archive = writer.end(&*self.storage, name, self.journal.now())?;
        Ok(Some((last, Archived { stream: name.to_owned(), archive, damaged })))
    }
}

/// Removes the archives that are not to be kept, and says which.
pub fn clean(storage: &dyn Storage, retention: &Retention, now: Millis) -> Result<Vec<Archive>, Fault> {
    let archives = archives(storage)?;
    let gone: Vec<Archive> = expired(&archives, retention, now).into_iter().cloned().collect();
    remove(storage, &gone)?;
    Ok(gone)
}

/// Removes archives for good.
pub fn remove(storage: &dyn Storage, archives: &[Archive]) -> Result<(), Fault> {
    for archive in archives {
        storage.remove(&archive.name).map_err(Fault::on("remove", &archive.name))?;
    }
    storage.sync_names().map_err(Fault::on("sync the names in", &storage.describe()))
}

/// The archives in a directory, by name.
pub fn archives(storage: &dyn Storage) -> Result<Vec<Archive>, Fault> {
    let all = storage.list().map_err(Fault::on("list", &storage.describe()))?;
    all.into_iter()
        .filter(|name| name.strip_suffix(ENDING).is_some())
        .map(|name| inspect(storage, name))
        .collect()
}

fn inspect(storage: &dyn Storage, name: String) -> Result<Archive, Fault> {
    let file = storage.open(&name).map_err(Fault::on("open", &name))?;
    let bytes = file.size().map_err(Fault::on("measure", &name))?;
    let end = read_range(&*file, bytes.saturating_sub(TRAILER_BYTES), TRAILER_BYTES);
    let trailer = Trailer::decode(&end.map_err(Fault::on("read", &name))?);
    let (made, events) = (trailer.map(|trailer| trailer.made), trailer.map(|trailer| trailer.events));
    Ok(Archive { name, bytes, made, events })
}

/// An archive in the making.
struct ArchiveWriter {
    encoder: zstd::Encoder<'static, Sink>,
    events: u64,
}

impl ArchiveWriter {
    fn begin(storage: &dyn Storage, level: Level) -> Result<Self, Fault> {
        // One that was not finished.
        storage.remove(ASIDE).ok();
        let file = storage.create(ASIDE).map_err(Fault::on("create", ASIDE))?;
        let sink = Sink { file, at: 0, begun: 0, buffer: Vec::with_capacity(CHUNK) };
        let begin = || {
            let mut encoder = zstd::Encoder::new(sink, level.0)?;
            if level == Level::default() {
                encoder.window_log(WINDOW)?;
            }
            encoder.include_checksum(true)?;
            encoder.write_all(&HEADER)?;
            Ok(encoder)
        };
        let encoder = begin().map_err(Fault::on("write to", ASIDE))?;
        Ok(Self { encoder, events: 0 })
    }

    /// Adds what can be read, and says which event was the last and which are damaged.
    fn add_all(
        &mut self,
        pieces: &mut dyn Iterator<Item = Piece>,
        spent: &Spent,
    ) -> Result<(Option<Seq>, Vec<Seq>), ArchiveError> {
        let (mut last, mut damaged) = (None, Vec::new());
        for piece in pieces {
            // A call for each record would cost as much as compressing it.
            self.encoder.write_all(&piece.records).map_err(Fault::on("write to", ASIDE))?;
            spent.put(piece.records);
            self.events += piece.events;
            last = piece.last.or(last);
            damaged.extend(piece.damaged);
            if let Some(error) = piece.failed {
                return Err(error);
            }
        }
        Ok((last, damaged))
    }

    /// Finishes the file and gives it the first name of the stream that is free, or that has the same content.
    fn end(self, storage: &dyn Storage, stream: &str, made: Millis) -> Result<Archive, Fault> {
        let events = self.events;
        let end = |encoder: zstd::Encoder<'static, Sink>| {
            let mut sink = encoder.finish()?;
            sink.write_all(&Trailer { made, events }.encode())?;
            sink.flush()?;
            sink.file.sync()?;
            Ok(sink.at)
        };
        let bytes = end(self.encoder).map_err(Fault::on("write to", ASIDE))?;
        let taken = storage.list().map_err(Fault::on("list", &storage.describe()))?;
        let mut number = 1;
        let name = loop {
            let name = names::archive(stream, number);
            if !taken.contains(&name) || is_same(storage, &name, bytes)? {
                break name;
            }
            number += 1;
        };
        storage.rename(ASIDE, &name).map_err(Fault::on("rename", ASIDE))?;
        storage.sync_names().map_err(Fault::on("sync the names after making", &name))?;
        Ok(Archive { name, bytes, made: Some(made), events: Some(events) })
    }
}

/// Whether an archive holds what the one in the making does: it was made before a crash, and not noted.
fn is_same(storage: &dyn Storage, name: &str, bytes: u64) -> Result<bool, Fault> {
    let read = |name: &str| {
        let file = storage.open(name)?;
        let size = file.size()?;
        Ok((file, size))
    };
    let (old, size) = read(name).map_err(Fault::on("open", name))?;
    let (new, _) = read(ASIDE).map_err(Fault::on("open", ASIDE))?;
    // The trailers differ in the time.
    let end = bytes.saturating_sub(TRAILER_BYTES);
    let mut at = 0;
    while size == bytes && at < end {
        let len = (end - at).min(CHUNK as u64);
        let pieces = read_range(&*old, at, len).and_then(|old| Ok((old, read_range(&*new, at, len)?)));
        let (old, new) = pieces.map_err(Fault::on("compare", name))?;
        if old != new {
            return Ok(false);
        }
        at += len;
    }
    Ok(size == bytes)
}

/// Writes to the end of a file, in large pieces.
struct Sink {
    file: Arc<dyn StoredFile>,
    at: u64,
    /// Up to where the disk was told to write.
    begun: u64,
    buffer: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        write_all(&*self.file, self.at, &self.buffer)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        if self.at - self.begun >= BEGUN {
            self.file.begin_sync(self.begun, self.at - self.begun);
            self.begun = self.at;
        }
        Ok(())
    }
}
