//! Bodies: read whole, within limits of size, time, and of memory that all of them share.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::Refusal;

/// A body, and the room that it takes as long as it is held.
#[derive(Default)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// A body in the making.
#[derive(Default)]
struct Growing {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

/// Rooms are counted in these.
pub(super) const UNIT: usize = 1 << 10;

/// How many of them so many bytes take.
pub(super) fn kibibytes(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS)
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(
    body: Incoming,
    limit: usize,
    patience: Duration,
    rooms: &Arc<Semaphore>,
) -> Result<Held, Refusal> {
    match timeout(patience, gather(body, limit, rooms)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            format!("the body had not arrived after {patience:?}, the server.request_timeout"),
        )),
    }
}

async fn gather(mut body: Incoming, limit: usize, rooms: &Arc<Semaphore>) -> Result<Held, Refusal> {
    let stated = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if stated > limit {
        return Err(too_large(limit));
    }
    let mut held = Growing::default();
    held.take_room(stated, rooms)?;
    held.bytes.reserve_exact(stated);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, "body", format!("failed to read the body: {error}"))
        })?;
        // What is no data is a trailer, which nobody asked for.
        let Ok(data) = frame.into_data() else { continue };
        if held.bytes.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        held.take_room(held.bytes.len() + data.len(), rooms)?;
        held.bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes: held.bytes.into(), _room: held.room })
}

impl Growing {
    /// Sees to it that there is room for so many bytes.
    fn take_room(&mut self, bytes: usize, rooms: &Arc<Semaphore>) -> Result<(), Refusal> {
        let taken = self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = kibibytes(bytes).saturating_sub(taken);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(rooms).try_acquire_many_owned(more) else {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "the bodies that are being read take server.max_body_memory together",
            )
            .hint("try again in a second, or raise server.max_body_memory")
            .retry_after(1));
        };
        match &mut self.room {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        format!("the body has more than {limit} bytes"),
    )
    .hint("send it in several requests, or raise server.max_body")
}
