//! Makes what was found last: the end that nothing proves to be synced is written once more, leftovers are cleared
//! away.

use std::sync::Arc;

use super::replay::Replayed;
use super::survey::{IdFile, Surveyed};
use crate::format::DirectoryHeader;
use crate::log::Segments;
use crate::log::names::{ID, ID_ASIDE, SPARE, segment_name};
use crate::storage::{Fault, Storage, read_range, write_all};
use crate::{JournalId, Millis, OpenError, Options};

/// What could be made last.
pub(super) struct Settled {
    /// Whether there is a spare file.
    pub(super) has_spare: bool,
    /// The block of the last segment from which on bytes are suspect, since they could not be written again.
    pub(super) suspect: Option<u64>,
}

/// Makes what was found last.
pub(super) fn settle(
    surveyed: &Surveyed,
    replayed: &Replayed,
    segments: &mut Segments,
    (storage, options): (&Arc<dyn Storage>, &Options),
) -> Result<Settled, OpenError> {
    for name in surveyed.names.iter().filter(|name| name.strip_suffix(".tmp").is_some()) {
        storage.remove(name).map_err(Fault::on("remove", name))?;
    }
    let has_spare = keep_spare(surveyed, storage, options)?;
    storage.sync_names().map_err(Fault::on("sync the names in", &storage.describe()))?;
    let mut suspect = None;
    if let Some(last) = surveyed.segments.last() {
        if write_again(replayed, segments, last.segment).is_err() {
            suspect = Some(replayed.unproven / 4096 * 4096);
        }
        if surveyed.id_file != IdFile::Sound {
            write_id(&**storage, surveyed.id, (options.clock)())?;
        }
    }
    Ok(Settled { has_spare, suspect })
}

/// A spare file of another size is of no use.
fn keep_spare(surveyed: &Surveyed, storage: &Arc<dyn Storage>, options: &Options) -> Result<bool, Fault> {
    if !surveyed.names.iter().any(|name| name == SPARE) {
        return Ok(false);
    }
    let size = storage.open(SPARE).and_then(|file| file.size()).map_err(Fault::on("measure", SPARE))?;
    if size == options.segment_size {
        return Ok(true);
    }
    storage.remove(SPARE).map_err(Fault::on("remove", SPARE))?;
    Ok(false)
}

/// Writes the frames again that nothing proves to be synced, the same bytes in the same place.
///
/// They may be in the page cache alone while the kernel takes them for written, after a sync that failed in the process
/// before. Once they are written again, a sync is about them. If that fails, the segment is sealed as after any fault,
/// and they are carried over from what can be read.
fn write_again(replayed: &Replayed, segments: &mut Segments, last: crate::SegmentId) -> Result<(), Fault> {
    let name = segment_name(last);
    let file = segments.file(last)?;
    let len = replayed.end.saturating_sub(replayed.unproven);
    let bytes = read_range(&*file, replayed.unproven, len).map_err(Fault::on("read", &name))?;
    write_all(&*file, replayed.unproven, &bytes).map_err(Fault::on("write to", &name))?;
    file.sync().map_err(Fault::on("sync", &name))
}

/// Writes `journal.id`.
pub(crate) fn write_id(storage: &dyn Storage, journal: JournalId, made: Millis) -> Result<(), Fault> {
    let bytes = DirectoryHeader { journal, made }.encode();
    let file = storage.create(ID_ASIDE).map_err(Fault::on("create", ID_ASIDE))?;
    let written = write_all(&*file, 0, &bytes).and_then(|()| file.sync());
    written.map_err(Fault::on("write", ID_ASIDE))?;
    storage.rename(ID_ASIDE, ID).map_err(Fault::on("rename", ID_ASIDE))?;
    storage.sync_names().map_err(Fault::on("sync the names after making", ID))
}
