//! Reading a log in full while its server runs, so that damage is known before a restart meets it.
//!
//! A *pass* reads every file of a log once, with the readers that `verify --live` has: what a server still writes at the end
//! is no damage. It is slow on purpose, on a thread of its own that yields to all others, takes no lock, and puts out of the
//! page cache what it has brought in. What it finds is read a second time from a fresh list of files, since a server may
//! have changed a file under the reader, and only what is there both times is told.
//!
//! * `knowledge.rs` is what is known, and when a pass is due: a state machine without effects.
//! * `reader.rs` reads, `pace.rs` slows it down, `cache.rs` cares for the page cache.
//!
//! A pass that is interrupted begins anew; what was found, and when the last whole pass was, outlives a restart. What only the whole log shows, such as a missing segment, a look at its names
//! shows far sooner.

mod cache;
mod kept;
mod knowledge;
mod pace;
mod reader;

use std::time::Duration;

use formats::{Damage, UnixTime};

pub(crate) use knowledge::{Knowledge, Scope};
pub(crate) use reader::{Job, Running, begin};

/// How a log is read in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrub {
    /// How often; nothing for only when somebody asks.
    pub every: Option<Duration>,
    /// Bytes that are read in a second at most.
    pub rate: u64,
}

/// A pass that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// When it began.
    pub began: UnixTime,
    /// When it ended.
    pub ended: UnixTime,
    /// Files that it has read.
    pub files: u64,
    /// Bytes that it has read.
    pub bytes: u64,
}

/// Damage, and the file as it was when that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file that was read.
    pub part: String,
    /// What it was like.
    pub stamp: Stamp,
    /// What is wrong.
    pub damage: Damage,
}

/// What a change of a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<UnixTime>,
}

impl Stamp {
    pub(crate) fn of(part: &formats::Part) -> Self {
        Self { bytes: part.bytes, modified: part.modified }
    }
}

/// What is known of a log from reading it in full.
#[derive(Clone, Debug, Default)]
pub struct Scrubbed {
    /// The pass that is on its way: when it began, bytes that it has read, and all that it will.
    pub running: Option<(UnixTime, u64, u64)>,
    /// The last whole pass.
    pub last: Option<Pass>,
    /// Passes since the start.
    pub passes: u64,
    /// Bytes since the start.
    pub bytes: u64,
    /// Damage, the first of it with its place.
    pub places: Vec<Place>,
    /// How much there is beyond that.
    pub more: u64,
    /// Files that could not be read, and why the first one could not.
    pub unread: Option<(u64, String)>,
}
