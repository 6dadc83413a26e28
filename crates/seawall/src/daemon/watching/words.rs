//! What is known about a log under watch, in words.

use std::time::Duration;

use formats::Damage;
use watch::{Breach, Forecast, Hindrance, Judgement, Measure, Outcome, RestartOutcome, Severity};

use crate::show::units;

/// Why a log is as it is, the worst first.
pub(in crate::daemon) fn reasons(judgement: &Judgement) -> Vec<String> {
    if let Some(why) = &judgement.blind {
        return vec![why.clone()];
    }
    let of_breach = |(severity, it): &(Severity, Breach)| (*severity, breach(it));
    let flaws = judgement.flaws.iter().map(|flaw| (flaw.severity, flaw.what.clone()));
    let mut reasons: Vec<(Severity, String)> =
        flaws.chain(judgement.breaches.iter().map(of_breach)).collect();
    reasons.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    reasons.into_iter().map(|(_, reason)| reason).collect()
}

fn breach(breach: &Breach) -> String {
    let limit = breach.limit;
    let (what, text): (&str, fn(u64) -> String) = match breach.measure {
        Measure::Size => ("the size of the log", units::size),
        Measure::Files => ("the number of files", units::count),
        Measure::Age => ("the age of the oldest file", |seconds| units::span(seconds as f64)),
        Measure::Memory => ("the memory of the next start", units::size),
        Measure::Free => ("the free room", units::size),
    };
    let limit = text(limit);
    match (breach.value.map(text), breach.measure) {
        (None, _) => format!("{what} cannot be told; the limit is {limit}"),
        (Some(value), Measure::Free) => format!("{what} is {value}; at least {limit} are wanted"),
        (Some(value), _) => format!("{what} is {value}; the limit is {limit}"),
    }
}

/// What is damaged.
pub(in crate::daemon) fn damage(damage: &Damage) -> String {
    let Damage { file, start, end, cause, .. } = damage;
    format!("{file}: {cause}, from byte {start} to {end}")
}

/// What became of a checkpoint.
pub(in crate::daemon) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Effective { freed_bytes, freed_replay, took } => {
            let took = units::span(took.as_secs_f64());
            match freed_bytes {
                0 => format!("a start has {} less to replay, after {took}", units::count(*freed_replay)),
                bytes => format!("the log is {} smaller, after {took}", units::size(*bytes)),
            }
        }
        Outcome::Idle => "there was nothing to checkpoint".to_owned(),
        Outcome::Ineffective { waited, said } => {
            let said = said.as_ref().map(|said| format!("; {said}")).unwrap_or_default();
            let waited = units::span(waited.as_secs_f64());
            format!("it was made, and the log was no smaller after {waited}{said}")
        }
        Outcome::Failed(why) => why.clone(),
    }
}

/// What became of a restart.
pub(in crate::daemon) fn restart(outcome: &RestartOutcome) -> String {
    let span = |took: &Duration| units::span(took.as_secs_f64());
    match outcome {
        RestartOutcome::Helped { took, freed_bytes: 0, freed_replay } => {
            format!(
                "the server is back after {}, and has {} less to replay",
                span(took),
                units::count(*freed_replay)
            )
        }
        RestartOutcome::Helped { took, freed_bytes, .. } => {
            format!(
                "the server is back after {}, and the log is {} smaller",
                span(took),
                units::size(*freed_bytes)
            )
        }
        RestartOutcome::InVain { took } => {
            format!("the server is back after {}, and the log is no smaller", span(took))
        }
        RestartOutcome::Lost(why) | RestartOutcome::Failed(why) => why.clone(),
    }
}

/// Why a server is not restarted.
pub(in crate::daemon) fn hindrance(hindrance: Hindrance) -> String {
    match hindrance {
        Hindrance::NoWay => "nothing says how it is restarted".to_owned(),
        Hindrance::Running => "it is being restarted, or a checkpoint is being made".to_owned(),
        Hindrance::Damaged => {
            "its log is damaged, or cannot be seen: a start may destroy what is left".to_owned()
        }
        Hindrance::Cooling { left } => {
            format!(
                "it was restarted not long ago; the next restart may be made in {}",
                units::span(left.as_secs_f64())
            )
        }
        Hindrance::Enough => "it was restarted as often as it may be in a day".to_owned(),
    }
}

/// What will become of a log.
pub(in crate::daemon) fn forecast(forecast: &Forecast) -> String {
    let at = |eta: Option<watch::Eta>, what: &str| {
        eta.map(|eta| format!("{what} in {}", units::span(eta.likely.as_secs_f64())))
    };
    let coming = [at(forecast.critical, "in danger"), at(forecast.full, "the disk is full")];
    coming.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
