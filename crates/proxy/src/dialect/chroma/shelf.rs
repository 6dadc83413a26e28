//! What is known about collections: which id each has for clients, and which on each server.
//!
//! A collection has the id that the first server to answer for it gave it, or one that was made up when none could
//! answer. That is the id that clients see, here called just its id. Every server has an id of its own for it.
//!
//! | word | what is known |
//! |---|---|
//! | `collection/ID` | where it is, its first name, its lane, how it came to be known: [`Collection`] |
//! | `record/ID` | what a server said about it last, with its id for clients |
//! | `name/TENANT/DATABASE/NAME` | which collection clients mean by a name now |
//! | `lane/TENANT/DATABASE/NAME` | in which lane the name is, if that is not its own |
//! | `on/ID/SERVER` | its id and its name on a server: [`Copied`] |
//! | `from/SERVER/ITS-ID` | which collection a server's id means |
//! | `called/SERVER/TENANT/DATABASE/NAME` | which collection has a name on a server, whose writes may be far behind |
//! | `gone/ID/SERVER` | that a server has deleted it |
//! | `told/KEY` | which collection a write was about that not all servers have answered, and who has: [`Told`] |
//! | `greeting/PATH` | what a server said to it last |
//!
//! What a collection needs is forgotten once it is deleted on every server, so the map has the size of what is there. The
//! lane of a name is kept: a write in it may be on its way that nothing is known about yet. That is a word for each name
//! that a collection was ever given after its first.

use serde::{Deserialize, Serialize};

use super::endpoint::Place;
use super::words::{decoded, encoded};
use crate::known::{Known, Lesson};

/// Records larger than this are not kept, so that one of them fits into a lesson.
pub(super) const MAX_RECORD: usize = 64 << 10;
/// What is forgotten at once of a database that is deleted. More than that leaves words that nobody asks for.
const MAX_DELETED: usize = 10_000;

/// A collection as all servers have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Collection {
    pub(super) tenant: String,
    pub(super) database: String,
    /// Its name when it came to be known: the one that it has on a server that has had none of its writes yet.
    pub(super) name: String,
    pub(super) lane: String,
    pub(super) origin: Origin,
}

/// How a collection came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// It was created here, and servers that do not have it yet will get the write that creates it.
    Created,
    /// It was there before, and every server is asked by its name.
    Found,
}

/// A collection as one server has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    pub(super) id: String,
    pub(super) name: String,
}

/// A write that changes what there is, between its first answer and its last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) collection: Option<String>,
    pub(super) by: Vec<String>,
}

impl Collection {
    pub(super) fn place(&self) -> Place {
        Place { tenant: self.tenant.clone(), database: self.database.clone() }
    }
}

/// What is known, by its meaning.
#[derive(Clone, Copy)]
pub(super) struct Shelf<'a>(pub(super) &'a Known);

impl Shelf<'_> {
    pub(super) fn collection(self, id: &str) -> Option<Collection> {
        read(&self.0.get(&key(&["collection", id]))?)
    }

    pub(super) fn record(self, id: &str) -> Option<String> {
        Some(self.0.get(&key(&["record", id]))?.as_ref().to_owned())
    }

    /// Which collection clients mean by a name.
    pub(super) fn named(self, place: &Place, name: &str) -> Option<String> {
        Some(self.0.get(&key_in("name", place, name))?.as_ref().to_owned())
    }

    /// The lane of a name. Collections of the default database are lanes; any other database is one.
    pub(super) fn lane(self, place: &Place, name: &str) -> String {
        let moved = self.0.get(&key_in("lane", place, name));
        moved.map_or_else(|| lane_of(place, name), |lane| lane.as_ref().to_owned())
    }

    pub(super) fn copied(self, id: &str, server: &str) -> Option<Copied> {
        read(&self.0.get(&key(&["on", id, server]))?)
    }

    /// Which collection a server's id means.
    pub(super) fn meant(self, server: &str, its_id: &str) -> Option<String> {
        Some(self.0.get(&key(&["from", server, its_id]))?.as_ref().to_owned())
    }

    /// Which collection has a name on a server.
    pub(super) fn called(self, server: &str, place: &Place, name: &str) -> Option<String> {
        Some(self.0.get(&key_at(server, place, name))?.as_ref().to_owned())
    }

    /// Every collection that a server has in a database, with its name there.
    pub(super) fn all_called(self, server: &str, place: &Place) -> Vec<(String, String)> {
        let prefix = key_at(server, place, "");
        let all = self.0.beginning(&prefix, MAX_DELETED);
        let name = |key: &str| decoded(key.get(prefix.len()..).unwrap_or_default());
        all.iter().map(|(key, id)| (name(key), id.as_ref().to_owned())).collect()
    }

    pub(super) fn is_gone(self, id: &str, server: &str) -> bool {
        self.0.get(&key(&["gone", id, server])).is_some()
    }

    pub(super) fn told(self, write: &str) -> Option<Told> {
        read(&self.0.get(&key(&["told", write]))?)
    }

    pub(super) fn greeting(self, path: &str) -> Option<String> {
        Some(self.0.get(&key(&["greeting", path]))?.as_ref().to_owned())
    }
}

/// The lane that a name has by itself.
pub(super) fn lane_of(place: &Place, name: &str) -> String {
    let Place { tenant, database } = place;
    let mut lane = key(&[tenant, database]);
    if place.is_default() {
        lane.push('/');
        lane += &encoded(name);
    }
    lane
}

/// Lessons, by their meaning.
pub(super) struct Lessons(pub(super) Vec<Lesson>);

impl Lessons {
    pub(super) fn collection(&mut self, id: &str, collection: &Collection) {
        self.put(key(&["collection", id]), write(collection));
        self.name(&collection.place(), &collection.name, id);
        let lane = &collection.lane;
        if *lane != lane_of(&collection.place(), &collection.name) {
            self.lane(&collection.place(), &collection.name, lane);
        }
    }

    pub(super) fn record(&mut self, id: &str, record: String) {
        if record.len() <= MAX_RECORD {
            self.put(key(&["record", id]), record);
        }
    }

    pub(super) fn name(&mut self, place: &Place, name: &str, id: &str) {
        self.put(key_in("name", place, name), id.to_owned());
    }

    pub(super) fn forget_name(&mut self, place: &Place, name: &str) {
        self.forget(key_in("name", place, name));
    }

    pub(super) fn lane(&mut self, place: &Place, name: &str, lane: &str) {
        self.put(key_in("lane", place, name), lane.to_owned());
    }

    /// A server has a collection under this id and name.
    pub(super) fn copied(&mut self, id: &str, server: &str, (place, copied): (&Place, &Copied)) {
        self.put(key(&["on", id, server]), write(copied));
        self.put(key(&["from", server, &copied.id]), id.to_owned());
        self.put(key_at(server, place, &copied.name), id.to_owned());
    }

    /// A server does not have it under this id or name any more.
    pub(super) fn forget_copied(&mut self, id: &str, server: &str, (place, copied): (&Place, &Copied)) {
        self.forget(key(&["on", id, server]));
        self.forget(key(&["from", server, &copied.id]));
        self.forget(key_at(server, place, &copied.name));
    }

    pub(super) fn gone(&mut self, id: &str, server: &str) {
        self.put(key(&["gone", id, server]), String::new());
    }

    /// Nobody will need the collection again.
    pub(super) fn forget_collection(&mut self, id: &str, servers: &[String]) {
        self.forget(key(&["collection", id]));
        self.forget(key(&["record", id]));
        for server in servers {
            self.forget(key(&["gone", id, server]));
        }
    }

    /// A server has it again.
    pub(super) fn not_gone(&mut self, id: &str, server: &str) {
        self.forget(key(&["gone", id, server]));
    }

    pub(super) fn told(&mut self, write_key: &str, told: &Told) {
        self.put(key(&["told", write_key]), write(told));
    }

    pub(super) fn forget_told(&mut self, write_key: &str) {
        self.forget(key(&["told", write_key]));
    }

    pub(super) fn greeting(&mut self, path: &str, said: String) {
        self.put(key(&["greeting", path]), said);
    }

    fn put(&mut self, key: String, value: String) {
        self.0.push(Lesson::Put { key, value });
    }

    fn forget(&mut self, key: String) {
        self.0.push(Lesson::Forget { key });
    }
}

fn key(words: &[&str]) -> String {
    words.iter().map(|word| encoded(word)).collect::<Vec<_>>().join("/")
}

fn key_in(kind: &str, place: &Place, name: &str) -> String {
    key(&[kind, &place.tenant, &place.database, name])
}

fn key_at(server: &str, place: &Place, name: &str) -> String {
    key(&["called", server, &place.tenant, &place.database, name])
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn write<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
