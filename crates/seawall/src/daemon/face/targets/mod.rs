//! The logs under watch, over HTTP.
//!
//! * [`routes`] is the list of what can be asked.
//! * [`objects`] is what is known about a target, as JSON.
//! * [`server`] is what a server says about its log, as JSON.
//! * [`classic`] answers in the shapes of the WAL manager that came before.
//! * [`events`] is the stream of what happens.

mod classic;
mod events;
mod objects;
mod routes;
mod server;

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;
use watch::{Denied, Hindrance, Outcome, Report, Unread};

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::Call;
use crate::daemon::watching::words;
pub(super) use events::MOST_LISTENERS;
pub(super) use routes::{Does, ROUTES};

/// Files in one answer, and where nobody says how many.
const MOST_LISTED: u64 = 10_000;

/// Carries out what was asked.
pub(super) async fn perform(face: &Arc<Face>, does: Does, call: &Call) -> Result<Answer, Refusal> {
    let named = || face.watch.report(call.name()).ok_or_else(|| no_target(call.name()));
    match does {
        Does::Classic(question) => classic::answer(face, question, call).await,
        Does::List => {
            let lines: Vec<_> = face.watch.reports().iter().map(objects::target).collect();
            Ok(Answer::lines(&lines))
        }
        Does::Show => Ok(Answer::json(StatusCode::OK, &objects::target(&named()?))),
        Does::Forecast => Ok(Answer::json(StatusCode::OK, &objects::forecast(&named()?))),
        Does::Segments => segments(face, call).await,
        Does::Checkpoint => {
            let report = named()?;
            let outcome = checkpoint(face, &report).await?;
            Ok(Answer::json(StatusCode::OK, &objects::outcome(&report.target.name, &outcome)))
        }
        Does::Restart => restart(face, &named()?).await,
        Does::Scrub => scrub(face, call.name()),
        Does::Events => events::answer(face, call),
    }
}

fn no_target(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "no-target", format!("no log under watch is called {name:?}"))
        .hint("GET /api/v1/targets lists those that there are")
}

async fn segments(face: &Face, call: &Call) -> Result<Answer, Refusal> {
    let most = call.number("limit")?.unwrap_or(MOST_LISTED).min(MOST_LISTED);
    let seen = face.watch.look(call.name()).await.ok_or_else(|| no_target(call.name()))?;
    let seen = seen.map_err(|why| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unknown", why))?;
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(seen.parts.len());
    let parts = seen.parts.get(..most).unwrap_or_default();
    let damage = face.watch.damage(call.name(), parts);
    let lines = parts.iter().zip(&damage).map(|(part, damage)| objects::segment(part, damage.as_deref()));
    Ok(Answer::lines(&lines.collect::<Vec<_>>()))
}

/// Has a log read in full, and does not wait for that.
fn scrub(face: &Face, name: &str) -> Result<Answer, Refusal> {
    match face.watch.scrub(name).ok_or_else(|| no_target(name))? {
        Ok(()) => {}
        Err(Unread::Running) => {
            let message = "it is being read in full";
            return Err(Refusal::new(StatusCode::CONFLICT, "running", message));
        }
        Err(Unread::NoLog) => {
            let message = "it is watched as a directory, of which nothing can be verified";
            return Err(Refusal::new(StatusCode::CONFLICT, "no-scrub", message));
        }
    }
    let report = face.watch.report(name).ok_or_else(|| no_target(name))?;
    let document = json!({"id": name, "scrub": objects::scrub(&report)});
    Ok(Answer::json(StatusCode::ACCEPTED, &document))
}

/// Has a checkpoint made, and refuses unless it has helped.
async fn checkpoint(face: &Face, report: &Report) -> Result<Outcome, Refusal> {
    let name = &report.target.name;
    let outcome = face.watch.checkpoint(name).await.ok_or_else(|| no_target(name))?;
    match outcome {
        Ok(outcome) if outcome.is_good() => Ok(outcome),
        Ok(outcome) => {
            let why = words::outcome(&outcome);
            let refusal = match outcome {
                Outcome::Ineffective { .. } => Refusal::new(StatusCode::BAD_GATEWAY, "ineffective", why),
                _ => Refusal::new(StatusCode::BAD_GATEWAY, "failed", why),
            };
            Err(refusal.hint(format!(
                "`blockers` of /api/v1/targets/{name} say what keeps it, as far as that is known"
            )))
        }
        Err(denied) => Err(denial(denied)),
    }
}

/// Has a server restarted, and answers when that has begun: it may take longer than anybody waits for an answer.
async fn restart(face: &Face, report: &Report) -> Result<Answer, Refusal> {
    let name = &report.target.name;
    let begun = face.watch.restart(name).await.ok_or_else(|| no_target(name))?;
    let way = report.target.restart.as_ref().map(|restart| restart.way.name());
    begun.map_err(withheld)?;
    Ok(Answer::json(StatusCode::OK, &json!({"id": name, "state": "begun", "way": way})))
}

fn withheld(hindrance: Hindrance) -> Refusal {
    let why = words::hindrance(hindrance);
    match hindrance {
        Hindrance::NoWay => Refusal::new(StatusCode::CONFLICT, "no-restart", why)
            .hint("set docker, systemd or command in its [watch.restart]"),
        Hindrance::Damaged => Refusal::new(StatusCode::CONFLICT, "damaged", why)
            .hint("look at it with `seawall verify --live`; restart.over_damage allows it all the same"),
        // The others keep nobody who asks from it.
        Hindrance::Running | Hindrance::Cooling { .. } | Hindrance::Enough => {
            Refusal::new(StatusCode::CONFLICT, "running", why)
        }
    }
}

fn denial(denied: Denied) -> Refusal {
    match denied {
        Denied::NoWay => {
            let message = "nothing says how this log is checkpointed, or it cannot be seen";
            Refusal::new(StatusCode::CONFLICT, "no-checkpoint", message)
                .hint("set command, http, signal, sql or sqlite in its [watch.checkpoint]")
        }
        Denied::Running => Refusal::new(StatusCode::CONFLICT, "running", "a checkpoint is being made"),
        Denied::Cooling { left } => {
            let seconds = u32::try_from(left.as_secs().saturating_add(1)).unwrap_or(u32::MAX);
            Refusal::new(StatusCode::CONFLICT, "cooldown", "a checkpoint was made not long ago")
                .hint("wait, or lower checkpoint.cooldown")
                .retry_after(seconds)
                .beside("cooldownRemaining", json!(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
        }
    }
}
