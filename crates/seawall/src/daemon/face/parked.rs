//! Events that consumers have put aside: listed, shown, delivered again, given up.

use std::sync::Arc;

use hyper::StatusCode;
use journal::{Journal, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::Call;
use crate::cli::Choice;
use crate::commands::parked::{Aside, chosen, give_up_all, settle};
use crate::failure::Failure;

/// Events in one answer, and where nobody says how many.
const MOST_LISTED: u64 = 10_000;

/// Those that were chosen, a line for each.
pub(super) async fn list(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let most = call.number("limit")?.unwrap_or(MOST_LISTED).min(MOST_LISTED);
    let text = |name| call.query(name).map(str::to_owned);
    let choice = Choice { consumer: text("consumer"), stream: text("stream") };
    let after = text("after");
    let lines = work(face, move |journal| {
        let chosen = chosen(journal, &[], &choice)?;
        // Where that one is gone, the page begins anew: no event is left out, and one may be told twice.
        let begun = after.and_then(|id| chosen.iter().position(|aside| aside.place().id() == id));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(chosen
            .iter()
            .skip(begun.map_or(0, |at| at + 1))
            .take(most)
            .map(|aside| Value::from(aside.place().object()))
            .collect::<Vec<_>>())
    });
    Ok(Answer::lines(&lines.await?))
}

/// One, with what is in it.
pub(super) async fn show(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let id = call.name().to_owned();
    let whole = work(face, move |journal| {
        let aside = one(journal, &id)?;
        Ok(aside.place().whole(aside.read(journal)?.as_ref()))
    });
    Ok(Answer::json(StatusCode::OK, &whole.await?))
}

/// Delivers one again.
pub(super) async fn requeue(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let id = call.name().to_owned();
    let done = work(face, move |journal| {
        settle(journal, &[one(journal, &id)?], &Outcome::Requeued)?;
        Ok(json!({"id": id, "action": "requeue"}))
    });
    Ok(Answer::json(StatusCode::OK, &done.await?))
}

/// Gives one up. It is written to a file first, which is the way back.
pub(super) async fn give_up(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let (id, directory) = (call.name().to_owned(), face.config().journal.dir.clone());
    let done = work(face, move |journal| {
        let export = give_up_all(journal, &[one(journal, &id)?], (None, &directory))?;
        Ok(json!({"id": id, "action": "drop", "export": export.to_string_lossy()}))
    });
    Ok(Answer::json(StatusCode::OK, &done.await?))
}

/// Delivers some again.
pub(super) async fn requeue_some(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let done = work(face, move |journal| {
        settle(journal, &chosen(journal, &ids, &Choice::default())?, &Outcome::Requeued)?;
        Ok(json!({"action": "requeue", "events": ids.len()}))
    });
    Ok(Answer::json(StatusCode::OK, &done.await?))
}

/// Gives some up, which are written to one file first.
pub(super) async fn give_up_some(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let (ids, directory) = (ids(call)?, face.config().journal.dir.clone());
    let done = work(face, move |journal| {
        let chosen = chosen(journal, &ids, &Choice::default())?;
        let export = give_up_all(journal, &chosen, (None, &directory))?;
        Ok(json!({"action": "drop", "events": chosen.len(), "export": export.to_string_lossy()}))
    });
    Ok(Answer::json(StatusCode::OK, &done.await?))
}

/// The ids in a body. Without one, all would be meant.
pub(super) fn ids(call: &Call) -> Result<Vec<String>, Refusal> {
    #[derive(Deserialize)]
    struct Ids {
        ids: Vec<String>,
    }
    let refuse = |message: String| {
        Refusal::new(StatusCode::BAD_REQUEST, "bad-body", message)
            .hint("send {\"ids\": [...]} with ids of what is listed")
    };
    let Ids { ids } = serde_json::from_slice(&call.body.bytes)
        .map_err(|error| refuse(format!("the body names none: {error}")))?;
    if ids.is_empty() { Err(refuse("the body names none".to_owned())) } else { Ok(ids) }
}

fn one(journal: &Journal, id: &str) -> Result<Aside, Failure> {
    let found = chosen(journal, &[id.to_owned()], &Choice::default())?.into_iter().next();
    found.ok_or_else(|| crate::failure::JournalFailure::NotParked { id: id.to_owned() }.into())
}

/// Does what waits for the disk where that holds nobody up.
pub(super) async fn work<T: Send + 'static>(
    face: &Face,
    what: impl FnOnce(&Journal) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Refusal> {
    let journal = face.journal.clone();
    match face.working.run(move || what(&journal)).await {
        Some(done) => done.map_err(|failure| refusal(&failure)),
        None => {
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown", "whether it was done is unknown"))
        }
    }
}

pub(super) fn refusal(failure: &Failure) -> Refusal {
    let status = match failure.code() {
        "no-consumer" | "no-stream" | "not-parked" | "no-archive" => StatusCode::NOT_FOUND,
        "differs" | "closed" => StatusCode::CONFLICT,
        "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "too-many" | "behind" => StatusCode::SERVICE_UNAVAILABLE,
        "no-room" => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let refusal = Refusal::new(status, failure.code(), failure.to_string());
    match failure.hint() {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}
