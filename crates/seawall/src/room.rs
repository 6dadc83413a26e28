//! Free space of the file system that a log lies on.

use std::path::Path;

use crate::failure::Failure;
use crate::limits::Room;

/// Asks the system.
pub(crate) fn of(path: &Path) -> Result<Room, Failure> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|error| Failure::Room { path: path.to_owned(), source: error.into() })?;
    Ok(Room {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}
