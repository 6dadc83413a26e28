//! The file that will be the next segment, and segments that are not needed any more: work that nobody has to wait for.
//!
//! A journal with a thread of its own gives this work to another one, at most one at a time, so that no append waits for
//! a whole file of zeros or for the names of files. Whatever goes wrong there is found out, and tried again, by whoever
//! needs the file: a full disk shows when a segment begins. Without a thread, the same steps are done between commits.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::log::hold;
use crate::log::names::{SPARE, SPARE_ASIDE};
use crate::recover::Spot;
use crate::storage::{Fault, Storage, StoredFile, write_all};
use crate::{Commit, Options};

/// How much of a file is written at once: little enough that those who wait for the next sync hardly notice.
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// The file that will be the next segment.
struct Spare {
    storage: Arc<dyn Storage>,
    size: u64,
    progress: Progress,
}

enum Progress {
    /// There is none.
    None,
    /// It is being filled with zeros, and this far.
    Making(Arc<dyn StoredFile>, u64),
    /// It is there, and every block of it was written before.
    Ready,
}

/// What is to be done to files when there is time.
pub(super) struct Chores {
    /// Segments that nobody needs, with their sizes.
    pub(super) gone: Vec<(String, u64)>,
    pub(super) spare: Wish,
}

/// Whether a spare file is wanted by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Later,
    Soon,
}

impl Spare {
    fn is_ready(&self) -> bool {
        matches!(self.progress, Progress::Ready)
    }

    /// Writes the next zeros of the file, until it is whole.
    fn step(&mut self) -> Result<(), Fault> {
        let (file, at) = match &self.progress {
            Progress::Ready => return Ok(()),
            Progress::Making(file, at) => (Arc::clone(file), *at),
            Progress::None => {
                // One that could not be finished.
                self.storage.remove(SPARE_ASIDE).ok();
                self.demand_room()?;
                (self.storage.create(SPARE_ASIDE).map_err(Fault::on("create", SPARE_ASIDE))?, 0)
            }
        };
        self.progress = Progress::None;
        let len = usize::try_from(self.size - at).unwrap_or(usize::MAX).min(ZEROS.len());
        let zeros = ZEROS.get(..len).unwrap_or(&ZEROS);
        let written = write_all(&*file, at, zeros).and_then(|()| file.sync());
        if let Err(fault) = written.map_err(Fault::on("write zeros to", SPARE_ASIDE)) {
            if fault.lacks_room() {
                // What is there stays, so that trying again on a full disk costs one write and not a whole file.
                self.progress = Progress::Making(file, at);
            } else {
                self.storage.remove(SPARE_ASIDE).ok();
            }
            return Err(fault);
        }
        let at = at + zeros.len() as u64;
        if at < self.size {
            self.progress = Progress::Making(file, at);
            return Ok(());
        }
        self.storage.rename(SPARE_ASIDE, SPARE).map_err(Fault::on("rename", SPARE_ASIDE))?;
        self.storage.sync_names().map_err(Fault::on("sync the names after making", SPARE))?;
        self.progress = Progress::Ready;
        Ok(())
    }

    /// What has no room as a whole is not begun: up to the last byte, it would take the disk from others. Where nobody
    /// knows, the disk says so by itself.
    fn demand_room(&self) -> Result<(), Fault> {
        match self.storage.free() {
            Ok(free) if free < self.size => {
                Err(Fault::on("make", "another segment")(ErrorKind::StorageFull.into()))
            }
            _ => Ok(()),
        }
    }

    /// Removes the file of a segment, or makes it the spare file.
    fn clear_away(&mut self, name: &str, size: u64) -> Result<(), Fault> {
        if matches!(self.progress, Progress::None) && size == self.size {
            self.storage.rename(name, SPARE).map_err(Fault::on("rename", name))?;
            // The name has to be safe before the header is another's: else the old name would lead to it.
            self.storage.sync_names().map_err(Fault::on("sync the names after renaming", name))?;
            self.progress = Progress::Ready;
            return Ok(());
        }
        self.storage.remove(name).map_err(Fault::on("remove", name))?;
        self.storage.sync_names().map_err(Fault::on("sync the names after removing", name))
    }

    /// Clears away what is to be, and says whether zeros are to be written. What fails is done when it has to be.
    fn clear(&mut self, chores: &Chores) -> Wish {
        for (name, size) in &chores.gone {
            self.clear_away(name, *size).ok();
        }
        if self.is_ready() { Wish::Later } else { chores.spare }
    }
}

/// Who does the chores.
pub(super) struct Keeper {
    commit: Commit,
    spare: Arc<Mutex<Spare>>,
    helper: Option<JoinHandle<()>>,
    /// What became of the file for the segment after this one.
    attempt: Attempt,
    /// Whether the helper is to end before its file is whole.
    ends: Arc<AtomicBool>,
}

/// Whether a helper was asked for a file. One is enough: if it fails, whoever needs the file finds out why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Open,
    Made,
}

impl Keeper {
    pub(super) fn new(storage: &Arc<dyn Storage>, options: &Options, spot: &Spot) -> Self {
        let progress = if spot.has_spare { Progress::Ready } else { Progress::None };
        let spare = Spare { storage: Arc::clone(storage), size: options.segment_size, progress };
        Self {
            commit: options.commit,
            spare: Arc::new(Mutex::new(spare)),
            helper: None,
            attempt: Attempt::Open,
            ends: Arc::default(),
        }
    }

    /// The spare file, made whole, once nobody else is at it. Who takes it makes a segment of it.
    pub(super) fn take(&mut self) -> Result<(), Fault> {
        self.join();
        self.attempt = Attempt::Open;
        let mut spare = hold(&self.spare);
        while !spare.is_ready() {
            spare.step()?;
        }
        // Whatever fails from here on, the file is not trusted again.
        spare.progress = Progress::None;
        Ok(())
    }

    /// Bytes that the disk still has to give for the next segment.
    pub(super) fn lacking(&self) -> u64 {
        let Ok(spare) = self.spare.try_lock() else { return 0 };
        match &spare.progress {
            Progress::Ready => 0,
            Progress::Making(_, at) => spare.size.saturating_sub(*at),
            Progress::None => spare.size,
        }
    }

    /// Whether chores have to wait.
    pub(super) fn is_busy(&self) -> bool {
        self.helper.as_ref().is_some_and(|helper| !helper.is_finished())
    }

    /// Does the chores, or has them done.
    pub(super) fn work(&mut self, chores: Chores) {
        let wants_file = chores.spare == Wish::Soon && self.attempt == Attempt::Open;
        if chores.gone.is_empty() && !wants_file {
            return;
        }
        self.join();
        if self.commit == Commit::Caller {
            let mut spare = hold(&self.spare);
            if spare.clear(&chores) == Wish::Soon {
                spare.step().ok();
            }
            return;
        }
        if wants_file {
            self.attempt = Attempt::Made;
        }
        let (spare, ends) = (Arc::clone(&self.spare), Arc::clone(&self.ends));
        let run = move || {
            let mut spare = hold(&spare);
            let mut wish = spare.clear(&chores);
            while wish == Wish::Soon && !ends.load(Ordering::Relaxed) {
                wish = if spare.step().is_ok() && !spare.is_ready() { Wish::Soon } else { Wish::Later };
            }
        };
        // Without a helper, segments stay until the next start, and the file is made when it is needed.
        self.helper = thread::Builder::new().name("journal files".to_owned()).spawn(run).ok();
    }

    fn join(&mut self) {
        if let Some(helper) = self.helper.take() {
            // One that panicked has said so, and the file is made anew.
            helper.join().ok();
        }
    }
}

impl Drop for Keeper {
    /// Whoever has dropped the journal may open it again: nobody may be at its files then.
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.join();
    }
}
