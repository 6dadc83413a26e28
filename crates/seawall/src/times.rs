//! Points in time: as people type them, as JSON carries them, as a terminal shows them. Always UTC.

use std::str::FromStr;

use formats::UnixTime;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::spans::Span;

/// A point in time that was typed, possibly relative to the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// That point.
    At(UnixTime),
    /// That long before the present.
    Ago(Span),
}

/// Why a text is no point in time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a point in time is RFC 3339 (2026-01-31T12:00:00Z), a date (2026-01-31), seconds since 1970 (1769860800), \
     or a span before now (2h)"
)]
pub(crate) struct MomentError;

impl Moment {
    /// The point in time, given the present.
    pub(crate) fn resolve(self, now: UnixTime) -> UnixTime {
        match self {
            Moment::At(time) => time,
            Moment::Ago(span) => {
                let nanos = now.nanos() - i128::try_from(span.duration().as_nanos()).unwrap_or(i128::MAX);
                UnixTime::from_nanos(i64::try_from(nanos).unwrap_or(i64::MIN))
            }
        }
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<i64>() {
            return Ok(Moment::At(UnixTime::from_seconds(seconds)));
        }
        if let Ok(span) = text.parse::<Span>() {
            return Ok(Moment::Ago(span));
        }
        let civil =
            || text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.at(0, 0, 0, 0)));
        let in_utc = || Some(civil()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
        let stamp = text.parse::<Timestamp>().ok().or_else(in_utc).ok_or(MomentError)?;
        let nanos = i64::try_from(stamp.as_nanosecond()).map_err(|_| MomentError)?;
        Ok(Moment::At(UnixTime::from_nanos(nanos)))
    }
}

/// Milliseconds since 1970 of a time in RFC 3339.
pub(crate) fn millis(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// RFC 3339 in UTC, with as many decimals as it takes; `None` for times outside the years -9999 to 9999.
pub(crate) fn rfc3339(time: UnixTime) -> Option<String> {
    Timestamp::from_nanosecond(time.nanos()).ok().map(|stamp| stamp.to_string())
}

/// Day and second, as a table shows them.
pub(crate) fn day_and_second(time: UnixTime) -> Option<(String, String)> {
    let stamp = Timestamp::from_nanosecond(time.nanos()).ok()?;
    Some((stamp.strftime("%Y-%m-%d").to_string(), stamp.strftime("%H:%M:%S").to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_769_860_800);

    #[test]
    fn every_way_to_type_a_time_means_the_same_point() {
        for text in ["1769860800", "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00"] {
            assert_eq!(text.parse(), Ok(Moment::At(NOW)), "{text}");
        }
        assert_eq!("2026-01-31".parse(), Ok(Moment::At(UnixTime::from_seconds(1_769_817_600))));
        let ago: Moment = "2h".parse().unwrap();
        assert_eq!(ago.resolve(NOW), UnixTime::from_seconds(1_769_853_600));
        for wrong in ["", "yesterday", "2026-13-01", "12:00"] {
            assert_eq!(wrong.parse::<Moment>(), Err(MomentError), "{wrong}");
        }
    }

    #[test]
    fn times_that_no_calendar_has_are_none() {
        assert_eq!(rfc3339(NOW).as_deref(), Some("2026-01-31T12:00:00Z"));
        assert_eq!(rfc3339(UnixTime::from_millis(1)).as_deref(), Some("1970-01-01T00:00:00.001Z"));
        assert_eq!(rfc3339(UnixTime::from_millis(i64::MAX)), None);
        assert_eq!(day_and_second(UnixTime::from_millis(i64::MIN)), None);
    }
}
