//! Listing and opening files in directories that nobody vouches for.
//!
//! * Only regular files are opened, and never in a way that can block (a FIFO would wait for its writer).
//! * Symbolic links are followed, since data directories often are links to another disk; depth is bounded, so a
//!   cycle of links ends.
//! * The number of names is bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::{Body, Entry, Note, Part, ReadError, Role, UnixTime, Visit};

/// How many files one log may have.
///
/// The largest logs reported by users held 15 450 Prometheus segments and 90 000 `InfluxDB` files; ten times that
/// still lists in a second and in less than 64 MiB.
pub const MAX_FILES: usize = 300_000;

/// Why a directory could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The system refused.
    #[error("failed to list {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The directory is too large to be a log.
    #[error("{} holds more than {MAX_FILES} files, more than any log", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// The regular files directly in `dir`, sorted by name; an empty list when there is no such directory.
///
/// Names that are not UTF-8 are listed with replacement characters and cannot collide with a log's own names.
pub(crate) fn list_files(dir: &Path) -> Result<Vec<(String, PathBuf, fs::Metadata)>, ListError> {
    list(dir, fs::Metadata::is_file)
}

/// The directories directly in `dir`, sorted by name.
pub(crate) fn list_dirs(dir: &Path) -> Result<Vec<(String, PathBuf, fs::Metadata)>, ListError> {
    list(dir, fs::Metadata::is_dir)
}

fn list(
    dir: &Path,
    wanted: impl Fn(&fs::Metadata) -> bool,
) -> Result<Vec<(String, PathBuf, fs::Metadata)>, ListError> {
    let fail = |source| ListError::Io { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut found = Vec::new();
    for (seen, entry) in entries.enumerate() {
        if seen >= MAX_FILES {
            return Err(ListError::TooMany { path: dir.to_owned() });
        }
        let entry = entry.map_err(fail)?;
        // A name that vanished since, or a link that leads nowhere or in a circle, is no file of a log.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if wanted(&metadata) {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path(), metadata));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A [`Part`] for a listed file.
pub(crate) fn part(name: String, path: PathBuf, metadata: &fs::Metadata, role: Role) -> Part {
    Part { name, path, role, bytes: metadata.len(), modified: metadata.modified().ok().map(UnixTime::from) }
}

/// Opens a regular file for reading without ever blocking.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Opens a part for reading; one that vanished since it was listed is a note and `None`.
pub(crate) fn open_part(part: &Part, visit: &mut Visit<'_>) -> Result<Option<File>, ReadError> {
    match open(&part.path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = "the file was there when the directory was listed and is gone".to_owned();
            let note = Note { code: "vanished", file: part.name.clone(), message };
            // Nothing follows the note, so breaking off here changes nothing.
            let _last = visit(Entry { span: 0..0, body: Body::Note(note) });
            Ok(None)
        }
        Err(error) => Err(ReadError::new(part, error)),
    }
}

/// The first `limit` bytes of a file, or all of it when it is shorter.
pub(crate) fn read_head(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    open(path)?.take(limit as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A whole file that should be small; one of more than `limit` bytes is an error.
pub(crate) fn read_small(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let bytes = read_head(path, limit.saturating_add(1))?;
    if bytes.len() > limit {
        let message = format!("larger than {limit} bytes, more than such a file can have");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
