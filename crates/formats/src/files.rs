//! Listing and opening files in directories that nobody vouches for.
//!
//! * Only regular files are opened, and never in a way that can block (a FIFO would wait for its writer).
//! * Symbolic links are followed, since data directories often are links to another disk; depth is bounded, so a
//!   cycle of links ends.
//! * The number of names is bounded.

use std::ffi::OsString;
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
pub(crate) fn list_files(dir: &Path) -> Result<Listed, ListError> {
    list(dir, fs::Metadata::is_file)
}

/// The directories directly in `dir`, sorted by name.
pub(crate) fn list_dirs(dir: &Path) -> Result<Listed, ListError> {
    list(dir, fs::Metadata::is_dir)
}

type Listed = Vec<(String, PathBuf, fs::Metadata)>;

/// The files at one moment. Reading a directory is no snapshot: of two files that a server makes meanwhile, the later one may
/// be seen and the earlier one not, and that would look like a hole.
fn list(dir: &Path, wanted: impl Fn(&fs::Metadata) -> bool) -> Result<Listed, ListError> {
    let fail = |source| ListError::Io { path: dir.to_owned(), source };
    settled(
        || match names(dir) {
            Ok(names) if names.len() > MAX_FILES => Err(ListError::TooMany { path: dir.to_owned() }),
            Ok(names) => Ok(names),
            Err(error) if absent(&error) => Ok(Vec::new()),
            Err(error) => Err(fail(error)),
        },
        |names| {
            let found = names.iter().filter_map(|name| {
                // A name that vanished since, or a link that leads nowhere or in a circle, is no file of a log.
                let path = dir.join(name);
                let metadata = fs::metadata(&path).ok().filter(&wanted)?;
                Some((name.to_string_lossy().into_owned(), path, metadata))
            });
            let mut found: Listed = found.collect();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            found
        },
    )
}

/// What is seen between two looks that show the same; the last of some, if no two ever do.
pub(crate) fn settled<L: PartialEq, S, E>(
    mut look: impl FnMut() -> Result<L, E>,
    see: impl Fn(&L) -> S,
) -> Result<S, E> {
    const LOOKS: usize = 10;
    let mut before = look()?;
    for _ in 0..LOOKS {
        let seen = see(&before);
        let after = look()?;
        if after == before {
            return Ok(seen);
        }
        before = after;
    }
    Ok(see(&before))
}

/// What is directly in `dir`, sorted; more than [`MAX_FILES`] are not looked for.
fn names(dir: &Path) -> io::Result<Vec<OsString>> {
    let entries = fs::read_dir(dir)?.take(MAX_FILES + 1);
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::settled;

    /// What is seen of a directory that looks like this, one time after the other.
    fn seen_of(looks: impl IntoIterator<Item = &'static [u32]>) -> Vec<u32> {
        let mut looks = looks.into_iter();
        let look = || Ok::<_, Infallible>(looks.next().expect("there is no end of looking"));
        settled(look, |names| names.to_vec()).unwrap()
    }

    #[test]
    fn a_hole_that_only_one_look_shows_is_none() {
        assert_eq!(seen_of([&[1, 2, 5][..], &[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]]), [1, 2, 3, 4, 5]);
        assert_eq!(seen_of([&[1, 3][..], &[1, 3]]), [1, 3], "and one that stays is one");
    }

    #[test]
    fn a_directory_that_never_holds_still_is_seen_as_it_was_at_last() {
        let looks = [&[1][..], &[2], &[3], &[4], &[5], &[6], &[7], &[8], &[9], &[10], &[11]];
        assert_eq!(seen_of(looks), [11]);
    }
}
