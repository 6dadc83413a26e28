//! What can be asked about the logs under watch.

use hyper::Method;

use super::classic::Question;
use crate::daemon::face::route::{self, Access, Field, Gives, Route, Takes, field};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon::face) enum Does {
    /// Something that is answered in the shapes of before.
    Classic(Question),
    List,
    Show,
    Forecast,
    Segments,
    Checkpoint,
    Restart,
    Scrub,
    Events,
}

const TARGET_QUERY: &[Field] = &[field("target", "string", "which log; without it the first one")];

const NO_TARGET: (u16, &str) = (404, "there is no such log under watch");

/// A route that only reads.
const fn get(
    path: &'static str,
    does: Does,
    summary: &'static str,
    (query, gives): (&'static [Field], Gives),
) -> Route {
    Route {
        method: Method::GET,
        path,
        access: Access::Read,
        takes: Takes::Nothing,
        does: route::Does::Targets(does),
        summary,
        query,
        headers: &[],
        gives,
        statuses: &[NO_TARGET],
    }
}

/// A route that has a checkpoint made.
const fn post(path: &'static str, does: Does, (query, gives): (&'static [Field], Gives)) -> Route {
    Route {
        method: Method::POST,
        path,
        access: Access::Change,
        takes: Takes::Nothing,
        does: route::Does::Targets(does),
        summary: "Makes a checkpoint, and answers when the log is smaller.",
        query,
        headers: &[],
        gives,
        statuses: &[
            NO_TARGET,
            (409, "one is being made, one was made not long ago, or nothing says how"),
            (502, "it was not made, or the log is no smaller"),
        ],
    }
}

/// Every route.
pub(in crate::daemon::face) static ROUTES: [Route; 12] = [
    get(
        "/wal-management/health",
        Does::Classic(Question::Health),
        "How a log is, in the shape of the WAL manager that came before.",
        (TARGET_QUERY, Gives::Object(HEALTH)),
    ),
    get(
        "/wal-management/checkpoint-status",
        Does::Classic(Question::Status),
        "Whether a checkpoint can be made now.",
        (TARGET_QUERY, Gives::Object(STATUS)),
    ),
    post(
        "/wal-management/checkpoint",
        Does::Classic(Question::Checkpoint),
        (TARGET_QUERY, Gives::Object(DONE)),
    ),
    get(
        "/wal-management/stats",
        Does::Classic(Question::Stats),
        "All of that, with the limits.",
        (TARGET_QUERY, Gives::Object(STATS)),
    ),
    get(
        "/api/v1/targets",
        Does::List,
        "The logs under watch, and all that is known about them.",
        (&[], Gives::Lines(TARGET)),
    ),
    get("/api/v1/targets/{name}", Does::Show, "One of them.", (&[], Gives::Object(TARGET))),
    post("/api/v1/targets/{name}/checkpoint", Does::Checkpoint, (&[], Gives::Object(OUTCOME))),
    Route {
        method: Method::POST,
        path: "/api/v1/targets/{name}/restart",
        access: Access::Change,
        takes: Takes::Nothing,
        does: route::Does::Targets(Does::Restart),
        summary: "Has the server of a log restarted, and answers when that has begun.",
        query: &[],
        headers: &[],
        gives: Gives::Object(BEGUN),
        statuses: &[
            NO_TARGET,
            (
                409,
                "nothing says how, its log is damaged or cannot be seen, or something is being done about it",
            ),
        ],
    },
    Route {
        method: Method::POST,
        path: "/api/v1/targets/{name}/scrub",
        access: Access::Change,
        takes: Takes::Nothing,
        does: route::Does::Targets(Does::Scrub),
        summary: "Has a log read in full in the background, now or as soon as others were, and does not wait for that.",
        query: &[],
        headers: &[],
        gives: Gives::Object(SCRUB),
        statuses: &[NO_TARGET, (409, "it is being read, or is no log")],
    },
    get(
        "/api/v1/targets/{name}/segments",
        Does::Segments,
        "The files of a log, listed now.",
        (
            &[field("limit", "integer", "how many; 10000 at most, which is the default")],
            Gives::Lines(SEGMENT),
        ),
    ),
    get(
        "/api/v1/targets/{name}/forecast",
        Does::Forecast,
        "What will become of a log; all is null where nothing supports a forecast.",
        (&[], Gives::Object(FORECAST)),
    ),
    Route {
        method: Method::GET,
        path: "/api/v1/events",
        access: Access::Read,
        takes: Takes::Nothing,
        does: route::Does::Targets(Does::Events),
        summary: "What happens to logs under watch, as it happens.",
        query: &[
            field("since", "integer", "only events behind this number; without it those that are to come"),
            field("target", "string", "only events of this log"),
        ],
        headers: &[field("Last-Event-ID", "integer", "the same as `since`, as browsers send it")],
        gives: Gives::Events(EVENT),
        statuses: &[(503, "too many are listening")],
    },
];

const HEALTH: &[Field] = &[
    field("fileCount", "integer|null", "files that a start has to read"),
    field("totalSizeGB", "number|null", "their size in units of 2^30 bytes"),
    field("lastCheckpoint", "string|null", "when a checkpoint last made it smaller"),
    field("healthStatus", "string", "`healthy`, `warning`, `critical` or `unknown`"),
    field("recommendations", "array", "what to do, in words"),
];

const STATUS: &[Field] = &[
    field("lastCheckpoint", "string|null", "when a checkpoint last made it smaller"),
    field("canTrigger", "boolean", "whether one would be made if it was asked for"),
    field("cooldownRemaining", "integer", "milliseconds until then"),
    field("isProcessing", "boolean", "whether one is being made"),
];

const DONE: &[Field] = &[
    field("success", "boolean", "true"),
    field("timestamp", "string", "when it was done"),
    field("message", "string", "what has become of the log"),
];

const STATS: &[Field] = &[
    field("fileCount", "integer|null", "as above"),
    field("totalSizeGB", "number|null", "as above"),
    field("lastCheckpoint", "string|null", "as above"),
    field("healthStatus", "string", "as above"),
    field("recommendations", "array", "as above"),
    field("checkpointStatus", "object", "as `/wal-management/checkpoint-status` has it"),
    field(
        "systemInfo",
        "object",
        "`maxWALFiles`, `maxWALSizeGB`, `checkpointCooldownMs`; null where there is none",
    ),
];

const TARGET: &[Field] = &[
    field("id", "string", "its name"),
    field("path", "string", "where it lies"),
    field("format", "string|null", "what lies there, once it was recognised; null for any files"),
    field("health", "string", "`healthy`, `warning`, `critical` or `unknown`"),
    field("reasons", "array", "why, in words, the worst first"),
    field("blockers", "array", "why it is not reclaimed, in words"),
    field("looked", "string|null", "when it was looked at"),
    field("files", "integer|null", "files that a start has to read"),
    field("bytes", "integer|null", "their bytes"),
    field("oldest_age_seconds", "integer|null", "the age of the oldest of them"),
    field(
        "replay",
        "object|null",
        "what a start replays where that is less than the files: `count` and `unit`",
    ),
    field("estimate", "object|null", "`replay_seconds` and `memory_bytes` of the next start"),
    field("free_bytes", "integer|null", "room that is left on its file system"),
    field("limits", "object", "`warning` and `critical`, each with the limits in force"),
    field(
        "server",
        "object|null",
        "what its server says where it is asked: Prometheus whether it is `ready` and `answers`, PostgreSQL what keeps its log",
    ),
    field("forecast", "object|null", "as the route of the forecast has it"),
    field(
        "damage",
        "array|null",
        "what reading it in full has found: `file`, `start`, `end`, `cause`, `lost`; the first 100; null before that was done",
    ),
    field(
        "scrub",
        "object|null",
        "how it is read in full, the pass that runs and the last one; null for any files",
    ),
    field(
        "checkpoint",
        "object|null",
        "how it is checkpointed, the last one, and what became of all; null if nothing says how",
    ),
    field("restart", "object|null", "the same of restarts of its server"),
];

const FORECAST: &[Field] = &[
    field("id", "string", "the log's name"),
    field("growth_bytes_per_second", "number|null", "how fast it grows"),
    field("watched_seconds", "number|null", "how long it was watched for that: since it last became smaller"),
    field("confidence", "string|null", "`good` where it grows steadily, `fair` where it does on the whole"),
    field(
        "warning",
        "object|null",
        "when it is worth attention: `seconds`, `soonest_seconds`, `latest_seconds`",
    ),
    field("critical", "object|null", "when it is in danger"),
    field("full", "object|null", "when its file system is full by it"),
];

const SEGMENT: &[Field] = &[
    field("name", "string", "its path below the log"),
    field("role", "string", "what it is for; see the roles"),
    field("bytes", "integer", "its length"),
    field("modified", "string|null", "when it was last written"),
    field("damage", "array|null", "its damage as above; null where it was not read in full as it is now"),
];

const SCRUB: &[Field] =
    &[field("id", "string", "the log's name"), field("scrub", "object", "as the route of the log has it")];

const OUTCOME: &[Field] = &[
    field("id", "string", "the log's name"),
    field("outcome", "string", "`effective`, or `idle` where there was nothing to checkpoint"),
    field("message", "string", "the same in words"),
    field("freed_bytes", "integer", "by how much the log is smaller"),
    field("freed_replay", "integer", "how much less a start replays"),
];

const BEGUN: &[Field] = &[
    field("id", "string", "the log's name"),
    field(
        "state",
        "string",
        "`begun`: the event `wal.restart` says what becomes of it, and `restart` of the target",
    ),
    field("way", "string", "`docker`, `systemd` or `command`"),
];

const EVENT: &[Field] = &[
    field("seq", "integer", "its number"),
    field("time", "string", "when"),
    field(
        "event",
        "string",
        "`wal.health`, `wal.damage`, `wal.mended`, `wal.checkpoint_begun`, `wal.checkpoint`, `wal.restart_consideration`, `wal.restart_begun`, `wal.restart`, `wal.forecast`",
    ),
    field("target", "string", "to which log"),
    field("details", "object", "what happened"),
];
