//! Those who read the journal: listed, and unregistered.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::Call;
use super::parked::work;
use crate::commands::consumers::{release, standings};
use crate::json;

/// All of them, a line for each.
pub(super) async fn list(face: &Arc<Face>) -> Result<Answer, Refusal> {
    let all =
        work(face, |journal| Ok(standings(journal).iter().map(json::journal::consumer).collect::<Vec<_>>()));
    Ok(Answer::lines(&all.await?))
}

/// Unregisters one, after writing to a file what could be gone with it.
pub(super) async fn unregister(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let (name, directory) = (call.name().to_owned(), face.config().journal.dir.clone());
    let done = work(face, move |journal| {
        let export = release(journal, &name, (None, &directory))?;
        let export = export.map(|path| path.to_string_lossy().into_owned());
        Ok(json!({"id": name, "action": "drop", "export": export}))
    });
    Ok(Answer::json(StatusCode::OK, &done.await?))
}
