//! What was good in a log, counted from the log as it was before it was harmed: what a server has to serve.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use formats::{Body, Depth, Entry, Order, Role, UnixTime, Value, detect};
use testkit::prometheus::{Labels, Sample, Server};

/// Bits of every value of every series, by time in milliseconds.
pub(crate) type Content = testkit::prometheus::Content<u64>;

/// What is gone.
#[derive(Clone, Debug)]
pub(crate) enum Harm {
    /// A range of a file, and what goes with it is what it touches.
    Bytes(String, Range<u64>),
    /// A file, or all files of a directory.
    File(String),
}

/// A record of the log before it was harmed.
struct Known {
    file: String,
    span: Range<u64>,
    role: Role,
    said: Said,
}

enum Said {
    Series(Vec<(u64, Labels)>),
    Samples(Vec<(u64, i64, u64)>),
    Chunk(u64, Range<i64>, Late),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Late {
    No,
    Yes,
}

/// A log before it was harmed.
pub(crate) struct Original {
    records: Vec<Known>,
    /// Samples before this are in blocks.
    from: Option<i64>,
}

impl Original {
    pub(crate) fn of(path: &Path) -> Self {
        let log = detect(path, None).unwrap();
        let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0));
        let (mut records, mut from) = (Vec::new(), None);
        for part in log.parts() {
            if part.role == Role::Block {
                let meta: serde_json::Value =
                    serde_json::from_slice(&std::fs::read(&part.path).unwrap()).unwrap();
                if meta["compaction"]["hints"].is_null() {
                    from = from.max(meta["maxTime"].as_i64());
                }
            }
            let mut visit = |entry: Entry| {
                let Body::Record(record) = entry.body else { return ControlFlow::Continue(()) };
                let said = record.fields.iter().find_map(|(name, value)| match (name.as_ref(), value) {
                    ("series", Value::List(all)) => Some(Said::Series(all.iter().map(series).collect())),
                    ("samples", Value::List(all)) => Some(Said::Samples(all.iter().map(sample).collect())),
                    _ => None,
                });
                let said = said.or_else(|| chunk(&record));
                if let Some(said) = said {
                    records.push(Known { file: part.name.clone(), span: entry.span, role: part.role, said });
                }
                ControlFlow::Continue(())
            };
            log.read(part, &order, &mut visit).unwrap();
        }
        Self { records, from }
    }

    /// Where the records of a file lie.
    pub(crate) fn spans(&self, file: &str) -> Vec<Range<u64>> {
        self.records.iter().filter(|one| one.file == file).map(|one| one.span.clone()).collect()
    }

    /// What is good when that is gone.
    pub(crate) fn good(&self, harms: &[Harm]) -> Content {
        let gone = |one: &&Known| {
            harms.iter().any(|harm| match harm {
                Harm::Bytes(file, range) => {
                    *file == one.file && range.start < one.span.end && one.span.start < range.end
                }
                Harm::File(file) => one.file == *file || one.file.starts_with(&format!("{file}/")),
            })
        };
        let left: Vec<&Known> = self.records.iter().filter(|one| !gone(one)).collect();
        let mut names: BTreeMap<u64, &Labels> = BTreeMap::new();
        let mut everything: BTreeMap<(u64, i64), u64> = BTreeMap::new();
        for one in &self.records {
            if let Said::Samples(all) = &one.said {
                all.iter().for_each(|(series, time, bits)| {
                    everything.entry((*series, *time)).or_insert(*bits);
                });
            }
        }
        for one in &left {
            if let Said::Series(all) = &one.said {
                all.iter().for_each(|(series, labels)| {
                    names.entry(*series).or_insert(labels);
                });
            }
        }
        let mut content = Content::new();
        let mut newest: BTreeMap<u64, i64> = BTreeMap::new();
        let mut add = |series: u64, time: i64, bits: u64| {
            if let Some(labels) = names.get(&series)
                && bits != STALE
            {
                content.entry((*labels).clone()).or_default().entry(time).or_insert(bits);
            }
        };
        for one in &left {
            if let Said::Chunk(series, times, late) = &one.said {
                let held = everything.range((*series, times.start)..(*series, times.end));
                held.for_each(|((series, time), bits)| add(*series, *time, *bits));
                if *late == Late::No {
                    let end = newest.entry(*series).or_insert(i64::MIN);
                    *end = (*end).max(times.end - 1);
                }
            }
        }
        for one in &left {
            let Said::Samples(all) = &one.said else { continue };
            for (series, time, bits) in all {
                let end = newest.entry(*series).or_insert(i64::MIN);
                match one.role {
                    Role::OutOfOrder => add(*series, *time, *bits),
                    Role::Live | Role::Checkpoint
                        if *time > *end && self.from.is_none_or(|from| *time >= from) =>
                    {
                        *end = *time;
                        add(*series, *time, *bits);
                    }
                    _ => {}
                }
            }
        }
        content
    }
}

/// What marks the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

fn bits(value: f64) -> u64 {
    if value.is_nan() && value.to_bits() != STALE { f64::NAN.to_bits() } else { value.to_bits() }
}

fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    let Value::Map(fields) = map else { panic!("{map:?}") };
    fields.iter().find_map(|(found, value)| (found == name).then_some(value)).unwrap()
}

fn unsigned(value: &Value) -> u64 {
    let Value::Unsigned(number) = value else { panic!("{value:?}") };
    *number
}

fn millis(value: &Value) -> i64 {
    let Value::Time(time) = value else { panic!("{value:?}") };
    i64::try_from(time.nanos() / 1_000_000).unwrap()
}

fn series(one: &Value) -> (u64, Labels) {
    let Value::Map(pairs) = field(one, "labels") else { panic!("{one:?}") };
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    (unsigned(field(one, "ref")), pairs.iter().map(|(name, value)| (name.to_string(), text(value))).collect())
}

fn sample(one: &Value) -> (u64, i64, u64) {
    let Value::Float(value) = field(one, "value") else { panic!("{one:?}") };
    (unsigned(field(one, "ref")), millis(field(one, "time")), bits(*value))
}

fn chunk(record: &formats::Record) -> Option<Said> {
    let get = |name: &str| record.fields.iter().find_map(|(found, value)| (found == name).then_some(value));
    let (series, from, to) = (get("ref")?, get("min_time")?, get("max_time")?);
    let late = if get("out_of_order") == Some(&Value::Bool(true)) { Late::Yes } else { Late::No };
    Some(Said::Chunk(unsigned(series), millis(from)..millis(to) + 1, late))
}

/// Everything that a server serves, but for what it has scraped from itself.
pub(crate) fn served_by(server: &Server) -> Content {
    let seen = |sample: Sample<'_>| match sample {
        Sample::Float(value) => bits(value.as_str().unwrap().parse().unwrap()),
        Sample::Histogram(_) => panic!("these logs have no histograms"),
    };
    server.served(r#"__name__=~".+",job!="self""#, seen).unwrap()
}
