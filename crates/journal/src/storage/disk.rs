//! The real disk. Nothing else in this crate opens a file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

use super::{Lock, Storage, StoredFile};

/// A directory on a file system.
pub struct Disk {
    path: PathBuf,
    /// Open all the time, so that a sync of names goes to the directory that was opened, whatever is there now.
    directory: File,
}

impl Disk {
    /// The directory at `path`, which is made if it is not there. Events may be private: nobody else may read it.
    pub fn at(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            // The directory's own name has to last, too.
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self { path: path.to_owned(), directory: File::open(path)? })
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        options
    }
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
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(Self::options().create_new(true).open(self.path.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(Self::options().open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the one place for it; the journal syncs the names")]
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        Ok(Arc::new(Self::at(&self.path.join(name))?))
    }

    fn lock(&self, name: &str) -> io::Result<Lock> {
        let file = Self::options().create(true).truncate(false).open(self.path.join(name))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Lock::new(file))
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

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
