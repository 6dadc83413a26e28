//! Copies of bytes that could not be trusted, for people to look at.

use super::names::QUARANTINE;
use crate::SegmentId;
use crate::storage::{Storage, write_all};

/// Copies bytes of a segment to a file of their own and says its name. Nothing depends on it, so what fails is only
/// that there is no copy.
pub(crate) fn keep(storage: &dyn Storage, segment: SegmentId, start: u64, bytes: &[u8]) -> Option<String> {
    let folder = storage.folder(QUARANTINE).ok()?;
    let name = format!("{:016x}-{start:08x}.bin", segment.get());
    let write = || {
        // A start that was stopped may have left one; it is made again, since it may be cut short.
        if folder.list()?.contains(&name) {
            folder.remove(&name)?;
        }
        let file = folder.create(&name)?;
        write_all(&*file, 0, bytes)?;
        file.sync()?;
        folder.sync_names()
    };
    write().ok().map(|()| format!("{QUARANTINE}/{name}"))
}
