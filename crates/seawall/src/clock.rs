//! The one place that reads the clock; everything else takes `now` as an argument.

use std::time::{Instant, SystemTime};

use formats::UnixTime;
use journal::Millis;

/// The present.
#[expect(clippy::disallowed_methods, reason = "the one place that may know the time")]
pub(crate) fn now() -> UnixTime {
    SystemTime::now().into()
}

/// The present, as a journal stamps its events.
pub(crate) fn millis() -> Millis {
    Millis::new(i64::try_from(now().nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX))
}

/// A point on a clock that is never set, to measure spans with.
#[expect(clippy::disallowed_methods, reason = "the one place that may know the time")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
