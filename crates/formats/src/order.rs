//! What a survey is asked to do, and how it tells how far it is.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::UnixTime;

/// How deep to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// List files and sizes, open nothing that is large.
    Listing,
    /// Check every byte: framing, checksums, compression, structure of every record.
    Bytes,
    /// Also relate records to each other: series, label statistics, the `top` largest contributors.
    Contents {
        /// How many rows the tables of top talkers get.
        top: usize,
    },
}

/// Whether a server may be writing the log while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Nothing writes.
    Stopped,
    /// A server may append, and may delete files.
    Running,
}

/// What a survey is asked to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// How deep to look.
    pub depth: Depth,
    /// Whether a server may be writing.
    pub liveness: Liveness,
    /// How many threads may work.
    pub workers: NonZeroUsize,
    /// The present.
    pub now: UnixTime,
    /// Where progress is counted.
    pub progress: Progress,
}

impl Order {
    /// An order for a stopped log on one thread.
    pub fn new(depth: Depth, now: UnixTime) -> Self {
        Self {
            depth,
            liveness: Liveness::Stopped,
            workers: NonZeroUsize::MIN,
            now,
            progress: Progress::default(),
        }
    }

    /// The same with that many threads.
    #[must_use]
    pub fn workers(self, workers: NonZeroUsize) -> Self {
        Self { workers, ..self }
    }

    /// The same for a log that may be written meanwhile.
    #[must_use]
    pub fn live(self) -> Self {
        Self { liveness: Liveness::Running, ..self }
    }
}

/// Bytes read so far, shared with whoever draws a progress bar.
#[derive(Clone, Default)]
pub struct Progress {
    bytes: Arc<AtomicU64>,
    pace: Option<Arc<Pace>>,
}

/// What is told of bytes that were read, and may hold the reader up.
type Pace = dyn Fn(u64) + Send + Sync;

impl Progress {
    /// One that also tells `pace` of bytes as they are read. Readers wait while it does: that is how they are slowed down.
    pub fn at(pace: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { bytes: Arc::default(), pace: Some(Arc::new(pace)) }
    }

    /// Counts bytes that were read.
    pub fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(pace) = &self.pace {
            pace(bytes);
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.bytes()).finish()
    }
}
