//! Which endpoint of Chroma a request means. Methods and paths decide, never a word somewhere in a path: a collection
//! may well be called `update`.
//!
//! Servers of today refuse the first API (`/api/v1`) with 410, and the short paths of the second (`/api/v2/collections`)
//! with 404. Both are taken here, and mean what they meant: the tenant and the database of the query, or the default
//! ones. What a server gets is always the long path of the second API.

use http::Method;
use http::uri::PathAndQuery;

use super::words::{decoded, encoded, uuid};
use crate::call::Head;

pub(super) const DEFAULT_TENANT: &str = "default_tenant";
pub(super) const DEFAULT_DATABASE: &str = "default_database";

/// The database that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tenant: String,
    pub(super) database: String,
}

impl Place {
    /// The one that every server begins with. It holds what is most used, so its collections are lanes of their own.
    pub(super) fn is_default(&self) -> bool {
        self.tenant == DEFAULT_TENANT && self.database == DEFAULT_DATABASE
    }
}

impl Default for Place {
    fn default() -> Self {
        Self { tenant: DEFAULT_TENANT.to_owned(), database: DEFAULT_DATABASE.to_owned() }
    }
}

/// What is asked for. A `String` is a name, or an id as clients know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    CreateCollection,
    /// A list or a count of collections.
    ListCollections,
    Named(String),
    DeleteCollection(String),
    ById(String),
    /// A new name, new metadata, a new configuration.
    ModifyCollection(String),
    /// A copy under another name.
    Fork(String),
    /// Records are looked for or counted, or the collection is asked about.
    Look(String),
    /// Records are changed, or a function is attached or detached.
    Change(String),
    /// In this tenant.
    CreateDatabase(String),
    /// Another than the default one, with all collections.
    DeleteDatabase,
    DeleteDefaultDatabase,
    CreateTenant,
    ChangeTenant(String),
    /// What the client asks before it begins: who it is, whether its tenant and database are there, what the limits are.
    Greeting,
    /// Whether the server lives.
    Pulse,
    Reset,
    /// Anything else that a method says is a read.
    OtherRead,
    /// Anything else.
    OtherWrite,
}

impl Endpoint {
    /// The collection that it names by its id.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::ById(id)
            | Self::Look(id)
            | Self::Change(id)
            | Self::Fork(id)
            | Self::ModifyCollection(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it is answered with records of collections, which hold their ids.
    pub(super) fn is_answered_with_records(&self) -> bool {
        matches!(
            self,
            Self::CreateCollection | Self::Fork(_) | Self::ListCollections | Self::Named(_) | Self::ById(_)
        )
    }

    /// Whether its answer teaches something.
    pub(super) fn teaches(&self) -> bool {
        self.is_answered_with_records()
            || matches!(
                self,
                Self::DeleteCollection(_) | Self::DeleteDatabase | Self::ModifyCollection(_) | Self::Greeting
            )
    }
}

/// A request as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) place: Place,
    pub(super) endpoint: Endpoint,
    /// The segments of the long path after `/api/v2`; nothing if it is no path of Chroma.
    path: Option<Vec<String>>,
    query: Option<String>,
    /// Whether the client wrote the long path.
    long: bool,
}

impl Request {
    pub(super) fn of(head: &Head) -> Self {
        let segments: Vec<String> = head.path().split('/').skip(1).map(decoded).collect();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let query = head.target.query();
        let (path, query, long) = match words.as_slice() {
            ["api", "v1", rest @ ..] => {
                let (place, query) = place_in_query(query);
                (Some(lengthened_v1(rest, &place)), query, false)
            }
            ["api", "v2", rest @ ..] => {
                let path = lengthened_v2(rest);
                let long = path == rest;
                (Some(path), query.map(str::to_owned), long)
            }
            _ => (None, query.map(str::to_owned), true),
        };
        let words: Vec<&str> = path.iter().flatten().map(String::as_str).collect();
        let (place, endpoint) = understood(&head.method, &words);
        Self { place, endpoint, path, query, long }
    }

    /// The target that a server has to get: the long path, with the server's own id for the collection if one is given.
    /// Nothing if it is what the client wrote.
    pub(super) fn target(&self, id: Option<&str>) -> Option<PathAndQuery> {
        let path = self.path.as_ref()?;
        if self.long && id.is_none() {
            return None;
        }
        // An id stands behind `collections`, or behind `collections/by-id`.
        let at = if path.get(5).is_some_and(|word| word == "by-id") { 6 } else { 5 };
        let mut target = String::from("/api/v2");
        for (number, segment) in path.iter().enumerate() {
            target.push('/');
            target += &encoded(id.filter(|_| number == at).unwrap_or(segment));
        }
        if let Some(query) = &self.query {
            target.push('?');
            target += query;
        }
        target.parse().ok()
    }

    /// The long path, however the client wrote it.
    pub(super) fn long_path(&self) -> String {
        self.path.iter().flatten().fold(String::new(), |path, segment| path + "/" + &encoded(segment))
    }

    /// The path of a collection's record: by its name, or by its id.
    pub(super) fn record_of(place: &Place, by: Record<'_>) -> String {
        let Place { tenant, database } = place;
        let (tenant, database) = (encoded(tenant), encoded(database));
        match by {
            Record::Name(name) => {
                format!("/api/v2/tenants/{tenant}/databases/{database}/collections/{}", encoded(name))
            }
            Record::Id(id) => format!("/api/v2/tenants/{tenant}/databases/{database}/collections/by-id/{id}"),
        }
    }
}

/// How a collection's record is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    Name(&'a str),
    Id(&'a str),
}

fn understood(method: &Method, words: &[&str]) -> (Place, Endpoint) {
    let (place, endpoint) = match words {
        ["tenants", tenant, "databases", database, rest @ ..] => {
            let place = Place { tenant: (*tenant).to_owned(), database: (*database).to_owned() };
            let endpoint = in_database(method, &place, rest);
            (place, endpoint)
        }
        _ => (Place::default(), outside(method, words)),
    };
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let other = if reads { Endpoint::OtherRead } else { Endpoint::OtherWrite };
    (place, endpoint.unwrap_or(other))
}

fn in_database(method: &Method, place: &Place, words: &[&str]) -> Option<Endpoint> {
    let name = |name: &&str| (*name).to_owned();
    let id = |id: &&str| uuid(id).unwrap_or_else(|| (*id).to_owned());
    Some(match (method.as_str(), words) {
        ("GET", []) => Endpoint::Greeting,
        ("DELETE", []) if place.is_default() => Endpoint::DeleteDefaultDatabase,
        ("DELETE", []) => Endpoint::DeleteDatabase,
        ("GET", ["collections" | "collections_count"]) => Endpoint::ListCollections,
        ("POST", ["collections"]) => Endpoint::CreateCollection,
        ("GET", ["collections", "by-id", one]) => Endpoint::ById(id(one)),
        ("GET", ["collections", one]) => Endpoint::Named(name(one)),
        ("DELETE", ["collections", one]) => Endpoint::DeleteCollection(name(one)),
        ("PUT", ["collections", one]) => Endpoint::ModifyCollection(id(one)),
        ("POST", ["collections", one, "fork"]) => Endpoint::Fork(id(one)),
        ("POST", ["collections", one, "query" | "get" | "search" | "count"])
        | ("GET", ["collections", one, _, ..]) => Endpoint::Look(id(one)),
        ("POST" | "PUT" | "PATCH" | "DELETE", ["collections", one, _, ..]) => Endpoint::Change(id(one)),
        _ => return None,
    })
}

fn outside(method: &Method, words: &[&str]) -> Option<Endpoint> {
    Some(match (method.as_str(), words) {
        ("GET", ["auth", "identity"] | ["version" | "pre-flight-checks"] | ["tenants", _]) => {
            Endpoint::Greeting
        }
        ("GET", ["heartbeat" | "healthcheck"]) => Endpoint::Pulse,
        ("POST", ["reset"]) => Endpoint::Reset,
        ("POST", ["tenants"]) => Endpoint::CreateTenant,
        ("POST", ["tenants", tenant, "databases"]) => Endpoint::CreateDatabase((*tenant).to_owned()),
        ("PATCH" | "PUT", ["tenants", tenant]) => Endpoint::ChangeTenant((*tenant).to_owned()),
        _ => return None,
    })
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn below(place: &Place, words: &[&str]) -> Vec<String> {
    let mut path = owned(&["tenants", &place.tenant, "databases", &place.database]);
    path.extend(owned(words));
    path
}

fn lengthened_v1(words: &[&str], place: &Place) -> Vec<String> {
    match words {
        [] | [""] => owned(&["heartbeat"]),
        ["count_collections"] => below(place, &["collections_count"]),
        ["collections", ..] => below(place, words),
        ["databases", rest @ ..] => {
            let mut path = owned(&["tenants", &place.tenant, "databases"]);
            path.extend(owned(rest));
            path
        }
        _ => owned(words),
    }
}

fn lengthened_v2(words: &[&str]) -> Vec<String> {
    match words {
        // A resource name: tenant, database and collection in one word. Names of collections hold no colon.
        ["collections", name] if name.split(':').count() == 3 => {
            let mut parts = name.split(':').map(str::to_owned);
            let (tenant, database) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            below(&Place { tenant, database }, &["collections", &parts.next().unwrap_or_default()])
        }
        ["collections" | "collections_count", ..] => below(&Place::default(), words),
        _ => owned(words),
    }
}

/// The database that the query of the first API names, and the rest of the query.
fn place_in_query(query: Option<&str>) -> (Place, Option<String>) {
    let mut place = Place::default();
    let mut rest = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("tenant", tenant)) => place.tenant = decoded(&tenant.replace('+', " ")),
            Some(("database", database)) => place.database = decoded(&database.replace('+', " ")),
            _ => rest.push(pair),
        }
    }
    (place, (!rest.is_empty()).then(|| rest.join("&")))
}
