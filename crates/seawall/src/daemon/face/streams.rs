//! Streams: events that come in, closing, and the list.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use journal::{BatchError, CommitError, Openness, Span, Stream};
use serde::de::IgnoredAny;
use serde_json::json;

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::Call;
use super::recall::{Claim, Verdict};
use crate::client::LINES;
use crate::commands::streams;
use crate::{clock, json};

/// What NDJSON is called.
const NDJSON: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

/// Events of a request. Each takes some hundred bytes of memory on its way, however short it is.
const MOST_EVENTS: usize = 65_536;

/// Letters of an idempotency key.
const LONGEST_KEY: usize = 255;

/// Streams in one answer, and where nobody says how many.
const MOST_LISTED: u64 = 10_000;

/// Seconds after which a full disk may have room.
const FULL_RETRY: u32 = 5;

/// Appends what the body holds, and answers once it is synced.
pub(super) async fn append(face: &Arc<Face>, call: Call) -> Result<Answer, Refusal> {
    // A name is in the list of streams once it was looked up, so what is wrong with the events is told before.
    let events = events(&call, face.config().journal.options.max_event)?;
    let claim = match claim(face, &call)? {
        Decided::Known(span) => return Ok(appended(call.name(), span)),
        Decided::New(claim) => claim,
    };
    let stream = face.journal.stream(call.name()).map_err(|error| refuse(face, &error))?;
    let face = Arc::clone(face);
    // A client that goes away does not stop what has begun: its key would be forgotten, and its events would be there.
    let task = tokio::spawn(async move {
        let answer = write(&face, &stream, &events, claim).await;
        // Until here its body takes room.
        drop(call);
        answer
    });
    task.await.unwrap_or_else(|_| {
        Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unknown",
            "whether the events are in the journal is unknown",
        ))
    })
}

async fn write(
    face: &Face,
    stream: &Stream,
    events: &[Bytes],
    claim: Option<Claim>,
) -> Result<Answer, Refusal> {
    let begun = clock::instant();
    let appended_to = match claim {
        Some(claim) => claim.append(&face.journal, stream, events).await,
        None => {
            // One with a key has to know which numbers its events will have.
            let _passage = face.recall.pass(stream.name()).await;
            let batch = face.journal.append_batch(stream, events).await;
            batch.map_err(|BatchError { durable, error }| (durable, error))
        }
    };
    match appended_to {
        Ok(span) => {
            face.figures.appended(begun.elapsed());
            Ok(appended(stream.name(), span))
        }
        Err((durable, error)) => {
            let refusal = refuse(face, &error);
            Err(match durable {
                Some(span) => refusal
                    .beside("stream", json!(stream.name()))
                    .beside("first", json!(span.first().get()))
                    .beside("last", json!(span.last().get())),
                None => refusal,
            })
        }
    }
}

fn appended(stream: &str, span: Span) -> Answer {
    let (first, last) = (span.first().get(), span.last().get());
    Answer::json(StatusCode::OK, &json!({"stream": stream, "first": first, "last": last}))
}

/// What becomes of a request that may have been made before.
enum Decided {
    /// It was, and this was the answer.
    Known(Span),
    /// It was not, as far as is known. With a key, the right to answer it.
    New(Option<Claim>),
}

fn claim(face: &Face, call: &Call) -> Result<Decided, Refusal> {
    let Some(key) = call.headers.get("idempotency-key") else { return Ok(Decided::New(None)) };
    let key = key.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("an Idempotency-Key is 1 to {LONGEST_KEY} visible ASCII letters");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-key", message));
    }
    let window = face.config().server.idempotency_window;
    match face.recall.claim((call.name(), key), &call.body.bytes, (clock::instant(), window)) {
        Verdict::New(claim) => Ok(Decided::New(Some(claim))),
        Verdict::Known(span) => Ok(Decided::Known(span)),
        Verdict::Busy => Err(Refusal::new(
            StatusCode::CONFLICT,
            "in-progress",
            "a request with this Idempotency-Key is not finished",
        )
        .hint("ask again in a second, and get its answer")
        .retry_after(1)),
        Verdict::Other => Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "key-reused",
            "this Idempotency-Key came with another body before",
        )
        .hint("make a new key for each request, and keep it for its repetitions alone")),
    }
}

/// The events in a body: its lines, if it says that it is NDJSON or lines, and else itself.
fn events(call: &Call, largest: u64) -> Result<Vec<Bytes>, Refusal> {
    let kind = call.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let is_lines = NDJSON.iter().any(|known| known.as_bytes() == kind);
    let body = &call.body.bytes;
    let is_raw = kind == LINES.as_bytes();
    let events = match (is_raw, is_lines) {
        (true, _) => raw_lines(body)?,
        (false, true) => lines(body)?,
        (false, false) => vec![body.clone()],
    };
    // A line may be empty; a body that is holds nothing.
    if if is_raw { events.is_empty() } else { events.iter().all(Bytes::is_empty) } {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no-events", "the body holds no event"));
    }
    match events.iter().map(|event| event.len() as u64).find(|bytes| *bytes > largest) {
        Some(bytes) => Err(refusal(&CommitError::EventTooLarge { bytes, limit: largest })),
        None => Ok(events),
    }
}

fn lines(body: &Bytes) -> Result<Vec<Bytes>, Refusal> {
    let mut events = Vec::new();
    for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        room_for_one(&events)?;
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(line) {
            let message = format!("line {} is no JSON: {error}; nothing was appended", number + 1);
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-line", message)
                .hint("send one event that is no JSON as the whole body, with another Content-Type"));
        }
        events.push(body.slice_ref(line));
    }
    Ok(events)
}

/// Lines as they are, without their ends. The last one needs none.
fn raw_lines(body: &Bytes) -> Result<Vec<Bytes>, Refusal> {
    let mut events = Vec::new();
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        room_for_one(&events)?;
        events.push(body.slice_ref(line.strip_suffix(b"\n").unwrap_or(line)));
    }
    Ok(events)
}

fn room_for_one(events: &[Bytes]) -> Result<(), Refusal> {
    if events.len() < MOST_EVENTS {
        return Ok(());
    }
    let message = format!("the body holds more than {MOST_EVENTS} events; nothing was appended");
    Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-events", message)
        .hint("send them in several requests"))
}

/// Closes a stream that is there.
pub(super) async fn close(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let name = call.name();
    let found = face.journal.find_stream(name);
    let info = found.as_ref().and_then(|stream| face.journal.info(stream));
    let Some((stream, info)) = found.zip(info).filter(|(_, info)| info.last.is_some()) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "no-stream", format!("there is no stream {name:?}"))
            .hint("a stream is there from its first event until it was closed and archived"));
    };
    let was_open = info.openness == Openness::Open;
    if was_open {
        face.journal.close_stream(&stream).await.map_err(|error| refuse(face, &error))?;
        face.nudge.look();
    }
    let last = info.last.map(journal::Seq::get);
    Ok(Answer::json(
        StatusCode::OK,
        &json!({"stream": name, "state": "closed", "last": last, "applied": was_open}),
    ))
}

/// Streams by name, a line for each.
pub(super) async fn list(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let most = call.number("limit")?.unwrap_or(MOST_LISTED).min(MOST_LISTED);
    let text = |name| call.query(name).unwrap_or_default().to_owned();
    let (after, prefix) = (text("after"), text("prefix"));
    let journal = face.journal.clone();
    let lines = face.working.run(move || {
        let rows = streams::rows(&journal).into_iter();
        // One without events was only looked up.
        let there = rows.filter(|row| row.info.last.is_some());
        let chosen = there.filter(|row| row.info.name.starts_with(&prefix) && row.info.name > after);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        chosen.take(most).map(|row| json::journal::stream(&row)).collect::<Vec<_>>()
    });
    Ok(Answer::lines(&lines.await.unwrap_or_default()))
}

/// What a client is told when the journal does not take something. Where the daemon is to blame, that is counted too.
pub(super) fn refuse(face: &Face, error: &CommitError) -> Refusal {
    let refusal = refusal(error);
    if !refusal.status.is_server_error() {
        return refusal;
    }
    face.figures.refuse(refusal.code, &error.to_string());
    refusal.retry_after(FULL_RETRY)
}

fn refusal(error: &CommitError) -> Refusal {
    let (status, code) = match error {
        CommitError::Name(_) => (StatusCode::BAD_REQUEST, "bad-name"),
        CommitError::Nothing => (StatusCode::BAD_REQUEST, "no-events"),
        CommitError::EventTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "event-too-large"),
        CommitError::Closed { .. } => (StatusCode::CONFLICT, "closed"),
        CommitError::NotAppended { .. }
        | CommitError::TooManyRanges { .. }
        | CommitError::OutOfScope { .. } => (StatusCode::BAD_REQUEST, "no-event"),
        CommitError::Behind { .. } => (StatusCode::SERVICE_UNAVAILABLE, "behind"),
        CommitError::TooManyPending { .. } => (StatusCode::SERVICE_UNAVAILABLE, "too-many-pending"),
        CommitError::TooManyStreams { .. } => (StatusCode::SERVICE_UNAVAILABLE, "too-many-streams"),
        CommitError::TooManyConsumers { .. }
        | CommitError::NoConsumer { .. }
        | CommitError::OtherScope { .. } => (StatusCode::SERVICE_UNAVAILABLE, "no-consumer"),
        CommitError::OverBudget { .. } => (StatusCode::INSUFFICIENT_STORAGE, "over-budget"),
        CommitError::DiskFull(_) => (StatusCode::INSUFFICIENT_STORAGE, "disk-full"),
        CommitError::Unknown(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unknown"),
        CommitError::Stopped(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    Refusal::new(status, code, error.to_string())
}
