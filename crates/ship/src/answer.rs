//! What came of one request, before anybody judges it.

use std::time::Duration;

use journal::Millis;

/// What came of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server has said that it has the whole batch.
    Taken,
    /// The server answered something else. Protocols with codes of their own give the status of HTTP that is nearest.
    Status {
        /// The status.
        status: u16,
        /// When the server wants to be asked again.
        retry_after: Option<RetryAfter>,
        /// What it said, in a few words.
        said: String,
    },
    /// There was no connection: nothing of the batch has left.
    Absent(String),
    /// The batch has left, and whether it arrived is not known.
    Silent(String),
    /// The sink cannot make a request of this batch, whoever is asked.
    Unfit(String),
}

/// When a server wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so long.
    In(Duration),
    /// Not before this.
    At(Millis),
}

/// Longest that a server may have us wait: one that says a year is wrong, and somebody mends it before.
const LONGEST: Duration = Duration::from_hours(1);

impl RetryAfter {
    /// What a `Retry-After` header says; nothing if it cannot be understood.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Self::In(Duration::from_secs(seconds)));
        }
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Self::At(Millis::new(date.as_millisecond())))
    }

    /// How long that is from now on, an hour at most.
    pub fn from(self, now: Millis) -> Duration {
        let wait = match self {
            Self::In(wait) => wait,
            Self::At(then) => {
                Duration::from_millis(then.get().saturating_sub(now.get()).max(0).unsigned_abs())
            }
        };
        wait.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_for_seconds_or_for_a_date() {
        let now = Millis::new(1_700_000_000_000);
        let wait = |text: &str| RetryAfter::parse(text).map(|after| after.from(now));
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(" Tue, 14 Nov 2023 22:14:20 GMT "), Some(Duration::from_mins(1)));
        assert_eq!(wait("Tue, 14 Nov 2023 22:12:20 GMT"), Some(Duration::ZERO), "it has passed");
        assert_eq!(wait("99999999999"), Some(LONGEST));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }
}
