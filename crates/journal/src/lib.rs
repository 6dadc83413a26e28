//! A durable log of events: many streams in one log, named consumers that settle events at their own pace.
//!
//! An event is acknowledged once the sync has returned that covers it. It is kept until every consumer has settled it
//! in whose [`Scope`] its stream is, and a settlement lasts as well. One sync covers all that arrived while the one before it ran.
//!
//! ```
//! use journal::{Journal, Millis, Options, Outcome, Start};
//!
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let clock = || Millis::new(1_700_000_000_000);
//! let journal = Journal::open(directory, Options::new(clock))?;
//! let jobs = journal.stream("jobs")?;
//! let seq = journal.append(&jobs, b"started").wait()?; // or `.await`
//!
//! let server = journal.consumer("server", Start::Oldest)?;
//! for event in server.pending(&jobs) {
//!     let event = event?;
//!     assert_eq!((event.seq, event.payload.as_slice()), (seq, b"started".as_slice()));
//!     server.settle(&jobs, event.seq, Outcome::Delivered).wait()?;
//! }
//! assert!(server.backlog().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It knows no network and no runtime: tickets are futures that any executor may poll, and a thread may wait for them.
//! `docs/journal-format.md` in the repository says what it looks like on disk, and what it survives.

pub mod archive;
mod commit;
mod consumer;
mod error;
mod events;
pub mod format;
mod index;
mod journal;
pub mod limits;
mod log;
mod need;
mod news;
mod number;
mod options;
mod read;
pub mod reader;
mod recover;
mod report;
mod scope;
pub mod storage;
mod writer;

pub use commit::{Batch, BatchError, SharedBytes, Ticket};
pub use consumer::{Backlog, Consumer, Outcome, Parked, Pending};
pub use error::{BadOption, CommitError, NameError, OpenError, ReadError};
pub use events::Events;
pub use format::{Openness, Start};
pub use journal::{Journal, Stream, StreamInfo};
pub use need::{Need, Pile};
pub use news::News;
pub use number::{ConsumerNumber, JournalId, Lsn, Millis, SegmentId, Seq, Span, StreamNumber};
pub use options::{Clock, Commit, Identity, Options, WhenFull};
pub use read::Event;
pub use report::{Cause, Counters, Cut, Damage, Health, Recovery, Stats};
pub use scope::Scope;

/// The file whose lock the process holds that has the journal open.
const LOCK: &str = "lock";
