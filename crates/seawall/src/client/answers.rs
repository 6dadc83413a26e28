//! What the daemon lists, as the same values that a journal is asked for.

use std::collections::BTreeMap;

use hyper::Method;
use journal::archive::{Archive, Archived, Level};
use journal::{Event, Millis, Openness, Parked, Seq, StreamInfo};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Ask, Client, Reply, encoded};
use crate::cli::Choice;
use crate::commands::parked::Aside;
use crate::commands::streams::{Row, Standing};
use crate::failure::{Failure, RemoteFailure, Told};
use crate::journals::payloads;
use crate::times;

/// Lines that are asked for at once; the daemon gives no more.
const PAGE: usize = 10_000;

#[derive(Deserialize)]
struct StreamLine {
    id: String,
    state: String,
    last: Option<u64>,
    live: u64,
    consumers: Vec<ConsumerLine>,
}

#[derive(Deserialize)]
struct ConsumerLine {
    #[serde(alias = "id")]
    name: String,
    pending: u64,
    parked: u64,
}

#[derive(Deserialize)]
struct ParkedLine {
    consumer: String,
    stream: String,
    seq: u64,
    since: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct ArchiveLine {
    id: String,
    stream: String,
    bytes: u64,
    events: Option<u64>,
    made: Option<String>,
    #[serde(default)]
    damaged: Vec<u64>,
}

/// A line of what is archived while one waits: an archive, or why there are no more.
#[derive(Deserialize)]
#[serde(untagged)]
enum Making {
    Failed { error: Told },
    Made(ArchiveLine),
}

#[derive(Deserialize)]
struct MarkLine {
    id: String,
    done: u64,
}

impl From<ArchiveLine> for Archive {
    fn from(line: ArchiveLine) -> Self {
        let made = line.made.as_deref().map(|made| millis(Some(made)));
        Self { name: line.id, bytes: line.bytes, made, events: line.events }
    }
}

impl From<StreamLine> for Row {
    fn from(line: StreamLine) -> Self {
        let openness = if line.state == "closed" { Openness::Closed } else { Openness::Open };
        let info = StreamInfo { name: line.id, openness, last: line.last.map(Seq::new), live: line.live };
        Self { info, standings: line.consumers.into_iter().map(Standing::from).collect() }
    }
}

impl From<ConsumerLine> for Standing {
    fn from(line: ConsumerLine) -> Self {
        Self { consumer: line.name, pending: line.pending, parked: line.parked }
    }
}

impl From<ParkedLine> for Aside {
    fn from(line: ParkedLine) -> Self {
        let (since, reason) = (millis(line.since.as_deref()), line.reason.unwrap_or_default());
        let event = Parked { stream: line.stream, seq: Seq::new(line.seq), since, reason };
        Self { consumer: line.consumer, event }
    }
}

fn millis(time: Option<&str>) -> Millis {
    Millis::new(time.and_then(times::millis).unwrap_or_default())
}

/// Every stream, by name.
pub(crate) fn streams(client: &mut Client) -> Result<Vec<Row>, RemoteFailure> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map_or(String::new(), |row| encoded(&row.info.name));
        let page: Vec<StreamLine> = lines(client, &format!("/v1/streams?limit={PAGE}&after={after}"))?;
        let count = page.len();
        rows.extend(page.into_iter().map(Row::from));
        if count < PAGE {
            return Ok(rows);
        }
    }
}

/// Every consumer, by name.
pub(crate) fn consumers(client: &mut Client) -> Result<Vec<Standing>, RemoteFailure> {
    let all: Vec<ConsumerLine> = lines(client, "/api/v1/consumers")?;
    Ok(all.into_iter().map(Standing::from).collect())
}

/// The parked events that were chosen, by consumer, stream and number.
pub(crate) fn asides(client: &mut Client, choice: &Choice) -> Result<Vec<Aside>, RemoteFailure> {
    let chosen = [("consumer", &choice.consumer), ("stream", &choice.stream)];
    let chosen =
        chosen.iter().filter_map(|(name, value)| Some(format!("&{name}={}", encoded(value.as_ref()?))));
    let query = format!("/api/v1/parked?limit={PAGE}{}", chosen.collect::<String>());
    // Events are parked and settled meanwhile: what is told twice is one.
    let mut all: BTreeMap<(String, String, Seq), Aside> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page: Vec<ParkedLine> = lines(client, &format!("{query}{after}"))?;
        let count = page.len();
        for aside in page.into_iter().map(Aside::from) {
            after = format!("&after={}", encoded(&aside.place().id()));
            let key = (aside.consumer.clone(), aside.event.stream.clone(), aside.event.seq);
            all.insert(key, aside);
        }
        if count < PAGE {
            return Ok(all.into_values().collect());
        }
    }
}

/// What is in a parked event; nothing if it is damaged.
pub(crate) fn event(client: &mut Client, aside: &Aside) -> Result<Option<Event>, RemoteFailure> {
    let reply = client.get(&format!("/api/v1/parked/{}", encoded(&aside.place().id())))?;
    let object: Map<String, Value> = parsed(client, &reply.body)?;
    let time = millis(object.get("time").and_then(Value::as_str));
    Ok(payloads::read(&object).map(|payload| Event { seq: aside.event.seq, time, payload }))
}

/// The archives, by name.
pub(crate) fn archives(client: &mut Client) -> Result<Vec<Archive>, RemoteFailure> {
    let all: Vec<ArchiveLine> = lines(client, "/api/v1/archives")?;
    Ok(all.into_iter().map(Archive::from).collect())
}

/// Has every closed stream archived, and hands out each archive once it is there.
pub(crate) fn archived(
    client: &mut Client,
    level: Option<Level>,
    each: &mut dyn FnMut(Archived) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let query = level.map_or(String::new(), |level| format!("?level={}", level.get()));
    let ask = Ask::new(Method::POST, format!("/api/v1/archives/run{query}"));
    let (odd, mut rest) = (client.place().to_string(), Vec::new());
    client.follow(&ask, &mut |part| {
        rest.extend_from_slice(part);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            // It says by an empty one that it is at work.
            if line.trim_ascii().is_empty() {
                continue;
            }
            let made = serde_json::from_slice(&line)
                .map_err(|error| RemoteFailure::Odd { place: odd.clone(), what: error.to_string() })?;
            match made {
                Making::Failed { error } => return Err(RemoteFailure::Refused(error).into()),
                Making::Made(mut line) => {
                    let damaged = std::mem::take(&mut line.damaged).into_iter().map(Seq::new).collect();
                    let stream = line.stream.clone();
                    each(Archived { stream, archive: line.into(), damaged })?;
                }
            }
        }
        Ok(())
    })
}

/// What stands for an event of a stream.
pub(crate) enum Found {
    /// It, and what the key of every event of its stream begins with.
    Event(Event, String),
    /// It is damaged.
    Damaged(Seq),
}

/// The next events of a stream from a number on; none where it has no more.
pub(crate) fn events(client: &mut Client, stream: &str, from: Seq) -> Result<Vec<Found>, RemoteFailure> {
    let path = format!("/v1/streams/{}/events?from={from}", encoded(stream));
    let all: Vec<Map<String, Value>> = lines(client, &path)?;
    let found = |object: Map<String, Value>| {
        let seq = Seq::new(object.get("seq").and_then(Value::as_u64)?);
        let time = millis(object.get("time").and_then(Value::as_str));
        let key = object.get("key").and_then(Value::as_str).and_then(|key| key.rsplit_once('-'));
        match payloads::read(&object) {
            Some(payload) => Some(Found::Event(Event { seq, time, payload }, key?.0.to_owned())),
            None => Some(Found::Damaged(seq)),
        }
    };
    let all: Option<Vec<Found>> = all.into_iter().map(found).collect();
    all.ok_or_else(|| client.odd("a line is no event"))
}

/// How far the streams of a replay are.
pub(crate) fn marks(client: &mut Client, replay: &str) -> Result<Vec<(u64, u64)>, RemoteFailure> {
    let all: Vec<MarkLine> = lines(client, &format!("/api/v1/replays/{replay}"))?;
    Ok(all
        .into_iter()
        .filter_map(|line| Some((u64::from_str_radix(&line.id, 16).ok()?, line.done)))
        .collect())
}

fn lines<T: for<'a> Deserialize<'a>>(client: &mut Client, path: &str) -> Result<Vec<T>, RemoteFailure> {
    let Reply { body, .. } = client.get(path)?;
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| parsed(client, line))
        .collect()
}

fn parsed<T: for<'a> Deserialize<'a>>(client: &Client, text: &[u8]) -> Result<T, RemoteFailure> {
    serde_json::from_slice(text).map_err(|error| client.odd(&error.to_string()))
}
