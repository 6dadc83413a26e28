//! What a repair does to one file, and how it is written.

use std::fs::{self, File};
use std::ops::ControlFlow;

use formats::prometheus::record::{Labels, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Directory, Frame, Framing, RefSet};
use formats::{Part, Progress};

use super::column::Column;
use super::head_chunks::{self, ChunkFile};
use super::lost_chunks::LostChunks;
use super::names::Names;
use super::reading::label_hash;
use super::segment::SegmentWriter;
use crate::{MendError, Stage};

/// What is done.
#[derive(Debug)]
pub(super) enum Deed {
    /// Records become a file.
    Rewrite(Rewriting),
    /// A file without records takes the place.
    Empty(String),
    /// A file of `chunks_head` is written anew.
    Chunks(ChunkFile),
    /// A file of `chunks_head` without chunks takes the place.
    NoChunks(String),
    /// A segment that keeps the number of a series, and all below it, from being given again.
    Reserve(String, SeriesRef),
    /// A file or directory goes.
    Remove(String),
}

/// Records that become a file.
#[derive(Debug)]
pub(super) struct Rewriting {
    /// The file.
    pub(super) path: String,
    /// The directory around it, where that is new too.
    pub(super) dir: Option<String>,
    /// Whether it begins with the series that are declared again.
    pub(super) naming: Naming,
    pub(super) origins: Vec<Origin>,
}

/// Whether lost series are declared in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// They are, before everything else.
    First,
    /// They are not.
    None,
}

/// Files whose records go into a new one.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) parts: Vec<Part>,
    /// Series that an earlier file declares.
    pub(super) repeated: RefSet,
    pub(super) scope: Scope,
}

/// Which records are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All that verify.
    All,
    /// Only series: the samples stand in a later copy, where they belong.
    Series,
}

/// What writing needs besides the deed.
pub(super) struct Means<'a> {
    pub(super) directory: &'a Directory,
    pub(super) names: &'a Names,
    pub(super) lost: &'a LostChunks,
    pub(super) progress: &'a Progress,
}

impl Deed {
    /// Does it.
    pub(super) fn write(&self, means: &Means<'_>, stage: &mut Stage) -> Result<(), MendError> {
        match self {
            Deed::Rewrite(rewriting) => rewriting.write(means, stage),
            Deed::Empty(path) => {
                let there = stage.beside(path)?;
                File::create(&there).map_err(MendError::io("create", &there))?;
                stage.place(path)
            }
            Deed::Chunks(file) => {
                let there = stage.beside(&file.part.name)?;
                head_chunks::write(file, &there, means.progress).map_err(MendError::io("write", &there))?;
                stage.place(&file.part.name)
            }
            Deed::NoChunks(path) => {
                let there = stage.beside(path)?;
                fs::write(&there, head_chunks::HEADER).map_err(MendError::io("write", &there))?;
                stage.place(path)
            }
            Deed::Reserve(path, series) => {
                let mut writer = SegmentWriter::create(&stage.beside(path)?, means.progress)?;
                reserve(&mut writer, *series)?;
                writer.finish()?;
                stage.place(path)
            }
            Deed::Remove(path) => {
                stage.remove(path);
                Ok(())
            }
        }
    }
}

/// The name of a series that is declared for its number alone. It has no samples, so that no query shows it.
const RESERVED: &[u8] = b"seawall_reserved";

/// Declares a series for its number alone.
fn reserve(writer: &mut SegmentWriter, series: SeriesRef) -> Result<(), MendError> {
    let pairs =
        Labels::write_pairs([(&b"__name__"[..], RESERVED), (b"ref", series.0.to_string().as_bytes())]);
    let Some(labels) = Labels::of_pairs(&pairs) else { return Ok(()) };
    let mut record = Vec::new();
    Record::Series(vec![Series { series, labels }]).encode(&mut record);
    writer.log(&record, Compression::None)
}

impl Rewriting {
    fn write(&self, means: &Means<'_>, stage: &mut Stage) -> Result<(), MendError> {
        let mut writer = SegmentWriter::create(&stage.beside(&self.path)?, means.progress)?;
        if self.naming == Naming::First {
            means.names.write(means.directory, means.progress, &mut writer)?;
        }
        let mut filter = Filter { lost: means.lost, declared: Column::default() };
        for origin in &self.origins {
            for part in &origin.parts {
                copy(means, part, origin, &mut filter, &mut writer)?;
            }
        }
        writer.finish()?;
        stage.place(self.dir.as_ref().unwrap_or(&self.path))
    }
}

/// Copies the records of a file that verify.
fn copy(
    means: &Means<'_>,
    part: &Part,
    origin: &Origin,
    filter: &mut Filter<'_>,
    writer: &mut SegmentWriter,
) -> Result<(), MendError> {
    let mut failed = None;
    means.directory.frames(part, means.progress, &mut |framing| {
        let Framing::Record(frame) = framing else { return ControlFlow::Continue(()) };
        let written = match filter.pass(&frame, origin) {
            Passed::Whole => writer.log_packed(frame.packed, frame.compression),
            Passed::Changed(record) => writer.log(&record, frame.compression),
            Passed::Nothing => Ok(()),
        };
        failed = written.err();
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(()), Err)
}

/// What is taken out of records that verify.
struct Filter<'a> {
    lost: &'a LostChunks,
    /// Hashes of the labels of series that this file declares so far.
    declared: Column,
}

/// What is left of a record.
enum Passed {
    Whole,
    Changed(Vec<u8>),
    Nothing,
}

impl Filter<'_> {
    fn pass(&mut self, frame: &Frame<'_>, origin: &Origin) -> Passed {
        let changed = |kept: usize, all: usize, record: &Record<'_>| match kept {
            0 => Passed::Nothing,
            _ if kept == all => Passed::Whole,
            _ => {
                let mut out = Vec::new();
                record.encode(&mut out);
                Passed::Changed(out)
            }
        };
        match frame.record.first() {
            Some(1) => {
                let Ok(Record::Series(mut all)) = Record::decode(frame.record) else { return Passed::Whole };
                let before = all.len();
                all.retain(|series| !origin.repeated.contains(series.series.0) && self.is_new(series));
                if before == 0 { Passed::Whole } else { changed(all.len(), before, &Record::Series(all)) }
            }
            Some(5) => {
                let Ok(Record::Markers(mut all)) = Record::decode(frame.record) else { return Passed::Whole };
                let before = all.len();
                all.retain(|marker| !self.lost.holds(marker.chunk));
                if before == 0 { Passed::Whole } else { changed(all.len(), before, &Record::Markers(all)) }
            }
            _ if origin.scope == Scope::Series => Passed::Nothing,
            _ => Passed::Whole,
        }
    }

    /// Whether this file did not declare the series before by the same labels.
    fn is_new(&mut self, series: &Series<'_>) -> bool {
        let hash = label_hash(series);
        match self.declared.at(series.series.0) {
            Some(known) => std::mem::replace(known, hash) != hash,
            None => true,
        }
    }
}
