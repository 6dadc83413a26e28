//! What the answers of servers teach about collections.

use super::endpoint::{Endpoint, Place, Request};
use super::record::{Modification, Record};
use super::shelf::{Collection, Copied, Lessons, Origin, Shelf, Told};
use super::write_key;
use crate::call::{Answer, Call};
use crate::known::Lesson;

/// A greeting is a few words. What is longer is not kept.
const MAX_GREETING: usize = 16 << 10;

/// An answer that a server gave to a call.
pub(super) struct Heard<'a> {
    pub(super) shelf: Shelf<'a>,
    pub(super) servers: &'a [String],
    pub(super) call: &'a Call,
    pub(super) request: &'a Request,
    pub(super) server: &'a str,
    pub(super) answer: &'a Answer,
}

impl Heard<'_> {
    pub(super) fn lessons(&self) -> Vec<Lesson> {
        let mut lessons = Lessons(Vec::new());
        let body = std::str::from_utf8(&self.answer.body).unwrap_or_default();
        let success = self.answer.status.is_success();
        match &self.request.endpoint {
            // Without success, these are there already, or gone.
            Endpoint::CreateCollection | Endpoint::Fork(_) => self.created(body, &mut lessons),
            Endpoint::DeleteCollection(name) => self.deleted(name, &mut lessons),
            Endpoint::DeleteDatabase => self.emptied(&mut lessons),
            Endpoint::ModifyCollection(id) if success => self.modified(id, &mut lessons),
            Endpoint::ListCollections | Endpoint::Named(_) | Endpoint::ById(_) if success => {
                for record in Record::all_in(body) {
                    self.seen(&record, &mut lessons);
                }
            }
            Endpoint::Greeting if success && !body.is_empty() && body.len() <= MAX_GREETING => {
                let path = self.request.long_path();
                if self.shelf.greeting(&path).as_deref() != Some(body) {
                    lessons.greeting(&path, body.to_owned());
                }
            }
            _ => {}
        }
        lessons.0
    }

    fn told(&self) -> Option<Told> {
        self.shelf.told(&write_key(self.call))
    }

    /// Notes that this server has answered, so that the next one's answer is not taken for the first.
    fn note(&self, told: Option<Told>, collection: Option<String>, lessons: &mut Lessons) {
        let key = write_key(self.call);
        let noted = told.is_some();
        let mut told = told.unwrap_or(Told { collection: None, by: Vec::new() });
        told.collection = told.collection.or(collection);
        if !told.by.iter().any(|server| server == self.server) {
            told.by.push(self.server.to_owned());
        }
        if told.by.len() < self.servers.len() {
            lessons.told(&key, &told);
        } else if noted {
            lessons.forget_told(&key);
        }
    }

    fn created(&self, body: &str, lessons: &mut Lessons) {
        let told = self.told();
        let promised = told.as_ref().and_then(|told| told.collection.clone());
        // It was there when it was created again. Its id is asked for by its name once it is needed.
        let Some(record) = Record::only_one_in(body) else { return self.note(told, None, lessons) };
        let (place, copied) =
            (record.place(), Copied { id: record.id(), name: record.name.clone().into_owned() });
        let meant = || self.shelf.meant(self.server, &copied.id);
        let id = promised.or_else(meant).unwrap_or_else(|| copied.id.clone());
        let is_first = told.is_none();
        // This comes first: after a crash in between, another server's answer is about the same collection.
        self.note(told, Some(id.clone()), lessons);
        if self.shelf.collection(&id).is_none() {
            let lane = match &self.request.endpoint {
                Endpoint::Fork(source) => super::lane_of_id(self.shelf, &self.request.place, source),
                _ => self.shelf.lane(&place, &copied.name),
            };
            let Place { tenant, database } = place.clone();
            let name = copied.name.clone();
            lessons.collection(&id, &Collection { tenant, database, name, lane, origin: Origin::Created });
            lessons.record(&id, record.with_id(&id));
        } else if is_first && self.shelf.named(&place, &copied.name).is_none() {
            lessons.name(&place, &copied.name, &id);
        }
        if self.shelf.copied(&id, self.server).as_ref() != Some(&copied) {
            lessons.copied(&id, self.server, (&place, &copied));
        }
        if self.shelf.is_gone(&id, self.server) {
            lessons.not_gone(&id, self.server);
        }
    }

    fn deleted(&self, name: &str, lessons: &mut Lessons) {
        let place = &self.request.place;
        let told = self.told();
        let head = self.shelf.named(place, name);
        let called = || self.shelf.called(self.server, place, name);
        let first = told.is_none();
        let id = match &told {
            Some(told) => told.collection.clone().or_else(called),
            None => called().or_else(|| head.clone()),
        };
        if first && head.is_some() {
            lessons.forget_name(place, name);
        }
        if let Some(id) = &id {
            self.lost(id, place, lessons);
        }
        self.note(told, id, lessons);
    }

    /// A database was deleted with all its collections.
    fn emptied(&self, lessons: &mut Lessons) {
        let place = &self.request.place;
        for (name, id) in self.shelf.all_called(self.server, place) {
            if self.shelf.named(place, &name).as_deref() == Some(&id) {
                lessons.forget_name(place, &name);
            }
            self.lost(&id, place, lessons);
        }
    }

    /// This server does not have a collection any more.
    fn lost(&self, id: &str, place: &Place, lessons: &mut Lessons) {
        if let Some(copied) = self.shelf.copied(id, self.server) {
            lessons.forget_copied(id, self.server, (place, &copied));
        }
        let gone = |server: &String| server == self.server || self.shelf.is_gone(id, server);
        if self.servers.iter().all(gone) {
            lessons.forget_collection(id, self.servers);
        } else {
            lessons.gone(id, self.server);
        }
    }

    fn modified(&self, id: &str, lessons: &mut Lessons) {
        let Some(modification) = Modification::read(&self.call.body) else { return };
        let Some(collection) = self.shelf.collection(id) else { return };
        let told = self.told();
        if told.is_none() {
            modify(self.shelf, (id, &collection), &modification, lessons);
        }
        if let (Some(name), Some(copied)) = (&modification.new_name, self.shelf.copied(id, self.server)) {
            let place = collection.place();
            let renamed = Copied { id: copied.id.clone(), name: name.clone().into_owned() };
            lessons.forget_copied(id, self.server, (&place, &copied));
            lessons.copied(id, self.server, (&place, &renamed));
        }
        self.note(told, Some(id.to_owned()), lessons);
    }

    /// A record was read. It teaches only about what was there before: what was created here is known by the answer to
    /// that, and a record of the same name might be of the collection before it.
    fn seen(&self, record: &Record<'_>, lessons: &mut Lessons) {
        let (place, copied) =
            (record.place(), Copied { id: record.id(), name: record.name.clone().into_owned() });
        if self.shelf.meant(self.server, &copied.id).is_some() {
            return;
        }
        let id = match self.shelf.named(&place, &copied.name) {
            Some(id) => {
                let found = self.shelf.collection(&id).is_some_and(|known| known.origin == Origin::Found);
                if !found || self.shelf.copied(&id, self.server).is_some() {
                    return;
                }
                id
            }
            None => {
                let lane = self.shelf.lane(&place, &copied.name);
                found(record, lane, lessons);
                copied.id.clone()
            }
        };
        lessons.copied(&id, self.server, (&place, &copied));
    }
}

/// A collection that was there before it was known, under the id that a server has for it.
pub(super) fn found(record: &Record<'_>, lane: String, lessons: &mut Lessons) {
    let Place { tenant, database } = record.place();
    let name = record.name.clone().into_owned();
    lessons.collection(&record.id(), &Collection { tenant, database, name, lane, origin: Origin::Found });
    lessons.record(&record.id(), record.with_id(&record.id()));
}

/// What clients know of a collection, after a modification.
pub(super) fn modify(
    shelf: Shelf<'_>,
    (id, collection): (&str, &Collection),
    modification: &Modification<'_>,
    lessons: &mut Lessons,
) {
    let record = shelf.record(id);
    if let Some(name) = &modification.new_name {
        let place = collection.place();
        let before = record.as_deref().and_then(Record::only_one_in).map(|record| record.name.into_owned());
        let before = before.unwrap_or_else(|| collection.name.clone());
        if shelf.named(&place, &before).as_deref() == Some(id) {
            lessons.forget_name(&place, &before);
        }
        lessons.name(&place, name, id);
        // What is done by the new name, now or after it is free again, comes after what was done before.
        if shelf.lane(&place, name) != collection.lane {
            lessons.lane(&place, name, &collection.lane);
        }
    }
    if let Some(record) = record.and_then(|record| modification.applied_to(&record)) {
        lessons.record(id, record);
    }
}
