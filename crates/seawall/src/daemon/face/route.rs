//! The one list of what can be asked.

mod finding;
mod past;
mod shapes;

use hyper::Method;

use super::targets;
pub(super) use finding::{Found, decoded, find};
use shapes::{
    APPENDED, CLOSED, CONSUMER, DROPPED, DROPPED_SOME, LEFT, PARKED, READY, REQUEUED, REQUEUED_SOME, SHIP,
    STREAM, UNREGISTERED, WRITE,
};

/// Something that can be asked.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// The path; a segment in braces stands for anything.
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) takes: Takes,
    pub(super) does: Does,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// Names in the query.
    pub(super) query: &'static [Field],
    /// Headers that are read.
    pub(super) headers: &'static [Field],
    /// Fields of a good answer, or of each of its lines.
    pub(super) gives: Gives,
    /// Statuses that only this route answers with, beside those of all.
    pub(super) statuses: &'static [(u16, &'static str)],
}

/// A name with its meaning.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// `string`, `integer`, `number`, `boolean`, `object`, `array`, or one of them with `|null`.
    pub(super) kind: &'static str,
    pub(super) about: &'static str,
}

/// The form of a good answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gives {
    /// One JSON object with these fields.
    Object(&'static [Field]),
    /// A JSON object with these fields in each line.
    Lines(&'static [Field]),
    /// JSON of a form that is described elsewhere.
    Json,
    /// A JSON object of a form that is described elsewhere in each line.
    JsonLines,
    /// A file, of this type.
    File(&'static str),
    /// Server-sent events, each with a JSON object of these fields.
    Events(&'static [Field]),
    /// Text.
    Text,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everyone, always: what keeps the daemon alive.
    Open,
    /// Who may read.
    Read,
    /// Who may change.
    Change,
}

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing; one that is sent is refused if it is large, and else ignored.
    Nothing,
    /// Events.
    Events,
    /// A JSON object with ids of what is listed.
    Ids,
    /// Records, a line for each.
    Records,
    /// A JSON object with an id, and up to which event it is done.
    Mark,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Livez,
    Readyz,
    Metrics,
    Openapi,
    ListStreams,
    Append,
    Close,
    ListShips,
    ListParked,
    ShowParked,
    Requeue,
    GiveUp,
    RequeueSome,
    GiveUpSome,
    ListConsumers,
    Unregister,
    ListWrites,
    ShowWrite,
    ReadEvents,
    RunArchives,
    ListArchives,
    HandOutArchive,
    RemoveArchives,
    ShowImport,
    Import,
    ShowReplay,
    NoteReplay,
    Targets(targets::Does),
}

pub(super) const fn field(name: &'static str, kind: &'static str, about: &'static str) -> Field {
    Field { name, kind, about }
}

/// Every route: each part of the daemon has a list of its own.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    [&OWN[..], &past::ROUTES[..], &targets::ROUTES[..]].into_iter().flatten()
}

/// Those about the daemon itself and its journal.
static OWN: [Route; 18] = [
    Route {
        method: Method::GET,
        path: "/livez",
        access: Access::Open,
        takes: Takes::Nothing,
        does: Does::Livez,
        summary: "Whether the daemon answers at all.",
        query: &[],
        headers: &[],
        gives: Gives::Text,
        statuses: &[],
    },
    Route {
        method: Method::GET,
        path: "/readyz",
        access: Access::Open,
        takes: Takes::Nothing,
        does: Does::Readyz,
        summary: "Whether the daemon takes events, and what keeps it from it.",
        query: &[],
        headers: &[],
        gives: Gives::Object(READY),
        statuses: &[(503, "it does not; the same fields say why")],
    },
    Route {
        method: Method::GET,
        path: "/metrics",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::Metrics,
        summary: "Figures in Prometheus' text format.",
        query: &[],
        headers: &[],
        gives: Gives::Text,
        statuses: &[],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/openapi.json",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::Openapi,
        summary: "This document.",
        query: &[],
        headers: &[],
        gives: Gives::Json,
        statuses: &[],
    },
    Route {
        method: Method::GET,
        path: "/v1/streams",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ListStreams,
        summary: "Streams that are open or have events left, by name.",
        query: &[
            field("prefix", "string", "only those whose names begin so"),
            field("after", "string", "only those behind this name: the last one of the page before"),
            field("limit", "integer", "how many; 10000 at most, which is the default"),
        ],
        headers: &[],
        gives: Gives::Lines(STREAM),
        statuses: &[],
    },
    Route {
        method: Method::POST,
        path: "/v1/streams/{stream}/events",
        access: Access::Change,
        takes: Takes::Events,
        does: Does::Append,
        summary: "Appends events. It is answered once they are synced to the disk.",
        query: &[],
        headers: &[field(
            "Idempotency-Key",
            "string",
            "up to 255 visible ASCII letters; a second request with the same key and body is answered as the first was",
        )],
        gives: Gives::Object(APPENDED),
        statuses: &[
            (409, "the stream is closed, or a request with this key is not finished"),
            (422, "the key came with another body before"),
            (507, "the disk or the journal's budget is full"),
        ],
    },
    Route {
        method: Method::POST,
        path: "/v1/streams/{stream}/close",
        access: Access::Change,
        takes: Takes::Nothing,
        does: Does::Close,
        summary: "Closes a stream. It is archived then, and its name may be used again.",
        query: &[],
        headers: &[],
        gives: Gives::Object(CLOSED),
        statuses: &[(404, "there is no such stream")],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/ships",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ListShips,
        summary: "Ships: where each delivers to, what waits, and why.",
        query: &[],
        headers: &[],
        gives: Gives::Lines(SHIP),
        statuses: &[],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/parked",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ListParked,
        summary: "Events that consumers have put aside.",
        query: &[
            field("consumer", "string", "only what this consumer has parked"),
            field("stream", "string", "only events of this stream"),
            field("after", "string", "only those behind this id: the last one of the page before"),
            field("limit", "integer", "how many; 10000 at most, which is the default"),
        ],
        headers: &[],
        gives: Gives::Lines(PARKED),
        statuses: &[(404, "there is no such consumer or stream")],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/parked/{id}",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ShowParked,
        summary: "A parked event with what is in it, under `data`, `text`, `base64`, or `damaged`.",
        query: &[],
        headers: &[],
        gives: Gives::Json,
        statuses: &[(404, "no event of this id is parked")],
    },
    Route {
        method: Method::POST,
        path: "/api/v1/parked/{id}/requeue",
        access: Access::Change,
        takes: Takes::Nothing,
        does: Does::Requeue,
        summary: "Delivers a parked event again, in its place.",
        query: &[],
        headers: &[],
        gives: Gives::Object(REQUEUED),
        statuses: &[(404, "no event of this id is parked")],
    },
    Route {
        method: Method::DELETE,
        path: "/api/v1/parked/{id}",
        access: Access::Change,
        takes: Takes::Nothing,
        does: Does::GiveUp,
        summary: "Gives a parked event up, after writing it to a file that `seawall import` reads.",
        query: &[],
        headers: &[],
        gives: Gives::Object(DROPPED),
        statuses: &[(404, "no event of this id is parked")],
    },
    Route {
        method: Method::POST,
        path: "/api/v1/parked/requeue",
        access: Access::Change,
        takes: Takes::Ids,
        does: Does::RequeueSome,
        summary: "Delivers parked events again, each in its place.",
        query: &[],
        headers: &[],
        gives: Gives::Object(REQUEUED_SOME),
        statuses: &[(404, "no event of one of these ids is parked; nothing was done")],
    },
    Route {
        method: Method::POST,
        path: "/api/v1/parked/drop",
        access: Access::Change,
        takes: Takes::Ids,
        does: Does::GiveUpSome,
        summary: "Gives parked events up, after writing them to one file that `seawall import` reads.",
        query: &[],
        headers: &[],
        gives: Gives::Object(DROPPED_SOME),
        statuses: &[(404, "no event of one of these ids is parked; nothing was done")],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/consumers",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ListConsumers,
        summary: "Those who read the journal, by name.",
        query: &[],
        headers: &[],
        gives: Gives::Lines(CONSUMER),
        statuses: &[],
    },
    Route {
        method: Method::DELETE,
        path: "/api/v1/consumers/{consumer}",
        access: Access::Change,
        takes: Takes::Nothing,
        does: Does::Unregister,
        summary: "Unregisters a consumer, after writing to a file what could be gone with it.",
        query: &[],
        headers: &[],
        gives: Gives::Object(UNREGISTERED),
        statuses: &[(404, "there is no such consumer")],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/writes",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ListWrites,
        summary: "Writes of the proxies that are left, a line for each server that lacks one.",
        query: &[
            field("state", "string", "`pending`, which is the default, or `parked`"),
            field("proxy", "string", "only those of this proxy"),
            field("upstream", "string", "only those that this server lacks"),
            field("limit", "integer", "how many; 10000 at most, which is the default"),
        ],
        headers: &[],
        gives: Gives::Lines(LEFT),
        statuses: &[(404, "there is no such proxy")],
    },
    Route {
        method: Method::GET,
        path: "/api/v1/writes/{id}",
        access: Access::Read,
        takes: Takes::Nothing,
        does: Does::ShowWrite,
        summary: "What became of a write that a proxy has journaled.",
        query: &[],
        headers: &[],
        gives: Gives::Object(WRITE),
        statuses: &[(404, "no proxy has a write of this id")],
    },
];
