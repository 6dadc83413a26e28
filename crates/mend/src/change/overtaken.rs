//! A change of a journal that was interrupted, and the journal was started before the change was finished.
//!
//! A start goes on in the newest segment that it finds, or begins one behind it. What was written then must not be
//! replaced by what was planned before, nor hidden behind an index that was made before, nor taken away.
//!
//! | a start wrote | so |
//! |---|---|
//! | before all new segments were in place | nothing was taken away yet, and those that are in place do no harm: what is left is not done |
//! | after that | it went on in the last of them, or behind it: the rest is done |
//! | while a change is taken back | a segment of that change which was written to stays; the old ones are back beside it |

use std::fs;
use std::path::Path;

use formats::Format;

use super::disk;
use super::intent::{CHANGE, Intent, NEW, Operation, Seal};
use super::quarantine;
use super::stage::checksum;
use crate::{MendError, StepKind};

/// What segments of a journal are called behind the point.
const SEGMENT: &str = "seg";

/// The segments in which a start may go on: the newest one, and the newest one that `operations` leave.
pub(super) fn open_ends(root: &Path, format: &str, operations: &[Operation]) -> Result<Vec<Seal>, MendError> {
    if format != Format::Journal.to_string() {
        return Ok(Vec::new());
    }
    let names = segments(root)?;
    let stays = |name: &&String| !operations.iter().any(|operation| operation.path() == name.as_str());
    let mut ends: Vec<&String> = names.last().into_iter().chain(names.iter().rfind(stays)).collect();
    ends.dedup();
    let seal = |name: &String| {
        let path = root.join(name);
        let (bytes, crc32c) = checksum(&path).map_err(MendError::io("read", &path))?;
        Ok(Seal { path: name.clone(), bytes, crc32c })
    };
    ends.into_iter().map(seal).collect()
}

/// The newest segment of a journal, if that was written to, or begun, since `intent` was promised.
pub(super) fn gone_on(root: &Path, intent: &Intent) -> Result<Option<String>, MendError> {
    if intent.format != Format::Journal.to_string() {
        return Ok(None);
    }
    let newest = segments(root)?.pop();
    let placed = intent.operations.iter().flat_map(Operation::files);
    let seals: Vec<&Seal> = placed.chain(&intent.open_ends).collect();
    let is_as_left = |newest: &String| seals.iter().any(|seal| seal.path == *newest && holds(root, seal));
    Ok(newest.filter(|newest| !is_as_left(newest)))
}

/// The segment in which the journal was written to, if one that is still to be put in place has come too late by that.
pub(super) fn by(root: &Path, intent: &Intent) -> Result<Option<String>, MendError> {
    if intent.undoes.is_some() {
        return Ok(None);
    }
    let created =
        |path: &str| intent.steps.iter().any(|step| step.kind == StepKind::Create && step.path == path);
    let is_left = intent.operations.iter().any(|operation| match operation {
        Operation::Place { path, from, .. } => created(path) && root.join(from).exists(),
        Operation::Remove { .. } => false,
    });
    if is_left { gone_on(root, intent) } else { Ok(None) }
}

/// Gives up what was to be done: the promise first, since without it what is left is removed, wherever this is stopped.
pub(super) fn take_back(dir: &Path) -> Result<(), MendError> {
    disk::rename(&dir.join(CHANGE), &dir.join(NEW).join(CHANGE))?;
    disk::sync(dir)?;
    disk::remove_tree(dir)
}

/// The intent without taking away what was written to since the change that it takes back.
pub(super) fn without_grown(root: &Path, mut intent: Intent) -> Result<Intent, MendError> {
    let Some(receipt) = intent.undoes.as_deref().filter(|_| intent.format == Format::Journal.to_string())
    else {
        return Ok(intent);
    };
    let (undone, _) = quarantine::find(root, receipt)?;
    let is_as_placed = |path: &str| {
        let mut seals = undone.operations.iter().flat_map(Operation::files);
        seals.find(|seal| seal.path == path).is_none_or(|seal| holds(root, seal))
    };
    intent.operations.retain(|operation| match operation {
        Operation::Place { .. } => true,
        Operation::Remove { path } => !root.join(path).exists() || is_as_placed(path),
    });
    Ok(intent)
}

/// Whether a file is as it was sealed.
pub(super) fn holds(root: &Path, seal: &Seal) -> bool {
    let path = root.join(&seal.path);
    // The size first: it costs nothing.
    path.metadata().is_ok_and(|metadata| metadata.len() == seal.bytes)
        && checksum(&path).is_ok_and(|(_, crc32c)| crc32c == seal.crc32c)
}

/// Segments of the journal, oldest first.
fn segments(root: &Path) -> Result<Vec<String>, MendError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(MendError::io("list", root))? {
        let name = entry.map_err(MendError::io("list", root))?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == SEGMENT) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
