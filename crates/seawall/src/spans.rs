//! Spans of time as people type them: `90s`, `2h`, `1h 30m`, `7d`.

use std::str::FromStr;
use std::time::Duration;

/// A span of time that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(Duration);

impl Span {
    /// The span.
    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

/// Why a text is no span of time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpanError {
    /// Nothing that could be read.
    #[error("a span of time is numbers with units, such as 90s, 2h, 1h 30m or 7d")]
    NoNumber,
    /// A number stands alone.
    #[error("{number} lacks a unit: ms, s, m, h, d or w")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// The unit is not known.
    #[error("unknown unit {unit:?}: use ms, s, m, h, d or w")]
    Unit {
        /// What stands there.
        unit: String,
    },
    /// Longer than can be counted.
    #[error("longer than can be counted")]
    TooLong,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let mut rest = text.trim();
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(SpanError::NoNumber);
        }
        while !rest.is_empty() {
            let (number, after) = split(rest, |c| c.is_ascii_digit());
            let (unit, after) = split(after.trim_start(), |c| c.is_ascii_alphabetic());
            if number.is_empty() {
                return Err(SpanError::NoNumber);
            }
            let count: u64 = number.parse().map_err(|_| SpanError::TooLong)?;
            let millis = count.checked_mul(unit_millis(number, unit)?).ok_or(SpanError::TooLong)?;
            total = total.checked_add(millis).ok_or(SpanError::TooLong)?;
            rest = after.trim_start();
        }
        Ok(Span(Duration::from_millis(total)))
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn unit_millis(number: &str, unit: &str) -> Result<u64, SpanError> {
    Ok(match unit.to_ascii_lowercase().as_str() {
        "" => return Err(SpanError::NoUnit { number: number.to_owned() }),
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 7 * 86_400_000,
        _ => return Err(SpanError::Unit { unit: unit.to_owned() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Result<f64, SpanError> {
        text.parse::<Span>().map(|span| span.duration().as_secs_f64())
    }

    #[test]
    fn units_add_up() {
        let table: &[(&str, f64)] = &[
            ("90s", 90.0),
            ("2h", 7200.0),
            ("1h 30m", 5400.0),
            ("1h30m", 5400.0),
            ("7d", 604_800.0),
            ("1 week", 604_800.0),
            ("250ms", 0.25),
            ("0s", 0.0),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text), Ok(*expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_says_why() {
        assert_eq!(seconds(""), Err(SpanError::NoNumber));
        assert_eq!(seconds("h"), Err(SpanError::NoNumber));
        assert_eq!(seconds("-2h"), Err(SpanError::NoNumber));
        assert_eq!(seconds("90"), Err(SpanError::NoUnit { number: "90".to_owned() }));
        assert_eq!(seconds("1h 30"), Err(SpanError::NoUnit { number: "30".to_owned() }));
        assert_eq!(seconds("5 fortnights"), Err(SpanError::Unit { unit: "fortnights".to_owned() }));
        assert_eq!(seconds("99999999999999999999w"), Err(SpanError::TooLong));
        assert_eq!(seconds("9999999999999999w"), Err(SpanError::TooLong));
    }
}
