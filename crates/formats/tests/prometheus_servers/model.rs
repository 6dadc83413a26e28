//! What a log holds and what a server serves, in the same terms, so that the two can be compared sample by sample.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use formats::{
    Body, Damage, Depth, Entry, Log, Note, Order, Record, Role, Survey, UnixTime, Value, detect, survey,
};
use testkit::prometheus::{Labels, Sample, Server};

/// Everything of every series, by time in milliseconds.
pub(crate) type Content = testkit::prometheus::Content<Measured>;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measured {
    /// A number; every not-a-number is the same one, since the server's answers do not tell them apart.
    Float(u64),
    /// Count, sum, and the counts of all buckets that are not empty, from the lowest.
    Histogram(u64, u64, Vec<u64>),
}

/// Bits by which numbers are compared.
pub(crate) fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// What marks the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The present, for verdicts about the future.
pub(crate) fn now() -> UnixTime {
    #[expect(clippy::disallowed_methods, reason = "real servers run by the real clock")]
    std::time::SystemTime::now().into()
}

/// The most thorough survey of a stopped log.
pub(crate) fn survey_of(path: &Path) -> Survey {
    let log = detect(path, None).unwrap();
    survey(log.as_ref(), &Order::new(Depth::Contents { top: 5 }, now()))
}

/// What reading a log yields.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// What a server that replays it must serve.
    pub(crate) content: Content,
    /// Distinct series numbers that are declared.
    pub(crate) refs: BTreeSet<u64>,
    /// Series of which a server that replays it takes samples, stale markers among them.
    pub(crate) taken: BTreeSet<Labels>,
    /// All samples of the main log, also those that a server does not serve.
    pub(crate) samples: u64,
    /// Samples of the log of late ones.
    pub(crate) late: u64,
    /// Exemplars, by time.
    pub(crate) exemplars: BTreeSet<i128>,
    /// Damage.
    pub(crate) damage: Vec<Damage>,
    /// Notes.
    pub(crate) notes: Vec<Note>,
    labels: BTreeMap<u64, Labels>,
    newest: BTreeMap<Labels, i64>,
    /// Samples before this are in blocks.
    pub(crate) from: Option<i64>,
}

impl Held {
    /// Reads all of a log.
    pub(crate) fn by(path: &Path) -> Self {
        Self::until(path, None)
    }

    /// Reads a log up to a byte of one of its parts, or up to where a segment would lie that is none.
    ///
    /// What ends the replay of the log also ends that of the late samples behind it.
    pub(crate) fn until(path: &Path, end: Option<(&str, u64)>) -> Self {
        let log = detect(path, None).unwrap();
        let mut held = Self { from: blocks_end(log.as_ref()), ..Self::default() };
        let order = Order::new(Depth::Bytes, now());
        for part in log.parts().iter().filter(|part| part.role.counts()) {
            if end
                .is_some_and(|(name, byte)| byte == 0 && name < part.name.as_str() && part.role == Role::Live)
            {
                break;
            }
            let end_here = end.and_then(|(name, byte)| (name == part.name).then_some(byte));
            let mut visit = |entry: Entry| {
                if end_here.is_some_and(|byte| entry.span.start >= byte) {
                    return ControlFlow::Break(());
                }
                held.take(entry, part.role);
                ControlFlow::Continue(())
            };
            log.read(part, &order, &mut visit).unwrap();
            if end_here.is_some() {
                break;
            }
        }
        held.content.retain(|_, values| !values.is_empty());
        held
    }

    fn take(&mut self, entry: Entry, role: Role) {
        match entry.body {
            Body::Record(record) => self.add(&record, role),
            Body::Damage(damage) => self.damage.push(damage),
            Body::Note(note) => self.notes.push(note),
        }
    }

    /// How many values a server must serve.
    pub(crate) fn served(&self) -> usize {
        self.content.values().map(BTreeMap::len).sum()
    }

    fn add(&mut self, record: &Record, role: Role) {
        for (name, value) in &record.fields {
            let Value::List(all) = value else { continue };
            match (name.as_ref(), record.kind) {
                ("series", "series") => all.iter().for_each(|one| self.declare(one)),
                ("samples" | "histograms", _) => all.iter().for_each(|one| self.measure(one, role)),
                ("exemplars", _) => {
                    self.exemplars.extend(all.iter().map(|one| time(one).nanos()));
                }
                _ => {}
            }
        }
    }

    fn declare(&mut self, one: &Value) {
        let number = unsigned(field(one, "ref"));
        let Value::Map(pairs) = field(one, "labels") else { panic!("{one:?}") };
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        let labels: Labels = pairs.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        // A series that is declared once more begins anew.
        self.newest.remove(&labels);
        self.content.remove(&labels);
        self.refs.insert(number);
        self.labels.insert(number, labels);
    }

    /// Takes a value as replay does: in order from the log, in any order from the log of late samples.
    fn measure(&mut self, one: &Value, role: Role) {
        let late = role == Role::OutOfOrder;
        *(if late { &mut self.late } else { &mut self.samples }) += 1;
        let Some(labels) = self.labels.get(&unsigned(field(one, "ref"))) else { return };
        let time = i64::try_from(time(one).nanos() / 1_000_000).unwrap();
        let newest = self.newest.entry(labels.clone()).or_insert(i64::MIN);
        if !late && (time <= *newest || self.from.is_some_and(|from| time < from)) {
            return;
        }
        *newest = time.max(*newest);
        self.taken.insert(labels.clone());
        if let Some(value) = measured(field(one, "value")) {
            self.content.entry(labels.clone()).or_default().entry(time).or_insert(value);
        }
    }
}

/// Where the blocks end that push the beginning of the head.
fn blocks_end(log: &dyn Log) -> Option<i64> {
    let blocks = log.parts().iter().filter(|part| part.role == Role::Block);
    let ends = blocks.filter_map(|part| {
        let meta: serde_json::Value = serde_json::from_slice(&std::fs::read(&part.path).ok()?).ok()?;
        meta["compaction"]["hints"].is_null().then(|| meta["maxTime"].as_i64())?
    });
    ends.max()
}

/// A value as the server would show it; stale ones it does not show.
fn measured(value: &Value) -> Option<Measured> {
    match value {
        Value::Float(value) => (value.to_bits() != STALE).then(|| Measured::Float(bits(*value))),
        histogram @ Value::Map(_) => {
            let sum = number(field(histogram, "sum"));
            if sum.to_bits() == STALE {
                return None;
            }
            let mut buckets = counts(field(histogram, "negative_buckets"));
            buckets.reverse();
            buckets.push(number(field(histogram, "zero_count")));
            buckets.extend(counts(field(histogram, "positive_buckets")));
            let filled = buckets.into_iter().filter(|count| *count != 0.0).map(bits).collect();
            Some(Measured::Histogram(bits(number(field(histogram, "count"))), bits(sum), filled))
        }
        other => panic!("{other:?}"),
    }
}

fn counts(list: &Value) -> Vec<f64> {
    let Value::List(all) = list else { panic!("{list:?}") };
    all.iter().map(number).collect()
}

/// The field of that name.
pub(crate) fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    let Value::Map(fields) = map else { panic!("{map:?}") };
    fields.iter().find_map(|(found, value)| (found == name).then_some(value)).unwrap()
}

fn unsigned(value: &Value) -> u64 {
    let Value::Unsigned(number) = value else { panic!("{value:?}") };
    *number
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Unsigned(number) => *number as f64,
        Value::Signed(number) => *number as f64,
        Value::Float(number) => *number,
        other => panic!("{other:?}"),
    }
}

fn time(one: &Value) -> UnixTime {
    let Value::Time(time) = field(one, "time") else { panic!("{one:?}") };
    *time
}

/// Everything that a server serves.
pub(crate) fn served_by(server: &Server) -> Content {
    served(server, r#"__name__=~".+""#)
}

/// What a server serves of the series that match.
pub(crate) fn served(server: &Server, matcher: &str) -> Content {
    server.served(matcher, seen).unwrap()
}

fn seen(sample: Sample<'_>) -> Measured {
    match sample {
        Sample::Float(value) => Measured::Float(bits(parsed(value))),
        Sample::Histogram(histogram) => {
            let buckets = histogram["buckets"].as_array().cloned().unwrap_or_default();
            let filled = buckets.iter().map(|bucket| bits(parsed(&bucket[3]))).collect();
            let (count, sum) = (parsed(&histogram["count"]), parsed(&histogram["sum"]));
            Measured::Histogram(bits(count), bits(sum), filled)
        }
    }
}

/// A number as the server writes it.
fn parsed(text: &serde_json::Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}
