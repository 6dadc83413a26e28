//! The events of a stream, read again without settling anything.

use std::fmt::Write;
use std::sync::Arc;

use hyper::StatusCode;
use journal::{Event, Journal, ReadError, Seq, Stream};
use serde_json::{Value, json};
use ship::{Batch, Origin};

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::Call;
use super::parked::work;
use crate::commands::close;
use crate::failure::{Failure, JournalFailure};
use crate::journals::exports::time;
use crate::journals::payloads;

/// Events in one answer, and where nobody says how many.
const MOST_READ: u64 = 10_000;

/// Bytes of one answer, but for its last event.
const MOST_BYTES: usize = 4 << 20;

/// Those from a number on, a line for each.
pub(super) async fn events(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let most = call.number("limit")?.unwrap_or(MOST_READ).min(MOST_READ);
    let from = Seq::new(call.number("from")?.unwrap_or(0)).max(Seq::FIRST);
    let name = call.name().to_owned();
    let page = work(face, move |journal| {
        let stream = close::stream(journal, &name)?;
        page(journal, &stream, (from, usize::try_from(most).unwrap_or(usize::MAX)))
    });
    Ok(Answer::new(StatusCode::OK, "application/x-ndjson", page.await?))
}

/// A line at a time becomes text, which is what is counted: an event may take six times its bytes as JSON.
fn page(journal: &Journal, stream: &Stream, (from, most): (Seq, usize)) -> Result<String, Failure> {
    let keys = keys(journal, stream);
    let mut text = String::new();
    for event in journal.events(stream).from(from).take(most) {
        let line = match event {
            Ok(event) => shown(&keys, &event),
            Err(ReadError::Damaged { seq, .. }) => {
                json!({"seq": seq.get(), "key": keys.key_of(seq), "time": null, "damaged": true})
            }
            Err(error) => return Err(JournalFailure::Read(error).into()),
        };
        // Writing to text does not fail.
        writeln!(text, "{line}").ok();
        if text.len() >= MOST_BYTES {
            break;
        }
    }
    Ok(text)
}

/// Who knows the keys that a ship gives the events of a stream.
fn keys(journal: &Journal, stream: &Stream) -> Batch {
    let origin = Origin::of(journal.id(), stream.number());
    Batch { origin, stream: stream.name().into(), events: Vec::new() }
}

fn shown(keys: &Batch, event: &Event) -> Value {
    let (field, content) = payloads::shown(&event.payload);
    let mut line = json!({"seq": event.seq.get(), "key": keys.key_of(event.seq), "time": time(event.time)});
    if let Value::Object(line) = &mut line {
        line.insert(field.to_owned(), content);
    }
    line
}
