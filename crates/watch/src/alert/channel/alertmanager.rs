//! Prometheus' Alertmanager. It forgets an alert that is not told again, so its reminders are frequent and say how long they
//! count.

use std::time::Duration;

use formats::UnixTime;
use serde_json::json;

use super::{Line, TokenError};
use crate::alert::desk::later;
use crate::alert::letter::rfc3339;
use crate::alert::{Letter, Occasion, Secret, Stationery};
use crate::call::{Call, Caller};

/// Prometheus' Alertmanager.
pub struct Alertmanager {
    pub(super) line: Line,
    /// How long an alert counts that is not told again.
    lasts: Duration,
}

/// Alerts count for so many times the interval in which they are told: as many as Prometheus takes.
const INTERVALS: u32 = 4;

/// How long an alert counts at least: it may be told once and never again.
const SHORTEST: Duration = Duration::from_mins(1);

impl Alertmanager {
    /// How often alerts are told again, unless somebody wants it otherwise.
    pub const INTERVAL: Duration = Duration::from_mins(1);

    /// What is asked for at an address that has no path.
    pub const USUAL: &'static str = "/api/v2/alerts";

    /// Sends to an Alertmanager, where alerts are told again in that interval.
    pub fn new(caller: Caller, interval: Duration, token: Option<&Secret>) -> Result<Self, TokenError> {
        let lasts = interval.saturating_mul(INTERVALS).max(SHORTEST);
        Ok(Self { line: Line::new(caller).with_token(token)?, lasts })
    }

    pub(super) fn call(&self, letter: &Letter, paper: &Stationery, now: UnixTime) -> Call {
        let (name, ends) = match letter.occasion {
            Occasion::Resolved => (camel(letter.key.topic.name()), now),
            Occasion::Firing | Occasion::Reminder => (camel(letter.key.topic.name()), later(now, self.lasts)),
            Occasion::Test => ("Test".to_owned(), later(now, SHORTEST)),
        };
        // An end before its beginning is refused, and clocks are set back.
        let ends = ends.max(letter.since);
        self.line.json(&json!([{
            "labels": {
                "alertname": format!("Seawall{name}"),
                "severity": letter.severity.name(),
                "target": letter.key.target,
                "instance": paper.source,
            },
            "annotations": {"summary": paper.title(letter), "description": paper.text(letter)},
            "startsAt": rfc3339(letter.since),
            "endsAt": rfc3339(ends),
        }]))
    }
}

/// `wal.restart_consideration` as `WalRestartConsideration`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split(['.', '_']).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, letter, line, paper};
    use super::*;

    fn told(occasion: Occasion, now: i64) -> serde_json::Value {
        let channel = Alertmanager { line: line("http://a/"), lasts: Duration::from_mins(4) };
        body(&channel.call(&letter(occasion), &paper(), UnixTime::from_seconds(now)))[0].clone()
    }

    #[test]
    fn an_alert_counts_for_four_intervals_and_an_end_ends_it_at_once() {
        let firing = told(Occasion::Reminder, 600);
        assert_eq!(firing["labels"]["alertname"], "SeawallWalHealth");
        assert_eq!(firing["startsAt"], "1970-01-01T00:01:00Z");
        assert_eq!(firing["endsAt"], "1970-01-01T00:14:00Z");
        let resolved = told(Occasion::Resolved, 600);
        assert_eq!(resolved["labels"], firing["labels"]);
        assert_eq!(resolved["endsAt"], "1970-01-01T00:10:00Z");
    }

    #[test]
    fn no_end_comes_before_its_beginning() {
        let resolved = told(Occasion::Resolved, 1);
        assert_eq!(resolved["endsAt"], resolved["startsAt"]);
    }
}
