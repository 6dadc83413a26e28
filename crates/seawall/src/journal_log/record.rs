//! What a frame says, field by field.

use std::borrow::Cow;
use std::collections::HashMap;

use formats::{Record, TimeRange, UnixTime, Value};
use journal::format::{Entry, Head, LostTo, More, Record as Said, Settling, Start, for_each_entry};
use journal::reader::Summary;
use journal::{ConsumerNumber, Span, StreamNumber};

/// How much of a frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Its kind and its time.
    Counts,
    /// All that it says.
    Fields,
}

/// Bytes of a payload up to which it is shown as the JSON that it is. A list of numbers takes some thirty times its
/// size in memory; a longer payload is shown as text.
const MOST_JSON: usize = 1 << 20;

/// Bytes of names that are remembered, as many as a million streams with long names have.
const MOST_NAMES: usize = 256 << 20;

/// What streams and consumers are called, as far as that was read.
#[derive(Debug, Default)]
pub(super) struct Names {
    streams: HashMap<StreamNumber, String>,
    consumers: HashMap<ConsumerNumber, String>,
    bytes: usize,
}

impl Names {
    /// Takes the names in that are known at the end of the journal: frames that gave them may be gone.
    pub(super) fn learn_all(&mut self, summary: &Summary) {
        summary.streams.iter().for_each(|known| self.stream(known.number, &known.name));
        summary.consumers.iter().for_each(|known| self.consumer(known.number, &known.name));
    }

    fn stream(&mut self, number: StreamNumber, name: &str) {
        if self.holds(name) {
            self.streams.insert(number, name.to_owned());
        }
    }

    fn consumer(&mut self, number: ConsumerNumber, name: &str) {
        if self.holds(name) {
            self.consumers.insert(number, name.to_owned());
        }
    }

    fn holds(&mut self, name: &str) -> bool {
        self.bytes = self.bytes.saturating_add(name.len() + 64);
        self.bytes <= MOST_NAMES
    }

    /// Takes the names in that a frame gives.
    fn learn(&mut self, said: &Said<'_>) {
        match said {
            Said::Opened { stream, name } => self.stream(*stream, name),
            Said::Registered { consumer, name, .. } => self.consumer(*consumer, name),
            Said::Index { entries, .. } => {
                let learn = |entry: Entry<'_>| match entry {
                    Entry::Stream(number, _, _, name) => self.stream(number, name),
                    Entry::Consumer(number, _, name) => self.consumer(number, name),
                    _ => {}
                };
                // What is behind an entry that cannot be is not a name.
                for_each_entry(entries, learn).unwrap_or(());
            }
            _ => {}
        }
    }
}

/// A frame as a record.
pub(super) fn record((head, said): (&Head, &Said<'_>), detail: Detail, names: &mut Names) -> Record {
    let time = UnixTime::from_millis(head.time.get());
    let mut record = Record::new(kind(said));
    record.times = Some(TimeRange::at(time));
    record.samples = u64::from(matches!(said, Said::Event { .. }));
    if detail == Detail::Counts {
        return record;
    }
    names.learn(said);
    let mut record = record.with("lsn", head.lsn.get()).with("time", Value::Time(time));
    if said.stream() != StreamNumber::NONE {
        let name = names.streams.get(&said.stream()).map_or(Value::Null, |name| Value::Text(name.clone()));
        record = record.with("stream", name).with("stream_number", said.stream().get());
    }
    content(record, said, names)
}

fn kind(said: &Said<'_>) -> &'static str {
    match said {
        Said::Opened { .. } => "opened",
        Said::Event { .. } => "event",
        Said::Closed(_) => "closed",
        Said::Registered { .. } => "registered",
        Said::Unregistered(_) => "unregistered",
        Said::Settled { .. } => "settled",
        Said::Carried { .. } => "carried",
        Said::Lost { .. } => "lost",
        Said::Index { .. } => "index",
        Said::Mark => "mark",
    }
}

fn content(record: Record, said: &Said<'_>, names: &Names) -> Record {
    let consumer = |record: Record, number: &ConsumerNumber| {
        let name = names.consumers.get(number).map_or(Value::Null, |name| Value::Text(name.clone()));
        record.with("consumer", name).with("consumer_number", number.get())
    };
    match said {
        Said::Opened { .. } | Said::Closed(_) | Said::Mark => record,
        Said::Event { seq, payload, .. } | Said::Carried { seq, payload, .. } => {
            record.with("seq", seq.get()).with("payload", shown(payload))
        }
        Said::Registered { consumer: number, start, prefix, .. } => {
            let begins = match start {
                Start::Oldest => "oldest",
                Start::Newest => "newest",
            };
            consumer(record, number).with("begins", begins).with("prefix", *prefix)
        }
        Said::Unregistered(number) => consumer(record, number),
        Said::Settled { consumer: number, settling, spans, .. } => {
            let (outcome, reason) = match settling {
                Settling::Delivered => ("delivered", None),
                Settling::Parked(reason) => ("parked", Some(*reason)),
                Settling::Requeued => ("requeued", None),
                Settling::Dropped => ("dropped", None),
            };
            let record = consumer(record, number).with("outcome", outcome).with("ranges", ranges(spans));
            reason.map_or(record.clone(), |reason| record.with("reason", reason))
        }
        Said::Lost { to, spans, .. } => {
            let to = match to {
                LostTo::Damage => "damage",
                LostTo::Budget => "budget",
            };
            record.with("to", to).with("ranges", ranges(spans))
        }
        Said::Index { part, more, entries } => {
            let record = record.with("part", *part).with("last", *more == More::Ends);
            record.with("bytes", entries.len() as u64)
        }
    }
}

fn ranges(spans: &[Span]) -> Value {
    let range =
        |span: &Span| Value::map([("first", span.first().get().into()), ("last", span.last().get().into())]);
    Value::List(spans.iter().map(range).collect())
}

/// A payload as the JSON that it is, or as text, or as bytes. Numbers and words alone stay text.
fn shown(payload: &[u8]) -> Value {
    let may_be_json =
        payload.trim_ascii_start().starts_with(b"{") || payload.trim_ascii_start().starts_with(b"[");
    if may_be_json
        && payload.len() <= MOST_JSON
        && let Ok(value) = serde_json::from_slice(payload)
    {
        return json(value);
    }
    Value::text_or_bytes(payload)
}

fn json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Value::Unsigned(number),
            (None, Some(number), _) => Value::Signed(number),
            (None, None, number) => number.map_or(Value::Null, Value::Float),
        },
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(json).collect()),
        serde_json::Value::Object(fields) => {
            Value::Map(fields.into_iter().map(|(name, value)| (Cow::Owned(name), json(value))).collect())
        }
    }
}
