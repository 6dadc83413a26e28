//! Chunks of `chunks_head`: what a replay takes of them, and passes over in the log for it.
//!
//! * In-order chunks that end before the blocks do are passed over.
//! * A series gets those of the number in its last record; samples of the log up to their end are passed over.
//! * A file that is not whole is deleted by the server. Only the newest one can be so without being damaged.
//! * Chunks of one series follow each other in time. Else the server deletes all files.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use formats::prometheus::record::SeriesRef;
use formats::prometheus::{ChunkOrder, Chunking, Directory, HeadChunk};
use formats::{Order, Part, Progress, Role};

use super::inventory::damaged;
use super::roster::{SeriesId, Sorted};
use super::windows::{Window, Windows};
use crate::MendError;

/// What `chunks_head` holds.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// Files that a start reads.
    pub(super) parts: Vec<Part>,
    /// Where the chunks of each series end, `i64::MIN` for those that have none. Empty if there are no chunks.
    pub(super) ends: Vec<i64>,
    /// Time of the newest sample.
    pub(super) newest: Option<i64>,
    pub(super) windows: Windows,
    /// Series and times of chunks that do not lie in one window.
    pub(super) crossing: Vec<(SeriesId, i64, i64)>,
}

impl Mapped {
    /// Reads all chunks. Series that have late ones are added to `late`.
    pub(super) fn of(
        directory: &Directory,
        order: &Order,
        series: &Sorted,
        late: &mut HashSet<SeriesId>,
    ) -> Result<Self, MendError> {
        let mut mapped = Self { parts: whole_parts(directory)?, ..Self::default() };
        let mut others = HashMap::new();
        let blocks_end = directory.blocks_end();
        let mut failed = None;
        for part in mapped.parts.clone() {
            directory.chunks(&part, &order.progress, &mut |chunking| {
                let result = match chunking {
                    Chunking::Chunk(_, chunk) if chunk.order == ChunkOrder::OutOfOrder => {
                        late.extend(series.refs().get(chunk.series));
                        Ok(())
                    }
                    Chunking::Chunk(_, chunk) if is_read(&chunk, blocks_end) => {
                        mapped.add(&chunk, series, &mut others)
                    }
                    Chunking::Damage(damage) => Err(damaged(&damage)),
                    Chunking::Chunk(..) | Chunking::Note(_) => Ok(()),
                };
                failed = result.err();
                if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if let Some(error) = failed.take() {
                return Err(error);
            }
        }
        Ok(mapped)
    }

    /// Where the chunks of a series end.
    #[inline]
    pub(super) fn end(&self, series: SeriesId) -> i64 {
        self.ends.get(series.index()).copied().unwrap_or(i64::MIN)
    }

    fn add(
        &mut self,
        chunk: &HeadChunk<'_>,
        series: &Sorted,
        others: &mut HashMap<u64, i64>,
    ) -> Result<(), MendError> {
        let (min, max) = chunk.times;
        let Some(owner) = owner(chunk, series) else {
            // Nobody's, and still it has to follow the one before it.
            return match others.insert(chunk.series, max) {
                Some(end) if end >= min => Err(out_of_sequence(chunk)),
                _ => Ok(()),
            };
        };
        if self.ends.is_empty() {
            self.ends = vec![i64::MIN; series.len()];
        }
        let end = self.ends.get_mut(owner.index());
        if let Some(end) = end {
            if *end >= min {
                return Err(out_of_sequence(chunk));
            }
            *end = max;
        }
        self.newest = self.newest.max(Some(max));
        self.windows.add(min);
        if Window::of(min) != Window::of(max) {
            self.windows.add(max);
            self.crossing.push((owner, min, max));
        }
        Ok(())
    }
}

/// Whether a start takes the chunk, whoever it belongs to.
pub(super) fn is_read(chunk: &HeadChunk<'_>, blocks_end: Option<i64>) -> bool {
    chunk.order == ChunkOrder::InOrder && blocks_end.is_none_or(|end| chunk.times.1 >= end)
}

/// The series that a start gives the chunk to.
pub(super) fn owner(chunk: &HeadChunk<'_>, series: &Sorted) -> Option<SeriesId> {
    let owner = series.refs().get(chunk.series)?;
    let is_last = series.last_ref(owner) == Some(SeriesRef(chunk.series));
    (is_last && !series.deleted().contains(&owner)).then_some(owner)
}

/// All files but a newest one that ends inside a chunk, as after a crash: the server deletes it.
fn whole_parts(directory: &Directory) -> Result<Vec<Part>, MendError> {
    let parts = directory.parts().iter().filter(|part| part.role == Role::HeadChunks);
    let mut parts: Vec<Part> = parts.cloned().collect();
    let Some(newest) = parts.last() else { return Ok(parts) };
    let mut whole = true;
    directory.chunks(newest, &Progress::default(), &mut |chunking| {
        whole &= !matches!(chunking, Chunking::Note(_));
        ControlFlow::Continue(())
    })?;
    if !whole {
        parts.pop();
    }
    Ok(parts)
}

fn out_of_sequence(chunk: &HeadChunk<'_>) -> MendError {
    MendError::Impossible {
        reason: format!(
            "chunks_head holds chunks of series {} that do not follow each other in time, and the server deletes all of it for that",
            chunk.series
        ),
        advice: "move chunks_head away: the log still has its samples".to_owned(),
    }
}
