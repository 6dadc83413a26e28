//! Whether the file system has the room that a change needs, and is one: nothing is copied to be moved.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::{MendError, Plan};

/// Kept free beyond what is needed: directories, receipts and other programs need some, too.
const MARGIN: u64 = 16 * 1024 * 1024;

/// Fails if `needed` bytes and a margin are not free below `root`.
pub(crate) fn demand(root: &Path, needed: u64) -> Result<(), MendError> {
    let stat = rustix::fs::statvfs(root)
        .map_err(|errno| MendError::io("ask for the free space of", root)(errno.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let needed = needed.saturating_add(if needed == 0 { 0 } else { MARGIN });
    if free < needed {
        return Err(MendError::NoRoom { root: root.to_owned(), free, needed });
    }
    Ok(())
}

/// Fails if something that is going to be moved lies on another file system than the quarantine, as when `wal` is a
/// mount of its own.
pub(crate) fn demand_one_file_system(plan: &Plan) -> Result<(), MendError> {
    let root = &plan.site.root;
    let device = fs::metadata(root).map_err(MendError::io("look at", root))?.dev();
    let lies_elsewhere = |path: &str| {
        let there = root.join(path);
        let mut found = there.ancestors().filter_map(|path| fs::symlink_metadata(path).ok());
        found.next().is_some_and(|metadata| metadata.dev() != device)
    };
    match plan.steps.iter().find(|step| lies_elsewhere(&step.path)) {
        None => Ok(()),
        Some(step) => Err(MendError::Impossible {
            reason: format!("{} lies on another file system than {}", step.path, root.display()),
            advice: "mount both as one, or copy them together to another place and work there".to_owned(),
        }),
    }
}
