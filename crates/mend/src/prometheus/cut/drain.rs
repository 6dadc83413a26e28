//! Moving the old part of a log into blocks.
//!
//! Afterwards the server answers every query as after a full replay. For that, blocks hold exactly the samples older
//! than the cut that a replay would serve, and the log holds everything from the cut on.
//!
//! The cut lies on a boundary of two hours, where the server itself would cut. Blocks end with their last sample, and
//! so never later than the cut: where blocks end, the server begins to take samples.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use formats::prometheus::Chunking;
use formats::{Note, Order, Progress, UnixTime};

use super::batch::{Item, WholeChunk};
use super::blocks::{self, Planned, Share};
use super::division::{Chunks, Division};
use super::inventory::{Inventory, damaged};
use super::mapped::{is_read, owner};
use super::replay::{Fate, Replay};
use super::roster::SeriesId;
use super::runs::{RunWriter, Runs};
use super::sift::{Sieve, Siftings, Value};
use super::sorter::{Ended, Sorter};
use super::windows::{MAX_BLOCKS, Window};
use super::{Layout, Subject, log_rest, note};
use crate::block::Ulid;
use crate::block::chunk::{SampleValue, Samples};
use crate::change::to_the_minute;
use crate::{Action, MendError, Mending, Plan, Stage, Step, StepKind};

/// How much a head holds at least when the server has cut it: half of what a block covers.
const NORMAL_HEAD: i64 = 60 * 60 * 1000;

/// What a series takes in the index of a block. Measured; samples, sorted and packed, take less than twice the log.
const BYTES_IN_INDEX: u64 = 120;

/// Where to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// So that what stays is what the server itself would leave: one to three hours.
    Default,
    /// So that at least so many milliseconds stay.
    Keep(i64),
    /// At this time, in milliseconds since 1970, or at the boundary before it.
    Until(i64),
}

/// Moves the old part of a log into blocks.
#[derive(Debug)]
pub struct Drain {
    plan: Plan,
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    subject: Subject,
    division: Division,
    /// Samples from here on go into blocks,
    from: i64,
    /// and those from here on do not.
    until: i64,
    names: Names,
}

/// Names of blocks: always the same for a window, so that a plan can tell them.
#[derive(Debug)]
struct Names {
    now: UnixTime,
    entropy: RandomState,
}

impl Names {
    fn of(&self, window: Window) -> Ulid {
        let millis = u64::try_from(self.now.nanos() / 1_000_000).unwrap_or(0);
        let half = |half: u8| u128::from(self.entropy.hash_one((window, half)));
        Ulid::new(millis, half(0) << 64 | half(1))
    }
}

impl Drain {
    /// Reads the log at `path` and says what would be done. A log that is damaged has to be repaired first.
    pub fn plan(path: &Path, cut: Cut, order: &Order) -> Result<Self, MendError> {
        let subject = Subject::read(path, order)?;
        let inventory = &subject.inventory;
        let mut notes = Vec::new();
        let from = inventory.blocks_end.unwrap_or(i64::MIN);
        let until =
            inventory.newest().map_or(i64::MIN, |newest| boundary(inventory, cut, newest, &mut notes));
        let place = (&subject.directory, inventory);
        let division = Division::at(until.max(from), Chunks::BehindTheCut, place, order)?;
        let names = Names { now: order.now, entropy: RandomState::new() };
        let Some(division) = division else {
            return Ok(Self { plan: subject.plan(Action::Drain, Vec::new(), notes)?, work: None });
        };
        remarks(inventory, &division, &mut notes);
        let work = Work { subject, division, from, until, names };
        let layout = Layout::of(&work.subject, &work.division)?;
        let blocks = work.block_steps()?;
        let indexes = BYTES_IN_INDEX * (blocks.len() * work.subject.inventory.series.len()) as u64;
        let steps = layout.steps(&work.subject.site.root, blocks);
        let read = work.bytes_to_read();
        let plan = Plan {
            needs: read * 2 + indexes,
            work: read * 2,
            ..work.subject.plan(Action::Drain, steps, notes)?
        };
        Ok(Self { plan, work: Some(work) })
    }
}

impl Mending for Drain {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        let Some(work) = &self.work else { return Ok(()) };
        let layout = Layout::of(&work.subject, &work.division)?;
        let runs = work.sort(&layout, stage, progress)?;
        let planned = work.planned(&runs, stage)?;
        let share = Share { progress, bytes: work.bytes_to_read() };
        let subject = &work.subject;
        blocks::write(&planned, (&runs, &subject.inventory.series), subject.workers, share)?;
        drop(runs);
        let names: Vec<String> = planned.iter().map(|block| block.ulid.to_string()).collect();
        layout.place(stage, &names)
    }
}

/// Where the cut lies, on a boundary between two windows and not behind the newest sample.
fn boundary(inventory: &Inventory, cut: Cut, newest: i64, notes: &mut Vec<Note>) -> i64 {
    let wanted = match cut {
        Cut::Default => newest.saturating_sub(NORMAL_HEAD),
        Cut::Keep(millis) => newest.saturating_sub(millis.max(0)),
        Cut::Until(time) => time.min(newest.saturating_add(1)),
    };
    let mut until = Window::boundary(wanted);
    while let Some(end) = hidden_deletion(inventory, until) {
        if notes.is_empty() {
            let message = "deletions of late samples, or of chunks that reach over the cut, must stay in the log: the cut lies before them";
            notes.push(note("cut-before-deletion", message.to_owned()));
        }
        until = Window::boundary(end);
    }
    until
}

/// The end of a deletion that a start would pass over with this cut, although something that it deletes stays.
fn hidden_deletion(inventory: &Inventory, until: i64) -> Option<i64> {
    let reaches_over = |series: SeriesId, from_end: i64| {
        let mut crossing = inventory.mapped.crossing.iter().filter(|(owner, ..)| *owner == series);
        crossing.any(|(_, min, max)| *min <= from_end && *min < until && *max >= until)
    };
    let hidden = inventory.graves.iter().filter_map(|(series, all)| {
        let ends = all.iter().map(|(_, to)| *to).filter(|to| *to < until);
        ends.filter(|to| inventory.late.contains(series) || reaches_over(*series, *to)).min()
    });
    hidden.min()
}

/// What one should know of what blocks have no room for.
fn remarks(inventory: &Inventory, division: &Division, notes: &mut Vec<Note>) {
    if inventory.oldest_exemplar.is_some_and(|oldest| oldest < division.keep_from) {
        let message = "exemplars older than the cut go, as they do whenever the server cuts its log";
        notes.push(note("exemplars-go", message.to_owned()));
    }
    if inventory.started > 0 {
        let message = format!(
            "{} samples have a start time, which blocks that every server reads have no room for",
            inventory.started
        );
        notes.push(note("start-times-go", message));
    }
}

impl Work {
    /// Bytes of the log and of `chunks_head` that are read.
    fn bytes_to_read(&self) -> u64 {
        let mapped = self.subject.inventory.mapped.parts.iter().map(|part| part.bytes);
        self.subject.replaced_bytes(&self.division) + mapped.sum::<u64>()
    }

    fn block_steps(&self) -> Result<Vec<Step>, MendError> {
        let windows: Vec<Window> = self.subject.inventory.windows.between(self.from, self.until).collect();
        if windows.len() > MAX_BLOCKS {
            return Err(MendError::Impossible {
                reason: format!("the log has samples of more than {MAX_BLOCKS} spans of two hours"),
                advice: "cut it at an earlier time, or trim it".to_owned(),
            });
        }
        let step = |window: Window| Step {
            kind: StepKind::Create,
            path: self.names.of(window).to_string(),
            bytes_before: None,
            bytes_after: None,
            why: format!(
                "samples of the two hours from {}",
                to_the_minute(UnixTime::from_millis(window.start()))
            ),
        };
        Ok(windows.into_iter().map(step).collect())
    }

    /// One block for each window that there is something of.
    fn planned(&self, runs: &Runs, stage: &Stage) -> Result<Vec<Planned>, MendError> {
        let block = |window: &Window| {
            let ulid = self.names.of(*window);
            Ok(Planned { window: *window, ulid, dir: stage.beside(&ulid.to_string())? })
        };
        runs.windows.keys().map(block).collect()
    }

    /// Reads what is cut off: samples are sorted into runs, and what stays goes into the new checkpoint.
    fn sort(&self, layout: &Layout, stage: &Stage, progress: &Progress) -> Result<Runs, MendError> {
        let Subject { inventory, .. } = &self.subject;
        let writer = RunWriter::create(stage.scratch()?.join("runs"), inventory.series.order())?;
        let mut checkpoint = layout.begin_checkpoint(stage)?;
        let sieve = Sieve { inventory, from: self.from, until: self.until, rest: Some(&self.division) };
        let runs = std::thread::scope(|scope| {
            let mut sorter = Sorter::begin(scope, writer);
            let mut replay = Replay::of(inventory);
            let mut take = || {
                self.take_chunks(&replay, &mut sorter, progress)?;
                self.subject.sift(&sieve, (self.division.replaced, progress), |found| {
                    log_rest(&mut checkpoint, found)?;
                    take_samples(found, &mut replay, &mut sorter).map_err(stopped)
                })
            };
            let taken = take();
            // Why the sorter ended comes before that it did.
            let runs = sorter.finish()?;
            taken.map(|()| runs)
        })?;
        checkpoint.finish()?;
        Ok(runs)
    }

    /// Takes the chunks that a replay would serve: whole where they fit into a block, else sample by sample.
    fn take_chunks(
        &self,
        replay: &Replay<'_>,
        sorter: &mut Sorter<'_>,
        progress: &Progress,
    ) -> Result<(), MendError> {
        let Inventory { series, blocks_end, mapped, .. } = &self.subject.inventory;
        for part in &mapped.parts {
            let mut failed = None;
            self.subject.directory.chunks(part, progress, &mut |chunking| {
                let outcome = match chunking {
                    Chunking::Chunk(_, chunk)
                        if is_read(&chunk, *blocks_end) && chunk.times.0 < self.until =>
                    {
                        let whole = WholeChunk {
                            times: chunk.times,
                            encoding: chunk.encoding,
                            samples: chunk.samples(),
                            data: chunk.data,
                        };
                        owner(&chunk, series)
                            .map_or(Ok(()), |owner| self.take_chunk(owner, whole, replay, sorter))
                    }
                    Chunking::Damage(damage) => Err(damaged(&damage)),
                    Chunking::Chunk(..) | Chunking::Note(_) => Ok(()),
                };
                failed = outcome.err();
                if failed.is_some() {
                    std::ops::ControlFlow::Break(())
                } else {
                    std::ops::ControlFlow::Continue(())
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    fn take_chunk(
        &self,
        series: SeriesId,
        chunk: WholeChunk<'_>,
        replay: &Replay<'_>,
        sorter: &mut Sorter<'_>,
    ) -> Result<(), MendError> {
        let (min, max) = chunk.times;
        let fits = max < self.until && Window::of(min) == Window::of(max);
        if fits && !replay.has_graves(series, chunk.times) {
            return sorter.push(series, min, &Item::Chunk(chunk)).map_err(stopped);
        }
        let unfit = |cause: formats::Malformed| MendError::Impossible {
            reason: format!("a chunk of chunks_head cannot be taken apart: {cause}"),
            advice: "move chunks_head away: the log still has its samples".to_owned(),
        };
        let samples = Samples::of(chunk.encoding, chunk.data).map_err(unfit)?;
        for sample in samples {
            let sample = sample.map_err(unfit)?;
            if sample.time >= self.until {
                break;
            }
            if replay.is_deleted(series, sample.time) {
                continue;
            }
            match sample.value {
                SampleValue::Float(value) => sorter.push(series, sample.time, &Item::Float(value.to_bits())),
                SampleValue::Histogram(histogram) => {
                    let mut packed = Vec::new();
                    histogram.pack(&mut packed);
                    sorter.push(series, sample.time, &Item::Histogram(&packed))
                }
            }
            .map_err(stopped)?;
        }
        Ok(())
    }
}

/// Takes the samples that a replay would serve.
fn take_samples(found: &Siftings, replay: &mut Replay<'_>, sorter: &mut Sorter<'_>) -> Result<(), Ended> {
    let mut declared = found.declared.iter().peekable();
    for (at, sample) in found.samples.iter().enumerate() {
        while let Some((_, series)) = declared.next_if(|(before, _)| *before <= at) {
            replay.declare(*series);
        }
        if replay.sample(sample.series, sample.time) == Fate::Served {
            let item = match sample.value {
                Value::Float(bits) => Item::Float(bits),
                Value::Histogram(start, end) => {
                    Item::Histogram(found.histograms.get(start as usize..end as usize).unwrap_or_default())
                }
            };
            sorter.push(sample.series, sample.time, &item)?;
        }
    }
    declared.for_each(|(_, series)| replay.declare(*series));
    Ok(())
}

/// Stands for the cause, which the sorter tells when it is asked.
fn stopped(_: Ended) -> MendError {
    MendError::Impossible {
        reason: "sorting the samples has ended early".to_owned(),
        advice: "run the command again; nothing was changed".to_owned(),
    }
}
