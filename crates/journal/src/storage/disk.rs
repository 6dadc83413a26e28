//! The real disk. Nothing else in this crate opens a file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FlockOperation, OFlags, fadvise, flock, fstatvfs};
use rustix::io::pwritev;

use super::{Lock, Storage, StoredFile};

/// A directory on a file system.
pub struct Disk {
    path: PathBuf,
    /// Open all the time, so that a sync of names goes to the directory that was opened, whatever is there now.
    directory: File,
    access: Access,
}

/// What may be done to a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Anything.
    Write,
    /// Looking.
    Read,
}

/// Files of a directory at most: a journal of the smallest segments has them at 18 GiB, one of the default size at 18
/// TiB.
const MOST_FILES: usize = 300_000;

/// Pieces that the system takes at once.
const MOST_PIECES: usize = 1024;

impl Disk {
    /// The directory at `path`, which is made if it is not there. Events may be private: nobody else may read it.
    pub fn at(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            make(path)?;
        }
        Ok(Self { path: path.to_owned(), directory: File::open(path)?, access: Access::Write })
    }

    /// The directory at `path`, if it is there. Everything but looking is refused.
    pub fn read_only(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), directory: File::open(path)?, access: Access::Read })
    }

    fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(self.access == Access::Write).mode(0o600);
        // What was put in the place of a file since it was listed may be a pipe, on which opening would wait.
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        options
    }

    fn demand_write(&self) -> io::Result<()> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }
}

/// Makes a directory and those above it that are not there. Each of their names has to last, not the last one's alone.
fn make(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    if !parent.is_dir() {
        make(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    File::open(parent)?.sync_all()
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // A name that is not UTF-8 is none of ours, and what locks is not stored.
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type()?.is_file()
                && name != crate::LOCK
            {
                if names.len() == MOST_FILES {
                    let cause = format!("it holds more than {MOST_FILES} files, more than any journal");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, cause));
                }
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        self.demand_write()?;
        Ok(Arc::new(self.options().create_new(true).open(self.path.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(self.options().open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.demand_write()?;
        #[expect(clippy::disallowed_methods, reason = "the one place for it; the journal syncs the names")]
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.demand_write()?;
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        self.demand_write()?;
        Ok(Arc::new(Self::at(&self.path.join(name))?))
    }

    fn lock(&self, name: &str) -> io::Result<Lock> {
        self.demand_write()?;
        let file = self.options().create(true).truncate(false).open(self.path.join(name))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Lock::new(file))
    }

    fn free(&self) -> io::Result<u64> {
        let stat = fstatvfs(&self.directory)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn describe(&self) -> String {
        self.path.display().to_string()
    }
}

impl StoredFile for File {
    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, into, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn write_pieces_at(&self, offset: u64, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let most = pieces.len().min(MOST_PIECES);
        Ok(pwritev(self, pieces.get(..most).unwrap_or_default(), offset)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn begin_sync(&self, offset: u64, bytes: u64) {
        // Pages that are not needed are written to the disk, so that they can be dropped.
        fadvise(self, offset, NonZeroU64::new(bytes), Advice::DontNeed).ok();
    }
}
