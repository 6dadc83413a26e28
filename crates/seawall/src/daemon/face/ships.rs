//! Ships: what each delivers to whom, what waits, and why.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use ship::{State, Status, View};

use super::Face;
use super::answer::{Answer, Refusal};
use crate::clock;

/// All of them, a line for each.
pub(super) async fn list(face: &Arc<Face>) -> Result<Answer, Refusal> {
    let (journal, views) = (face.journal.clone(), face.ships.views());
    let lines = face.working.run(move || {
        let pending = journal.pending();
        let line = |view: &View| {
            let name = view.name();
            let pending = pending.iter().find(|(consumer, _)| consumer == name).map(|(_, count)| *count);
            let parked = journal.find_consumer(name).map(|consumer| consumer.parked(usize::MAX).len());
            shown(name, &view.status(), (pending, parked), age(view))
        };
        views.iter().map(line).collect::<Vec<Value>>()
    });
    let lines = lines.await.ok_or_else(|| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown", "how the ships stand could not be told")
    })?;
    Ok(Answer::lines(&lines))
}

/// How many seconds ago the oldest event came that waits for a ship; nothing if none waits.
pub(super) fn age(view: &View) -> Option<f64> {
    let since = clock::millis().get().saturating_sub(view.oldest()?.get());
    Some(Duration::from_millis(u64::try_from(since).unwrap_or(0)).as_secs_f64())
}

fn shown(
    name: &str,
    status: &Status,
    (pending, parked): (Option<u64>, Option<usize>),
    oldest: Option<f64>,
) -> Value {
    let waiting: Vec<Value> =
        status.waiting.iter().map(|(stream, cause)| json!({"stream": stream, "cause": cause})).collect();
    json!({
        "id": name,
        "place": status.place,
        "state": word(status.state),
        "cause": status.cause,
        "pending": pending,
        "parked": parked,
        "oldest_pending_seconds": oldest,
        "in_flight": status.in_flight,
        "waiting": waiting,
        "waiting_count": status.waiting_count,
        "waiting_seconds": status.waiting_for.map(|waited| waited.as_secs_f64()),
        "blocked_count": status.blocked_count,
        "delivered": status.totals.delivered,
        "requests": status.totals.requests,
        "retries": status.totals.retries,
        "refused": status.totals.refused,
    })
}

/// The word for what a ship does.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Delivering => "delivering",
        State::Held => "held",
        State::Waiting => "waiting",
    }
}

/// What waits and why, in a sentence for each ship; a server that is gone keeps nobody from handing events over.
pub(super) fn waiting(face: &Face) -> Vec<String> {
    let sentence = |view: &View| {
        let (name, status) = (view.name(), view.status());
        match (status.cause, status.waiting.first()) {
            (Some(cause), _) => Some(format!("the ship {name} waits: {cause}")),
            (None, Some((stream, cause))) => {
                let count = status.waiting_count;
                Some(format!("the ship {name} waits with {count} of its streams; with {stream}: {cause}"))
            }
            (None, None) => None,
        }
    };
    face.ships.views().iter().filter_map(sentence).collect()
}
