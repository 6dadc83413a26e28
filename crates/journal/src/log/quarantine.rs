//! Copies of bytes that could not be trusted, for people to look at.

use std::io;

use super::frames::ROOM;
use super::names::QUARANTINE;
use crate::SegmentId;
use crate::storage::{Storage, StoredFile, read_full, write_all};

/// Copies a range of a segment's file to a file of its own and says its name; nothing if the range is empty, or beyond
/// the file. Nothing depends on it, so what fails is only that there is no copy.
pub(crate) fn keep(
    storage: &dyn Storage,
    segment: SegmentId,
    from: &dyn StoredFile,
    (start, end): (u64, u64),
) -> Option<String> {
    if start >= end || from.size().ok()? < end {
        return None;
    }
    let folder = storage.folder(QUARANTINE).ok()?;
    let name = format!("{:016x}-{start:08x}.bin", segment.get());
    let write = || {
        // A start that was stopped may have left one; it is made again, since it may be cut short.
        if folder.list()?.contains(&name) {
            folder.remove(&name)?;
        }
        let file = folder.create(&name)?;
        copy(from, &*file, (start, end))?;
        file.sync()?;
        folder.sync_names()
    };
    write().ok().map(|()| format!("{QUARANTINE}/{name}"))
}

fn copy(from: &dyn StoredFile, to: &dyn StoredFile, (start, end): (u64, u64)) -> io::Result<()> {
    let rest = |at: u64| usize::try_from(end - at).unwrap_or(usize::MAX).min(ROOM);
    let mut bytes = vec![0; rest(start)];
    let mut at = start;
    while at < end {
        let wanted = rest(at);
        let there = read_full(from, at, bytes.get_mut(..wanted).unwrap_or_default())?;
        if there == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all(to, at - start, bytes.get(..there).unwrap_or_default())?;
        at += there as u64;
    }
    Ok(())
}
