//! The one place that reads the clock; everything else takes `now` as an argument.

use std::time::SystemTime;

use formats::UnixTime;

/// The present.
#[expect(clippy::disallowed_methods, reason = "the one place that may know the time")]
pub(crate) fn now() -> UnixTime {
    SystemTime::now().into()
}
