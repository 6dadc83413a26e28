//! What a journal is opened with.

use std::fmt;
use std::sync::Arc;

use crate::limits::{LARGEST_SEGMENT, RESERVED_SEGMENTS, SMALLEST_SEGMENT};
use crate::{BadOption, JournalId, Millis};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// What a journal is opened with. Every field may be set before it is.
#[derive(Clone)]
pub struct Options {
    /// Tells the time that events are stamped with.
    pub clock: Clock,
    /// Which journal it has to be. Default: whichever lies there, and a new one gets an id by chance.
    pub identity: Identity,
    /// Who writes. Default: a thread.
    pub commit: Commit,
    /// Bytes of a segment. Default 64 MiB, at least 64 KiB, at most 1 GiB; a multiple of 4096.
    pub segment_size: u64,
    /// Bytes of an event. Default 8 MiB, at most a quarter of a segment. One of more than [`MOST_PAYLOAD`](crate::archive::MOST_PAYLOAD)
    /// cannot be archived.
    pub max_event: u64,
    /// Streams that are open, or closed with events left. Default one million.
    pub max_streams: usize,
    /// Events of a stream from the oldest that is pending to the newest. Default ten million.
    pub max_pending: u64,
    /// Bytes on the disk. Default 10 GiB, at least six segments, of which three are kept for all but events.
    pub max_bytes: u64,
    /// What happens to events when `max_bytes` are reached. Default: they are refused.
    pub when_full: WhenFull,
    /// Bytes of events that wait for the disk. Default 32 MiB; beyond, appending waits.
    pub queue_bytes: usize,
}

/// Which journal is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Whichever is there.
    Any,
    /// This one; a new journal becomes it.
    Only(JournalId),
}

/// Who writes to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// A thread of the journal's own, and a caller that waits while nobody else does.
    Thread,
    /// Whoever waits. Without a thread, whatever is polled writes and blocks meanwhile: for command lines and tests.
    Caller,
}

/// What happens to an event for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Reject,
    /// The oldest events that nobody has settled make room for it. They are lost, and counted.
    DropOldest,
}

impl Options {
    /// The defaults, with a clock.
    pub fn new(clock: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            identity: Identity::Any,
            commit: Commit::Thread,
            segment_size: 64 << 20,
            max_event: 8 << 20,
            max_streams: 1_000_000,
            max_pending: 10_000_000,
            max_bytes: 10 << 30,
            when_full: WhenFull::Reject,
            queue_bytes: 32 << 20,
        }
    }

    /// Refuses values that cannot be. Opening does this too; a configuration is checked before anything is opened.
    pub fn check(&self) -> Result<(), BadOption> {
        let refuse = |option, value, bounds: String| Err(BadOption { option, value, bounds });
        let size = self.segment_size;
        if !(SMALLEST_SEGMENT..=LARGEST_SEGMENT).contains(&size) || !size.is_multiple_of(4096) {
            let bounds = format!("{SMALLEST_SEGMENT} to {LARGEST_SEGMENT}, in steps of 4096");
            return refuse("segment_size", size, bounds);
        }
        let most = size / 4;
        if self.max_event == 0 || self.max_event > most {
            let bounds = format!("1 to {most}, which is a quarter of a segment");
            return refuse("max_event", self.max_event, bounds);
        }
        if self.max_bytes < 2 * RESERVED_SEGMENTS * size {
            let least = 2 * RESERVED_SEGMENTS;
            return refuse(
                "max_bytes",
                self.max_bytes,
                format!("{least} segments or more, {}", least * size),
            );
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("identity", &self.identity)
            .field("commit", &self.commit)
            .field("segment_size", &self.segment_size)
            .field("max_event", &self.max_event)
            .field("max_streams", &self.max_streams)
            .field("max_pending", &self.max_pending)
            .field("max_bytes", &self.max_bytes)
            .field("when_full", &self.when_full)
            .field("queue_bytes", &self.queue_bytes)
            .finish_non_exhaustive()
    }
}
