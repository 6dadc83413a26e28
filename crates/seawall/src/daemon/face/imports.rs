//! Records that somebody brings in, in batches, each of them once: what is there already is known from a ledger.

use std::sync::Arc;

use hyper::StatusCode;
use journal::storage::Fault;
use serde_json::{Map, Value, json};

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::{Call, bad_query};
use super::parked::refusal;
use crate::clock;
use crate::failure::{Failure, JournalFailure};
use crate::journals::imports::Halt;
use crate::journals::imports::ledger::{Entry, Ledger};
use crate::journals::imports::parcel::{Parcel, Record, Refused};
use crate::journals::payloads;

/// Bytes of an import's name, which becomes that of a file.
const LONGEST_NAME: usize = 240;

/// What is known of an import.
pub(super) async fn show(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let (name, directory) = (name(call)?, face.config().journal.dir.clone());
    let records = call.number("records")?;
    let sum = call.query("sum").map(sum).transpose()?;
    let found = blocking(face, move |face| {
        let (ledger, known) = Ledger::open(&directory, &name).map_err(fault)?;
        let copy = records.zip(sum).map(|(records, sum)| ledger.has_ended_at(records, sum)).transpose();
        Ok(json!({
            "id": name,
            "records": known.records,
            "sum": format!("{:016x}", known.sum),
            "beyond": known.begun(),
            "copy": copy.map_err(fault)?,
            "max_event": face.journal.max_event(),
        }))
    });
    Ok(Answer::json(StatusCode::OK, &found.await?))
}

/// Appends the records of a body that are not there yet, and notes that they are.
pub(super) async fn bring(face: &Arc<Face>, call: Call) -> Result<Answer, Refusal> {
    let name = name(&call)?;
    let stream = call.query("stream").filter(|stream| !stream.is_empty());
    let stream = stream.ok_or_else(|| bad_query("stream has to say where the records go"))?.to_owned();
    let before = Entry {
        records: call.number("records")?.unwrap_or(0),
        sum: call.query("sum").map_or(Ok(0), sum)?,
        ..Entry::default()
    };
    let records = records(&call.body.bytes, face.journal.max_event())?;
    let directory = face.config().journal.dir.clone();
    let begun = clock::instant();
    // One batch at a time, so that a start has to look after one at most.
    let alone = Arc::clone(&face.importing).lock_owned().await;
    let brought = blocking(face, move |face| {
        // Nobody else appends to the stream meanwhile, so the numbers of these are known before they are there.
        let _passage = face.recall.pass_alone_here(&stream);
        let parcel = Parcel { name: &name, stream: &stream, before, records: &records };
        let (known, brought) = parcel.bring(&directory, &face.journal)?;
        if brought.imported > 0 {
            face.figures.appended(begun.elapsed());
        }
        // Until here the body takes room, and others wait.
        drop((call, alone));
        Ok(json!({
            "id": name,
            "stream": stream,
            "records": known.records,
            "already": brought.already,
            "imported": brought.imported,
        }))
    });
    Ok(Answer::json(StatusCode::OK, &brought.await?))
}

/// Does what waits for the disk where that holds nobody up.
async fn blocking<T: Send + 'static>(
    face: &Arc<Face>,
    what: impl FnOnce(&Face) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refusal> {
    let here = Arc::clone(face);
    match face.working.run(move || what(&here)).await {
        Some(Ok(done)) => Ok(done),
        Some(Err(refused)) => Err(refusal_of(face, refused)),
        None => {
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown", "whether it was done is unknown"))
        }
    }
}

fn refusal_of(face: &Face, refused: Refused) -> Refusal {
    match refused {
        Refused::Ahead { known } => Refusal::new(
            StatusCode::CONFLICT,
            "ahead",
            format!("only {known} records of this import are in the journal, and these come behind more"),
        )
        .hint("GET it, and send what comes behind those that are known"),
        Refused::Halt(Halt::Differs) => Refusal::new(
            StatusCode::CONFLICT,
            "differs",
            "the records are not those that were imported under this name before",
        )
        .hint("bring them in under another name"),
        Refused::Halt(Halt::Refused(Failure::Journal(JournalFailure::Commit(error)))) => {
            super::streams::refuse(face, &error)
        }
        Refused::Halt(Halt::Refused(failure)) => refusal(&failure),
    }
}

fn fault(fault: Fault) -> Refused {
    Refused::Halt(Halt::Refused(JournalFailure::Disk(fault).into()))
}

/// The name of an import. It is that of a file, and must not lead out of its directory.
fn name(call: &Call) -> Result<String, Refusal> {
    let name = call.name();
    let is_fine = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\';
    if name.len() > LONGEST_NAME || name.starts_with('.') || !name.bytes().all(is_fine) {
        let message = format!(
            "the name of an import is 1 to {LONGEST_NAME} visible ASCII letters without / and with no dot in front"
        );
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-name", message));
    }
    Ok(name.to_owned())
}

fn sum(text: &str) -> Result<u64, Refusal> {
    u64::from_str_radix(text, 16).map_err(|_| bad_query("sum has to be a hexadecimal number"))
}

fn too_large(line: usize, bytes: u64, longest: u64) -> Refusal {
    let message = format!(
        "line {line} is a record of {bytes} bytes, and an event has at most {longest}; nothing was appended"
    );
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "event-too-large", message)
        .hint("raise journal.max_event and start the daemon anew; or import without it while it does not run")
}

/// The records in a body, a line for each.
fn records(body: &[u8], longest: u64) -> Result<Vec<Record>, Refusal> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let record = |(number, line): (usize, &[u8])| {
        let object: Option<Map<String, Value>> = serde_json::from_slice(line).ok();
        let record = object.and_then(|object| {
            let sum = u64::from_str_radix(object.get("sum")?.as_str()?, 16).ok()?;
            Some(Record { sum, payload: payloads::read(&object)? })
        });
        let record = record.ok_or_else(|| {
            let message = format!("line {} is no record; nothing was appended", number + 1);
            Refusal::new(StatusCode::BAD_REQUEST, "bad-line", message)
                .hint("each line has `sum`, and `data`, `text` or `base64`")
        })?;
        let bytes = record.payload.len() as u64;
        if bytes > longest {
            return Err(too_large(number + 1, bytes, longest));
        }
        Ok(record)
    };
    lines.enumerate().map(record).collect()
}
