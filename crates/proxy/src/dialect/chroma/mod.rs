//! The vector database Chroma.
//!
//! Chroma gives every collection an id, each server its own, and everything that is done to records names the collection
//! by it. So that a client can talk to any server behind the proxy, each collection has one id for clients; requests and
//! answers are rewritten on the way, by what is on the [shelf]. Names are what makes collections of two servers
//! the same one.
//!
//! * A lane is a collection, with what creates, renames and deletes it, so what is done to it comes in its order. A name
//!   that a collection was given stays in the collection's lane when it is free again. Any database but the default one
//!   is a lane as a whole, since creating and deleting it has to keep its place among the writes to its collections.
//! * Sending a write again does no harm, while its lane is in order: records that exist are not added, what is
//!   overwritten becomes the same, and what is gone is not deleted. One is different: a deletion by a filter that has a
//!   `limit` deletes as much again.
//! * A creation that is answered with 409, and a deletion answered with 404, had been applied before.
//!
//! What each server says to these requests was found out by asking it; the tests with real servers ask it again.

mod endpoint;
mod learn;
mod promise;
mod record;
mod shelf;
mod words;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{Method, StatusCode};

use self::endpoint::{Endpoint, Place, Request};
use self::learn::{Heard, found};
use self::record::{Creation, Modification, Record, with_ids};
use self::shelf::{Copied, Lessons, Shelf, lane_of};
use super::{Asked, Before, Carriage, Class, Dialect, Interest, LaneKey, Outbound, Promise, Reach, Refusal};
use crate::call::{Answer, Call, Head};
use crate::head::IDEMPOTENCY_KEY;
use crate::known::{Known, Lesson};

/// The dialect of Chroma.
#[derive(Clone, Debug)]
pub struct Chroma {
    servers: Vec<String>,
}

impl Chroma {
    /// The dialect for servers with these names. What is deleted on all of them is forgotten.
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { servers: servers.into_iter().map(Into::into).collect() }
    }

    /// What has to be known before a request about a collection can be sent to a server that may have it.
    fn ask(call: &Call, request: &Request, id: &str, shelf: Shelf<'_>) -> Outbound {
        let path = match shelf.collection(id) {
            // Had it been renamed here, the server would have had a write to it, and it would be known.
            Some(known) => Request::record_of(&known.place(), endpoint::Record::Name(&known.name)),
            None if words::uuid(id).is_some() => Request::record_of(&request.place, endpoint::Record::Id(id)),
            None => return rewritten(call, request, None),
        };
        let Ok(target) = path.parse() else { return rewritten(call, request, None) };
        let mut headers = call.head.headers.clone();
        for name in [ACCEPT_ENCODING, IDEMPOTENCY_KEY] {
            headers.remove(name);
        }
        let head = Head { method: Method::GET, target, headers };
        Outbound::Ask(Box::new(Call { head, body: Bytes::new() }))
    }
}

impl Dialect for Chroma {
    fn name(&self) -> &'static str {
        "chroma"
    }

    fn probe(&self) -> &'static str {
        "/api/v2/heartbeat"
    }

    fn class(&self, head: &Head, known: &Known) -> Class {
        let request = Request::of(head);
        let (place, shelf) = (&request.place, Shelf(known));
        let lane = |lane: String| Class::Read(Reach::Lane(LaneKey::new(lane)), Carriage::Streamed);
        match &request.endpoint {
            Endpoint::Named(name) => lane(shelf.lane(place, name)),
            Endpoint::ById(id) | Endpoint::Look(id) => lane(lane_of_id(shelf, place, id)),
            // Any server can say that, however far it is.
            Endpoint::Greeting | Endpoint::Pulse => lane(String::new()),
            Endpoint::ListCollections | Endpoint::OtherRead => {
                Class::Read(Reach::Everything, Carriage::Streamed)
            }
            Endpoint::Reset => {
                refused((StatusCode::FORBIDDEN, "reset-refused"), "a reset deletes everything")
            }
            Endpoint::DeleteDefaultDatabase => refused(
                (StatusCode::FORBIDDEN, "delete-refused"),
                "the default database is deleted with everything in it",
            ),
            _ => Class::Write,
        }
    }

    fn lane(&self, call: &Call, known: &Known) -> LaneKey {
        let request = Request::of(&call.head);
        let (place, shelf) = (&request.place, Shelf(known));
        let created = || Creation::read(&call.body).map_or_else(String::new, |new| new.name.into_owned());
        LaneKey::new(match &request.endpoint {
            Endpoint::CreateCollection => shelf.lane(place, &created()),
            Endpoint::DeleteCollection(name) => shelf.lane(place, name),
            Endpoint::ModifyCollection(id) | Endpoint::Fork(id) | Endpoint::Change(id) => {
                lane_of_id(shelf, place, id)
            }
            Endpoint::CreateDatabase(tenant) => {
                lane_of(&Place { tenant: tenant.clone(), database: created() }, "")
            }
            Endpoint::DeleteDatabase => lane_of(place, ""),
            Endpoint::CreateTenant => words::encoded(&created()),
            Endpoint::ChangeTenant(tenant) => words::encoded(tenant),
            _ => call.head.path().to_owned(),
        })
    }

    fn outbound(&self, call: &Call, upstream: &str, known: &Known) -> Outbound {
        let request = Request::of(&call.head);
        let shelf = Shelf(known);
        let Some(id) = request.endpoint.id() else { return rewritten(call, &request, None) };
        let Some(copied) = shelf.copied(id, upstream) else { return Self::ask(call, &request, id, shelf) };
        if let Some(name) = taken_name(call, &request, (id, upstream), shelf) {
            return Outbound::NotYet(format!(
                "{upstream} still has another collection that is called {name}"
            ));
        }
        rewritten(call, &request, Some(&copied.id))
    }

    fn asked(&self, call: &Call, upstream: &str, answer: &Answer, known: &Known) -> Asked {
        let request = Request::of(&call.head);
        let shelf = Shelf(known);
        let Some(id) = request.endpoint.id() else { return Asked::Learned(Vec::new()) };
        let mut lessons = Lessons(Vec::new());
        let body = std::str::from_utf8(&answer.body).unwrap_or_default();
        let record = Record::only_one_in(body).filter(|_| answer.status.is_success());
        let collection = shelf.collection(id);
        match (record, &collection) {
            (Some(record), _) => {
                if collection.is_none() {
                    // It stays in the lane that it has been in by its id alone.
                    found(&record, lane_of_id(shelf, &request.place, id), &mut lessons);
                }
                let copied = Copied { id: record.id(), name: record.name.clone().into_owned() };
                lessons.copied(id, upstream, (&record.place(), &copied));
                Asked::Learned(lessons.0)
            }
            (None, Some(collection)) => Asked::Instead(Outbound::Never(format!(
                "{upstream} answered {} when it was asked for collection {}: if it is missing there, copy it, and retry",
                answer.status, collection.name
            ))),
            // The server says best what is wrong with such an id.
            (None, None) => Asked::Instead(rewritten(call, &request, None)),
        }
    }

    fn interest(&self, head: &Head) -> Interest {
        if Request::of(head).endpoint.teaches() { Interest::Body } else { Interest::None }
    }

    fn inbound(&self, call: &Call, upstream: &str, answer: Answer, known: &Known) -> Answer {
        let Ok(body) = std::str::from_utf8(&answer.body) else { return answer };
        if !Request::of(&call.head).endpoint.is_answered_with_records() || !answer.status.is_success() {
            return answer;
        }
        let body = with_ids(body, |id| Shelf(known).meant(upstream, id));
        Answer { body: Bytes::from(body), ..answer }
    }

    fn learn(&self, call: &Call, upstream: &str, answer: &Answer, known: &Known) -> Vec<Lesson> {
        let request = &Request::of(&call.head);
        let (shelf, servers) = (Shelf(known), self.servers.as_slice());
        Heard { shelf, servers, call, request, server: upstream, answer }.lessons()
    }

    fn had_been_applied(&self, call: &Call, answer: &Answer) -> Before {
        match (Request::of(&call.head).endpoint, answer.status) {
            (
                Endpoint::CreateCollection
                | Endpoint::Fork(_)
                | Endpoint::CreateDatabase(_)
                | Endpoint::CreateTenant,
                StatusCode::CONFLICT,
            )
            | (Endpoint::DeleteCollection(_) | Endpoint::DeleteDatabase, StatusCode::NOT_FOUND) => {
                Before::Applied
            }
            _ => Before::No,
        }
    }

    fn promise(&self, call: &Call, known: &Known) -> Option<Promise> {
        promise::promise(call, &Request::of(&call.head), Shelf(known))
    }
}

/// The lane of a collection by its id. Of one that is not known, the id is a lane, and stays the lane once it is known.
fn lane_of_id(shelf: Shelf<'_>, place: &Place, id: &str) -> String {
    shelf.collection(id).map_or_else(|| lane_of(place, id), |known| known.lane)
}

/// The key that a write has whichever server answers it, and each time it is sent.
fn write_key(call: &Call) -> String {
    let key = call.head.headers.get(IDEMPOTENCY_KEY).map(|key| String::from_utf8_lossy(key.as_bytes()));
    key.unwrap_or_default().into_owned()
}

/// The new name that a collection cannot have on a server yet, since another one has it there. That one was renamed or
/// deleted before, in its own lane, and the server has not come so far.
fn taken_name(
    call: &Call,
    request: &Request,
    (id, upstream): (&str, &str),
    shelf: Shelf<'_>,
) -> Option<String> {
    let Endpoint::ModifyCollection(_) = request.endpoint else { return None };
    let name = Modification::read(&call.body)?.new_name?;
    let place = shelf.collection(id)?.place();
    shelf.called(upstream, &place, &name).filter(|other| other != id).map(|_| name.into_owned())
}

/// The request with the long path and the server's id. What is read from the answer must not be compressed.
fn rewritten(call: &Call, request: &Request, id: Option<&str>) -> Outbound {
    let plain = request.endpoint.teaches() && call.head.headers.contains_key(ACCEPT_ENCODING);
    let target = request.target(id);
    if target.is_none() && !plain {
        return Outbound::AsItIs;
    }
    let mut call = call.clone();
    if plain {
        call.head.headers.remove(ACCEPT_ENCODING);
    }
    call.head.target = target.unwrap_or(call.head.target);
    Outbound::Rewritten(Box::new(call))
}

fn refused((status, code): (StatusCode, &'static str), what: &str) -> Class {
    Class::Refused(Refusal {
        status,
        code,
        message: format!("{what}, and has no place among the writes to collections that wait for a server"),
        hint: "stop the proxy, and do it on each server by itself".to_owned(),
    })
}
