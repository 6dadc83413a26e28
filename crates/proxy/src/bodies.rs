//! Takes bodies in as a whole, each within its limit and all together within the room that there is.

use std::sync::Arc;

use http::{Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer;
use crate::body::{Body, NotWhole};
use crate::core::{PERMIT, Shared};

/// What lies before a body and the body, and the room that it takes.
pub(crate) type Taken = (Vec<u8>, OwnedSemaphorePermit);

/// Takes a body in behind so many bytes that are left for its head, or says what to answer instead.
pub(crate) async fn take(
    shared: &Shared,
    incoming: Incoming,
    before: usize,
) -> Result<Taken, Box<Response<Body>>> {
    let limit = shared.settings.limits.body_bytes;
    // What is not announced may come to the limit.
    let most = incoming.size_hint().upper().and_then(|most| usize::try_from(most).ok()).unwrap_or(limit);
    if most > limit {
        return Err(Box::new(too_large(limit)));
    }
    let room = Arc::clone(&shared.room).try_acquire_many_owned(permits(most)).map_err(|_| {
        let message = "the bodies of the requests that are being served take all the room that there is";
        let hint = "try again; or raise the limit of bodies in flight";
        Box::new(answer::error(StatusCode::SERVICE_UNAVAILABLE, "busy", (message, hint)))
    })?;
    match Body::stream(incoming, shared.settings.times.stall).collect_behind(before, limit).await {
        Ok(whole) => Ok(fitted(whole, room, before)),
        Err(NotWhole::TooLarge(limit)) => Err(Box::new(too_large(limit))),
        Err(NotWhole::Broken(error)) => {
            let hint = "send the whole body, and without pauses";
            let cause = error.to_string();
            Err(Box::new(answer::error(StatusCode::REQUEST_TIMEOUT, "body-incomplete", (&cause, hint))))
        }
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT).max(1)).unwrap_or(u32::MAX)
}

/// Gives back what a body does not need of which it was not known how long it is.
fn fitted(mut whole: Vec<u8>, mut room: OwnedSemaphorePermit, before: usize) -> Taken {
    let needed = permits(whole.len() - before) as usize;
    if needed < room.num_permits() {
        whole.shrink_to_fit();
        drop(room.split(room.num_permits() - needed));
    }
    (whole, room)
}

fn too_large(limit: usize) -> Response<Body> {
    let message = format!("the body has more than {limit} bytes");
    let hint = "send it in parts, or raise the limit of bodies";
    answer::error(StatusCode::PAYLOAD_TOO_LARGE, "too-large", (&message, hint))
}
