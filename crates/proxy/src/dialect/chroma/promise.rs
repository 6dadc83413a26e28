//! What clients are answered while no server can: what they create gets its id at once, and what is known is told.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use super::endpoint::{Endpoint, Place, Request};
use super::learn::modify;
use super::record::{Creation, Modification};
use super::shelf::{Collection, Lessons, Origin, Shelf, Told};
use super::{words, write_key};
use crate::call::{Answer, Call};
use crate::dialect::Promise;

/// Servers take no longer names.
const MAX_NAME: usize = 512;

/// The answer to a call that no server can answer, if one can be given.
pub(super) fn promise(call: &Call, request: &Request, shelf: Shelf<'_>) -> Option<Promise> {
    let place = &request.place;
    match &request.endpoint {
        Endpoint::CreateCollection => created(call, place, shelf),
        Endpoint::ModifyCollection(id) => modified(call, id, shelf),
        Endpoint::DeleteCollection(name) => Some(deleted(call, (place, name), shelf)),
        Endpoint::Named(name) => Some(known(shelf.record(&shelf.named(place, name)?)?)),
        Endpoint::ById(id) => Some(known(shelf.record(id)?)),
        Endpoint::Greeting => Some(known(shelf.greeting(&request.long_path())?)),
        _ => None,
    }
}

fn answer(status: StatusCode, body: String) -> Answer {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    Answer { status, headers, body: Bytes::from(body) }
}

fn known(text: String) -> Promise {
    Promise { answer: answer(StatusCode::OK, text), lessons: Vec::new() }
}

fn accepted(body: String, lessons: Lessons) -> Promise {
    Promise { answer: answer(StatusCode::ACCEPTED, body), lessons: lessons.0 }
}

/// Notes which collection a write is about, so that no server's answer decides it. Nothing if one has decided already.
fn decide(call: &Call, collection: Option<String>, shelf: Shelf<'_>, lessons: &mut Lessons) -> Option<()> {
    let told = shelf.told(&write_key(call)).unwrap_or(Told { collection: None, by: Vec::new() });
    if told.collection.is_some() {
        return None;
    }
    lessons.told(&write_key(call), &Told { collection, ..told });
    Some(())
}

fn created(call: &Call, place: &Place, shelf: Shelf<'_>) -> Option<Promise> {
    let creation = Creation::read(&call.body).filter(|creation| creation.name.len() <= MAX_NAME)?;
    let mut lessons = Lessons(Vec::new());
    let record_of = |id: &str| shelf.record(id).unwrap_or_else(|| creation.record(id, place).to_string());
    if let Some(id) = shelf.told(&write_key(call)).and_then(|told| told.collection) {
        return Some(accepted(record_of(&id), lessons));
    }
    if let Some(id) = shelf.named(place, &creation.name) {
        decide(call, Some(id.clone()), shelf, &mut lessons);
        if creation.get_or_create == Some(true) {
            return Some(accepted(record_of(&id), lessons));
        }
        let message = format!("Collection [{}] already exists", creation.name);
        let body = json!({"error": "ChromaError", "message": message}).to_string();
        return Some(Promise { answer: answer(StatusCode::CONFLICT, body), lessons: lessons.0 });
    }
    let id = made_up_id(call);
    let record = creation.record(&id, place).to_string();
    let (lane, name) = (shelf.lane(place, &creation.name), creation.name.clone().into_owned());
    let Place { tenant, database } = place.clone();
    decide(call, Some(id.clone()), shelf, &mut lessons);
    lessons.collection(&id, &Collection { tenant, database, name, lane, origin: Origin::Created });
    lessons.record(&id, record.clone());
    Some(accepted(record, lessons))
}

fn deleted(call: &Call, (place, name): (&Place, &str), shelf: Shelf<'_>) -> Promise {
    let mut lessons = Lessons(Vec::new());
    if let Some(id) = shelf.named(place, name)
        && decide(call, Some(id), shelf, &mut lessons).is_some()
    {
        lessons.forget_name(place, name);
    }
    accepted("{}".to_owned(), lessons)
}

fn modified(call: &Call, id: &str, shelf: Shelf<'_>) -> Option<Promise> {
    let modification = Modification::read(&call.body)?;
    let collection = shelf.collection(id)?;
    let mut lessons = Lessons(Vec::new());
    if decide(call, Some(id.to_owned()), shelf, &mut lessons).is_some() {
        modify(shelf, (id, &collection), &modification, &mut lessons);
    }
    Some(accepted("{}".to_owned(), lessons))
}

/// An id for a collection that no server has yet. The write's own key is made of random bits, and is the same however
/// often it is asked for.
fn made_up_id(call: &Call) -> String {
    let half = |number: u8| {
        let mut hasher = DefaultHasher::new();
        (number, write_key(call), call.body.as_ref()).hash(&mut hasher);
        hasher.finish()
    };
    // The bits of version 4 and of the usual variant: some clients look at them.
    let (high, low) = (half(0) & !0xF000 | 0x4000, half(1) & !(0b11 << 62) | 0b10 << 62);
    let digits = format!("{high:016x}{low:016x}");
    words::uuid(&digits).unwrap_or(digits)
}
