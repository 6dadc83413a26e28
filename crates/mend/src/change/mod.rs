//! How a change is carried out, so that it can be stopped anywhere.
//!
//! ```text
//! <root>/wal-quarantine/lock                    held while somebody changes this log
//! <root>/wal-quarantine/<receipt>/new/...         new files, until they are put in place
//!                                 change.json   what is to be done: from here on it will be
//!                                 old/...         what was replaced or removed, under its path below the root
//!                                 receipt.json  the same as change.json, once all of it is done
//! ```
//!
//! | step | stopped here, there is | the next run |
//! |---|---|---|
//! | 1 new files are written and synced | `new/` without `change.json` | takes it back: removes the directory |
//! | 2 `change.json` is written aside, synced, renamed, its directory synced | both | finishes |
//! | 3 each file that will be replaced gets a second name below `old/`; its directories are synced | likewise | finishes: a name that is there is not made again |
//! | 4 in order: a new file is renamed over the old one; what is removed is renamed to below `old/`; directories are synced | likewise | finishes: what is no longer in `new/` is in place |
//! | 5 `change.json` becomes `receipt.json` | `receipt.json` | has nothing to do |
//!
//! A file that is replaced is there at every moment, old or new. Steps are ordered so that a server which starts in
//! between finds a log that it can start on as well as before. Where a file system has no second names (hard links),
//! the old file is renamed away first and is missing for a moment.
//!
//! A server that was started between the steps 2 and 4 has written what the change does not know of, and must not cost: see
//! `meanwhile.rs`, and `overtaken.rs` for a journal.
//!
//! Everything lies below one directory and so on one file system: nothing is copied to be moved.

mod beside;
mod carry;
mod disk;
mod intent;
mod meanwhile;
mod overtaken;
mod quarantine;
mod stage;
mod undo;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use formats::{Format, Progress, UnixTime};

pub use intent::Receipt;
pub(crate) use quarantine::format;
pub use quarantine::{prune, receipts};
pub use stage::Stage;
pub(crate) use stage::to_the_minute;
pub use undo::{Newer, Undo, undo};

use crate::{Claim, MendError, Mending, Site, room};
use intent::Intent;
use meanwhile::{Begun, Left};

/// The directory that holds what was replaced, below the root of a log.
pub const QUARANTINE: &str = "wal-quarantine";

/// Where the quarantine of the log at `root` lies.
pub(crate) fn home(root: &Path) -> PathBuf {
    root.join(QUARANTINE)
}

/// What a change needs to know from outside.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The present.
    pub now: UnixTime,
    /// Where progress is counted.
    pub progress: Progress,
}

/// Carries a change out.
///
/// An unfinished change has to be settled before: its plan would not hold any more.
pub fn apply(mending: &dyn Mending, terms: &Terms) -> Result<Receipt, MendError> {
    let plan = mending.plan();
    let root = &plan.site.root;
    let _claim = Claim::take(&plan.site)?;
    if let Some(left) = quarantine::unfinished(root)? {
        return Err(MendError::Interrupted { root: root.clone(), receipt: left.receipt });
    }
    room::demand(root, plan.needs)?;
    room::demand_one_file_system(plan)?;
    let mut stage = Stage::begin(root, plan.action, terms.now)?;
    let written = mending.write(&mut stage, &terms.progress).and_then(|()| plan.demand_unchanged());
    match written {
        Ok(()) => finish(root, &stage.commit(plan)?),
        Err(error) => {
            stage.take_back();
            Err(error)
        }
    }
}

/// A change that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its name.
    pub receipt: String,
    /// Whether all that it needs is written, so that it will be finished; else it is taken back.
    pub stage: Progressed,
}

/// How far an interrupted change had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progressed {
    /// It was still writing new files; nothing of the log was touched.
    Writing,
    /// Its new files were complete, and some may be in place.
    Placing,
}

/// What became of a change that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its name.
    pub receipt: String,
    /// Its receipt, if it was finished; else it was taken back.
    pub done: Option<Receipt>,
    /// Files that a server has written to since the change was promised. What was left to do then was not done.
    pub written: Vec<String>,
}

/// The change of the log at `root` that was interrupted, if there is one that can be seen. Looks, and changes nothing.
pub fn unfinished(root: &Path) -> Option<Unfinished> {
    quarantine::unfinished(root).ok().flatten()
}

/// Finishes or takes back what a killed run left, and says what was done.
pub fn settle(site: &Site) -> Result<Option<Settled>, MendError> {
    let root = &site.root;
    if quarantine::unfinished(root)?.is_none() {
        return Ok(None);
    }
    let _claim = Claim::take(site)?;
    let Some(left) = quarantine::unfinished(root)? else { return Ok(None) };
    let dir = home(root).join(&left.receipt);
    let (done, written) = match left.stage {
        Progressed::Writing => {
            disk::remove_tree(&dir)?;
            (None, Vec::new())
        }
        Progressed::Placing => go_on(root, &dir)?,
    };
    Ok(Some(Settled { receipt: left.receipt, done, written }))
}

/// Finishes what was promised, unless a server has written since; the files that it has written.
fn go_on(root: &Path, dir: &Path) -> Result<(Option<Receipt>, Vec<String>), MendError> {
    let intent = Intent::read(&dir.join(intent::CHANGE))?;
    if intent.format == Format::Journal.to_string() {
        if let Some(written) = overtaken::by(root, &intent)? {
            overtaken::take_back(dir)?;
            return Ok((None, vec![written]));
        }
        let receipt = finish(root, &overtaken::without_grown(root, intent)?)?;
        return Ok((Some(receipt), Vec::new()));
    }
    match meanwhile::left(root, &intent) {
        Left::Sound => Ok((Some(finish(root, &intent)?), Vec::new())),
        Left::Overtaken { written, begun: Begun::No } => {
            overtaken::take_back(dir)?;
            Ok((None, written))
        }
        Left::Overtaken { written, begun: Begun::Partly } => {
            let intent = meanwhile::begun_of(root, intent);
            intent.promise(dir)?;
            Ok((Some(finish(root, &intent)?), written))
        }
    }
}

fn finish(root: &Path, intent: &Intent) -> Result<Receipt, MendError> {
    carry::out(root, intent)?;
    Ok(Receipt::of(intent))
}
