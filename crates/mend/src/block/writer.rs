//! A block, written series by series.

use std::fs;
use std::path::{Path, PathBuf};

use super::chunk::{EncodedChunk, FLOAT_HISTOGRAM, HISTOGRAM, XOR};
use super::index::{Index, Placed};
use super::output;
use super::segments::{ChunkFiles, Segments};
use super::{Description, Label, Stats, Symbols};
use crate::MendError;

/// A tombstones file without tombstones: magic, version 1, the sum of nothing.
const NO_TOMBSTONES: [u8; 9] = [0x01, 0x30, 0xba, 0x30, 1, 0, 0, 0, 0];

/// The shortest chunk: the count of its samples.
const SHORTEST_CHUNK: usize = 2;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// What the block holds.
    pub stats: Stats,
    /// The time of its first sample.
    pub min_time: i64,
    /// The millisecond behind its last sample.
    pub max_time: i64,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// A block that is being written.
#[derive(Debug)]
pub struct BlockWriter<'s> {
    dir: PathBuf,
    symbols: &'s Symbols<'s>,
    chunks: ChunkFiles,
    index: Index<'s>,
    stats: Stats,
    /// Times of the first and the last sample.
    times: Option<(i64, i64)>,
    /// The labels of the last series.
    last: Vec<Label>,
    placed: Vec<Placed>,
}

impl<'s> BlockWriter<'s> {
    /// Begins a block in `dir`, which is made, or is there and empty. Series may use only these symbols.
    pub fn create(dir: &Path, symbols: &'s Symbols<'s>, segments: Segments) -> Result<Self, MendError> {
        fs::create_dir_all(dir).map_err(MendError::io("make the directory", dir))?;
        let mut entries = fs::read_dir(dir).map_err(MendError::io("list", dir))?;
        if entries.next().is_some() {
            return Err(MendError::Impossible {
                reason: format!("{} is not empty, so no block can be written there", dir.display()),
                advice: "move it away".to_owned(),
            });
        }
        Ok(Self {
            dir: dir.to_owned(),
            symbols,
            chunks: ChunkFiles::create(dir.join("chunks"), segments)?,
            index: Index::create(dir.join("index"), symbols)?,
            stats: Stats::default(),
            times: None,
            last: Vec::new(),
            placed: Vec::new(),
        })
    }

    /// Appends a series with its chunks.
    ///
    /// Series come in the order of their labels, each once; labels in the order of their names, none without a value;
    /// chunks in the order of time, each beginning after the one before it has ended. Anything else is an error, and
    /// leaves the block as it was.
    pub fn series(&mut self, labels: &[Label], chunks: &[EncodedChunk<'_>]) -> Result<(), MendError> {
        self.check_labels(labels)?;
        let times = check_chunks(chunks)?;
        self.placed.clear();
        for chunk in chunks {
            let place = self.chunks.put(chunk)?;
            self.placed.push(Placed { min_time: chunk.min_time, max_time: chunk.max_time, place });
            self.stats.count(chunk);
        }
        self.index.put(labels, &self.placed)?;
        self.stats.num_series += 1;
        let (first, last) = self.times.unwrap_or(times);
        self.times = Some((first.min(times.0), last.max(times.1)));
        self.last.clear();
        self.last.extend_from_slice(labels);
        Ok(())
    }

    /// Writes what is still missing and makes everything last. A block without series is an error.
    ///
    /// That the directory's own name lasts is up to whoever puts it in its place.
    pub fn finish(self, description: &Description) -> Result<Written, MendError> {
        let Some((min_time, last)) = self.times else { return Err(unsound("a block has no series")) };
        let max_time = last.saturating_add(1);
        let meta_path = self.dir.join("meta.json");
        let meta = description
            .json(self.stats, min_time, max_time)
            .map_err(|error| MendError::io("describe", &meta_path)(error.into()))?;
        let mut bytes = self.chunks.finish()?;
        bytes += self.index.finish()?;
        bytes += output::write(self.dir.join("tombstones"), &NO_TOMBSTONES)?;
        bytes += output::write(meta_path, &meta)?;
        output::sync_dir(&self.dir)?;
        Ok(Written { stats: self.stats, min_time, max_time, bytes })
    }

    fn check_labels(&self, labels: &[Label]) -> Result<(), MendError> {
        let text = |ordinal| self.symbols.text(ordinal);
        if labels.is_empty() || labels.iter().any(|it| text(it.name).is_empty() || text(it.value).is_empty())
        {
            return Err(unsound("a series has no labels, or one without a name or a value"));
        }
        if !labels.is_sorted_by(|one, other| one.name < other.name) {
            return Err(unsound("the labels of a series are not in order"));
        }
        if labels <= self.last.as_slice() {
            return Err(unsound("series are not in the order of their labels"));
        }
        Ok(())
    }
}

/// Answers with the times of the first and the last sample.
fn check_chunks(chunks: &[EncodedChunk<'_>]) -> Result<(i64, i64), MendError> {
    let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
        return Err(unsound("a series has no chunks"));
    };
    let holds = |chunk: &EncodedChunk<'_>| {
        chunk.samples > 0 && chunk.data.len() >= SHORTEST_CHUNK && chunk.min_time <= chunk.max_time
    };
    if !chunks.iter().all(holds) {
        return Err(unsound("a chunk has no samples, or ends before it begins"));
    }
    if !chunks.is_sorted_by(|one, other| one.max_time < other.min_time) {
        return Err(unsound("the chunks of a series overlap or are not in order"));
    }
    Ok((first.min_time, last.max_time))
}

/// Whoever writes a block knows all this beforehand.
fn unsound(reason: &str) -> MendError {
    MendError::Impossible {
        reason: format!("a block was about to become unsound: {reason}"),
        advice: "this is a mistake in this program; please report it".to_owned(),
    }
}

/// Encodings of servers to come: numbers, and histograms of either kind.
const XOR2: u8 = 4;
const HISTOGRAM_WITH_START: u8 = 5;
const FLOAT_HISTOGRAM_WITH_START: u8 = 6;

impl Stats {
    fn count(&mut self, chunk: &EncodedChunk<'_>) {
        self.num_chunks += 1;
        self.num_samples += chunk.samples;
        match chunk.encoding {
            XOR | XOR2 => self.num_float_samples += chunk.samples,
            HISTOGRAM | FLOAT_HISTOGRAM | HISTOGRAM_WITH_START | FLOAT_HISTOGRAM_WITH_START => {
                self.num_histogram_samples += chunk.samples;
            }
            _ => {}
        }
    }
}
