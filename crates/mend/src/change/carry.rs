//! Carrying an intent out, from wherever an earlier try came to.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk;
use super::home;
use super::intent::{CHANGE, Intent, NEW, OLD, Operation, RECEIPT};
use crate::MendError;

/// Does everything of `intent` that is not yet done.
pub(super) fn out(root: &Path, intent: &Intent) -> Result<(), MendError> {
    let dir = home(root).join(&intent.receipt);
    let places = Places { root, old: dir.join(OLD) };
    intent.operations.iter().try_for_each(|operation| places.keep(operation))?;
    places.sync_kept(intent)?;
    let mut operations = intent.operations.iter().peekable();
    while let Some(operation) = operations.next() {
        places.change(operation)?;
        // Steps in one directory may reach the disk in any order only if they are of one kind: a removal must not
        // come before what makes it harmless.
        let together = operations.peek().is_some_and(|next| is_removal_beside(operation, next));
        if !together {
            disk::sync_names(&root.join(operation.path()), root)?;
        }
    }
    disk::rename(&dir.join(CHANGE), &dir.join(RECEIPT))?;
    disk::sync(&dir)?;
    disk::remove_tree(&dir.join(NEW))
}

fn is_removal_beside(one: &Operation, next: &Operation) -> bool {
    let parent = |operation: &Operation| Path::new(operation.path()).parent().map(Path::to_owned);
    let removals = |operation: &Operation| matches!(operation, Operation::Remove { .. });
    removals(one) && removals(next) && parent(one) == parent(next)
}

struct Places<'a> {
    root: &'a Path,
    old: PathBuf,
}

impl Places<'_> {
    /// Gives what is going to be replaced a second name in the quarantine.
    fn keep(&self, operation: &Operation) -> Result<(), MendError> {
        let Operation::Place { path, from, .. } = operation else { return Ok(()) };
        let (target, kept) = (self.root.join(path), self.old.join(path));
        // What is in place already is not what was there before.
        if !exists(&self.root.join(from)) || !exists(&target) || exists(&kept) {
            return Ok(());
        }
        make_parent(&kept)?;
        if target.is_file() { disk::second_name(&target, &kept) } else { disk::rename(&target, &kept) }
    }

    /// Makes the second names last, before any first one goes.
    fn sync_kept(&self, intent: &Intent) -> Result<(), MendError> {
        let mut dirs: Vec<PathBuf> = Vec::new();
        for operation in &intent.operations {
            let kept = self.old.join(operation.path());
            let above = kept.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.old));
            dirs.extend(above.filter(|dir| dir.is_dir()).map(Path::to_owned));
        }
        dirs.sort();
        dirs.dedup();
        dirs.iter().try_for_each(|dir| disk::sync(dir))?;
        self.old.parent().map_or(Ok(()), disk::sync)
    }

    fn change(&self, operation: &Operation) -> Result<(), MendError> {
        match operation {
            Operation::Place { path, from, .. } => {
                let (from, target) = (self.root.join(from), self.root.join(path));
                if !exists(&from) {
                    return Ok(());
                }
                make_parent(&target)?;
                disk::rename(&from, &target)
            }
            Operation::Remove { path } => {
                let (target, kept) = (self.root.join(path), self.old.join(path));
                if !exists(&target) || exists(&kept) {
                    return Ok(());
                }
                make_parent(&kept)?;
                disk::rename(&target, &kept)?;
                kept.parent().map_or(Ok(()), disk::sync)
            }
        }
    }
}

fn make_parent(path: &Path) -> Result<(), MendError> {
    path.parent().map_or(Ok(()), disk::make_dir)
}

/// Whether there is anything of that name, be it a link that leads nowhere.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
