//! Blocks of the runs: one for each window, its series in the order of their labels.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use formats::Progress;
use formats::prometheus::record::Histogram;

use super::batch::{Item, each_of_group};
use super::roster::{SeriesId, Sorted};
use super::runs::{RunReader, Runs, WindowRuns};
use super::windows::Window;
use crate::MendError;
use crate::block::chunk::{EncodedChunk, Encoder, Refused};
use crate::block::{BlockWriter, Description, Label, Segments, Symbols, Ulid, Written};

/// What all pieces of runs that are read at a time may hold in memory.
const READ_BUDGET: usize = 16 * 1024 * 1024;

/// The buffer of one piece: more is no faster, less is many calls.
const BUFFER: std::ops::RangeInclusive<usize> = 4 * 1024..=256 * 1024;

/// Beyond so many series, blocks are written one at a time: each takes some eighty bytes a series while it is.
const MANY_SERIES: usize = 300_000;

/// Series that are handed over together, and how often that may be done ahead.
const BATCH: usize = 64;
const BATCHES: usize = 4;

/// A series with its chunks.
type Packed = (SeriesId, Vec<EncodedChunk<'static>>);

/// A block to be written.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) window: Window,
    pub(super) ulid: Ulid,
    pub(super) dir: PathBuf,
}

/// Progress that a piece of work adds up to in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share<'a> {
    pub(super) progress: &'a Progress,
    pub(super) bytes: u64,
}

/// Writes blocks, as many at a time as there are workers. Answers in the order of what was planned.
pub(super) fn write(
    planned: &[Planned],
    (runs, series): (&Runs, &Sorted),
    workers: NonZeroUsize,
    share: Share<'_>,
) -> Result<Vec<Written>, MendError> {
    let workers = if series.len() > MANY_SERIES { NonZeroUsize::MIN } else { workers };
    let next = Mutex::new(planned.iter().enumerate());
    let (written, failed) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let maker = Maker { runs, series, buffer: buffer(runs, workers), share };
    let run = || {
        while !failed.load(Ordering::Relaxed) {
            let Some((at, planned)) = lock(&next).next() else { return };
            let outcome = maker.block(planned);
            failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
            lock(&written).push((at, outcome));
        }
    };
    std::thread::scope(|scope| {
        (1..workers.get()).for_each(|_| {
            scope.spawn(run);
        });
        run();
    });
    let mut written = written.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    written.sort_by_key(|(at, _)| *at);
    written.into_iter().map(|(_, outcome)| outcome).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How much of each piece is read at once, so that all pieces of all blocks at a time keep to the budget.
fn buffer(runs: &Runs, workers: NonZeroUsize) -> usize {
    let most = runs.windows.values().map(|window| window.extents.len()).max().unwrap_or(1);
    (READ_BUDGET / (most.max(1) * workers.get())).clamp(*BUFFER.start(), *BUFFER.end())
}

struct Maker<'a> {
    runs: &'a Runs,
    series: &'a Sorted,
    buffer: usize,
    share: Share<'a>,
}

impl Maker<'_> {
    /// Writes a block: one thread merges and packs, another writes.
    fn block(&self, planned: &Planned) -> Result<Written, MendError> {
        let Some(window) = self.runs.windows.get(&planned.window) else { return Err(vanished()) };
        let used = self.series.order().iter().filter(|series| window.series.contains(**series));
        let texts =
            used.flat_map(|series| self.series.labels(*series)).flat_map(|(name, value)| [name, value]);
        let symbols = Symbols::of(self.series.pool(), texts);
        let mut writer = BlockWriter::create(&planned.dir, &symbols, Segments::default())?;
        std::thread::scope(|scope| {
            let (packed, to_write) = sync_channel(BATCHES);
            let merging = scope.spawn(move || self.pack(window, &packed));
            let written = to_write.into_iter().flatten().try_for_each(|(series, chunks): Packed| {
                writer.series(&self.labels(series, &symbols), &chunks)
            });
            // The merge ends without an error of its own when nobody takes what it packs.
            merging.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            written
        })?;
        writer.finish(&Description::of_head(planned.ulid))
    }

    /// Packs all series of a window, some at a time.
    fn pack(&self, window: &WindowRuns, packed: &SyncSender<Vec<Packed>>) -> Result<(), MendError> {
        let mut merge = Merge::of(self, window)?;
        let mut packing = Packing::default();
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(series) = merge.next(&mut packing)? {
            packing.end_chunk();
            batch.push((series, std::mem::take(&mut packing.chunks)));
            if batch.len() >= BATCH && packed.send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        // Nobody taking it is no error here.
        packed.send(batch).unwrap_or(());
        Ok(())
    }

    fn labels(&self, series: SeriesId, symbols: &Symbols<'_>) -> Vec<Label> {
        let label =
            |(name, value)| Some(Label { name: symbols.ordinal(name)?, value: symbols.ordinal(value)? });
        self.series.labels(series).filter_map(label).collect()
    }

    /// Counts bytes of runs that were read as their share of the progress.
    fn advance(&self, bytes: u64) {
        let share = u128::from(bytes) * u128::from(self.share.bytes) / u128::from(self.runs.bytes().max(1));
        self.share.progress.add(u64::try_from(share).unwrap_or(0));
    }
}

/// Groups of all runs of a window, series by series.
struct Merge<'a> {
    maker: &'a Maker<'a>,
    readers: Vec<RunReader<'a>>,
    /// The next series of each run.
    heads: BinaryHeap<Reverse<(u32, usize)>>,
}

impl<'a> Merge<'a> {
    fn of(maker: &'a Maker<'a>, window: &WindowRuns) -> Result<Self, MendError> {
        let readers = window.extents.iter().map(|extent| maker.runs.read(*extent, maker.buffer));
        let mut merge = Self { maker, readers: readers.collect(), heads: BinaryHeap::new() };
        (0..merge.readers.len()).try_for_each(|run| merge.advance(run))?;
        Ok(merge)
    }

    fn advance(&mut self, run: usize) -> Result<(), MendError> {
        if let Some(reader) = self.readers.get_mut(run)
            && let Some(rank) = reader.next()?
        {
            self.heads.push(Reverse((rank, run)));
        }
        Ok(())
    }

    /// Packs all that there is of the next series, run by run, which is the order of the log.
    fn next(&mut self, packing: &mut Packing) -> Result<Option<SeriesId>, MendError> {
        let Some(Reverse((rank, _))) = self.heads.peek().copied() else { return Ok(None) };
        while let Some(Reverse((of_head, run))) = self.heads.peek().copied() {
            if of_head != rank {
                break;
            }
            self.heads.pop();
            if let Some(reader) = self.readers.get_mut(run) {
                let group = reader.group()?;
                self.maker.advance(group.len() as u64);
                each_of_group(group, |time, item| packing.add(time, item)).ok_or_else(vanished)??;
            }
            self.advance(run)?;
        }
        let series = self.maker.series.order().get(rank as usize).copied();
        series.map(Some).ok_or_else(vanished)
    }
}

/// Chunks of one series.
#[derive(Default)]
struct Packing {
    encoder: Encoder,
    chunks: Vec<EncodedChunk<'static>>,
}

impl Packing {
    #[inline]
    fn add(&mut self, time: i64, item: Item<'_>) -> Result<(), MendError> {
        match item {
            Item::Float(bits) => {
                let ended =
                    self.encoder.float(time, f64::from_bits(bits)).map_err(|refused| unfit(time, refused))?;
                self.chunks.extend(ended);
            }
            Item::Histogram(packed) => {
                let histogram = Histogram::unpack(packed).map_err(|_| vanished())?;
                let ended =
                    self.encoder.histogram(time, &histogram).map_err(|refused| unfit(time, refused))?;
                self.chunks.extend(ended);
            }
            Item::Chunk(chunk) => {
                self.end_chunk();
                self.chunks.push(EncodedChunk {
                    min_time: chunk.times.0,
                    max_time: chunk.times.1,
                    encoding: chunk.encoding,
                    samples: chunk.samples,
                    data: Cow::Owned(chunk.data.to_vec()),
                });
            }
        }
        Ok(())
    }

    fn end_chunk(&mut self) {
        self.chunks.extend(self.encoder.finish());
    }
}

fn unfit(time: i64, refused: Refused) -> MendError {
    MendError::Impossible {
        reason: format!("a sample of {time} does not fit into a block: {refused}"),
        advice: "trim the log instead".to_owned(),
    }
}

/// What was written to the temporary file is not what is read from it.
fn vanished() -> MendError {
    MendError::Impossible {
        reason: "the temporary file of sorted samples is not as it was written".to_owned(),
        advice: "check the disk; nothing was changed".to_owned(),
    }
}
