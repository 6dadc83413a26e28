//! The logs under the daemon's watch: which they are, and what is told about them in its log.

mod places;
pub(super) mod words;

use std::sync::Arc;

use tokio::runtime::Runtime;
use tracing::{error, info, warn};
use watch::alert::{News, Office, State, Trouble};
use watch::{Event, Happening, Health, Outcome, RestartOutcome, Severity, Shelf, Target, Watch};

use super::alerting;
use crate::clock;
use crate::config::Config;
use crate::journal_log;

/// Begins to watch what the configuration names.
pub(super) fn begin(runtime: &Runtime, config: &Config, (office, shelf): (&Arc<Office>, &Shelf)) -> Watch {
    let _inside = runtime.enter();
    let (office, targets) = (Arc::clone(office), targets(config));
    alerting::forget(&office, config, &targets);
    Watch::begin(targets, (journal_log::detect, clock::now, shelf.clone()), move |event| {
        tell(event);
        alerting::event(&office, event);
    })
}

/// What is to be watched: with no file at all, what lies in well-known places.
pub(super) fn targets(config: &Config) -> Vec<Target> {
    let found = config.file.is_none() && config.targets.is_empty();
    let targets = if found { places::found("/".as_ref()) } else { config.targets.clone() };
    for target in &targets {
        let (path, checkpoint) =
            (target.path.display(), target.checkpoint.as_ref().map(|it| it.action.name()));
        info!(target = target.name, %path, found, checkpoint, "watching a log");
    }
    targets
}

/// Tells an event in the daemon's log.
fn tell(event: &Event) {
    let target = event.target.as_str();
    match &event.what {
        Happening::Health { from, to } => {
            let (from, health, reasons) = (from.name(), to.health.name(), words::reasons(to).join("; "));
            match to.health {
                Health::Healthy => info!(target, from, health, "a log under watch is well"),
                Health::Critical => error!(target, from, health, reasons, "a log under watch is in danger"),
                Health::Warning | Health::Unknown => {
                    warn!(target, from, health, reasons, "a log under watch wants attention");
                }
            }
        }
        Happening::Damage(flaw) => {
            let (kind, what) = (flaw.kind.name(), flaw.what.as_str());
            match flaw.severity {
                Severity::Critical => error!(target, kind, what, "something is wrong with a log under watch"),
                Severity::Warning => warn!(target, kind, what, "something is wrong with a log under watch"),
            }
        }
        Happening::Found(damage) => {
            let (file, cause) = (damage.file.as_str(), damage.cause.as_ref());
            let (from, to) = (damage.start, damage.end);
            error!(
                target,
                file,
                from,
                to,
                cause,
                "a log under watch is damaged: repair it before its server is restarted"
            );
        }
        Happening::FoundMore(more) => error!(target, more, "a log under watch is damaged in more places"),
        Happening::Mended => info!(target, "nothing is wrong with a log under watch any more"),
        Happening::CheckpointBegun(reason) => info!(target, reason = reason.name(), "a checkpoint is made"),
        Happening::Checkpoint { reason, outcome } => {
            let (reason, what) = (reason.name(), words::outcome(outcome));
            match outcome {
                Outcome::Effective { .. } | Outcome::Idle => {
                    info!(target, reason, what, "a checkpoint was made");
                }
                _ => warn!(target, reason, outcome = outcome.name(), what, "a checkpoint did not help"),
            }
        }
        Happening::RestartConsideration { .. } | Happening::RestartBegun(_) | Happening::Restart { .. } => {
            tell_restart(target, &event.what);
        }
        Happening::News(news) => tell_news(target, news),
        Happening::Forecast(forecast) => {
            let what = words::forecast(forecast);
            warn!(
                target,
                what,
                confidence = forecast.confidence.name(),
                "a log under watch will be in danger within the hour"
            );
        }
    }
}

/// Tells of restarts of a server.
fn tell_restart(target: &str, what: &Happening) {
    match what {
        Happening::RestartConsideration { checkpoints, decision } => {
            let restart = decision.name();
            error!(
                target,
                checkpoints, restart, "checkpoints do not help: think about a restart of the server"
            );
        }
        Happening::RestartBegun(reason) => {
            warn!(target, reason = reason.name(), "the server of a log under watch is restarted");
        }
        Happening::Restart { reason, outcome } => {
            let (reason, what) = (reason.name(), words::restart(outcome));
            match outcome {
                RestartOutcome::Helped { .. } => info!(target, reason, what, "a server was restarted"),
                RestartOutcome::Lost(_) => {
                    error!(target, reason, what, "a server does not serve after a restart");
                }
                RestartOutcome::InVain { .. } | RestartOutcome::Failed(_) => {
                    warn!(target, reason, outcome = outcome.name(), what, "a restart did not help");
                }
            }
        }
        _ => {}
    }
}

/// Tells of trouble with what is no log under watch, and of its end.
fn tell_news(target: &str, news: &News) {
    let event = news.key.topic.name();
    match &news.state {
        State::Well => info!(target, event, "trouble is over"),
        State::Trouble(Trouble { severity: Severity::Critical, message, .. }) => {
            error!(target, event, what = message, "there is trouble");
        }
        State::Trouble(Trouble { message, .. }) => {
            warn!(target, event, what = message, "there is trouble");
        }
    }
}
