//! A directory of Prometheus for those who change it: which files there are, and their records as they stand in them.
//!
//! Reading for a report goes through [`crate::Log`]; this hands out bytes, so that they can be written again unchanged.

use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::feed::{Block, Feed};
use super::found::What;
use super::layout::{self, Content, Layout, Scope, Tail};
use super::record::Type;
use super::replay::{self, Taken};
use super::skim::skim;
use super::unpack::Unpacker;
use super::{Compression, Dialect, HeadChunk, blank, damage, head_chunks, loki, snapshot, torn, undecodable};
use crate::{Body, Bytes, Damage, ListError, Liveness, Malformed, Note, Part, Progress, ReadError};

/// A data directory or WAL directory, listed.
#[derive(Debug)]
pub struct Directory {
    layout: Layout,
    dialect: Dialect,
}

/// A record as it stands in a file: every checksum was right, and it can be decoded.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// Its bytes in the file, headers of its fragments and padding between them included.
    pub span: Range<u64>,
    /// How it is compressed.
    pub compression: Compression,
    /// Its bytes without headers, compressed.
    pub packed: &'a [u8],
    /// Its bytes, decompressed.
    pub record: &'a [u8],
    /// What checking it has shown.
    pub gist: Gist,
}

/// What a record of a log holds, in short. Records of a snapshot have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gist {
    /// Its type.
    pub kind: Option<Type>,
    /// Samples and histograms in it.
    pub points: u64,
    /// Their first and last time in milliseconds.
    pub times: Option<(i64, i64)>,
}

/// What is found in a file of framed records.
#[derive(Clone, Debug)]
pub enum Framing<'a> {
    /// A record.
    Record(Frame<'a>),
    /// A range that cannot be trusted.
    Damage(Damage),
    /// A remark, such as a torn end.
    Note(Note),
}

/// What is found in a file of `chunks_head`.
#[derive(Clone, Debug)]
pub enum Chunking<'a> {
    /// A chunk and where it begins.
    Chunk(u64, HeadChunk<'a>),
    /// A range that cannot be trusted.
    Damage(Damage),
    /// A remark.
    Note(Note),
}

/// What a record has to pass beyond its checksums.
type Check = fn(&[u8]) -> Result<Gist, Malformed>;

impl Directory {
    /// Lists `path`, if it is a directory of a server's, an agent's, or another program's that frames alike.
    pub fn list(path: &Path) -> Result<Option<Self>, ListError> {
        let layout = layout::list(path)?;
        Ok(layout.map(|layout| Self { dialect: Dialect::of(&layout), layout }))
    }

    /// Whether the records are those of Prometheus.
    pub fn is_prometheus(&self) -> bool {
        self.dialect == Dialect::Prometheus
    }

    /// Whether it is a whole data or WAL directory, and not a directory out of one.
    pub fn is_whole(&self) -> bool {
        self.layout.scope != Scope::Fragment
    }

    /// What the server's own reader takes of `parts`, read as one, and where it stops.
    pub fn taken_by_server(&self, parts: &[&Part]) -> Result<Taken, ReadError> {
        let fail = |error| ReadError {
            file: parts.first().map_or_else(String::new, |part| part.name.clone()),
            source: error,
        };
        replay::taken(parts).map_err(fail)
    }

    /// The directory that part names are relative to.
    pub fn root(&self) -> &Path {
        &self.layout.root
    }

    /// Its files, in the order in which a start reads them: checkpoint, segments, what these have left behind, late
    /// samples, chunks of the head, snapshots, blocks.
    pub fn parts(&self) -> &[Part] {
        &self.layout.parts
    }

    /// Numbers and part names of all segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = (u64, &str)> {
        self.layout.segments.iter().map(|(index, name)| (index.0, name.as_str()))
    }

    /// Number of the checkpoint that a start reads.
    pub fn checkpoint(&self) -> Option<u64> {
        self.layout.checkpoint.map(|index| index.0)
    }

    /// Files that are missing from rows of numbered files, so that a server would not start.
    pub fn missing(&self) -> Vec<String> {
        self.layout.gaps().into_iter().map(|gap| gap.file).collect()
    }

    /// Where the blocks end that push the beginning of the head, in milliseconds: a start drops older samples.
    pub fn blocks_end(&self) -> Option<i64> {
        self.layout.blocks_end.and_then(|end| i64::try_from(end.nanos() / 1_000_000).ok())
    }

    /// Streams the records of a segment, of a file of a checkpoint or snapshot, or of the log of late samples.
    pub fn frames(
        &self,
        part: &Part,
        progress: &Progress,
        visit: &mut dyn FnMut(Framing<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.stream(part, progress, visit).map_err(|error| ReadError::new(part, error))
    }

    fn stream(
        &self,
        part: &Part,
        progress: &Progress,
        visit: &mut dyn FnMut(Framing<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut feed = Feed::open(part)?;
        let (mut block, mut scanner) = (Block::default(), Scanner::new());
        while let Some(bytes) = feed.next(&mut block)? {
            progress.add(bytes);
            if scanner.scan(self, part, &block, visit).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Streams the chunks of a file of `chunks_head`.
    pub fn chunks(
        &self,
        part: &Part,
        progress: &Progress,
        visit: &mut dyn FnMut(Chunking<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let tail = match self.layout.contents.get(&part.name) {
            Some(Content::HeadChunks(tail)) => *tail,
            _ => Tail::MustBeWhole,
        };
        let fail = |error| ReadError::new(part, error);
        // A second look at the bytes of each chunk, which are still in the system's cache.
        let file = crate::files::open(&part.path).map_err(fail)?;
        let mut buffer = Vec::new();
        let mut broken = None;
        head_chunks::read(part, tail, progress, &mut |entry| match entry.body {
            Body::Record(_) => match chunk_at(&file, &entry.span, &mut buffer) {
                Ok(chunk) => visit(Chunking::Chunk(entry.span.start, chunk)),
                Err(error) => {
                    broken = Some(error);
                    ControlFlow::Break(())
                }
            },
            Body::Damage(damage) => visit(Chunking::Damage(damage)),
            Body::Note(note) => visit(Chunking::Note(note)),
        })
        .map_err(fail)?;
        broken.map_or(Ok(()), |error| Err(fail(error)))
    }
}

/// Takes blocks apart into records and damage, reusing its memory.
pub(super) struct Scanner {
    unpacker: Unpacker,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { unpacker: Unpacker::new() }
    }

    /// Hands out what lies in a block of a part.
    pub(super) fn scan(
        &mut self,
        directory: &Directory,
        part: &Part,
        block: &Block,
        visit: &mut dyn FnMut(Framing<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (tail, check): (_, Check) = match directory.layout.contents.get(&part.name) {
            Some(Content::Snapshot) => (Tail::MustBeWhole, snapshot_gist),
            Some(Content::Records(tail)) => (*tail, gist),
            _ => (Tail::MustBeWhole, gist),
        };
        let check: Check = match directory.dialect {
            Dialect::Prometheus => check,
            Dialect::Loki => loki_gist,
        };
        for found in &block.batch.found {
            let framing = match &found.what {
                What::Record(place, compression) => {
                    let packed = block.bytes(place);
                    let (span, compression) = (found.span.clone(), *compression);
                    let mut gist = Gist::default();
                    let checked = |record: &[u8]| check(record).map(|found| gist = found);
                    Some(match self.unpacker.checked(packed, compression, checked) {
                        Ok(record) => Framing::Record(Frame { span, compression, packed, record, gist }),
                        Err(cause) => Framing::Damage(undecodable(part, found, cause)),
                    })
                }
                What::Damage(cause, lost) => Some(Framing::Damage(damage(part, found, cause, *lost))),
                What::Torn => ending(torn(part, tail, found, Liveness::Stopped)),
                What::Blank => ending(blank(part, tail, found)),
            };
            if let Some(framing) = framing {
                visit(framing)?;
            }
        }
        ControlFlow::Continue(())
    }
}

fn gist(record: &[u8]) -> Result<Gist, Malformed> {
    let skim = skim(record, |_| {})?;
    Ok(Gist { kind: Some(skim.kind), points: skim.points, times: skim.times })
}

fn loki_gist(record: &[u8]) -> Result<Gist, Malformed> {
    loki::record(record).map(|_| Gist::default())
}

fn snapshot_gist(record: &[u8]) -> Result<Gist, Malformed> {
    snapshot::record(record).map(|_| Gist::default())
}

/// How a file ends that does not end as it should.
fn ending<'a>(body: Body) -> Option<Framing<'a>> {
    match body {
        Body::Damage(damage) => Some(Framing::Damage(damage)),
        Body::Note(note) => Some(Framing::Note(note)),
        Body::Record(_) => None,
    }
}

fn chunk_at<'a>(file: &File, span: &Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<HeadChunk<'a>> {
    buffer.resize(usize::try_from(span.end - span.start).unwrap_or(0), 0);
    file.read_exact_at(buffer, span.start)?;
    let changed = |_| io::Error::new(io::ErrorKind::InvalidData, "the chunk changed while it was read");
    HeadChunk::read(&mut Bytes::new(buffer)).map_err(changed)
}
