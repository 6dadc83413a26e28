//! Which records, and which elements of them, a dump keeps.
//!
//! A decoder's values follow two conventions that this relies on: what belongs to a series is a map with a `ref`, and
//! what names one also has `labels`; what has a point in time is a map with a `time`.

use std::collections::HashSet;

use formats::{Record, TimeRange, UnixTime, Value};

use crate::commands::dump::matchers::Selector;

/// How many matching series are remembered: a bound for memory on a log of noise.
///
/// The largest servers hold some ten million series; a log keeps their names for a few hours more.
pub(crate) const MAX_SERIES: usize = 64 << 20;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Types of records; empty means all.
    pub(crate) types: Vec<String>,
    /// Series; empty means all, and one that matches is enough.
    pub(crate) selectors: Vec<Selector>,
    /// The stream that records name; nothing means any, and none.
    pub(crate) stream: Option<String>,
    /// Not older than this.
    pub(crate) since: Option<UnixTime>,
    /// Not newer than this.
    pub(crate) until: Option<UnixTime>,
}

/// A filter at work: it remembers the series that matched.
#[derive(Debug)]
pub(crate) struct Sieve {
    filter: Filter,
    matched: HashSet<Ref>,
    forgot: bool,
}

/// What series are called inside a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Ref {
    Number(u64),
    Text(Box<str>),
}

/// What became of the elements of a record.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    kept: u64,
    dropped: u64,
}

/// What a value has to do with the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep,
    Drop,
    /// It is no element itself.
    Neither,
}

impl Sieve {
    /// A sieve that has seen nothing.
    pub(crate) fn new(filter: Filter) -> Self {
        Self { filter, matched: HashSet::new(), forgot: false }
    }

    /// Whether matching series had to be forgotten, so that something may be missing.
    pub(crate) const fn forgot(&self) -> bool {
        self.forgot
    }

    /// What is kept of `record`.
    ///
    /// Records have to come in the order of the log, and all of them: a series record that is not wanted itself names
    /// the series of wanted samples.
    pub(crate) fn keep(&mut self, mut record: Record) -> Option<Record> {
        if !self.is_of_the_stream(&record) {
            return None;
        }
        let mut tally = Tally::default();
        match self.element(&record.fields) {
            Fate::Keep => tally.kept += 1,
            Fate::Drop => tally.dropped += 1,
            Fate::Neither => record.fields.retain_mut(|(_, value)| self.sift(value, &mut tally)),
        }
        let wanted = self.filter.types.is_empty() || self.filter.types.iter().any(|name| name == record.kind);
        let elements = if tally.kept > 0 {
            true
        } else {
            // A record without elements belongs to no series.
            tally.dropped == 0 && self.filter.selectors.is_empty() && self.covers(record.times)
        };
        (wanted && elements).then_some(record)
    }

    fn is_of_the_stream(&self, record: &Record) -> bool {
        let named = || record.fields.iter().find(|(name, _)| name == "stream").map(|(_, value)| value);
        self.filter
            .stream
            .as_ref()
            .is_none_or(|wanted| matches!(named(), Some(Value::Text(name)) if name == wanted))
    }

    /// Drops from `value` what is not wanted; answers whether anything is left.
    fn sift(&mut self, value: &mut Value, tally: &mut Tally) -> bool {
        match value {
            Value::List(items) => {
                let before = items.len();
                items.retain_mut(|item| self.sift(item, tally));
                before == 0 || !items.is_empty()
            }
            Value::Map(fields) => match self.element(fields) {
                Fate::Keep => {
                    tally.kept += 1;
                    true
                }
                Fate::Drop => {
                    tally.dropped += 1;
                    false
                }
                Fate::Neither => {
                    let mut inside = Tally::default();
                    fields.retain_mut(|(_, value)| self.sift(value, &mut inside));
                    tally.kept += inside.kept;
                    tally.dropped += inside.dropped;
                    // What only held elements that were dropped is not kept for its name.
                    inside.kept > 0 || inside.dropped == 0
                }
            },
            _ => true,
        }
    }

    /// Decides about a map by its own `ref`, `labels` and `time`.
    fn element(&mut self, fields: &[(std::borrow::Cow<'static, str>, Value)]) -> Fate {
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        let reference = field("ref").and_then(Ref::of);
        let labels = field("labels");
        let series = match (labels, reference) {
            _ if self.filter.selectors.is_empty() => None,
            (Some(labels), reference) => Some(self.declare(reference, labels)),
            (None, Some(reference)) => Some(self.matched.contains(&reference)),
            (None, None) => None,
        };
        let time = match field("time") {
            Some(Value::Time(time)) => Some(self.covers(Some(TimeRange::at(*time)))),
            _ => None,
        };
        let is_element = field("ref").is_some() || labels.is_some();
        match (series, time) {
            (Some(false), _) | (_, Some(false)) => Fate::Drop,
            (Some(true), _) => Fate::Keep,
            // Under a selector what has a time but no series is decided by what it stands in.
            (None, Some(true)) if self.filter.selectors.is_empty() => Fate::Keep,
            (None, _) if is_element => Fate::Keep,
            (None, _) => Fate::Neither,
        }
    }

    /// Notes whether the series that is named here matches.
    fn declare(&mut self, reference: Option<Ref>, labels: &Value) -> bool {
        let value_of = |name: &str| label(labels, name);
        let matches = self.filter.selectors.iter().any(|selector| selector.matches(value_of));
        match reference {
            Some(reference) if matches && self.matched.len() < MAX_SERIES => {
                self.matched.insert(reference);
            }
            Some(_) if matches => self.forgot = true,
            // A server gives the number of a series that ended to another one.
            Some(reference) => {
                self.matched.remove(&reference);
            }
            None => {}
        }
        matches
    }

    fn covers(&self, times: Option<TimeRange>) -> bool {
        times.is_none_or(|times| {
            self.filter.since.is_none_or(|since| times.max >= since)
                && self.filter.until.is_none_or(|until| times.min <= until)
        })
    }
}

impl Ref {
    fn of(value: &Value) -> Option<Ref> {
        match value {
            Value::Unsigned(number) => Some(Ref::Number(*number)),
            Value::Signed(number) => Some(Ref::Number(number.cast_unsigned())),
            Value::Text(text) => Some(Ref::Text(text.as_str().into())),
            _ => None,
        }
    }
}

/// The value of a label: labels are a map, or a list of maps with `name` and `value`.
fn label<'a>(labels: &'a Value, wanted: &str) -> Option<&'a str> {
    let text = |value: &'a Value| if let Value::Text(text) = value { Some(text.as_str()) } else { None };
    let find = |fields: &'a [(std::borrow::Cow<'static, str>, Value)], wanted: &str| {
        fields.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| text(value))
    };
    match labels {
        Value::Map(fields) => find(fields, wanted),
        Value::List(items) => items.iter().find_map(|item| match item {
            Value::Map(fields) if find(fields, "name") == Some(wanted) => find(fields, "value"),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
#[path = "filter_test.rs"]
mod tests;
