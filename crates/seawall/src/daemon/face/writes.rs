//! Writes that proxies have journaled: what became of one, and those that are left.

use std::sync::Arc;

use hyper::StatusCode;
use proxy::Left;
use serde_json::{Value, json};

use super::Face;
use super::answer::{Answer, Refusal};
use super::dispatch::{Call, bad_query};

/// Writes in one answer, and where nobody says how many.
const MOST_LISTED: u64 = 10_000;

/// What became of one, whichever proxy it is of.
pub(super) async fn show(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let (desks, id) = (face.desks.clone(), call.name().to_owned());
    let find = move || desks.iter().find_map(|desk| Some(of_proxy(desk.proxy(), desk.write(&id)?)));
    match face.working.run(find).await.flatten() {
        Some(write) => Ok(Answer::json(StatusCode::OK, &write)),
        None => Err(Refusal::new(StatusCode::NOT_FOUND, "no-write", "no proxy has a write of this id")
            .hint("take the id from the Location of the answer to the write")),
    }
}

/// Those that are left, a line for each and each server.
pub(super) async fn list(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let left = match call.query("state") {
        None | Some("pending") => Left::Pending,
        Some("parked") => Left::Parked,
        Some(_) => return Err(bad_query("state is pending or parked")),
    };
    let most = call.number("limit")?.unwrap_or(MOST_LISTED).min(MOST_LISTED);
    let mut most = usize::try_from(most).unwrap_or(usize::MAX);
    let text = |name| call.query(name).map(str::to_owned);
    let (proxy, upstream, mut desks) = (text("proxy"), text("upstream"), face.desks.clone());
    if let Some(proxy) = proxy {
        desks.retain(|desk| desk.proxy() == proxy);
        if desks.is_empty() {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "no-proxy", "no proxy has this name"));
        }
    }
    let lines = face.working.run(move || {
        let mut lines = Vec::new();
        for desk in desks {
            let writes = desk.writes(left, upstream.clone(), most);
            most -= writes.len();
            lines.extend(writes.into_iter().map(|write| of_proxy(desk.proxy(), write)));
        }
        lines
    });
    Ok(Answer::lines(&lines.await.unwrap_or_default()))
}

fn of_proxy(proxy: &str, mut write: Value) -> Value {
    if let Some(fields) = write.as_object_mut() {
        fields.insert("proxy".to_owned(), json!(proxy));
    }
    write
}
