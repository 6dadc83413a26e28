//! Test-only: what a reader hands out, sorted by kind.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use crate::{Body, Damage, Depth, Entry, Log, Note, Order, Record, Survey, UnixTime, Value};

/// Everything that one reading handed out.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    pub(crate) spans: Vec<Range<u64>>,
    pub(crate) records: Vec<(Range<u64>, Record)>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) notes: Vec<(Range<u64>, Note)>,
}

impl Harvest {
    /// Collects what `read` hands to its visitor.
    pub(crate) fn of(read: impl FnOnce(&mut dyn FnMut(Entry) -> ControlFlow<()>)) -> Self {
        let mut harvest = Self::default();
        read(&mut |entry| {
            harvest.spans.push(entry.span.clone());
            match entry.body {
                Body::Record(record) => harvest.records.push((entry.span, record)),
                Body::Damage(damage) => harvest.damage.push(damage),
                Body::Note(note) => harvest.notes.push((entry.span, note)),
            }
            ControlFlow::Continue(())
        });
        harvest
    }

    /// Collects all parts of `log`.
    pub(crate) fn of_log(log: &dyn Log) -> Self {
        Self::of(|visit| log.parts().iter().for_each(|part| log.read(part, &order(), visit).unwrap()))
    }

    /// The ranges of damage.
    pub(crate) fn damaged(&self) -> Vec<(u64, u64)> {
        self.damage.iter().map(|damage| (damage.start, damage.end)).collect()
    }

    /// The codes of the notes.
    pub(crate) fn noted(&self) -> Vec<&'static str> {
        self.notes.iter().map(|(_, note)| note.code).collect()
    }

    /// One field of every record.
    pub(crate) fn field(&self, name: &str) -> Vec<Value> {
        let value =
            |record: &Record| record.fields.iter().find(|(field, _)| field == name).unwrap().1.clone();
        self.records.iter().map(|(_, record)| value(record)).collect()
    }

    /// Demands that records and damage come in the order of the file, do not overlap and end within `len` bytes.
    pub(crate) fn assert_in_order(&self, len: u64) {
        let mut reached = 0;
        for span in &self.spans {
            assert!(span.start <= span.end && span.end <= len, "{span:?} in {len} bytes");
            assert!(span.start >= reached || span.end <= reached, "{span:?} begins before {reached}");
            reached = reached.max(span.end);
        }
    }
}

/// An order for a stopped log.
pub(crate) fn order() -> Order {
    Order::new(Depth::Bytes, UnixTime::from_seconds(1_767_225_600))
}

/// Recognises and surveys what lies at `path`.
pub(crate) fn surveyed(path: &Path) -> Survey {
    crate::survey(crate::detect(path, None).unwrap().as_ref(), &order())
}

/// A fact of a survey.
pub(crate) fn fact(survey: &Survey, name: &str) -> Value {
    survey
        .facts
        .iter()
        .find(|fact| fact.name == name)
        .unwrap_or_else(|| panic!("no fact {name}"))
        .value
        .clone()
}
