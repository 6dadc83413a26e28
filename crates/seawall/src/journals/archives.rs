//! Where archives lie, and which ones are meant.

use std::path::{Path, PathBuf};

use formats::{Format, Part, detect};
use journal::archive::{Archive, ENDING, archives, file_stem};
use journal::storage::{Disk, Fault};

use crate::cli::ArchivePlace;
use crate::failure::{Failure, JournalFailure};
use crate::journals;

/// The directory of the archives that were meant.
pub(crate) fn directory(place: &ArchivePlace) -> Result<PathBuf, Failure> {
    match &place.archive_dir {
        Some(directory) => Ok(directory.clone()),
        None => journals::archive_directory(&place.journal),
    }
}

/// The directory as the journal's library has it, which makes it if it is not there.
pub(crate) fn storage(directory: &Path) -> Result<Disk, Failure> {
    let opened =
        Disk::at(directory).map_err(Fault::on("open the directory", &directory.display().to_string()));
    opened.map_err(|fault| JournalFailure::Disk(fault).into())
}

/// Every archive in a directory, by name; none where there is no directory.
pub(crate) fn list(directory: &Path) -> Result<Vec<Archive>, Failure> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    archives(&storage(directory)?).map_err(|fault| JournalFailure::Disk(fault).into())
}

/// The archive that a word means: a path, the name of a file in the directory, or the name of a stream.
pub(crate) fn find(directory: &Path, word: &str) -> Result<Part, Failure> {
    let candidates =
        [PathBuf::from(word), directory.join(word), directory.join(format!("{}{ENDING}", file_stem(word)))];
    let path = candidates.into_iter().find(|path| path.is_file());
    let path = path.ok_or_else(|| JournalFailure::NoArchive {
        name: word.to_owned(),
        directory: directory.to_owned(),
    })?;
    let log = detect(&path, Some(Format::Arwal))?;
    let part = log.parts().first().cloned();
    part.ok_or_else(|| JournalFailure::NoEvents { path }.into())
}
