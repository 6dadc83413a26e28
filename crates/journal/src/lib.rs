//! A durable log of events: many streams in one log, named consumers that settle events at their own pace.

pub mod format;
mod number;
pub mod storage;

pub use number::{ConsumerNumber, JournalId, Lsn, Millis, SegmentId, Seq, Span, StreamNumber};

/// The file whose lock the process holds that has the journal open.
const LOCK: &str = "lock";
