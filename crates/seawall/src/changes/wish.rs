//! What can be wanted of a log, and the change of its format that does it.

use std::time::Duration;

use formats::{Depth, Format, Log, Order, UnixTime};
use mend::{MendError, Mending};

use crate::failure::Failure;

/// What is wanted of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That everything good in it stays and it starts.
    Repair,
    /// That its old part moves into blocks.
    Drain(DrainTo),
    /// That its old part is dropped.
    Trim(TrimTo),
    /// That it is taken away.
    Reset,
}

/// How much of a log stays when it is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrainTo {
    /// What a running server would have in it.
    Usual,
    /// So much, counted back from its newest sample.
    Keep(Duration),
    /// What is newer.
    Until(UnixTime),
}

/// How much of a log stays when it is trimmed: both have to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrimTo {
    /// At most so many bytes.
    pub(crate) size: Option<u64>,
    /// Nothing older, counted back from its newest sample.
    pub(crate) age: Option<Duration>,
}
