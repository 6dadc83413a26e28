//! When something is done without a reason: after each span of time, or when a clock shows what five fields say.

mod cron;
mod fields;

use std::time::Duration;

use formats::UnixTime;

pub use cron::{Cron, CronError, Zone, ZoneError};
pub use fields::FieldError;

use crate::course::span;

/// When something is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// So long after the last time.
    Every(Duration),
    /// When the clock shows this.
    Cron(Cron),
}

impl Schedule {
    /// When it is done next, having been done at that time; nothing where time ends before.
    pub fn next(&self, last: UnixTime) -> Option<UnixTime> {
        match self {
            Schedule::Every(every) => {
                let nanos = last.nanos().checked_add(i128::try_from(every.as_nanos()).ok()?)?;
                i64::try_from(nanos).ok().map(UnixTime::from_nanos)
            }
            Schedule::Cron(cron) => cron.next(last),
        }
    }

    /// Whether it has to be done now, having been done at that time.
    pub(crate) fn is_due(&self, last: UnixTime, now: UnixTime) -> bool {
        match self {
            Schedule::Every(every) => span(last, now) >= *every,
            Schedule::Cron(cron) => cron.next(last).is_some_and(|next| next <= now),
        }
    }
}
