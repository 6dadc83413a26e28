//! Where archives lie, and which ones are meant.

use std::path::{Path, PathBuf};

use formats::{Format, Part, detect};
use journal::archive::{Archive, ENDING, archives, file_stem};
use journal::storage::{Disk, Fault};

use crate::cli::ArchivePlace;
use crate::client::{self, Client, Place};
use crate::failure::{Failure, JournalFailure};
use crate::journals;
use crate::show::{Screen, units};

/// The directory of the archives that were meant.
pub(crate) fn directory(place: &ArchivePlace) -> Result<PathBuf, Failure> {
    match &place.archive_dir {
        Some(directory) => Ok(directory.clone()),
        None => journals::archive_directory(&place.journal),
    }
}

/// Who has the archives that were meant.
pub(crate) enum Shelf {
    /// They lie in a directory.
    Directory(PathBuf),
    /// The daemon has them.
    Daemon(Client),
}

impl Shelf {
    /// The directory that was named, else the daemon that was, else what belongs to the journal.
    pub(crate) fn of(place: &ArchivePlace, screen: &Screen) -> Result<Self, Failure> {
        if place.archive_dir.is_none()
            && let Some(client) = journals::reach(&place.journal, screen)?
        {
            return Ok(Self::Daemon(client));
        }
        Ok(Self::Directory(directory(place)?))
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Directory(directory) => units::path(directory),
            Self::Daemon(client) => format!("the archive of the daemon at {}", client.place()),
        }
    }

    /// Every archive, by name.
    pub(crate) fn list(&mut self) -> Result<Vec<Archive>, Failure> {
        match self {
            Self::Directory(directory) => list(directory),
            Self::Daemon(client) => Ok(client::archives(client)?),
        }
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

/// The name of the archive that a word means among those that somebody else has: its own, or that of the stream.
pub(crate) fn named(all: &[Archive], word: &str, place: &Place) -> Result<String, Failure> {
    let of_stream = format!("{}{ENDING}", file_stem(word));
    let found = all.iter().find(|archive| archive.name == word || archive.name == of_stream);
    let missing = || JournalFailure::NoArchive { name: word.to_owned(), directory: place.to_string().into() };
    found.map(|archive| archive.name.clone()).ok_or_else(|| missing().into())
}
