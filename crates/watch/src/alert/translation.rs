//! Events of watched logs as news: what began, and what is over with it.

use std::time::Duration;

use crate::alert::{News, Topic};
use crate::{
    Breach, Event, Flaw, Forecast, Happening, Health, Judgement, Measure, Outcome, Reason, Severity,
};

/// How long a forecast counts that is not made again: it is told when something comes within the hour.
const FORESEEN: Duration = Duration::from_hours(1);

/// What an event says.
pub fn news_of(event: &Event) -> Vec<News> {
    let target = event.target.as_str();
    match &event.what {
        Happening::Health { from, to } => of_health(target, *from, to),
        Happening::Damage(flaw) => vec![of_flaw(target, flaw)],
        Happening::CheckpointBegun(_) => Vec::new(),
        Happening::Checkpoint { reason, outcome } => vec![of_checkpoint(target, *reason, outcome)],
        Happening::RestartConsideration { checkpoints } => {
            let message = format!("{checkpoints} checkpoints in a row did not make the log smaller");
            let news = News::trouble(target, Topic::RestartConsideration, Severity::Critical, message);
            vec![
                news.with_advice(
                    "Consider a restart of its server, which replays the log and begins a new one.",
                ),
            ]
        }
        Happening::Forecast(forecast) => vec![of_forecast(target, forecast)],
    }
}

fn of_health(target: &str, from: Health, to: &Judgement) -> Vec<News> {
    let severity = match to.health {
        Health::Healthy => None,
        Health::Critical => Some(Severity::Critical),
        // A log that nobody can see is worth attention.
        Health::Warning | Health::Unknown => Some(Severity::Warning),
    };
    let mut news = vec![match severity {
        None => News::well(target, Topic::Health),
        Some(severity) => {
            let (from, now) = (from.name(), to.health.name());
            let message = format!("{now} after {from}: {}", why(to));
            let news = News::trouble(target, Topic::Health, severity, message);
            match to.blockers.first() {
                Some(blocker) => news.with_advice(format!("It is not reclaimed: {}", blocker.0)),
                None => news,
            }
        }
    }];
    if to.health != Health::Critical {
        news.push(News::well(target, Topic::RestartConsideration));
    }
    if to.blind.is_none() && to.flaws.is_empty() {
        news.push(News::well(target, Topic::Damage));
    }
    if to.health == Health::Healthy {
        news.push(News::well(target, Topic::Forecast));
    }
    news
}

fn why(judgement: &Judgement) -> String {
    if let Some(blind) = &judgement.blind {
        return format!("it could not be looked at: {blind}");
    }
    let breaches = judgement.breaches.iter().map(|(_, breach)| of_breach(breach));
    let flaws = judgement.flaws.iter().map(|flaw| format!("{}: {}", flaw.kind.name(), flaw.what));
    let all: Vec<String> = breaches.chain(flaws).collect();
    if all.is_empty() { "nothing that could be read tells how it is".to_owned() } else { all.join("; ") }
}

fn of_breach(breach: &Breach) -> String {
    let shown = |value: u64| match breach.measure {
        Measure::Size | Measure::Memory | Measure::Free => size(value),
        Measure::Files => value.to_string(),
        Measure::Age => span(Duration::from_secs(value)),
    };
    let (what, relation) = match breach.measure {
        Measure::Size => ("its size is", "more than"),
        Measure::Files => ("its files are", "more than"),
        Measure::Age => ("its oldest is", "more than"),
        Measure::Memory => ("a start takes", "more than"),
        Measure::Free => ("the disk has", "less than"),
    };
    match breach.value {
        Some(value) => format!("{what} {}, {relation} {}", shown(value), shown(breach.limit)),
        None => format!(
            "{} cannot be told, and there is a limit of {}",
            breach.measure.name(),
            shown(breach.limit)
        ),
    }
}

fn of_flaw(target: &str, flaw: &Flaw) -> News {
    let message = format!("{}: {}", flaw.kind.name(), flaw.what);
    News::trouble(target, Topic::Damage, flaw.severity, message)
        .with_advice("Look at it with `seawall verify --live` before its server is restarted.")
}

fn of_checkpoint(target: &str, reason: Reason, outcome: &Outcome) -> News {
    let reason = reason.name();
    let message = match outcome {
        Outcome::Effective { .. } | Outcome::Idle => return News::well(target, Topic::Checkpoint),
        Outcome::Ineffective { waited } => {
            format!("a checkpoint ({reason}) was made, and the log was no smaller after {}", span(*waited))
        }
        Outcome::Failed(why) => format!("a checkpoint ({reason}) was not made: {why}"),
    };
    News::trouble(target, Topic::Checkpoint, Severity::Warning, message)
}

fn of_forecast(target: &str, forecast: &Forecast) -> News {
    let eta = |what: &str, eta: Option<crate::Eta>| Some(format!("{what} in about {}", span(eta?.likely)));
    let comes = [eta("it will be critical", forecast.critical), eta("the disk will be full", forecast.full)];
    let comes: Vec<String> = comes.into_iter().flatten().collect();
    let growth = Duration::from_mins(1).as_secs_f64() * forecast.growth.max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes of a minute, not below zero"
    )]
    let growth = size(growth as u64);
    let watched = span(forecast.watched);
    let message = format!("{}; it has grown by {growth} a minute for {watched}", comes.join(", "));
    News::trouble(target, Topic::Forecast, Severity::Warning, message).for_now(FORESEEN)
}

fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
#[path = "translation_test.rs"]
mod tests;
