//! Events of watched logs as news: what began, and what is over with it.

use std::time::Duration;

use formats::Damage;
use watch::alert::{News, Topic};
use watch::{
    Decision, Event, Flaw, Forecast, Happening, Health, Hindrance, Judgement, Outcome, Reason,
    RestartOutcome, Severity,
};

use crate::daemon::watching::words;
use crate::show::units;

/// How long a forecast counts that is not made again: it is told when something comes within the hour.
const FORESEEN: Duration = Duration::from_hours(1);

/// What an event says.
pub(super) fn news_of(event: &Event) -> Vec<News> {
    let target = event.target.as_str();
    match &event.what {
        Happening::Health { from, to } => of_health(target, *from, to),
        Happening::Damage(flaw) => vec![of_flaw(target, flaw)],
        Happening::Found(damage) => vec![of_damage(target, damage)],
        // The first of what was found were told, and whoever has announced news has told them.
        Happening::FoundMore(_)
        | Happening::CheckpointBegun(_)
        | Happening::RestartBegun(_)
        | Happening::News(_) => Vec::new(),
        Happening::Mended => vec![News::well(target, Topic::Damage)],
        Happening::Checkpoint { reason, outcome } => vec![of_checkpoint(target, *reason, outcome)],
        Happening::RestartConsideration { checkpoints, decision } => {
            vec![of_consideration(target, *checkpoints, *decision)]
        }
        Happening::Restart { reason, outcome } => vec![of_restart(target, *reason, outcome)],
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
            let reasons = words::reasons(to).join("; ");
            let message = format!("{now} after {from}: {reasons}");
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
        news.push(News::well(target, Topic::Restart));
    }
    news
}

fn of_flaw(target: &str, flaw: &Flaw) -> News {
    let message = format!("{}: {}", flaw.kind.name(), flaw.what);
    News::trouble(target, Topic::Damage, flaw.severity, message)
        .with_advice("Look at it with `seawall verify --live` before its server is restarted.")
}

fn of_damage(target: &str, damage: &Damage) -> News {
    let advice = "Do not restart its server yet: back the log up, stop the server, and run `seawall repair`, which keeps what \
                  the server's own start would throw away.";
    News::trouble(target, Topic::Damage, Severity::Critical, words::damage(damage)).with_advice(advice)
}

fn of_checkpoint(target: &str, reason: Reason, outcome: &Outcome) -> News {
    if matches!(outcome, Outcome::Effective { .. } | Outcome::Idle) {
        return News::well(target, Topic::Checkpoint);
    }
    let (reason, what) = (reason.name(), words::outcome(outcome));
    let message = format!("a checkpoint ({reason}) did not help: {what}");
    News::trouble(target, Topic::Checkpoint, Severity::Warning, message)
}

fn of_consideration(target: &str, checkpoints: u32, decision: Decision) -> News {
    let message = format!("{checkpoints} checkpoints in a row did not make the log smaller");
    let news = News::trouble(target, Topic::RestartConsideration, Severity::Critical, message);
    news.with_advice(match decision {
        Decision::Made => "Its server is being restarted; look whether it comes back.".to_owned(),
        Decision::Withheld(Hindrance::NoWay) => {
            "Consider a restart of its server, which replays the log and begins a new one.".to_owned()
        }
        Decision::Withheld(hindrance) => {
            format!("Its server is not restarted: {}.", words::hindrance(hindrance))
        }
    })
}

fn of_restart(target: &str, reason: Reason, outcome: &RestartOutcome) -> News {
    let (reason, what) = (reason.name(), words::restart(outcome));
    let trouble = |severity, message| News::trouble(target, Topic::Restart, severity, message);
    match outcome {
        RestartOutcome::Helped { .. } => News::well(target, Topic::Restart),
        RestartOutcome::InVain { .. } => {
            trouble(Severity::Warning, format!("a restart ({reason}) did not help: {what}"))
        }
        RestartOutcome::Failed(_) => {
            trouble(Severity::Warning, format!("the server was not restarted ({reason}): {what}"))
        }
        RestartOutcome::Lost(_) => {
            let message = format!("the server does not serve after a restart ({reason}): {what}");
            trouble(Severity::Critical, message).with_advice("Look at its own log, and start it.")
        }
    }
}

fn of_forecast(target: &str, forecast: &Forecast) -> News {
    let (comes, growth) = (words::forecast(forecast), units::size(per_minute(forecast.growth)));
    let watched = units::span(forecast.watched.as_secs_f64());
    let message = format!("{comes}; it has grown by {growth} a minute for {watched}");
    News::trouble(target, Topic::Forecast, Severity::Warning, message).for_now(FORESEEN)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes, and not below none")]
fn per_minute(growth: f64) -> u64 {
    (growth.max(0.0) * 60.0) as u64
}

#[cfg(test)]
#[path = "events_test.rs"]
mod tests;
