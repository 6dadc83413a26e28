//! How far replays are, noted for those who send again.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::Call;
use super::parked::work;
use crate::failure::{Failure, JournalFailure};
use crate::journals::marks::{Marks, Replay};

/// The marks that were asked for last, so that they are not read for each one that is noted.
pub(super) type Last = Mutex<Option<(Replay, Marks)>>;

/// How far each stream of a replay is, a line for each.
pub(super) async fn show(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let replay = replay(call)?;
    let lines =
        with(face, replay, |marks| Ok(marks.all().map(|(id, done)| line(id, done)).collect::<Vec<Value>>()));
    Ok(Answer::lines(&lines.await?))
}

/// Notes how far a stream of a replay is.
pub(super) async fn note(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    #[derive(Deserialize)]
    struct Mark {
        id: String,
        done: u64,
    }
    let refuse = |message: String| {
        Refusal::new(StatusCode::BAD_REQUEST, "bad-body", message)
            .hint("send {\"id\": \"<16 hexadecimal digits>\", \"done\": n}")
    };
    let mark: Mark = serde_json::from_slice(&call.body.bytes)
        .map_err(|error| refuse(format!("the body is no mark: {error}")))?;
    let id = u64::from_str_radix(&mark.id, 16).map_err(|_| refuse("the id is no mark's".to_owned()))?;
    let replay = replay(call)?;
    let noted = with(face, replay, move |marks| {
        marks.note(id, mark.done).map_err(JournalFailure::Disk)?;
        Ok(line(id, mark.done))
    });
    Ok(Answer::json(StatusCode::OK, &noted.await?))
}

fn line(id: u64, done: u64) -> Value {
    json!({"id": format!("{id:016x}"), "done": done})
}

fn replay(call: &Call) -> Result<Replay, Refusal> {
    call.name().parse().map_err(|()| {
        Refusal::new(StatusCode::BAD_REQUEST, "bad-name", "the name of a replay is 16 hexadecimal digits")
    })
}

/// Does something with the marks of a replay.
async fn with<T: Send + 'static>(
    face: &Arc<Face>,
    replay: Replay,
    what: impl FnOnce(&mut Marks) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Refusal> {
    let (here, directory) = (Arc::clone(face), face.config().journal.dir.clone());
    work(face, move |_| {
        let mut last = here.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut marks = match last.take() {
            Some((known, marks)) if known == replay => marks,
            _ => Marks::open(&directory, replay).map_err(JournalFailure::Disk)?,
        };
        let done = what(&mut marks)?;
        *last = Some((replay, marks));
        Ok(done)
    })
    .await
}
