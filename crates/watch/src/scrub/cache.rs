//! The page cache: what a pass has brought in is put out again behind it, so that the server keeps what it has there.

use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use formats::Part;
use rustix::fs::{Advice, OFlags, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

/// Places of a file that are tried.
const TRIED: u64 = 16;

/// How much is read before that is put out.
const STEP: u64 = 8 << 20;

/// Cares for one file after the other.
#[derive(Default)]
pub(super) struct Cache(Mutex<Option<Cold>>);

/// A file that was not in the cache before.
struct Cold {
    file: File,
    read: u64,
    cleared: u64,
}

impl Cache {
    /// A file is about to be read.
    pub(super) fn open(&self, part: &Part) {
        *self.hold() = cold(part).map(|file| Cold { file, read: 0, cleared: 0 });
    }

    /// So many more bytes of it were read.
    pub(super) fn read(&self, bytes: u64) {
        if let Some(cold) = &mut *self.hold() {
            cold.read = cold.read.saturating_add(bytes);
            if cold.read - cold.cleared >= STEP {
                clear(&cold.file, NonZeroU64::new(cold.read));
                cold.cleared = cold.read;
            }
        }
    }

    /// All of it was read.
    pub(super) fn close(&self) {
        if let Some(cold) = self.hold().take() {
            clear(&cold.file, None);
        }
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, Option<Cold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file, if most of it is known not to be in the cache. Whoever else reads it would miss what is put out, and a file
/// system that cannot tell is left alone.
fn cold(part: &Part) -> Option<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(&part.path).ok()?;
    let len = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let mut missing = 0;
    for at in 0..TRIED {
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        match preadv2(&file, &mut into, len / TRIED * at, ReadWriteFlags::NOWAIT) {
            Ok(_) => {}
            Err(rustix::io::Errno::AGAIN) => missing += 1,
            Err(_) => return None,
        }
    }
    (missing > TRIED / 2).then_some(file)
}

/// It is advice: one that is not taken costs room, and nothing else.
fn clear(file: &File, len: Option<NonZeroU64>) {
    fadvise(file, 0, len, Advice::DontNeed).ok();
}
