//! The files that make up a log, and what each is for.

use std::path::PathBuf;

use crate::UnixTime;

/// One file of a log.
#[derive(Clone, Debug)]
pub struct Part {
    /// Path below the log's root, with `/`: what reports call the file.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// Its length when the directory was listed.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<UnixTime>,
}

/// What a file is for, which decides whether it counts into the size of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Part of the log that a start reads.
    Live,
    /// A rewritten summary of earlier parts of the log that a start reads first.
    Checkpoint,
    /// The log for late samples beside the main one.
    OutOfOrder,
    /// Data that the log refers to and that a start also reads.
    HeadChunks,
    /// A shortcut that a start may read in place of the log.
    HeadSnapshot,
    /// Data that has left the log for good.
    Block,
    /// Part of the log that a start no longer reads.
    Retained,
    /// A file that marks how far the log was persisted.
    Marker,
    /// A file that does not belong into the directory.
    Stray,
}

impl Role {
    /// Whether a start has to read the file as log: the files whose number and size limits are about.
    pub const fn counts(self) -> bool {
        matches!(self, Role::Live | Role::Checkpoint | Role::OutOfOrder)
    }

    /// The word shown to people and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Live => "live",
            Role::Checkpoint => "checkpoint",
            Role::OutOfOrder => "out-of-order",
            Role::HeadChunks => "head-chunks",
            Role::HeadSnapshot => "head-snapshot",
            Role::Block => "block",
            Role::Retained => "retained",
            Role::Marker => "marker",
            Role::Stray => "stray",
        }
    }
}
