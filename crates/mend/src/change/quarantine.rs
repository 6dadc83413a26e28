//! What lies in a quarantine: receipts, and changes that were interrupted.

use std::fs;
use std::path::{Path, PathBuf};

use super::intent::{CHANGE, Intent, NEW, OLD, RECEIPT};
use super::{Progressed, Receipt, Unfinished, disk, home};
use crate::{Claim, MendError};

/// Names of the changes in the quarantine of `root`, oldest first.
fn names(root: &Path) -> Result<Vec<String>, MendError> {
    let home = home(root);
    let fail = |error| MendError::io("list", &home)(error);
    let entries = match fs::read_dir(&home) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let entries = entries.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    let dirs = entries.into_iter().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = dirs.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// The change that was interrupted, if there is one.
pub(super) fn unfinished(root: &Path) -> Result<Option<Unfinished>, MendError> {
    Ok(names(root)?.into_iter().find_map(|receipt| {
        let dir = home(root).join(&receipt);
        let stage = if dir.join(CHANGE).is_file() {
            Progressed::Placing
        } else if !dir.join(RECEIPT).is_file() && (dir.join(NEW).is_dir() || is_empty(&dir)) {
            Progressed::Writing
        } else {
            return None;
        };
        Some(Unfinished { receipt, stage })
    }))
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// The receipts of the log at `root`, oldest first, each with the bytes that its quarantine holds.
pub fn receipts(root: &Path) -> Result<Vec<(Receipt, u64)>, MendError> {
    let mut all = Vec::new();
    for name in names(root)? {
        let dir = home(root).join(&name);
        if dir.join(RECEIPT).is_file() {
            let receipt = Receipt::of(&Intent::read(&dir.join(RECEIPT))?);
            all.push((receipt, size(&dir.join(OLD))));
        }
    }
    Ok(all)
}

/// The name of the format of the log at `root`, as the newest receipt or the interrupted change has it.
pub(crate) fn format(root: &Path) -> Option<String> {
    let interrupted = || {
        let left = unfinished(root).ok().flatten()?;
        Some(Intent::read(&home(root).join(left.receipt).join(CHANGE)).ok()?.format)
    };
    let newest = receipts(root).ok()?.pop().map(|(receipt, _)| receipt.format);
    newest.or_else(interrupted)
}

/// The newest change that was not taken back and takes none back itself.
pub(super) fn newest(root: &Path) -> Result<String, MendError> {
    let all: Vec<Receipt> = receipts(root)?.into_iter().map(|(receipt, _)| receipt).collect();
    let change =
        all.iter().rfind(|receipt| receipt.undoes.is_none() && taken_back_by(&all, &receipt.id).is_none());
    let none = || MendError::Impossible {
        reason: format!("there is no change of {} to take back", root.display()),
        advice: "`seawall quarantine list` shows the receipts".to_owned(),
    };
    change.map(|receipt| receipt.id.clone()).ok_or_else(none)
}

/// The receipt that took this one back and was not taken back itself.
pub(super) fn taken_back_by<'a>(all: &'a [Receipt], receipt: &str) -> Option<&'a Receipt> {
    let undoing = |other: &&Receipt| other.undoes.as_deref() == Some(receipt);
    all.iter().rfind(undoing).filter(|other| taken_back_by(all, &other.id).is_none())
}

/// The intent behind a receipt, and its directory.
pub(super) fn find(root: &Path, receipt: &str) -> Result<(Intent, PathBuf), MendError> {
    let known = names(root)?.iter().any(|name| name == receipt);
    let dir = home(root).join(receipt);
    if !known || !dir.join(RECEIPT).is_file() {
        return Err(MendError::NoReceipt { root: root.to_owned(), receipt: receipt.to_owned() });
    }
    Ok((Intent::read(&dir.join(RECEIPT))?, dir))
}

/// Removes the quarantine of a receipt for good, and says how many bytes that frees.
pub fn prune(root: &Path, receipt: &str) -> Result<u64, MendError> {
    let _claim = Claim::quarantine(root)?;
    let (_, dir) = find(root, receipt)?;
    let freed = size(&dir.join(OLD));
    // The receipt goes last: without it, the rest could not be told from a change that was interrupted.
    disk::remove_tree(&dir.join(OLD))?;
    disk::remove_tree(&dir)?;
    Ok(freed)
}

/// Bytes of everything below a directory.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
