//! How often something happens, as people type it: `10/m`, `200/s`, `1.5/h`; and how fast bytes flow: `8MiB/s`.

use std::str::FromStr;

use crate::sizes::Size;

/// So many in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(f64);

impl Rate {
    /// How many come in a second.
    pub(crate) const fn per_second(self) -> f64 {
        self.0
    }
}

/// Why a text is no rate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number and a unit of time, such as 10/m, 200/s or 5000/h")]
pub(crate) struct RateError;

/// More often, and nothing here is meant.
const MOST: f64 = 1e9;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (number, unit) = text.trim().split_once('/').ok_or(RateError)?;
        let number: f64 = number.trim().parse().map_err(|_| RateError)?;
        let seconds = match unit.trim().to_ascii_lowercase().as_str() {
            "s" | "sec" | "second" => 1.0,
            "m" | "min" | "minute" => 60.0,
            "h" | "hour" => 3_600.0,
            "d" | "day" => 86_400.0,
            _ => return Err(RateError),
        };
        if number > 0.0 && number <= MOST { Ok(Self(number / seconds)) } else { Err(RateError) }
    }
}

/// So many bytes in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow(u64);

impl Flow {
    /// The bytes.
    pub(crate) const fn per_second(self) -> u64 {
        self.0
    }
}

/// Why a text is no flow.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a flow is a size of 1kB or more in a second, such as 8MiB/s")]
pub(crate) struct FlowError;

/// Less would not get through a log before it is gone.
const SLOWEST: u64 = 1_000;

impl FromStr for Flow {
    type Err = FlowError;

    fn from_str(text: &str) -> Result<Self, FlowError> {
        let size = text.trim().strip_suffix("/s").and_then(|size| size.parse::<Size>().ok());
        size.map(Size::bytes).filter(|bytes| *bytes >= SLOWEST).map(Self).ok_or(FlowError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_a_size_in_a_second() {
        assert_eq!("8MiB/s".parse(), Ok(Flow(8 << 20)));
        assert_eq!("1.5 MB /s".parse(), Ok(Flow(1_500_000)));
        for wrong in ["", "8MiB", "/s", "8MiB/m", "0/s", "999/s", "-1MB/s", "8m/s"] {
            assert_eq!(wrong.parse::<Flow>(), Err(FlowError), "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_a_number_for_a_unit_of_time() {
        for (text, rate) in
            [("10/s", 10.0), ("60/m", 1.0), ("1.5 / min", 0.025), ("7200/h", 2.0), ("86400/d", 1.0)]
        {
            assert_eq!(text.parse(), Ok(Rate(rate)), "{text}");
        }
        for wrong in ["", "10", "/s", "10/", "10/w", "-1/s", "0/s", "nan/s", "inf/s", "1e99/s"] {
            assert_eq!(wrong.parse::<Rate>(), Err(RateError), "{wrong}");
        }
    }
}
