//! The seam to the disk: all that the journal asks of a directory and of the files in it.
//!
//! What an implementation has to keep, and what the journal never counts on:
//!
//! * What was written is safe once [`StoredFile::sync`] has returned without an error, and what was created, renamed or
//!   removed once [`Storage::sync_names`] has. Until then, any part of it may survive a crash, in any order.
//! * After an error of a write or a sync, nothing is known of what that file holds. The journal does not try again.
//! * A write may be short. Reads are short at the end of a file alone.

mod disk;
mod memory;

use std::any::Any;
use std::io::{self, IoSlice};
use std::sync::Arc;

pub use disk::Disk;
pub use memory::Memory;

/// A directory of files. Names have no separators in them.
pub trait Storage: Send + Sync {
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes an empty file; an error if the name is taken.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>>;

    /// Opens a file that is there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>>;

    /// Gives a file another name, in whose place nothing may be.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name. Who has the file open may still read it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes what was done to names last.
    fn sync_names(&self) -> io::Result<()>;

    /// A directory within this one, which is made if it is not there.
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>>;

    /// Holds the lock of that name until what is returned is dropped; [`io::ErrorKind::WouldBlock`] if it is held.
    fn lock(&self, name: &str) -> io::Result<Lock>;

    /// Bytes that may still be written; an error where nobody knows.
    fn free(&self) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// How people call the directory.
    fn describe(&self) -> String;
}

/// A file that is open for reading and writing.
pub trait StoredFile: Send + Sync {
    /// Its size.
    fn size(&self) -> io::Result<u64>;

    /// Reads at a place; less than was asked for at the end of the file alone.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes at a place and says how many bytes it took.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Writes pieces one behind the other and says how many bytes it took; not less than some of the first that is not
    /// empty.
    fn write_pieces_at(&self, offset: u64, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        pieces.iter().find(|piece| !piece.is_empty()).map_or(Ok(0), |piece| self.write_at(offset, piece))
    }

    /// Makes what was written last, and the size.
    fn sync(&self) -> io::Result<()>;

    /// Begins with a sync of a range, which is not read soon, and does not wait for it. It is no more than advice:
    /// only a later [`StoredFile::sync`] says whether it lasts.
    fn begin_sync(&self, offset: u64, bytes: u64) {
        // Where there is nothing to begin, the sync does all of it.
        let _ = (offset, bytes);
    }
}

/// A lock that is held as long as this lives.
pub struct Lock {
    _held: Box<dyn Any + Send + Sync>,
}

impl Lock {
    /// A lock that is held by `held`.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self { _held: Box::new(held) }
    }
}

/// What failed, on what, and why. It is cheap to copy, since everyone who waits gets it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to {doing} {what}: {source}")]
pub struct Fault {
    doing: &'static str,
    what: String,
    source: Arc<io::Error>,
}

impl Fault {
    /// Turns an error into one that says what was tried on what.
    pub fn on(doing: &'static str, what: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, what: what.to_owned(), source: Arc::new(source) }
    }

    /// The kind of the error below.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// What the system said.
    pub fn reason(&self) -> String {
        self.source.to_string()
    }

    /// Whether there was no room, so that it may work once there is.
    pub fn lacks_room(&self) -> bool {
        matches!(
            self.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    }
}

/// Writes all of `bytes`.
pub fn write_all(file: &dyn StoredFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
    write_all_pieces(file, offset, &mut [IoSlice::new(bytes)])
}

/// Writes all of the pieces, one behind the other.
pub fn write_all_pieces(
    file: &dyn StoredFile,
    mut offset: u64,
    mut pieces: &mut [IoSlice<'_>],
) -> io::Result<()> {
    // Empty ones at the start are passed over.
    IoSlice::advance_slices(&mut pieces, 0);
    while let Some(first) = pieces.first() {
        let written = match pieces.len() {
            1 => file.write_at(offset, first),
            _ => file.write_pieces_at(offset, pieces),
        };
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                IoSlice::advance_slices(&mut pieces, taken);
                offset += taken as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `into` is full or the file ends, and says how much there was.
pub fn read_full(file: &dyn StoredFile, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(offset + done as u64, rest) {
            Ok(0) => break,
            Ok(taken) => done += taken,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Reads `len` bytes at `offset`, or what is there of them.
pub fn read_range(file: &dyn StoredFile, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    let there = read_full(file, offset, &mut bytes)?;
    bytes.truncate(there);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every implementation has to do.
    fn conform(storage: &dyn Storage) {
        let file = storage.create("a").unwrap();
        assert_eq!(storage.create("a").err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        write_all(&*file, 4, b"text").unwrap();
        file.sync().unwrap();
        storage.rename("a", "b").unwrap();
        storage.sync_names().unwrap();
        assert_eq!(storage.open("a").err().unwrap().kind(), io::ErrorKind::NotFound);
        let again = storage.open("b").unwrap();
        assert_eq!(
            (again.size().unwrap(), read_range(&*again, 0, 99).unwrap().as_slice()),
            (8, b"\0\0\0\0text" as &[u8])
        );
        let many: Vec<Vec<u8>> = (0..3000).map(|piece| vec![0xa5; piece % 3]).collect();
        let mut pieces: Vec<IoSlice<'_>> = many.iter().map(|piece| IoSlice::new(piece)).collect();
        write_all_pieces(&*again, 8, &mut pieces).unwrap();
        assert_eq!(read_range(&*again, 8, 1 << 20).unwrap(), many.concat());
        storage.folder("within").unwrap().create("c").unwrap();
        assert_eq!(storage.folder("within").unwrap().list().unwrap(), ["c"]);
        assert_eq!(storage.list().unwrap(), ["b"]);
        storage.remove("b").unwrap();
        assert_eq!(read_range(&*file, 4, 2).unwrap(), b"te");
        assert_eq!(storage.list().unwrap(), [] as [&str; 0]);
        let held = storage.lock("lock").unwrap();
        assert_eq!(storage.lock("lock").err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        storage.lock("lock").unwrap();
    }

    #[test]
    fn the_memory_does_what_is_asked_of_storage() {
        conform(&Memory::default());
    }

    #[test]
    fn the_disk_does_what_is_asked_of_storage() {
        let directory = tempfile::tempdir().unwrap();
        conform(&Disk::at(&directory.path().join("made/on the way")).unwrap());
    }
}
