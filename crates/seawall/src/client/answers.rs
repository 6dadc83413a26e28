//! What the daemon lists, as the same values that a journal is asked for.

use std::collections::BTreeMap;

use journal::{Event, Millis, Openness, Parked, Seq, StreamInfo};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Client, Reply, encoded};
use crate::cli::Choice;
use crate::commands::parked::Aside;
use crate::commands::streams::{Row, Standing};
use crate::failure::RemoteFailure;
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
