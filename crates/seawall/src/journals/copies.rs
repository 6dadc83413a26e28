//! An archive of a daemon, copied into a directory of its own as long as it is read here: its readers want a file.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use hyper::Method;

use crate::client::{Ask, Client, encoded};
use crate::failure::{Failure, JournalFailure};

/// A copy, which goes with this value.
pub(crate) struct LocalCopy {
    directory: PathBuf,
    path: PathBuf,
}

impl LocalCopy {
    /// Fetches the archive of that name.
    pub(crate) fn fetch(client: &mut Client, name: &str) -> Result<Self, Failure> {
        let random = RandomState::new().hash_one(std::process::id());
        let directory = env::temp_dir().join(format!("seawall-{random:016x}"));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Failure::from(JournalFailure::Copy { path, source })
        };
        DirBuilder::new().mode(0o700).create(&directory).map_err(failed(&directory))?;
        // The name tells readers what it is, and is that of a file in a directory there.
        let file = name.rsplit('/').next().unwrap_or(name);
        let copy = Self { path: directory.join(file), directory };
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
        // What cannot be removed is left to whoever cleans the directory of temporary files.
        fs::remove_dir_all(&self.directory).ok();
    }
}
