//! What a start finds: whose directory it is, the newest index, the frames behind it, and where the log ends.
//!
//! | file | does |
//! |---|---|
//! | `mod.rs` | the order of things |
//! | `survey.rs` | looks at every header and refuses what is not this journal's; changes nothing |
//! | `replay.rs` | loads the newest complete index and takes in the frames behind it |
//! | `judge.rs` | what is missing between two frames: a torn batch, or damage |
//! | `settle.rs` | makes what was found last: writes the unproven end again, clears leftovers away |

pub(crate) mod judge;
pub(crate) mod replay;
mod settle;
pub(crate) mod survey;

use std::sync::Arc;

use crate::index::Index;
use crate::log::Segments;
use crate::storage::{Storage, StoredFile};
use crate::writer::AFTER_DAMAGE;
use crate::{JournalId, Lsn, OpenError, Options, Recovery, SegmentId};

pub(crate) use settle::write_id;

/// What a start found.
pub(crate) struct Found {
    pub(crate) id: JournalId,
    pub(crate) index: Index,
    pub(crate) segments: Segments,
    pub(crate) spot: Spot,
    pub(crate) recovery: Recovery,
}

/// Where the writer goes on.
pub(crate) struct Spot {
    /// The last segment, and where in it; nothing if another has to be begun.
    pub(crate) active: Option<(OpenSegment, u64)>,
    /// Behind the mark that the last segment ends with, if its last frame is one.
    pub(crate) marked: Option<u64>,
    pub(crate) next_segment: SegmentId,
    pub(crate) next: Lsn,
    pub(crate) indexes: Vec<SegmentId>,
    pub(crate) index_bytes: u64,
    pub(crate) since_index: u64,
    pub(crate) has_spare: bool,
    /// Segments that are suspect from a block on.
    pub(crate) suspects: Vec<(SegmentId, u64)>,
}

/// A segment with its file.
pub(crate) struct OpenSegment {
    pub(crate) segment: SegmentId,
    pub(crate) file: Arc<dyn StoredFile>,
    pub(crate) size: u64,
}

/// Finds out what there is. A directory without a journal is found to hold an empty one.
pub(crate) fn recover(storage: &Arc<dyn Storage>, options: &Options) -> Result<Found, OpenError> {
    let surveyed = survey::survey(storage, options)?;
    let mut segments = Segments::new(Arc::clone(storage));
    surveyed.segments.iter().for_each(|known| segments.insert(known.segment, known.size));
    let mut replayed = replay::replay(&surveyed, &mut segments, replay::Keep::In(&**storage))?;
    let settled = settle::settle(&surveyed, &replayed, &mut segments, (storage, options))?;
    replay::miss_segments(&mut replayed, &segments);
    let last = surveyed.segments.last();
    let suspects = settled.suspect.zip(last).map(|(from, last)| (last.segment, from));
    let is_sound =
        suspects.is_none() && replayed.recovery.cut.is_none() && replayed.recovery.damage.is_empty();
    let active = match last.filter(|_| is_sound) {
        Some(last) if last.size >= replayed.end => {
            let file = segments.file(last.segment)?;
            Some((OpenSegment { segment: last.segment, file, size: last.size }, replayed.end))
        }
        _ => None,
    };
    let spot = Spot {
        active,
        marked: replayed.marked,
        next_segment: last.map_or(SegmentId::FIRST, |last| last.segment.next()),
        next: replayed.next,
        // The index that was found may end in what is suspect, so it does not count as one of two.
        indexes: if settled.suspect.is_none() { replayed.indexes } else { Vec::new() },
        index_bytes: replayed.index_bytes,
        // After damage or a cut, an index is due.
        since_index: if is_sound { replayed.since_index } else { AFTER_DAMAGE },
        has_spare: settled.has_spare,
        suspects: suspects.into_iter().collect(),
    };
    Ok(Found { id: surveyed.id, index: replayed.index, segments, spot, recovery: replayed.recovery })
}
