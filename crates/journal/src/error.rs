//! What can go wrong, one type for each thing that a caller does.

use std::{fmt, io};

use crate::format::BadHeader;
use crate::storage::Fault;
use crate::{JournalId, Scope, SegmentId, Seq};

/// Why a journal could not be opened. Nothing was changed, unless it is a [`Fault`] of the disk.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// An option has a value that cannot be.
    #[error(transparent)]
    Option(#[from] BadOption),
    /// Another process, or this one, has it open.
    #[error("the journal {journal} is held by another process; stop that one first, or go through it")]
    Held {
        /// The directory.
        journal: String,
    },
    /// The disk failed, or does not let itself be written.
    #[error("{0}; {advice}", advice = advice(.0))]
    Disk(#[from] Fault),
    /// A header cannot be read.
    #[error("cannot read {file}: {cause}; {advice}")]
    Header {
        /// The file.
        file: String,
        /// Why.
        cause: BadHeader,
        /// What to do.
        advice: &'static str,
    },
    /// The directory, or a file in it, is of another journal.
    #[error(
        "{file} belongs to the journal {found}, and this is {wanted}; check which volume is mounted here, and which file \
         was put there; nothing was changed"
    )]
    Foreign {
        /// The file.
        file: String,
        /// Whose it is.
        found: JournalId,
        /// Whose it should be.
        wanted: JournalId,
    },
    /// A segment is not the one that its name says.
    #[error(
        "{file} is segment {says} by its header; give it the name that it had, or move it away; nothing was changed"
    )]
    Misnamed {
        /// The file.
        file: String,
        /// What the header says.
        says: SegmentId,
    },
    /// The directory says that it is a journal, and holds no segment.
    #[error("{journal} has lost all its segments; restore them, or remove journal.id to begin anew")]
    Empty {
        /// The directory.
        journal: String,
    },
}

/// What to do when the disk does not do what is asked of it.
fn advice(fault: &Fault) -> &'static str {
    match fault.kind() {
        _ if fault.lacks_room() => "make room on that file system, and open the journal again",
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "a journal needs a directory that it may write in: run as the user that owns it, or mount it writable"
        }
        io::ErrorKind::NotADirectory => "a journal lies in a directory of its own: name that",
        _ => "look at the disk, and at what the system's own log says of it",
    }
}

/// A value that an option cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the option {option} cannot be {value}: it has to be {bounds}")]
pub struct BadOption {
    /// Its name.
    pub option: &'static str,
    /// What it was.
    pub value: u64,
    /// What it may be.
    pub bounds: String,
}

/// Why a name cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or too much.
    #[error("a name has 1 to {limit} bytes, and this one has {0}", limit = crate::limits::NAME_BYTES)]
    Length(usize),
    /// Something that a terminal would obey.
    #[error("a name has no control characters, and this one has one at byte {0}")]
    Control(usize),
}

/// Why something is not in the journal that was to be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A batch without events.
    #[error("there is no event to append")]
    Nothing,
    /// The event is larger than is allowed.
    #[error("the event has {bytes} bytes, and the limit is {limit}; split it, or raise `max_event`")]
    EventTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The stream has too many events that nobody has settled.
    #[error(
        "the stream {stream} has {limit} pending events, which is the limit; wait until some are settled"
    )]
    TooManyPending {
        /// Its name.
        stream: String,
        /// The limit.
        limit: u64,
    },
    /// There are too many streams.
    #[error(
        "there are {limit} streams, which is the limit; close those that are finished, or raise `max_streams`"
    )]
    TooManyStreams {
        /// The limit.
        limit: usize,
    },
    /// There are too many consumers.
    #[error("there are {limit} consumers, which is the limit; unregister those that are gone")]
    TooManyConsumers {
        /// The limit.
        limit: usize,
    },
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The stream was closed, or was and is gone.
    #[error("the stream {stream} is closed; append to another, or wait until its events are settled")]
    Closed {
        /// Its name.
        stream: String,
    },
    /// An event that came with this one, and before it, is not in the journal.
    #[error(
        "an event of the stream {stream} before this one could not be appended, so this one was not either"
    )]
    Behind {
        /// Its name.
        stream: String,
    },
    /// The consumer was unregistered.
    #[error("the consumer {consumer} is not registered any more; register it again")]
    NoConsumer {
        /// Its name.
        consumer: String,
    },
    /// There is a consumer of that name, which other streams concern.
    #[error(
        "the consumer {consumer} is there already, for {known}; open it for those, or unregister it and register it anew"
    )]
    OtherScope {
        /// Its name.
        consumer: String,
        /// Its scope.
        known: Scope,
    },
    /// An event was to be settled that does not concern the consumer.
    #[error(
        "the consumer {consumer} is for {scope}, and cannot settle events of {stream}; use one for that stream"
    )]
    OutOfScope {
        /// Its name.
        consumer: String,
        /// Its scope.
        scope: Scope,
        /// The stream.
        stream: String,
    },
    /// An event was to be settled that never was.
    #[error("event {seq} of the stream {stream} cannot be settled: the last one is {last}")]
    NotAppended {
        /// The stream.
        stream: String,
        /// What was to be settled.
        seq: Seq,
        /// The last event.
        last: Seq,
    },
    /// A settlement has too many ranges of events.
    #[error("the events are more than {limit} ranges; settle them in several calls")]
    TooManyRanges {
        /// The limit.
        limit: usize,
    },
    /// The journal is as large as it may become.
    #[error("the journal has reached its {limit} bytes; wait until events are settled, or raise `max_bytes`")]
    OverBudget {
        /// The limit.
        limit: u64,
    },
    /// The disk has no room for another segment. It is tried again with the next append.
    #[error("{0}; make room, and appends go on by themselves")]
    DiskFull(Fault),
    /// The write or its sync failed: after a crash it may be there, or not.
    #[error("{0}; whether it is in the journal is unknown, so append it again only if twice does no harm")]
    Unknown(Fault),
    /// The journal takes nothing any more; reading goes on.
    #[error("the journal has stopped: {0}; mend the disk and open it again")]
    Stopped(Fault),
}

/// Why an event could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes are not what was written.
    #[error(
        "event {seq} of the stream {stream} is damaged ({place}); park it, and look at the disk",
        place = Located(*segment, *offset)
    )]
    Damaged {
        /// The stream.
        stream: String,
        /// The event.
        seq: Seq,
        /// Where it lies.
        segment: SegmentId,
        /// At which byte.
        offset: u64,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] Fault),
}

struct Located(SegmentId, u64);

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, byte {}", self.0, self.1)
    }
}
