//! Points in time as logs store them, without a clock.

/// A point in time in nanoseconds since 1970-01-01 UTC.
///
/// Logs count in seconds, milliseconds or nanoseconds and may hold any 64-bit number; 128 bits hold them all
/// without loss, so a hostile timestamp cannot overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i128);

impl UnixTime {
    /// From whole seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds as i128 * 1_000_000_000)
    }

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis as i128 * 1_000_000)
    }

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos as i128)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// Seconds from `earlier` to here; negative when `earlier` is later.
    pub fn seconds_since(self, earlier: UnixTime) -> f64 {
        (self.0 - earlier.0) as f64 / 1e9
    }
}

impl From<std::time::SystemTime> for UnixTime {
    fn from(at: std::time::SystemTime) -> Self {
        let nanos = |d: std::time::Duration| i128::try_from(d.as_nanos()).unwrap_or(i128::MAX);
        match at.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Self(nanos(after)),
            Err(before) => Self(-nanos(before.duration())),
        }
    }
}

/// The first and last time seen, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The earliest time.
    pub min: UnixTime,
    /// The latest time.
    pub max: UnixTime,
}

impl TimeRange {
    /// A range that holds one point.
    pub const fn at(time: UnixTime) -> Self {
        Self { min: time, max: time }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: TimeRange) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Adds `other`, where either may be missing.
    #[must_use]
    pub fn merge(a: Option<TimeRange>, b: Option<TimeRange>) -> Option<TimeRange> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.union(b)),
            (a, b) => a.or(b),
        }
    }
}
