//! What a change keeps and what it loses, in the terms that people count in.

use formats::{TimeRange, UnixTime};
use serde::{Deserialize, Serialize};

/// What is lost with a change. A count that cannot be known is `None`, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Records.
    pub records: Option<u64>,
    /// Measured values.
    pub samples: Option<u64>,
    /// Series of which samples are lost because nothing says any more what they are called.
    pub series: Option<u64>,
    /// Bytes that were in the log and are in no file of it afterwards.
    pub bytes: u64,
    /// Between which times something is lost.
    pub times: Option<Span>,
}

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Records that verified.
    pub records: Option<u64>,
    /// Measured values in them.
    pub samples: Option<u64>,
    /// Series.
    pub series: Option<u64>,
}

/// The first and last time, both inclusive, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The earliest.
    pub from: i64,
    /// The latest.
    pub to: i64,
}

impl Loss {
    /// Nothing.
    pub const NONE: Loss =
        Loss { records: Some(0), samples: Some(0), series: Some(0), bytes: 0, times: None };

    /// Whether nothing is lost, and that is known.
    pub fn is_none(&self) -> bool {
        self.records == Some(0) && self.samples == Some(0) && self.series == Some(0)
    }
}

impl Span {
    /// A span that holds one point.
    pub const fn at(time: i64) -> Self {
        Self { from: time, to: time }
    }

    /// The smallest span that holds both, where either may be missing.
    #[must_use]
    pub fn merge(one: Option<Span>, other: Option<Span>) -> Option<Span> {
        match (one, other) {
            (Some(one), Some(other)) => {
                Some(Span { from: one.from.min(other.from), to: one.to.max(other.to) })
            }
            (one, other) => one.or(other),
        }
    }

    /// The same in the terms of `formats`.
    pub const fn range(self) -> TimeRange {
        TimeRange { min: UnixTime::from_millis(self.from), max: UnixTime::from_millis(self.to) }
    }
}
