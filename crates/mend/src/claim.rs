//! Holding a log while it is changed, so that no server and no second Seawall starts on it meanwhile.
//!
//! Three things are looked at, since none of them is enough alone: processes that hold a file below the root open for
//! writing (a server may run without a lock file), the server's own lock, and a lock of our own.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::{MendError, Site, change, holders, owner};

/// A log that is held.
#[derive(Debug)]
pub struct Claim {
    /// The server's lock file, and whether it was made for this.
    lock: Option<(File, PathBuf, Origin)>,
    own: File,
}

/// Where a lock file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// It lay there, as after a crash.
    Found,
    /// It was made for this claim and goes with it.
    Made,
}

impl Claim {
    /// Takes hold of a log, or says who has it.
    pub fn take(site: &Site) -> Result<Self, MendError> {
        if let Some(holder) = holders::below(&site.root).into_iter().next() {
            return Err(MendError::Held { root: site.root.clone(), holder });
        }
        let own = Self::own(&site.root)?;
        Ok(Self { lock: site.lock.as_deref().map(take_lock).transpose()?, own })
    }

    /// Takes hold of nothing but the quarantine below `root`.
    pub(crate) fn quarantine(root: &Path) -> Result<Self, MendError> {
        Ok(Self { lock: None, own: Self::own(root)? })
    }

    fn own(root: &Path) -> Result<File, MendError> {
        let home = change::home(root);
        fs::create_dir_all(&home).map_err(MendError::io("make the directory", &home))?;
        open_locked(&home.join("lock"))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The name goes only if it was not there before: a server takes a lock file that nobody holds for what a crash
        // left.
        if let Some((_, path, Origin::Made)) = &self.lock {
            fs::remove_file(path).unwrap_or(());
        }
        // Closing the files would do, if no child of this process had been forked meanwhile: until it becomes another
        // program it holds them too.
        for file in self.lock.iter().map(|(file, ..)| file).chain([&self.own]) {
            flock(file, FlockOperation::Unlock).unwrap_or(());
        }
    }
}

fn take_lock(path: &Path) -> Result<(File, PathBuf, Origin), MendError> {
    let origin = if path.exists() { Origin::Found } else { Origin::Made };
    let file = open_locked(path)?;
    if let (Origin::Made, Some(root)) = (origin, path.parent()) {
        // A kill leaves it behind, and the server has to be able to open it.
        owner::like(path, root)?;
    }
    Ok((file, path.to_owned(), origin))
}

fn open_locked(path: &Path) -> Result<File, MendError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(MendError::io("open the lock file", path))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|errno| {
        if errno.kind() == ErrorKind::WouldBlock {
            MendError::Locked { lock: path.to_owned() }
        } else {
            MendError::io("lock", path)(errno.into())
        }
    })?;
    Ok(file)
}
