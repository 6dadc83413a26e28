//! Events that consumers have put aside: listed, shown, delivered again, given up.

use std::sync::Arc;

use hyper::StatusCode;
use journal::{Journal, Outcome};
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
    let lines = work(face, move |journal| {
        let chosen = chosen(journal, &[], &choice)?.into_iter();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(chosen.take(most).map(|aside| Value::from(aside.place().object())).collect::<Vec<_>>())
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

fn one(journal: &Journal, id: &str) -> Result<Aside, Failure> {
    let found = chosen(journal, &[id.to_owned()], &Choice::default())?.into_iter().next();
    found.ok_or_else(|| crate::failure::JournalFailure::NotParked { id: id.to_owned() }.into())
}

/// Does what waits for the disk where that holds nobody up.
async fn work<T: Send + 'static>(
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

fn refusal(failure: &Failure) -> Refusal {
    let status = match failure.code() {
        "no-consumer" | "no-stream" | "not-parked" => StatusCode::NOT_FOUND,
        "no-room" => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let refusal = Refusal::new(status, failure.code(), failure.to_string());
    match failure.hint() {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}
