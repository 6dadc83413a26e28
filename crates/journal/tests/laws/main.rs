//! The laws of the journal as its callers know it, one module for each thing that they do.

#![expect(clippy::little_endian_bytes, reason = "the archive's format")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod appending;
mod archiving;
mod damage;
mod opening;
mod reading;
mod refusals;
mod settling;
mod space;

use std::sync::Arc;

use journal::storage::{Memory, Storage, read_range};
use journal::{Commit, Consumer, Journal, Millis, Options, Stream};

/// A clock that stands still, small segments, and no thread.
fn options() -> Options {
    let mut options = Options::new(|| Millis::new(1_700_000_000_000));
    options.commit = Commit::Caller;
    options.segment_size = 64 << 10;
    options.max_event = 16 << 10;
    options
}

fn memory() -> Arc<dyn Storage> {
    Arc::new(Memory::default())
}

fn open(storage: &Arc<dyn Storage>) -> Journal {
    Journal::open_in(storage, options()).unwrap()
}

/// The payloads of all pending events.
fn pending(consumer: &Consumer, stream: &Stream) -> Vec<Vec<u8>> {
    consumer.pending(stream).map(|event| event.unwrap().payload).collect()
}

/// All bytes of all files, by name.
fn files(storage: &Arc<dyn Storage>) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let file = storage.open(&name).unwrap();
        let bytes = read_range(&*file, 0, file.size().unwrap()).unwrap();
        (name, bytes)
    };
    storage.list().unwrap().into_iter().map(read).collect()
}
