//! A change of a journal that was interrupted, and the journal was started before the change was finished.
//!
//! A start begins a segment behind the newest one that it finds. If that is one before the new segments of the change, it
//! takes the number of one of them. What was written since must not be replaced by what was planned before; and the new
//! segments come first, so that nothing was taken away yet, and those that are in place already do no harm.

use std::fs;
use std::path::Path;

use formats::Format;

use super::disk;
use super::intent::{CHANGE, Intent, NEW, Operation};
use crate::{MendError, StepKind};

/// Whether a segment that is still to be put in place has come too late: there is one of its number, or of a higher
/// one, that is none of this change.
pub(super) fn is(root: &Path, intent: &Intent) -> Result<bool, MendError> {
    if intent.format != Format::Journal.to_string() {
        return Ok(false);
    }
    let created =
        |path: &str| intent.steps.iter().any(|step| step.kind == StepKind::Create && step.path == path);
    let mut left = intent.operations.iter().filter_map(|operation| match operation {
        Operation::Place { path, from, .. } if created(path) && root.join(from).exists() => Some(path),
        _ => None,
    });
    // They are put in place in their order, so all behind this one are still to come.
    let Some(next) = left.next() else { return Ok(false) };
    for entry in fs::read_dir(root).map_err(MendError::io("list", root))? {
        let name = entry.map_err(MendError::io("list", root))?.file_name();
        let is_segment = Path::new(&name).extension() == Path::new(next).extension();
        if is_segment && name.to_string_lossy().as_ref() >= next.as_str() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives up what was to be done: the promise first, since without it what is left is removed, wherever this is stopped.
pub(super) fn take_back(dir: &Path) -> Result<(), MendError> {
    disk::rename(&dir.join(CHANGE), &dir.join(NEW).join(CHANGE))?;
    disk::sync(dir)?;
    disk::remove_tree(dir)
}
