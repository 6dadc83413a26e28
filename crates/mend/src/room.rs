//! Whether the file system has the room that a change needs.

use std::path::Path;

use crate::MendError;

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
