//! Reading one WAL file into memory, as far as memory allows.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use super::frame::{Flaw, HEADER, header};
use crate::files::open;
use crate::sum::RunningCrc32;
use crate::survey::lock;

/// How large a file may be to be decoded.
///
/// A file holds what arrived within one flush interval, a second by default, at about 50 bytes a row: this is room
/// for five million rows a second. Of a larger file the checksum is checked and the record is not read.
pub(super) const MAX_DECODED: u64 = 256 << 20;

/// Files above this size are held in memory one at a time, however many threads read: so reading a log takes at
/// most this much on each thread and [`MAX_DECODED`] once.
const LARGE: u64 = 16 << 20;

/// A file, as far as it was read.
pub(super) enum Loaded<'l> {
    /// All of it.
    Whole { bytes: Vec<u8>, _turn: Option<MutexGuard<'l, ()>> },
    /// It is too large to be held; its checksum was checked.
    TooLarge { length: u64, flaw: Option<Flaw> },
    /// It is gone.
    Vanished,
}

impl Loaded<'_> {
    /// Reads the file at `path`; `turn` is what large files wait for.
    pub(super) fn read<'l>(path: &Path, turn: &'l Mutex<()>) -> io::Result<Loaded<'l>> {
        let file = match open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Vanished),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if length > MAX_DECODED {
            let flaw = check(&mut file.take(length))?;
            return Ok(Loaded::TooLarge { length, flaw });
        }
        let turn = (length > LARGE).then(|| lock(turn));
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        // The length that was allowed for is the limit, in case the file grows meanwhile.
        file.take(length).read_to_end(&mut bytes)?;
        Ok(Loaded::Whole { bytes, _turn: turn })
    }
}

/// Checks magic and checksum piece by piece.
fn check(file: &mut impl io::Read) -> io::Result<Option<Flaw>> {
    let mut head = Vec::new();
    file.by_ref().take(HEADER as u64).read_to_end(&mut head)?;
    let stored = match header(&head) {
        Ok(stored) => stored,
        Err(flaw) => return Ok(Some(flaw)),
    };
    let mut sum = RunningCrc32::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sum.add(buffer.get(..read).unwrap_or_default());
    }
    let computed = sum.sum();
    Ok((computed != stored).then_some(Flaw::Checksum { stored, computed }))
}
