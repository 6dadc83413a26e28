//! An archive of a daemon, copied into a directory of its own as long as it is read here: its readers want a file.
//!
//! The directory is locked by whoever reads. What a kill has left is locked by nobody, and goes with the next copy.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use hyper::Method;
use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use crate::client::{Ask, Client, encoded};
use crate::failure::{Failure, JournalFailure};

/// What the names of these directories begin with.
const BEGINNING: &str = "seawall-copy-";

/// How often a directory is made anew that somebody has taken for one that was left.
const ATTEMPTS: usize = 5;

/// A copy, which goes with this value.
pub(crate) struct LocalCopy {
    directory: PathBuf,
    path: PathBuf,
    /// The directory, locked.
    _lock: File,
}

impl LocalCopy {
    /// Fetches the archive of that name.
    pub(crate) fn fetch(client: &mut Client, name: &str) -> Result<Self, Failure> {
        let place = env::temp_dir();
        clear(&place);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Failure::from(JournalFailure::Copy { path, source })
        };
        let (directory, lock) = make(&place).map_err(failed(&place))?;
        // The name tells readers what it is, and is that of a file in a directory there.
        let file = name.rsplit('/').next().unwrap_or(name);
        let copy = Self { path: directory.join(file), directory, _lock: lock };
        let mut file = File::create_new(&copy.path).map_err(failed(&copy.path))?;
        let ask = Ask::new(Method::GET, format!("/api/v1/archives/{}", encoded(name)));
        client.follow(&ask, &mut |part| file.write_all(part).map_err(failed(&copy.path)))?;
        Ok(copy)
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LocalCopy {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever comes next.
        fs::remove_dir_all(&self.directory).ok();
    }
}

/// A directory that nobody else may read, locked.
fn make(place: &Path) -> io::Result<(PathBuf, File)> {
    let mut attempts = 0;
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let directory = place.join(format!("{BEGINNING}{random:016x}"));
        DirBuilder::new().mode(0o700).create(&directory)?;
        attempts += 1;
        match locked(&directory) {
            Ok(lock) => return Ok((directory, lock)),
            Err(error) if attempts == ATTEMPTS => return Err(error),
            // Somebody who has just looked has taken it for one that was left.
            Err(_) => {}
        }
    }
}

/// A lock on a directory that is there still once it is locked.
fn locked(directory: &Path) -> io::Result<File> {
    let lock = File::open(directory)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    fs::symlink_metadata(directory)?;
    Ok(lock)
}

/// Removes what this user's commands have left that were killed.
fn clear(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BEGINNING));
        let is_ours = |found: fs::Metadata| found.is_dir() && found.uid() == geteuid().as_raw();
        if is_named
            && fs::symlink_metadata(&path).is_ok_and(is_ours)
            && let Ok(_lock) = locked(&path)
        {
            fs::remove_dir_all(&path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_is_removed_and_what_is_read_is_not() {
        let place = tempfile::tempdir().unwrap();
        let (left, lock) = make(place.path()).unwrap();
        fs::write(left.join("archive"), "x").unwrap();
        drop(lock);
        let (read, _lock) = make(place.path()).unwrap();
        fs::create_dir(place.path().join("other")).unwrap();
        clear(place.path());
        let mut names: Vec<_> =
            fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        assert_eq!(names, [place.path().join("other"), read]);
    }
}
