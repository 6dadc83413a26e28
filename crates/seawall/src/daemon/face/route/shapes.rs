//! The fields of good answers.

use super::{Field, field};

pub(super) const CONSUMER: &[Field] = &[
    field("id", "string", "the consumer's name"),
    field("pending", "integer", "events that it has not settled"),
    field("parked", "integer", "events that it has put aside"),
];

pub(super) const UNREGISTERED: &[Field] = &[
    field("id", "string", "the consumer"),
    field("action", "string", "`drop`"),
    field("export", "string|null", "the file that its events were written to, if there were any"),
];

pub(super) const REQUEUED_SOME: &[Field] =
    &[field("action", "string", "`requeue`"), field("events", "integer", "how many")];

pub(super) const DROPPED_SOME: &[Field] = &[
    field("action", "string", "`drop`"),
    field("events", "integer", "how many"),
    field("export", "string", "the file that they were written to"),
];

pub(super) const PARKED: &[Field] = &[
    field("id", "string", "what the other routes call it"),
    field("consumer", "string", "who has parked it"),
    field("stream", "string", "its stream"),
    field("seq", "integer", "its number there"),
    field("since", "string|null", "when it was parked"),
    field("reason", "string|null", "why"),
];

pub(super) const REQUEUED: &[Field] =
    &[field("id", "string", "the event"), field("action", "string", "`requeue`")];

pub(super) const DROPPED: &[Field] = &[
    field("id", "string", "the event"),
    field("action", "string", "`drop`"),
    field("export", "string", "the file that it was written to"),
];

pub(super) const READY: &[Field] = &[
    field("ready", "boolean", "whether events are taken"),
    field("reasons", "array", "what keeps it from it, in words"),
    field("waiting", "array", "which ships wait and why, in words; that keeps no event from being taken"),
];

pub(super) const STREAM: &[Field] = &[
    field("id", "string", "the stream's name"),
    field("state", "string", "`open` or `closed`"),
    field("last", "integer|null", "the number of its newest event"),
    field("live", "integer", "events that somebody may still ask for"),
    field("consumers", "array", "objects with `name`, `pending` and `parked`"),
];

pub(super) const APPENDED: &[Field] = &[
    field("stream", "string", "the stream's name"),
    field("first", "integer", "the number of the first event"),
    field("last", "integer", "the number of the last one"),
];

pub(super) const CLOSED: &[Field] = &[
    field("stream", "string", "the stream's name"),
    field("state", "string", "`closed`"),
    field("last", "integer|null", "the number of its newest event"),
    field("applied", "boolean", "whether it was open before"),
];

pub(super) const SHIP: &[Field] = &[
    field("id", "string", "its name, which its consumer has too"),
    field("place", "string", "where it delivers to"),
    field(
        "state",
        "string",
        "`delivering`, `held` when streams wait by themselves, or `waiting` when all wait for the server",
    ),
    field("cause", "string|null", "why all streams wait"),
    field("pending", "integer|null", "events that it has not delivered"),
    field("parked", "integer|null", "events that it has put aside"),
    field(
        "oldest_pending_seconds",
        "number|null",
        "how long ago the oldest of those came that are not delivered",
    ),
    field("in_flight", "integer", "requests on their way"),
    field(
        "waiting",
        "array",
        "streams that wait by themselves, with `stream` and `cause`; the first 100 by name",
    ),
    field("waiting_count", "integer", "how many there are"),
    field(
        "waiting_seconds",
        "number|null",
        "how long it has waited: all streams for the server, or the one that waits longest",
    ),
    field("blocked_count", "integer", "streams that wait for an event that the server refuses"),
    field("delivered", "integer", "events that the server has said it has, since the start"),
    field("requests", "integer", "requests that were made"),
    field("retries", "integer", "of those, with a batch that had been sent before"),
    field("refused", "integer", "of those, answered by refusing the batch"),
];

pub(super) const LEFT: &[Field] = &[
    field("id", "string", "its id"),
    field("proxy", "string", "the proxy that has it"),
    field("upstream", "string", "the server that lacks it"),
    field("state", "string", "`queued` or `parked`"),
    field("lane", "string|null", "the lane that it was written in"),
    field("method", "string|null", "its method"),
    field("target", "string|null", "its path and query"),
    field("time", "string|null", "when it came"),
    field("bytes", "integer", "what it takes in the journal"),
    field("reason", "string|null", "why it was put aside, if it was"),
];

pub(super) const WRITE: &[Field] = &[
    field("id", "string", "its id"),
    field("proxy", "string", "the proxy that has it"),
    field("state", "string", "`queued`, `unknown`, `applied`, `parked` or `dropped`: that of the primary"),
    field("upstreams", "array", "objects with `name`, `state` and, where it was put aside, `reason`"),
];

pub(super) const ARCHIVE: &[Field] = &[
    field("id", "string", "the name of the file"),
    field("stream", "string", "the stream"),
    field("bytes", "integer", "the size of the file"),
    field("events", "integer|null", "how many events are in it"),
    field("made", "string|null", "when it was made"),
];

pub(super) const ARCHIVED: &[Field] = &[
    field("id", "string", "the name of the file"),
    field("stream", "string", "the stream"),
    field("bytes", "integer", "the size of the file"),
    field("events", "integer|null", "how many events are in it"),
    field("made", "string|null", "when it was made"),
    field("damaged", "array", "numbers of events that are not in it, since they are damaged"),
];

pub(super) const REMOVED: &[Field] = &[
    field("action", "string", "`cleanup`"),
    field("archives", "array", "names of the files"),
    field("bytes", "integer", "their size together"),
];

pub(super) const IMPORT: &[Field] = &[
    field("id", "string", "its name"),
    field("records", "integer", "records that are in the journal for certain"),
    field("sum", "string", "their sum, hexadecimal"),
    field("beyond", "integer", "records behind these that a batch was to append, and may have before a kill"),
    field(
        "copy",
        "boolean|null",
        "whether what the query says was all that was there once; null without that",
    ),
    field("max_event", "integer", "bytes of a record at most"),
];

pub(super) const IMPORTED: &[Field] = &[
    field("id", "string", "its name"),
    field("stream", "string", "where the records go"),
    field("records", "integer", "records of the import that are in the journal now"),
    field("already", "integer", "of those that came, how many were there before"),
    field("imported", "integer", "how many were appended"),
];

pub(super) const MARK: &[Field] = &[
    field("id", "string", "what the stream is called here: 16 hexadecimal digits"),
    field("done", "integer", "the number of its last event that was dealt with"),
];
