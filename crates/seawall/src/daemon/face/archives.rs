//! Archives: made at once where somebody asks for it, listed, handed out as they are, and removed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use journal::archive::{Archive, ENDING, Level, archives, file_stem, remove};
use journal::storage::{Fault, Storage, read_range};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::{Call, bad_query};
use super::parked::{ids, work};
use super::unread;
use crate::config::Archiving;
use crate::daemon::keeper::Told;
use crate::failure::{Failure, JournalFailure};
use crate::journals::archives as shelf;
use crate::json;

/// Archives that may be handed out at once. Each takes [`AHEAD`] and two more of its pieces in memory, until they are written.
pub(super) const MOST_HANDED_OUT: usize = 16;

/// Bytes that are read at once.
const PIECE: u64 = 256 << 10;

/// Pieces that wait for a client.
const AHEAD: usize = 2;

/// How long nothing may be said: proxies cut what is silent for longer.
const SILENCE: Duration = Duration::from_secs(15);

/// Archives every closed stream, and tells of each archive once it is there.
pub(super) fn run(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let level = call.number("level")?.map(|number| u8::try_from(number).ok().and_then(Level::new));
    if level == Some(None) {
        return Err(bad_query(&format!("level has to be a number from 1 to {}", Level::MOST)));
    }
    if face.config().journal.archiving == Archiving::Off {
        return Err(Refusal::new(StatusCode::CONFLICT, "no-archiver", "this daemon archives nothing")
            .hint("set journal.archive to true, and start it anew"));
    }
    let heard = face.nudge.run(level.flatten()).ok_or_else(|| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many have asked for it already")
            .retry_after(1)
    })?;
    let (tell, told) = channel(AHEAD);
    tokio::spawn(pass_on(heard, tell));
    Ok(Answer::growing("application/x-ndjson", told))
}

/// What is heard next of archiving.
enum Line {
    More(String),
    Last(String),
    Nothing,
}

/// Passes on what is heard, a line for each. What does not end as it should ends with an error.
async fn pass_on(mut heard: Receiver<Told>, tell: Sender<Bytes>) {
    loop {
        let (line, is_last) = match next(&mut heard).await {
            Line::More(line) => (line, false),
            Line::Last(line) => (line, true),
            Line::Nothing => return,
        };
        if tell.send(format!("{line}\n").into()).await.is_err() || is_last {
            return;
        }
    }
}

async fn next(heard: &mut Receiver<Told>) -> Line {
    match timeout(SILENCE, heard.recv()).await {
        Ok(Some(Told::Made(archived))) => Line::More(json::journal::archived(&archived).to_string()),
        Ok(Some(Told::All)) => Line::Nothing,
        Ok(Some(Told::Failed(error))) => {
            Line::Last(json::failure(&JournalFailure::Archive(error).into()).to_string())
        }
        Ok(None) => {
            let message =
                "the daemon has ended before all was archived, or tells no more since nobody has read it";
            let hint = "ask again: what is archived already is not archived once more";
            Line::Last(json!({"error": {"code": "stopped", "message": message, "hint": hint}}).to_string())
        }
        // It is long in the making.
        Err(_) => Line::More(String::new()),
    }
}

/// All of them by name, a line for each.
pub(super) async fn list(face: &Arc<Face>) -> Result<Answer, Refusal> {
    let directory = face.config().journal.archive_dir.clone();
    let listed = work(face, move |_| {
        Ok(shelf::list(&directory)?.iter().map(json::journal::archive).collect::<Vec<Value>>())
    });
    Ok(Answer::lines(&listed.await?))
}

/// One as it is, by its name or that of its stream.
pub(super) async fn hand_out(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let Ok(place) = Arc::clone(&face.handing_out).try_acquire_owned() else {
        let message = format!("{MOST_HANDED_OUT} archives are being handed out, which are the most");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(5));
    };
    let (directory, word) = (face.config().journal.archive_dir.clone(), call.name().to_owned());
    let file = work(face, move |_| {
        let storage = shelf::storage(&directory)?;
        let name = named(&directory, &word).ok_or_else(|| missing(&directory, &word))?;
        let file = storage.open(&name).map_err(Fault::on("open", &name));
        let file = file.map_err(JournalFailure::Disk)?;
        let bytes = file.size().map_err(Fault::on("measure", &name)).map_err(JournalFailure::Disk)?;
        Ok((file, bytes))
    });
    let (file, bytes) = file.await?;
    let (give, given) = channel(AHEAD);
    let face = Arc::clone(face);
    // It is given back when the last piece is written, and not when that waits for the client.
    let place = Arc::new(place);
    tokio::spawn(async move {
        let patience = face.config().server.request_timeout;
        let mut at = 0;
        while at < bytes {
            let (file, len) = (Arc::clone(&file), PIECE.min(bytes - at));
            // A piece that cannot be read ends it short of its length, which cuts the connection.
            let Some(Ok(piece)) = face.working.run(move || read_range(&*file, at, len)).await else { return };
            at += piece.len() as u64;
            let is_short = (piece.len() as u64) < len;
            let piece = unread::holding(piece, Arc::clone(&place));
            let is_given = matches!(timeout(patience, give.send(piece)).await, Ok(Ok(())));
            if is_short || !is_given {
                return;
            }
        }
    });
    Ok(Answer::file("application/zstd", bytes, given))
}

/// Removes those for good that the body names.
pub(super) async fn remove_some(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let (directory, ids) = (face.config().journal.archive_dir.clone(), ids(call)?);
    let kept = Arc::clone(&face.kept);
    let gone = work(face, move |_| {
        let storage = shelf::storage(&directory)?;
        let all = archives(&storage).map_err(JournalFailure::Disk)?;
        let all: HashMap<&str, &Archive> =
            all.iter().map(|archive| (archive.name.as_str(), archive)).collect();
        let known = |id: &String| all.get(id.as_str()).or_else(|| all.get(of_stream(id).as_str()));
        let found = |id| known(id).map(|archive| (*archive).clone()).ok_or_else(|| missing(&directory, id));
        let gone = ids.iter().map(found).collect::<Result<Vec<Archive>, Failure>>()?;
        remove(&storage, &gone).map_err(JournalFailure::Disk)?;
        let bytes: u64 = gone.iter().map(|archive| archive.bytes).sum();
        kept.shrink(gone.len() as u64, bytes);
        for archive in &gone {
            tracing::info!(archive = archive.name, bytes = archive.bytes, "removed an archive by hand");
        }
        let names: Vec<&String> = gone.iter().map(|archive| &archive.name).collect();
        Ok(json!({"action": "cleanup", "archives": names, "bytes": bytes}))
    });
    Ok(Answer::json(StatusCode::OK, &gone.await?))
}

/// The name of an archive's file: of that name, or the stream's first. It is one that is listed, and no other file.
fn named(directory: &Path, word: &str) -> Option<String> {
    let is_there = |name: &String| {
        let is_listed = name.ends_with(ENDING) && !name.contains('/');
        is_listed && fs::symlink_metadata(directory.join(name)).is_ok_and(|found| found.is_file())
    };
    [word.to_owned(), of_stream(word)].into_iter().find(is_there)
}

fn of_stream(stream: &str) -> String {
    format!("{}{ENDING}", file_stem(stream))
}

fn missing(directory: &Path, name: &str) -> Failure {
    JournalFailure::NoArchive { name: name.to_owned(), directory: directory.to_owned() }.into()
}
