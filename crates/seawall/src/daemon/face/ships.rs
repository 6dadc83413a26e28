//! Ships: what each delivers to whom, what waits, and why.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};
use ship::{State, Status};

use super::Face;
use super::answer::{Answer, Refusal};

/// All of them, a line for each.
pub(super) async fn list(face: &Arc<Face>) -> Result<Answer, Refusal> {
    let (journal, views) = (face.journal.clone(), face.ships.views());
    let lines = face.working.run(move || {
        let pending = journal.pending();
        let line = |view: &ship::View| {
            let name = view.name();
            let pending = pending.iter().find(|(consumer, _)| consumer == name).map(|(_, count)| *count);
            let parked = journal.find_consumer(name).map(|consumer| consumer.parked(usize::MAX).len());
            shown(name, &view.status(), (pending, parked))
        };
        views.iter().map(line).collect::<Vec<Value>>()
    });
    let lines = lines.await.ok_or_else(|| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown", "how the ships stand could not be told")
    })?;
    Ok(Answer::lines(&lines))
}

fn shown(name: &str, status: &Status, (pending, parked): (Option<u64>, Option<usize>)) -> Value {
    let waiting: Vec<Value> =
        status.waiting.iter().map(|(stream, cause)| json!({"stream": stream, "cause": cause})).collect();
    json!({
        "id": name,
        "place": status.place,
        "state": word(status.state),
        "cause": status.cause,
        "pending": pending,
        "parked": parked,
        "in_flight": status.in_flight,
        "waiting": waiting,
        "waiting_count": status.waiting_count,
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
    let sentence = |view: &ship::View| {
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
