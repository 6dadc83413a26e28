//! The few effects that a change is made of, in one place: what is not here is not done to a log.
//!
//! Tests stop a change before any one of them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::MendError;

/// Makes a directory and those above it.
pub(super) fn make_dir(path: &Path) -> Result<(), MendError> {
    if path.is_dir() {
        return Ok(());
    }
    step()?;
    fs::create_dir_all(path).map_err(MendError::io("make the directory", path))
}

/// Makes what was written to a file, or what was done to the names in a directory, last.
pub(super) fn sync(path: &Path) -> Result<(), MendError> {
    step()?;
    File::open(path).and_then(|file| file.sync_all()).map_err(MendError::io("sync", path))
}

/// Syncs every directory from the one that holds `path` up to `top`.
pub(super) fn sync_names(path: &Path, top: &Path) -> Result<(), MendError> {
    let holders = path.ancestors().skip(1).take_while(|dir| dir.starts_with(top));
    holders.filter(|dir| dir.is_dir()).try_for_each(sync)
}

/// Gives a file or directory another name on the same file system.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), MendError> {
    step()?;
    #[expect(clippy::disallowed_methods, reason = "the one place for it; callers sync the directories")]
    fs::rename(from, to).map_err(MendError::io("rename", from))
}

/// Gives a file a second name; where that is not possible, takes the first away.
pub(super) fn second_name(from: &Path, to: &Path) -> Result<(), MendError> {
    step()?;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => rename(from, to),
    }
}

/// Whether a file can have a second name, which is tried as `probe`.
pub(super) fn has_second_names(file: &Path, probe: &Path) -> bool {
    let is_made = fs::hard_link(file, probe).is_ok();
    fs::remove_file(probe).ok();
    is_made
}

/// Puts a small file in place whole: written aside, synced, renamed, its directory synced.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), MendError> {
    let aside = path.with_extension("tmp");
    step()?;
    let write = || {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(MendError::io("write", &aside))?;
    rename(&aside, path)?;
    path.parent().map_or(Ok(()), sync)
}

/// Removes a directory of our own with everything in it, if it is there.
pub(super) fn remove_tree(path: &Path) -> Result<(), MendError> {
    step()?;
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(MendError::io("remove", path)(error)),
        _ => path.parent().map_or(Ok(()), sync),
    }
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests it stops")]
fn step() -> Result<(), MendError> {
    Ok(())
}

#[cfg(test)]
pub(super) use fuse::{Stopped, stop_before};

#[cfg(test)]
use fuse::step;

/// Stops a change before one of its effects, as a kill would.
#[cfg(test)]
mod fuse {
    use std::cell::Cell;

    use crate::MendError;

    thread_local! {
        /// Effects that are still let through.
        static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    }

    /// Whether the fuse blew.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Stopped {
        Yes,
        No,
    }

    /// Runs `change`, which ends before its effect of that number.
    pub(crate) fn stop_before<T>(
        effect: u64,
        change: impl FnOnce() -> Result<T, MendError>,
    ) -> (Stopped, Result<T, MendError>) {
        LEFT.set(effect);
        let outcome = change();
        let stopped = if LEFT.get() == 0 { Stopped::Yes } else { Stopped::No };
        LEFT.set(u64::MAX);
        (stopped, outcome)
    }

    pub(super) fn step() -> Result<(), MendError> {
        match LEFT.get() {
            0 => Err(MendError::Impossible { reason: "stopped".to_owned(), advice: String::new() }),
            left => {
                LEFT.set(left - 1);
                Ok(())
            }
        }
    }
}
