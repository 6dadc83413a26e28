//! Free space of the file system that a log lies on.

use std::path::Path;

use crate::failure::Failure;
use crate::limits::Room;

/// Asks the system.
pub(crate) fn of(path: &Path) -> Result<Room, Failure> {
    Room::of(path).map_err(|source| Failure::Room { path: path.to_owned(), source })
}
