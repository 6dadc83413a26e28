//! Repair: everything that verifies is kept, and the directory starts.
//!
//! A damaged file is written anew with the records of it that verify, as they are packed, under its own number; a
//! sound file stays as it is. What this decides, and why:
//!
//! * **Series are declared once, and before their samples.** A start that meets a series a second time forgets what
//!   it read of it before. Repeated declarations are taken out, wherever a copied segment brings them in; where the
//!   copy lies before the segments that it is newer than, its samples are left to the later one.
//! * **Lost declarations** are looked for in older checkpoints, in segments that a checkpoint covers and that were
//!   not yet deleted, and in snapshots of the head. What is found is declared at the front of the first file that
//!   needs it. A series that only samples or chunks name is reported.
//! * **Numbers of series are never given again.** A server counts on from the highest number that is declared. Where
//!   chunks or samples of a higher one are left, a segment at the end declares one more series, without samples,
//!   behind all of them: the server forgets the series and keeps the count. Else the chunks would appear under the
//!   names of new series at the second start.
//! * **Holes**: the servers take a file of no bytes for a segment, so up to 256 missing numbers in a place are filled
//!   with such files. Before larger holes, and where the first segments are missing, what is there becomes a
//!   checkpoint just below the next segment; that needs one file whatever the numbers are. Files of which nothing
//!   verifies are emptied, or taken away where nothing sound follows them.
//! * **Checkpoints**: a damaged one gives way to an older one if all segments since then are there and sound, for
//!   then nothing is lost. Else it keeps what verifies. One of which nothing verifies gives way to whatever is left
//!   of what it was made from.
//! * **`chunks_head`**: addresses of chunks stand in the log of late samples, so a chunk never moves. While the log is
//!   sound it has everything that is in the chunks, and more: a damaged file and those after it are taken away, as
//!   the server would, and all samples come from the log. Where the log has lost something, the chunks may be the
//!   only ones to have it: then a file is written anew, of the same layout, with chunks of a series that cannot be in
//!   place of damaged ones, and late samples are told of no chunk that is lost. A start then passes over what the
//!   log has of a lost chunk if newer chunks of that series are there.
//! * **Snapshots of the head** go whenever anything is written: a server that trusts one would not read what was
//!   repaired.
//! * What a crash left at the very end is cut as the server would cut it, because the server does not read late
//!   samples in a run in which it has to.
//! * Left alone: `*.repair`, `checkpoint.N.tmp`, blocks, and segments below the checkpoint, unless a hole among them
//!   keeps the server from starting. Those go: no start reads them.
//! * Order of effects: first what a start would destroy something over, the checkpoint, then segments, then what
//!   makes a start possible again, then what goes.

mod checkpoints;
mod column;
mod deed;
mod draft;
mod figures;
mod files;
mod head_chunks;
mod job;
mod lost_chunks;
mod names;
mod reading;
mod row;
mod segment;
mod wal;

use std::path::Path;

use formats::prometheus::Directory;
use formats::{DetectError, Order, Progress, detect};

use self::deed::{Deed, Means};
use self::lost_chunks::LostChunks;
use self::names::Names;
use crate::{MendError, Mending, Plan, Site, Stage};

/// A repair of a log of Prometheus, planned.
#[derive(Debug)]
pub struct Repair {
    directory: Directory,
    plan: Plan,
    deeds: Vec<Deed>,
    names: Names,
    lost: LostChunks,
}

impl Repair {
    /// Reads all of the log at `path` and plans what to do about it; nothing, if it is sound.
    pub fn plan(path: &Path, order: &Order) -> Result<Self, MendError> {
        let site = Site::of(detect(path, None)?.as_ref());
        let directory = Directory::list(&site.root).map_err(DetectError::from)?;
        let fits = |directory: &Directory| directory.is_prometheus() && directory.is_whole() && path.is_dir();
        match directory.filter(fits) {
            Some(directory) => draft::draft(directory, site, order),
            None => Err(MendError::Impossible {
                reason: format!("{} is not a whole log of Prometheus", path.display()),
                advice: "name the data directory, or the WAL directory".to_owned(),
            }),
        }
    }
}

impl Mending for Repair {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        let means = Means { directory: &self.directory, names: &self.names, lost: &self.lost, progress };
        self.deeds.iter().try_for_each(|deed| deed.write(&means, stage))
    }
}

/// The number of a file, a segment or a checkpoint: the last part of its name.
fn number_of(name: &str) -> Option<u64> {
    let digits = name.rsplit_once('/').map_or(name, |(_, digits)| digits);
    let plain = (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}
