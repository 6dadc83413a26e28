//! What will become of a log: when it reaches its limits, and when it fills its disk.
//!
//! A forecast that nothing supports is not made: there are too few points, the log does not grow, its growth goes to and
//! fro, or the time is so far away that nobody has watched long enough to tell.

use std::time::Duration;

use crate::history::History;
use crate::{Facts, Floor, Limits, Thresholds, Trend};

/// What will become of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Bytes that it grows by each second.
    pub growth: f64,
    /// How long it was watched for that: since it last became smaller.
    pub watched: Duration,
    /// How far the forecast can be trusted.
    pub confidence: Confidence,
    /// When it is worth attention, unless it is already.
    pub warning: Option<Eta>,
    /// When it is dangerous, unless it is already.
    pub critical: Option<Eta>,
    /// When its file system is full, if nothing else fills it and nothing frees it.
    pub full: Option<Eta>,
}

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eta {
    /// Most likely.
    pub likely: Duration,
    /// If it goes on at the pace of its fast hours.
    pub soonest: Duration,
    /// If it goes on at the pace of its slow ones; nothing if it may never come to it.
    pub latest: Option<Duration>,
}

/// How far a forecast can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It grows on the whole.
    Fair,
    /// It grows steadily.
    Good,
}

impl Confidence {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Confidence::Fair => "fair",
            Confidence::Good => "good",
        }
    }
}

/// Points of a forecast at least.
const FEWEST: usize = 6;

/// The least agreement of a forecast.
const FAIR: f64 = 0.6;

/// The agreement of a steady growth.
const GOOD: f64 = 0.9;

/// How far a forecast reaches, in spans of what was watched: an hour says nothing about next month.
const REACH: f64 = 24.0;

/// What follows from the past; nothing where nothing does.
pub(crate) fn forecast(history: &History, facts: &Facts, thresholds: &Thresholds) -> Option<Forecast> {
    if history.len() < FEWEST {
        return None;
    }
    let bytes = Trend::of(&history.bytes())?;
    let files = Trend::of(&history.files());
    let confidence = match bytes.agreement {
        steady if steady >= GOOD => Confidence::Good,
        fair if fair >= FAIR => Confidence::Fair,
        _ => return None,
    };
    let until = |limits: &Limits| {
        let of_files = files.and_then(|files| eta(&files, facts.files?, limits.max_files?));
        let of_bytes = eta(&bytes, facts.bytes?, limits.max_size.unwrap_or(u64::MAX));
        let of_room = facts.room.and_then(|room| {
            let floor = limits.min_free.unwrap_or(Floor::Bytes(0)).bytes(room.total);
            eta(&bytes, 0, room.free.checked_sub(floor)?)
        });
        [of_files, of_bytes, of_room].into_iter().flatten().min_by_key(|eta| eta.likely)
    };
    Some(Forecast {
        growth: bytes.slope,
        watched: Duration::try_from_secs_f64(bytes.seconds).ok()?,
        confidence,
        warning: until(&thresholds.warning),
        critical: until(&thresholds.critical),
        full: facts.room.and_then(|room| eta(&bytes, 0, room.free)),
    })
}

/// When something that is `now` there and grows is more than `limit`.
fn eta(trend: &Trend, now: u64, limit: u64) -> Option<Eta> {
    let way = limit.checked_sub(now)? as f64;
    let at = |slope: f64| (slope > 0.0).then(|| Duration::try_from_secs_f64(way / slope).ok()).flatten();
    let likely = at(trend.slope).filter(|likely| likely.as_secs_f64() <= trend.seconds * REACH)?;
    Some(Eta { likely, soonest: at(trend.fast).unwrap_or(likely), latest: at(trend.slow) })
}

#[cfg(test)]
mod tests {
    use formats::UnixTime;

    use super::*;
    use crate::Room;

    /// A log that grows so for ten minutes, a point every ten seconds, with a limit of 10 000 bytes and 1 000 000 free.
    fn grown(bytes: impl Fn(u64) -> u64) -> Option<Forecast> {
        let mut history = History::default();
        let mut facts = Facts::default();
        for step in 0..60 {
            let room = Some(Room { free: 1_000_000, total: 10_000_000 });
            facts = Facts { bytes: Some(bytes(step)), files: Some(1), room, ..Facts::default() };
            history.add(&facts, UnixTime::from_seconds(i64::try_from(step * 10).unwrap()));
        }
        let warning = Limits { max_size: Some(10_000), ..Limits::default() };
        let critical = Limits { max_size: Some(30_000), ..Limits::default() };
        forecast(&history, &facts, &Thresholds { warning, critical })
    }

    #[test]
    fn a_steady_growth_reaches_each_limit_when_it_says() {
        let forecast = grown(|step| step * 100).unwrap();
        assert_eq!(forecast.confidence, Confidence::Good);
        assert!((forecast.growth - 10.0).abs() < 1e-9);
        let seconds = |eta: Option<Eta>| eta.map(|eta| eta.likely.as_secs());
        assert_eq!(seconds(forecast.warning), Some(410));
        assert_eq!(seconds(forecast.critical), Some(2_410));
        assert_eq!(seconds(forecast.full), None, "a day away, after ten minutes");
    }

    #[test]
    fn a_forecast_that_nothing_supports_is_withheld() {
        assert_eq!(grown(|_| 5_000), None, "it does not grow");
        assert_eq!(grown(|step| 5_000 + (step * 7_919) % 200), None, "it goes to and fro");
        assert_eq!(grown(|step| 9_000 - step * 2), None, "it shrinks");
        let crossed = grown(|step| 15_000 + step * 100).unwrap();
        assert_eq!(crossed.warning, None, "it is beyond that already");
        assert!(crossed.critical.is_some());
    }

    #[test]
    fn too_few_points_are_no_forecast() {
        let mut history = History::default();
        for second in 0..5 {
            let facts = Facts { bytes: Some(second * 100), files: Some(1), ..Facts::default() };
            history.add(&facts, UnixTime::from_seconds(i64::try_from(second).unwrap()));
        }
        assert_eq!(forecast(&history, &Facts::default(), &Thresholds::classic()), None);
    }
}
