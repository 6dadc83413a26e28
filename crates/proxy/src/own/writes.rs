//! Writes as somebody asks for them: what became of one, what is pending or parked, and all of it for elsewhere.

use std::collections::VecDeque;
use std::sync::Arc;

use http::{HeaderMap, Response, StatusCode};
use journal::{Event, Seq};
use serde_json::{Value, json};

use super::report::time;
use crate::answer::{self, error, json_answer};
use crate::body::Body;
use crate::core::{Core, Shared};
use crate::desk::Left;
use crate::entry::Entry;
use crate::id::AskedId;
use crate::lane::{Lane, LaneNumber};

/// Writes in one list, if nothing else is asked for, and at most.
const USUAL: usize = 100;
const MOST: usize = 10_000;
/// Bytes of an export. It is for looking and for moving a backlog that a person can look at; the journal itself is a
/// directory that can be copied.
const MOST_EXPORT: usize = 64 << 20;
/// Parked writes that are looked through.
const MOST_PARKED: usize = 100_000;

/// What a server has with a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Queued,
    Unknown,
    Parked(String),
    Dropped,
    Applied,
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Unknown => "unknown",
            Self::Parked(_) => "parked",
            Self::Dropped => "dropped",
            Self::Applied => "applied",
        }
    }
}

/// What each server has with a write, the primary first.
pub(crate) fn states(shared: &Shared, id: AskedId) -> Vec<(String, State)> {
    let lane = shared.lane(id.lane);
    let stream = lane.stream(&shared.journal).ok();
    let of = |(track, consumer): (usize, &journal::Consumer)| {
        let name =
            shared.upstreams.get(track).map_or_else(String::new, |upstream| upstream.name().to_owned());
        let name_of_stream = stream.map_or("", |stream| stream.name());
        let parked = consumer.parked(MOST_PARKED).into_iter();
        let mut parked = parked.filter(|parked| parked.seq == id.seq && parked.stream == name_of_stream);
        let state = if lane.owes(track, id.seq) {
            if lane.standing(track).doubt == Some(id.seq) { State::Unknown } else { State::Queued }
        } else if let Some(parked) = parked.next_back() {
            State::Parked(parked.reason)
        } else if shared.known.get(&dropped_key(id, track)).is_some() {
            State::Dropped
        } else {
            State::Applied
        };
        (name, state)
    };
    shared.consumers.iter().enumerate().map(of).collect()
}

/// Under which word it is known that a write was given up.
pub(crate) fn dropped_key(id: AskedId, track: usize) -> String {
    format!("seawall/dropped/{}/{}/{track}", id.lane.get(), id.seq)
}

/// The write of this name, if it is one of this journal.
pub(crate) fn find(shared: &Shared, id: &str) -> Option<AskedId> {
    let id: AskedId = id.parse().ok()?;
    let last = shared.lane(id.lane).standing(0).last;
    (id.is_of(shared.journal.id()) && id.seq <= last && id.seq >= Seq::FIRST).then_some(id)
}

/// What became of a write.
pub(crate) fn state(core: &Core, id: AskedId) -> Response<Body> {
    json_answer(StatusCode::OK, &told(&core.shared, id))
}

/// What became of a write, in the form in which it is told.
pub(crate) fn told(shared: &Shared, id: AskedId) -> Value {
    let states = states(shared, id);
    let word = states.first().map_or("unknown", |(_, state)| state.word());
    let upstreams: Vec<Value> = states
        .iter()
        .map(|(name, state)| match state {
            State::Parked(reason) => json!({"name": name, "state": state.word(), "reason": reason}),
            _ => json!({"name": name, "state": state.word()}),
        })
        .collect();
    json!({"id": shared.write_id(id.lane, id.seq), "state": word, "upstreams": upstreams})
}

/// A write of a list, and how it stands with one server.
struct Listed {
    lane: LaneNumber,
    upstream: String,
    reason: Option<String>,
    event: Event,
}

/// Which writes are listed.
pub(crate) struct Wanted {
    pub(crate) left: Left,
    pub(crate) upstream: Option<String>,
    pub(crate) most: usize,
    pub(crate) most_bytes: usize,
}

pub(crate) async fn list(core: &Arc<Core>, query: &str) -> Response<Body> {
    let of = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(have, _)| *have == name).map(|(_, value)| value.to_owned())
    };
    let left = match of("state").as_deref() {
        None | Some("pending") => Left::Pending,
        Some("parked") => Left::Parked,
        Some(_) => return bad_query("`state` is pending or parked"),
    };
    let most = match of("limit").map(|limit| limit.parse::<usize>()) {
        None => USUAL,
        Some(Ok(limit)) => limit.min(MOST),
        Some(Err(_)) => return bad_query("`limit` is a number"),
    };
    let wanted = Wanted { left, upstream: of("upstream"), most, most_bytes: usize::MAX };
    let shared = Arc::clone(&core.shared);
    match tokio::task::spawn_blocking(move || listed(&shared, &wanted)).await {
        Ok(lines) => json_answer(StatusCode::OK, &json!({"writes": Value::Array(lines)})),
        Err(_) => answer::no_upstream("the proxy is stopping"),
    }
}

/// Writes in the form in which they are listed.
pub(crate) fn listed(shared: &Shared, wanted: &Wanted) -> Vec<Value> {
    gather(shared, wanted).iter().map(|one| line(shared, one)).collect()
}

fn bad_query(message: &str) -> Response<Body> {
    let hint = "`state=pending|parked`, `upstream=NAME`, `limit=N`";
    error(StatusCode::BAD_REQUEST, "bad-query", (message, hint))
}

/// All that is pending or parked, one JSON object a line, with headers and bodies.
pub(crate) async fn export(core: &Arc<Core>) -> Response<Body> {
    let shared = Arc::clone(&core.shared);
    let gathered = tokio::task::spawn_blocking(move || {
        let mut lines = String::new();
        for left in [Left::Parked, Left::Pending] {
            let most_bytes = MOST_EXPORT.saturating_sub(lines.len());
            let wanted = Wanted { left, upstream: None, most: usize::MAX, most_bytes };
            for one in gather(&shared, &wanted) {
                lines += &with_content(line(&shared, &one), one.event).to_string();
                lines.push('\n');
            }
        }
        lines
    });
    match gathered.await {
        Ok(lines) => answer::text(StatusCode::OK, "application/x-ndjson", lines),
        Err(_) => answer::no_upstream("the proxy is stopping"),
    }
}

/// All of one write, pending or parked.
pub(crate) async fn content(core: &Arc<Core>, id: AskedId) -> Response<Body> {
    let shared = Arc::clone(&core.shared);
    let read = tokio::task::spawn_blocking(move || {
        let stream = shared.lane(id.lane).stream(&shared.journal).ok()?.clone();
        let mut found =
            shared.consumers.iter().filter_map(|consumer| consumer.read(&stream, id.seq).ok().flatten());
        let event = found.next()?;
        Some(with_content(json!({"id": shared.write_id(id.lane, id.seq)}), event))
    });
    match read.await {
        Ok(Some(content)) => json_answer(StatusCode::OK, &content),
        Ok(None) => {
            let message = "this write is on every server, so the journal does not hold it any more";
            error(StatusCode::GONE, "settled", (message, "/seawall/writes/{id} says what became of it"))
        }
        Err(_) => answer::no_upstream("the proxy is stopping"),
    }
}

fn gather(shared: &Shared, wanted: &Wanted) -> Vec<Listed> {
    let mut listed = Vec::new();
    let mut bytes = 0;
    for (track, consumer) in shared.consumers.iter().enumerate() {
        let Some(upstream) = shared.upstreams.get(track).map(|upstream| upstream.name()) else { continue };
        if wanted.upstream.as_deref().is_some_and(|wanted| wanted != upstream) {
            continue;
        }
        let mut add = |lane, reason, event: Event| {
            bytes += event.payload.len();
            if listed.len() >= wanted.most || bytes > wanted.most_bytes {
                return false;
            }
            listed.push(Listed { lane, upstream: upstream.to_owned(), reason, event });
            true
        };
        match wanted.left {
            Left::Pending => {
                for lane in shared.lanes().iter().filter(|lane| lane.standing(track).backlog > 0) {
                    let Ok(stream) = lane.stream(&shared.journal) else { continue };
                    let mut pending = consumer.pending(stream).filter_map(Result::ok);
                    if !pending
                        .by_ref()
                        .filter(|event| lane.owes(track, event.seq))
                        .all(|event| add(lane.number, None, event))
                    {
                        break;
                    }
                }
            }
            Left::Parked => {
                for (lane, seq, reason) in parked(shared, consumer) {
                    let Ok(stream) = lane.stream(&shared.journal) else { continue };
                    let Ok(Some(event)) = consumer.read(stream, seq) else { continue };
                    if !add(lane.number, Some(reason), event) {
                        break;
                    }
                }
            }
        }
    }
    listed
}

/// What a consumer has parked in the lanes of this proxy.
pub(crate) fn parked<'a>(
    shared: &'a Shared,
    consumer: &journal::Consumer,
) -> VecDeque<(&'a Lane, Seq, String)> {
    let prefix = LaneNumber::prefix(&shared.settings.name);
    let parked = consumer.parked(MOST_PARKED).into_iter();
    let found = parked.filter_map(|parked| {
        let number: u16 = parked.stream.strip_prefix(&prefix)?.parse().ok()?;
        Some((shared.lane(LaneNumber::new(number)?), parked.seq, parked.reason))
    });
    found.collect()
}

fn line(shared: &Shared, listed: &Listed) -> Value {
    let Listed { lane, upstream, reason, event } = listed;
    let entry = Entry::decode(event.payload.clone()).ok();
    let head = entry.as_ref().map(|entry| &entry.call.head);
    json!({
        "id": shared.write_id(*lane, event.seq),
        "upstream": upstream,
        "state": if reason.is_some() { "parked" } else { "queued" },
        "lane": entry.as_ref().map(|entry| entry.lane.as_str()),
        "method": head.map(|head| head.method.as_str()),
        "target": head.map(|head| head.target.as_str()),
        "time": time(event.time),
        "bytes": event.payload.len(),
        "reason": reason,
    })
}

/// Adds the headers and the body; one that is not text in base64.
fn with_content(mut line: Value, event: Event) -> Value {
    let (Ok(entry), Some(object)) = (Entry::decode(event.payload), line.as_object_mut()) else { return line };
    let head = &entry.call.head;
    object.insert("lane".to_owned(), json!(entry.lane.as_str()));
    object.insert("method".to_owned(), json!(head.method.as_str()));
    object.insert("target".to_owned(), json!(head.target.as_str()));
    object.insert("headers".to_owned(), headers(&head.headers));
    match std::str::from_utf8(&entry.call.body) {
        Ok(text) => object.insert("body".to_owned(), json!(text)),
        Err(_) => object.insert("body_base64".to_owned(), json!(base64(&entry.call.body))),
    };
    line
}

fn headers(headers: &HeaderMap) -> Value {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
    };
    Value::Array(headers.iter().map(pair).collect())
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| LETTERS.get(bits as usize & 63).map_or('=', |letter| char::from(*letter));
    let group = |bytes: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | bytes.get(at).copied().map_or(0, u32::from));
        let padded = |at: usize| if at <= bytes.len() { letter(bits >> (18 - 6 * at)) } else { '=' };
        (0..4).map(padded).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
