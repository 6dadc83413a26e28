//! Cutting a log in two: what drain and trim have in common.
//!
//! * [`inventory`] reads all of the log: its series ([`roster`], [`refs`]), what it holds and when ([`windows`]), and
//!   what `chunks_head` has of it ([`mapped`]).
//! * [`division`] says where the cut lies and what the part that stays needs of the part that goes.
//! * [`sift`] takes records apart, [`replay`] says which samples a start would take, [`rest`] writes the new checkpoint.
//! * For blocks, samples are sorted in bounded memory ([`sorter`], [`batch`], [`runs`]) and merged ([`blocks`]).
//!
//! What stays is in the order in which it was: series that were deleted and created again, or that have two numbers,
//! mean what they meant. Every number that stays is declared, and no record of a series is repeated.

mod batch;
mod blocks;
mod division;
mod inventory;
mod mapped;
mod points;
mod refs;
mod replay;
mod rest;
mod roster;
mod runs;
mod sift;
mod sorter;
mod windows;

pub(super) mod drain;
pub(super) mod trim;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use formats::prometheus::{Directory, Framing, Relay};
use formats::{Format, Note, Order, Part, Progress, Role, detect};

use super::names_in;
use crate::{Action, Kept, Loss, MendError, Plan, Site, Source, Stage, Step, StepKind};
use division::Division;
use inventory::{Inventory, damaged};
use rest::Checkpoint;
use sift::{Sieve, Siftings};

/// A log that is about to be cut.
#[derive(Debug)]
struct Subject {
    site: Site,
    directory: Directory,
    inventory: Inventory,
    workers: NonZeroUsize,
}

impl Subject {
    /// Reads the log at `path`.
    fn read(path: &Path, order: &Order) -> Result<Self, MendError> {
        let log = detect(path, None)?;
        let site = Site::of(log.as_ref());
        let root = site.root.display();
        let refused =
            |reason: String, advice: &str| MendError::Impossible { reason, advice: advice.to_owned() };
        if site.format != Format::Prometheus {
            let reason =
                format!("{root} is a log of {}, and only those of Prometheus can be cut", site.format);
            return Err(refused(reason, "repair or reset it instead"));
        }
        if !site.root.join("wal").is_dir() || site.root.file_name().is_some_and(|name| name == "data-agent") {
            let reason = format!("{root} is not the data directory of a Prometheus server");
            return Err(refused(reason, "give the directory that holds `wal`; an agent has no blocks"));
        }
        let Some(directory) = Directory::list(&site.root).map_err(formats::DetectError::from)? else {
            return Err(refused(format!("{root} holds no log"), "give the server's data directory"));
        };
        if let Some(file) = directory.missing().first() {
            return Err(refused(format!("{file} is missing"), "repair the log first"));
        }
        let inventory = Inventory::of(&directory, order)?;
        Ok(Self { site, directory, inventory, workers: order.workers })
    }

    /// A plan that loses nothing, if it does anything.
    fn plan(&self, action: Action, steps: Vec<Step>, notes: Vec<Note>) -> Result<Plan, MendError> {
        let parts = &self.inventory.parts;
        let kept = Kept {
            records: Some(parts.iter().map(|holding| holding.records).sum()),
            samples: Some(parts.iter().map(|holding| holding.points).sum()),
            series: Some(self.inventory.series.len() as u64),
        };
        let (site, sources) = (self.site.clone(), self.sources()?);
        let (loss, servers_own, needs, work) = (Loss::NONE, None, 0, 0);
        Ok(Plan { action, site, sources, steps, loss, kept, servers_own, needs, work, notes })
    }

    /// The files that the plan is made from.
    fn sources(&self) -> Result<Vec<Source>, MendError> {
        let parts = self.directory.parts().iter().filter(|part| part.role != Role::Block);
        parts.map(|part| Source::of(&part.path).map_err(MendError::io("look at", &part.path))).collect()
    }

    /// Bytes of the files that the new checkpoint takes the place of.
    fn replaced_bytes(&self, division: &Division) -> u64 {
        self.inventory.parts.iter().take(division.replaced).map(|holding| holding.part.bytes).sum()
    }

    /// Reads the files that are replaced: what stays goes into the checkpoint, and all else to `take`.
    fn sift(
        &self,
        sieve: &Sieve<'_>,
        (files, progress): (usize, &Progress),
        mut take: impl FnMut(&Siftings) -> Result<(), MendError> + Send,
    ) -> Result<(), MendError> {
        let parts: Vec<&Part> =
            self.inventory.parts.iter().take(files).map(|holding| &holding.part).collect();
        let relay = Relay { parts: &parts, workers: self.workers, progress };
        let digest =
            |found: &mut Siftings, part: usize, framing: Framing<'_>| found.add(sieve, part, &framing);
        let mut failed = None;
        self.directory.relay(&relay, digest, |found: &mut Siftings, _| {
            let outcome = found.damage.as_ref().map_or(Ok(()), |damage| Err(damaged(damage)));
            failed = outcome.and_then(|()| take(found)).err();
            found.clear();
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        failed.map_or(Ok(()), Err)
    }
}

/// What happens to the files around the cut, in the order in which it does. A server that starts in between finds the
/// old log or the new one: files below the number of a checkpoint are passed over.
struct Layout {
    /// Would hide what is written.
    stale: Vec<String>,
    /// Keeps the server from numbering its next segment below the checkpoint.
    next_segment: Option<String>,
    checkpoint: String,
    /// Oldest first, so that a row never has a hole.
    segments: Vec<String>,
    old_checkpoints: Vec<String>,
}

impl Layout {
    fn of(subject: &Subject, division: &Division) -> Result<Self, MendError> {
        let root = &subject.site.root;
        let directory = &subject.directory;
        let replaced = directory.segments().filter(|(number, _)| *number <= division.checkpoint);
        let is_last = directory.segments().all(|(number, _)| number <= division.checkpoint);
        let mut stale = names_in(root, |name| name.starts_with("chunk_snapshot."))?;
        let state = "wal/series_state.json";
        stale.extend(root.join(state).is_file().then(|| state.to_owned()));
        let old = names_in(&root.join("wal"), |name| {
            name.strip_prefix("checkpoint.").is_some_and(|number| number.parse::<u64>().is_ok())
        })?;
        Ok(Self {
            stale,
            next_segment: is_last.then(|| format!("wal/{:08}", division.checkpoint + 1)),
            checkpoint: format!("wal/checkpoint.{:08}", division.checkpoint),
            segments: replaced.map(|(_, name)| name.to_owned()).collect(),
            old_checkpoints: old.into_iter().map(|name| format!("wal/{name}")).collect(),
        })
    }

    /// The steps, with blocks between what goes first and what follows.
    fn steps(&self, root: &Path, blocks: Vec<Step>) -> Vec<Step> {
        let removed = |path: &String, why: &str| Step {
            kind: StepKind::Remove,
            path: path.clone(),
            bytes_before: Some(bytes_below(&root.join(path))),
            bytes_after: None,
            why: why.to_owned(),
        };
        let created = |path: &String, bytes_after: Option<u64>, why: &str| Step {
            kind: StepKind::Create,
            path: path.clone(),
            bytes_before: None,
            bytes_after,
            why: why.to_owned(),
        };
        let mut steps: Vec<Step> =
            self.stale.iter().map(|path| removed(path, "would hide the new log from the server")).collect();
        steps.extend(blocks);
        steps.extend(self.next_segment.iter().map(|path| created(path, Some(0), "the log goes on here")));
        steps.push(created(&self.checkpoint, None, "what stays of the segments up to here"));
        steps.extend(self.segments.iter().map(|path| removed(path, "what stays is in the checkpoint")));
        steps.extend(self.old_checkpoints.iter().map(|path| removed(path, "what stays is in the new one")));
        steps
    }

    /// Says what was written and what goes. Blocks are in place between the two.
    fn place(&self, stage: &mut Stage, blocks: &[String]) -> Result<(), MendError> {
        self.stale.iter().for_each(|path| stage.remove(path));
        blocks.iter().try_for_each(|path| stage.place(path))?;
        if let Some(segment) = &self.next_segment {
            rest::empty_segment(&stage.beside(segment)?)?;
            stage.place(segment)?;
        }
        stage.place(&self.checkpoint)?;
        self.segments.iter().chain(&self.old_checkpoints).for_each(|path| stage.remove(path));
        Ok(())
    }

    fn begin_checkpoint(&self, stage: &Stage) -> Result<Checkpoint, MendError> {
        Checkpoint::create(stage.beside(&self.checkpoint)?)
    }
}

/// Appends to a checkpoint what stays of a block of the log.
fn log_rest(checkpoint: &mut Checkpoint, found: &Siftings) -> Result<(), MendError> {
    let mut start = 0;
    for (end, compression) in &found.ends {
        checkpoint.log(found.packed.get(start..*end).unwrap_or_default(), *compression)?;
        start = *end;
    }
    Ok(())
}

/// Bytes of a file, or of all files of a directory. What cannot be read is nothing: it is only shown.
fn bytes_below(path: &Path) -> u64 {
    let metadata = std::fs::metadata(path);
    if metadata.as_ref().is_ok_and(std::fs::Metadata::is_file) {
        return metadata.map_or(0, |metadata| metadata.len());
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

fn note(code: &'static str, message: String) -> Note {
    Note { code, file: String::new(), message }
}
