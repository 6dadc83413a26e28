//! Five fields, as `crontab` has them, held against the clock of a time zone.
//!
//! * Days: where both the day of the month and the day of the week are named, a day that is either of them counts; where
//!   one of them begins with a star, both have to agree.
//! * A clock that is set forward skips times. What is to be done at an hour that is named is done once, as soon as
//!   the hour that is skipped is over; what is done in every hour just has one hour less.
//! * A clock that is set back shows times twice. What is to be done at an hour that is named is done the first time; what is
//!   done in every hour is done in both.

use std::fmt;
use std::sync::Arc;

use formats::UnixTime;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::fields::{DAY, Field, FieldError, HOUR, MINUTE, MONTH, WEEKDAY};

/// When something is done.
#[derive(Clone, PartialEq)]
pub struct Cron {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    zone: Zone,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// It has more or fewer fields.
    #[error(
        "a schedule has five fields: minute, hour, day of the month, month, day of the week; {0} stand there"
    )]
    Count(usize),
    /// A field makes no sense.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// There is no name of that kind.
    #[error("{0:?} is none of @hourly, @daily, @weekly, @monthly, @yearly")]
    Name(String),
    /// No day is ever like that.
    #[error("no day is ever like that, so it would never be done")]
    Never,
}

/// A zone of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(Arc<TimeZone>);

/// Why a name is that of no zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time zone that this system has files about; name one such as Europe/Berlin, or leave TZ out for UTC"
)]
pub struct ZoneError(String);

impl Default for Zone {
    fn default() -> Self {
        Self(Arc::new(TimeZone::UTC))
    }
}

impl Zone {
    /// The zone that a `TZ` names: by its place, as the system's files have it, or by its rules.
    pub fn named(text: &str) -> Result<Self, ZoneError> {
        let name = text.strip_prefix(':').unwrap_or(text);
        if name.is_empty() {
            return Ok(Self::default());
        }
        let found = TimeZone::get(name).or_else(|_| TimeZone::posix(name));
        found.map(|zone| Self(Arc::new(zone))).map_err(|_| ZoneError(text.to_owned()))
    }
}

/// Names for what is wanted often.
const NAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Days that are searched: the 29th of February is a Sunday every 40 years at the latest.
const DAYS: usize = 366 * 41;

impl Cron {
    /// What five fields say, or one of the names for what is wanted often, by the clock of that zone.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, CronError> {
        let text = text.trim();
        let named = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        let text = match named {
            Some((_, fields)) => fields,
            None if text.starts_with('@') => return Err(CronError::Name(text.to_owned())),
            None => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(CronError::Count(fields.len()));
        };
        let cron = Self {
            minutes: Field::parse(minutes, &MINUTE)?,
            hours: Field::parse(hours, &HOUR)?,
            days: Field::parse(days, &DAY)?,
            months: Field::parse(months, &MONTH)?,
            weekdays: Field::parse(weekdays, &WEEKDAY)?.with_one_sunday(),
            zone,
        };
        cron.next(UnixTime::from_seconds(0)).map(|_| cron).ok_or(CronError::Never)
    }

    /// The first time behind that one.
    pub fn next(&self, after: UnixTime) -> Option<UnixTime> {
        let after = Timestamp::from_nanosecond(after.nanos()).ok()?;
        let today = self.zone.0.to_datetime(after).date();
        // Where a clock is set back over midnight, a day ends after the next one has begun.
        let near = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
        let near = near.into_iter().flatten().filter_map(|day| self.first(day, after)).min();
        let far = || today.series(1.day()).skip(2).take(DAYS).find_map(|day| self.first(day, after));
        let next = near.or_else(far)?;
        i64::try_from(next.as_nanosecond()).ok().map(UnixTime::from_nanos)
    }

    fn is_day(&self, day: Date) -> bool {
        let number = |value: i8| u32::try_from(value).unwrap_or(u32::MAX);
        let is_date = self.days.has(number(day.day()));
        let is_weekday = self.weekdays.has(number(day.weekday().to_sunday_zero_offset()));
        let is_either = !self.days.is_any && !self.weekdays.is_any;
        let is_day = if is_either { is_date || is_weekday } else { is_date && is_weekday };
        self.months.has(number(day.month())) && is_day
    }

    /// The first time of a day that lies behind another time.
    fn first(&self, day: Date, after: Timestamp) -> Option<Timestamp> {
        if !self.is_day(day) {
            return None;
        }
        let hours = (0_i8..24).filter(|hour| self.hours.has(u32::from(hour.unsigned_abs())));
        let minutes = || (0_i8..60).filter(|minute| self.minutes.has(u32::from(minute.unsigned_abs())));
        let shown = hours.flat_map(|hour| minutes().map(move |minute| day.at(hour, minute, 0, 0)));
        shown.flat_map(|shown| self.moments(shown)).flatten().filter(|moment| *moment > after).min()
    }

    /// When a clock shows that, as far as it counts.
    fn moments(&self, shown: DateTime) -> [Option<Timestamp>; 2] {
        let zone = &self.zone.0;
        match zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(shown).ok(), None],
            AmbiguousOffset::Fold { before, after } => {
                let second = if self.hours.is_any { after.to_timestamp(shown).ok() } else { None };
                [before.to_timestamp(shown).ok(), second]
            }
            AmbiguousOffset::Gap { .. } if self.hours.is_any => [None, None],
            AmbiguousOffset::Gap { after, .. } => {
                // With the offset of afterwards it lies before the change, which is the next one from there.
                let before = after.to_timestamp(shown).ok();
                let change = before.and_then(|before| zone.following(before).next());
                [change.map(|change| change.timestamp()), None]
            }
        }
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cron").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "cron_test.rs"]
mod tests;
