//! What lies beside that which a change touches: so an undo can tell what a server wrote since.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::QUARANTINE;
use super::intent::{Beside, Intent, Operation};
use crate::MendError;

/// What the directories of `operations` hold that no operation is about.
///
/// The root itself is not looked into: what a server puts there (blocks, its lock) is no part of the log.
pub(super) fn of(root: &Path, operations: &[Operation]) -> Result<Vec<Beside>, MendError> {
    let mut all = Vec::new();
    for dir in dirs(operations) {
        all.extend(entries(root, &dir)?);
    }
    all.retain(|beside| !operations.iter().any(|operation| operation.path() == beside.path));
    Ok(all)
}

/// What lies in the directories of a change now and did not when it was made, or has changed since.
pub(super) fn newer(root: &Path, intent: &Intent) -> Result<Vec<String>, MendError> {
    let mut newer = Vec::new();
    for dir in dirs(&intent.operations) {
        for found in entries(root, &dir)? {
            let ours = intent.operations.iter().any(|operation| operation.path() == found.path);
            if !ours && !intent.beside.contains(&found) {
                newer.push(found.path);
            }
        }
    }
    Ok(newer)
}

/// The directories that operations change, but for the root.
fn dirs(operations: &[Operation]) -> BTreeSet<String> {
    let parents = operations.iter().filter_map(|operation| operation.path().rsplit_once('/'));
    parents.map(|(parent, _)| parent.to_owned()).filter(|dir| !dir.starts_with(QUARANTINE)).collect()
}

fn entries(root: &Path, dir: &str) -> Result<Vec<Beside>, MendError> {
    let path = root.join(dir);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(_) if !path.exists() => return Ok(Vec::new()),
        Err(error) => return Err(MendError::io("list", &path)(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(MendError::io("list", &path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let metadata = entry.metadata().map_err(MendError::io("look at", &entry.path()))?;
        all.push(Beside {
            path: format!("{dir}/{name}"),
            bytes: metadata.is_file().then_some(metadata.len()),
        });
    }
    all.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(all)
}
