//! Dropping the old part of a log.
//!
//! What is lost is what a start does not serve any more: samples older than the cut that only the log has. Chunks of
//! `chunks_head` stay, and the numbers of their series stay declared, so a start still serves what they hold.

use std::path::Path;

use formats::{Order, Progress, Role};

use super::division::{Chunks, Division};
use super::inventory::Inventory;
use super::replay::{Fate, Replay};
use super::sift::{Sieve, Siftings};
use super::{Layout, Subject, log_rest};
use crate::{Action, Kept, Loss, MendError, Mending, Plan, Span, Stage};

/// How far to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// So that the log has no more than so many bytes.
    MaxSize(u64),
    /// So that nothing is older than so many milliseconds; the second is the present, in milliseconds since 1970.
    MaxAge(i64, i64),
}

/// Drops the old part of a log.
#[derive(Debug)]
pub struct Trim {
    plan: Plan,
    work: Option<(Subject, Division)>,
}

impl Trim {
    /// Reads the log at `path` and says what would be lost. A log that is damaged has to be repaired first.
    pub fn plan(path: &Path, to: TrimTo, order: &Order) -> Result<Self, MendError> {
        let subject = Subject::read(path, order)?;
        let inventory = &subject.inventory;
        let division = match cut(inventory, to)? {
            Some(from) => Division::at(from, Chunks::All, (&subject.directory, inventory), order)?,
            None => None,
        };
        let Some(division) = division else {
            return Ok(Self { plan: subject.plan(Action::Trim, Vec::new(), Vec::new())?, work: None });
        };
        let layout = Layout::of(&subject, &division)?;
        let plan = subject.plan(Action::Trim, layout.steps(&subject.site.root, Vec::new()), Vec::new())?;
        let before = subject.replaced_bytes(&division);
        let stays =
            inventory.sizes.since(division.keep_from).saturating_add(inventory.other_bytes).min(before);
        let lost = Lost::of(&subject, &division, order)?;
        let plan = Plan {
            loss: lost.loss(before - stays),
            kept: lost.kept(plan.kept),
            needs: stays,
            work: before,
            ..plan
        };
        Ok(Self { plan, work: Some((subject, division)) })
    }
}

impl Mending for Trim {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        let Some((subject, division)) = &self.work else { return Ok(()) };
        let layout = Layout::of(subject, division)?;
        let mut checkpoint = layout.begin_checkpoint(stage)?;
        // No sample is looked for: those that stay do so with their records.
        let sieve =
            Sieve { inventory: &subject.inventory, from: i64::MAX, until: i64::MIN, rest: Some(division) };
        subject.sift(&sieve, (division.replaced, progress), |found| log_rest(&mut checkpoint, found))?;
        checkpoint.finish()?;
        layout.place(stage, &[])
    }
}

/// From when on samples stay; `None` if all may.
fn cut(inventory: &Inventory, to: TrimTo) -> Result<Option<i64>, MendError> {
    let end = inventory.newest().map_or(i64::MIN, |newest| newest.saturating_add(1));
    let most = match to {
        TrimTo::MaxAge(age, now) => return Ok(Some(now.saturating_sub(age).min(end))),
        TrimTo::MaxSize(most) => most,
    };
    let is_log = |role| matches!(role, Role::Live | Role::Checkpoint);
    let parts = inventory.parts.iter().map(|holding| &holding.part).filter(|part| is_log(part.role));
    if parts.map(|part| part.bytes).sum::<u64>() <= most {
        return Ok(None);
    }
    // A page at the end of a file is filled up, and so is one of each new file.
    let paged = inventory.other_bytes.saturating_add(PADDING * (inventory.parts.len() as u64 + 1));
    let Some(for_samples) = most.checked_sub(paged) else {
        return Err(MendError::Impossible {
            reason: format!("the log needs {paged} bytes for its series alone, and {most} are allowed"),
            advice: "allow more, or drain the log and let the server cut it".to_owned(),
        });
    };
    Ok(Some(inventory.sizes.earliest_within(for_samples).min(end)))
}

/// Zeros at the end of a file.
const PADDING: u64 = 32 * 1024;

/// What a start would serve of the log before the cut, and does not afterwards.
#[derive(Default)]
struct Lost {
    records: u64,
    samples: u64,
    times: Option<Span>,
}

impl Lost {
    /// Reads what is cut off as a start would.
    fn of(subject: &Subject, division: &Division, order: &Order) -> Result<Self, MendError> {
        let inventory = &subject.inventory;
        let from = inventory.blocks_end.unwrap_or(i64::MIN);
        let sieve = Sieve { inventory, from, until: division.keep_from, rest: None };
        let (mut lost, mut replay) = (Self::default(), Replay::of(inventory));
        subject.sift(&sieve, (division.replaced, &order.progress), |found| {
            lost.add(found, &mut replay);
            Ok(())
        })?;
        Ok(lost)
    }

    fn add(&mut self, found: &Siftings, replay: &mut Replay<'_>) {
        self.records += found.gone;
        let mut declared = found.declared.iter().peekable();
        for (at, sample) in found.samples.iter().enumerate() {
            while let Some((_, series)) = declared.next_if(|(before, _)| *before <= at) {
                replay.declare(*series);
            }
            if replay.sample(sample.series, sample.time) == Fate::Served {
                self.samples += 1;
                self.times = Span::merge(self.times, Some(Span::at(sample.time)));
            }
        }
        declared.for_each(|(_, series)| replay.declare(*series));
    }

    fn loss(&self, bytes: u64) -> Loss {
        Loss {
            records: Some(self.records),
            samples: Some(self.samples),
            series: Some(0),
            bytes,
            times: self.times,
        }
    }

    fn kept(&self, all: Kept) -> Kept {
        let without = |all: Option<u64>, lost: u64| all.map(|all| all.saturating_sub(lost));
        Kept {
            records: without(all.records, self.records),
            samples: without(all.samples, self.samples),
            ..all
        }
    }
}
