//! The fields of a cron schedule: which minutes, hours, days, months and days of the week.
//!
//! A field is parts with commas between them. A part is `*`, a value, or a range `2-5`, each with a step behind it if one
//! is wanted: `*/15`, `8-18/2`; `5/10` begins at 5 and goes to the end. Months and days of the week have names of three
//! letters. Sunday is 0 and 7.

/// What a field may hold.
pub(super) struct Domain {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of values, from the least one on.
    names: &'static [&'static str],
}

pub(super) const MINUTE: Domain = Domain { name: "minute", least: 0, most: 59, names: &[] };
pub(super) const HOUR: Domain = Domain { name: "hour", least: 0, most: 23, names: &[] };
pub(super) const DAY: Domain = Domain { name: "day of the month", least: 1, most: 31, names: &[] };
pub(super) const MONTH: Domain = Domain {
    name: "month",
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
pub(super) const WEEKDAY: Domain = Domain {
    name: "day of the week",
    least: 0,
    most: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// Why a field makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} is no {name}: {why}")]
pub struct FieldError {
    name: &'static str,
    part: String,
    why: String,
}

/// The values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// A bit for each value.
    values: u64,
    /// Whether it begins with a star: then it says nothing about which day, and runs by what the clock shows.
    pub(super) is_any: bool,
}

impl Field {
    pub(super) fn parse(text: &str, domain: &Domain) -> Result<Self, FieldError> {
        let mut values = 0;
        for part in text.split(',') {
            let fail = |why: String| FieldError { name: domain.name, part: part.to_owned(), why };
            let (first, last, step) = part_of(part, domain).map_err(fail)?;
            for value in (first..=last).step_by(step) {
                values |= 1 << value;
            }
        }
        Ok(Self { values, is_any: text.starts_with('*') })
    }

    pub(super) const fn has(self, value: u32) -> bool {
        value < u64::BITS && self.values & (1 << value) != 0
    }

    /// The same with Sunday as 0 alone.
    pub(super) const fn with_one_sunday(self) -> Self {
        let sunday = (self.values >> 7) & 1;
        Self { values: (self.values | sunday) & 0x7f, ..self }
    }
}

fn part_of(part: &str, domain: &Domain) -> Result<(u32, u32, usize), String> {
    let (range, step) = match part.split_once('/') {
        None => (part, None),
        Some((range, step)) => {
            let step = number(step).filter(|step| (1..=domain.most).contains(step));
            (range, Some(step.ok_or_else(|| format!("a step is a number from 1 to {}", domain.most))?))
        }
    };
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (domain.least, domain.most),
        Some((first, last)) => (value(first, domain)?, value(last, domain)?),
        None => {
            let first = value(range, domain)?;
            (first, if step.is_some() { domain.most } else { first })
        }
    };
    if first > last {
        return Err(format!(
            "it ends before it begins; write {first}-{},{}-{last}",
            domain.most, domain.least
        ));
    }
    Ok((first, last, step.map_or(1, |step| step as usize)))
}

fn value(text: &str, domain: &Domain) -> Result<u32, String> {
    let named = domain.names.iter().position(|name| text.eq_ignore_ascii_case(name));
    let named = named.and_then(|at| u32::try_from(at).ok()?.checked_add(domain.least));
    let value = named.or_else(|| number(text)).filter(|value| (domain.least..=domain.most).contains(value));
    value.ok_or_else(|| {
        let names = match (domain.names.first(), domain.names.last()) {
            (Some(first), Some(last)) => format!(", or a name from {first} to {last}"),
            _ => String::new(),
        };
        format!("{text:?} is no number from {} to {}{names}", domain.least, domain.most)
    })
}

fn number(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, domain: &Domain) -> Vec<u32> {
        let field = Field::parse(text, domain).unwrap_or_else(|error| panic!("{error}"));
        (0..64).filter(|value| field.has(*value)).collect()
    }

    #[test]
    fn a_field_is_its_parts() {
        assert_eq!(values("*", &HOUR), (0..24).collect::<Vec<_>>());
        assert_eq!(values("*/20", &MINUTE), [0, 20, 40]);
        assert_eq!(values("50/4", &MINUTE), [50, 54, 58]);
        assert_eq!(values("8-18/5,23,8", &HOUR), [8, 13, 18, 23]);
        assert_eq!(values("Jan,mar-MAY,12", &MONTH), [1, 3, 4, 5, 12]);
        assert_eq!(values("fri-7", &WEEKDAY), [5, 6, 7]);
        let weekend = Field::parse("6-7", &WEEKDAY).unwrap().with_one_sunday();
        assert_eq!((weekend.has(0), weekend.has(6), weekend.has(7)), (true, true, false));
    }

    #[test]
    fn what_makes_no_sense_says_why() {
        for (text, domain, why) in [
            ("60", &MINUTE, "no number from 0 to 59"),
            ("0", &DAY, "no number from 1 to 31"),
            ("-1", &MINUTE, "no number"),
            ("+1", &MINUTE, "no number"),
            ("", &MINUTE, "no number"),
            ("1,", &MINUTE, "no number"),
            ("*/0", &MINUTE, "a step"),
            ("*/61", &MINUTE, "a step"),
            ("1/2/3", &MINUTE, "a step"),
            ("22-3", &HOUR, "write 22-23,0-3"),
            ("monday", &WEEKDAY, "a name from sun to sat"),
            ("feb", &WEEKDAY, "no number from 0 to 7"),
            ("99999999999999999999", &MINUTE, "no number"),
        ] {
            let error = Field::parse(text, domain).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
