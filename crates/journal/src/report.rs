//! What a journal tells about itself: damage, what a start found, and counts.

use crate::{JournalId, SegmentId};

/// Bytes that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment that they are in.
    pub segment: SegmentId,
    /// The first of them.
    pub start: u64,
    /// Behind the last of them.
    pub end: u64,
    /// What is wrong.
    pub cause: Cause,
    /// Frames that were there and are lost: events, settlements, names.
    pub lost_frames: u64,
    /// The file in `quarantine/` that holds the bytes, if they could be copied.
    pub kept: Option<String>,
}

/// What is wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Frames that had been synced do not verify.
    Frames,
    /// A frame verifies and says what cannot be.
    Contents,
    /// The header of a segment does not verify. Its frames are read all the same.
    Header,
    /// A segment is not there.
    Missing,
}

/// The end of a log that was written and never acknowledged as a whole, and is void now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last segment.
    pub segment: SegmentId,
    /// Where it was cut.
    pub start: u64,
    /// Where the last frame behind ends.
    pub end: u64,
    /// The file in `quarantine/` that holds the bytes, if they could be copied.
    pub kept: Option<String>,
}

/// What a start found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Frames that were read.
    pub frames: u64,
    /// Bytes of the segments that were read.
    pub bytes: u64,
    /// The end that was cut, if it was torn.
    pub cut: Option<Cut>,
    /// Damage, each of which is found once.
    pub damage: Vec<Damage>,
}

/// What was done since the journal was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events that were appended and synced.
    pub appended: u64,
    /// Their payloads' bytes.
    pub appended_bytes: u64,
    /// Syncs that covered at least one frame.
    pub syncs: u64,
    /// Writes or syncs that failed.
    pub faults: u64,
    /// Segments that were begun.
    pub segments_begun: u64,
    /// Segments that were removed or recycled.
    pub segments_retired: u64,
    /// Events that were carried forward.
    pub carried: u64,
}

/// How a journal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Its id.
    pub journal: JournalId,
    /// Streams.
    pub streams: usize,
    /// Events that somebody may still ask for.
    pub live_events: u64,
    /// Bytes of all segments, and of the spare one.
    pub bytes: u64,
    /// Bytes that it may take: its budget.
    pub max_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Events that damage has cost, ever.
    pub lost_to_damage: u64,
    /// Events that the budget has cost, ever.
    pub lost_to_budget: u64,
    /// Whether appends are taken.
    pub health: Health,
    /// What was done since it was opened.
    pub counters: Counters,
}

/// Whether a journal takes every event that its options allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Well,
    /// The disk has no room for the next segment.
    Full,
    /// The budget has no room for the largest event any more. It has again when older events are settled.
    OverBudget,
    /// It does not any more, for this reason.
    Stopped(String),
}
