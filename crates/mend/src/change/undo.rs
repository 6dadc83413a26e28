//! Taking a receipt back, by a change with a receipt of its own: an undo can be undone.

use std::path::Path;

use formats::Progress;

use super::intent::{Intent, OLD, Operation, Seal};
use super::overtaken::{self, holds};
use super::stage::checksum;
use super::{QUARANTINE, Stage, beside, quarantine};
use crate::{Action, Kept, Loss, MendError, Mending, Plan, Site, Step, StepKind};

/// What becomes of that which a server wrote after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newer {
    /// It is not touched: the undo is refused.
    Refuse,
    /// It goes into quarantine.
    Quarantine,
}

/// The change that takes a receipt back.
#[derive(Debug)]
pub struct Undo {
    plan: Plan,
    receipt: String,
    operations: Vec<Operation>,
}

/// Plans to take back `receipt`, or the newest change that was not taken back.
pub fn undo(site: &Site, receipt: Option<&str>, newer: Newer) -> Result<Undo, MendError> {
    let root = &site.root;
    let name = receipt.map_or_else(|| quarantine::newest(root), |name| Ok(name.to_owned()))?;
    let (intent, _) = quarantine::find(root, &name)?;
    let all: Vec<_> = quarantine::receipts(root)?.into_iter().map(|(receipt, _)| receipt).collect();
    if let Some(by) = quarantine::taken_back_by(&all, &name) {
        return Err(MendError::Impossible {
            reason: format!("{name} was taken back already, by {}", by.id),
            advice: format!("to redo it, undo {}", by.id),
        });
    }
    if newer == Newer::Refuse {
        demand_untouched(root, &intent)?;
    }
    let mut operations: Vec<Operation> =
        beside::newer(root, &intent)?.into_iter().map(|path| Operation::Remove { path }).collect();
    for operation in intent.operations.iter().rev() {
        operations.extend(reverse(root, &intent, operation)?);
    }
    let steps = operations.iter().map(|operation| step(root, operation)).collect();
    let plan = Plan {
        action: Action::Undo,
        site: site.clone(),
        sources: Vec::new(),
        steps,
        loss: Loss::NONE,
        kept: Kept::default(),
        servers_own: None,
        needs: 0,
        work: 0,
        notes: Vec::new(),
    };
    Ok(Undo { plan, receipt: name, operations })
}

impl Mending for Undo {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, _progress: &Progress) -> Result<(), MendError> {
        stage.undo(&self.receipt, self.operations.clone());
        Ok(())
    }
}

/// Fails if anything is not as the change left it.
fn demand_untouched(root: &Path, intent: &Intent) -> Result<(), MendError> {
    let written =
        |path: &str| MendError::Overtaken { path: root.join(path), receipt: intent.receipt.clone() };
    if let Some(path) = beside::newer(root, intent)?.first() {
        return Err(written(path));
    }
    // What is put back then has an index that was made before.
    if intent.undoes.is_some()
        && let Some(newest) = overtaken::gone_on(root, intent)?
    {
        return Err(written(&newest));
    }
    let places = |path: &str| {
        intent
            .operations
            .iter()
            .any(|other| matches!(other, Operation::Place { path: placed, .. } if placed == path))
    };
    for operation in &intent.operations {
        match operation {
            Operation::Place { files, .. } => {
                if let Some(seal) = files.iter().find(|seal| !holds(root, seal)) {
                    return Err(written(&seal.path));
                }
            }
            // A server has made anew what was taken away.
            Operation::Remove { path } if root.join(path).exists() && !places(path) => {
                return Err(written(path));
            }
            Operation::Remove { .. } => {}
        }
    }
    Ok(())
}

/// What takes one operation back.
fn reverse(root: &Path, intent: &Intent, operation: &Operation) -> Result<Option<Operation>, MendError> {
    let path = operation.path().to_owned();
    let from = format!("{QUARANTINE}/{}/{OLD}/{path}", intent.receipt);
    let old = root.join(&from);
    if old.exists() {
        let files = seals(&old, &path)?;
        return Ok(Some(Operation::Place { path, from, files }));
    }
    let made_here = matches!(operation, Operation::Place { .. }) && root.join(&path).exists();
    Ok(made_here.then_some(Operation::Remove { path }))
}

/// The files of what goes back. They are what they were: they were only renamed.
fn seals(old: &Path, path: &str) -> Result<Vec<Seal>, MendError> {
    if old.is_file() {
        let (bytes, crc32c) = checksum(old).map_err(MendError::io("read", old))?;
        return Ok(vec![Seal { path: path.to_owned(), bytes, crc32c }]);
    }
    let entries = std::fs::read_dir(old).map_err(MendError::io("list", old))?;
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(MendError::io("list", old))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        all.extend(seals(&entry.path(), &format!("{path}/{name}"))?);
    }
    Ok(all)
}

fn step(root: &Path, operation: &Operation) -> Step {
    let size =
        |path: &str| root.join(path).metadata().ok().filter(std::fs::Metadata::is_file).map(|it| it.len());
    let path = operation.path().to_owned();
    let bytes_before = size(&path);
    match operation {
        Operation::Place { from, .. } => {
            let there = root.join(&path).exists();
            let kind = if there { StepKind::Replace } else { StepKind::Create };
            let why = "back from quarantine".to_owned();
            Step { kind, bytes_after: size(from), path, bytes_before, why }
        }
        Operation::Remove { .. } => {
            let why = "was not there before".to_owned();
            Step { kind: StepKind::Remove, path, bytes_before, bytes_after: None, why }
        }
    }
}
