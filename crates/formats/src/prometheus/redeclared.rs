//! Series that are declared a second time, behind samples of theirs: the server then forgets those samples.
//!
//! No server writes such a log; copies of segments make one. Only where a number was seen twice is the log read once
//! more, in order, to see what that costs.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::PrometheusLog;
use super::refs::RefSet;
use crate::{Body, Damage, Depth, Entry, Log, Lost, Order, Part, Record, Role, UnixTime, Value};

/// What the causes of these damages have in common.
pub(super) const AGAIN: &str = " series are declared again, and the server forgets ";

/// The records that make a server forget samples of the series in `again`.
pub(super) fn find(log: &PrometheusLog, order: &Order, again: &RefSet) -> Vec<Damage> {
    let mut forgotten =
        Forgotten { again, from: log.layout.blocks_end, pending: HashMap::new(), found: Vec::new() };
    let order = Order { liveness: order.liveness, ..Order::new(Depth::Bytes, order.now) };
    let parts = log.parts().iter().filter(|part| matches!(part.role, Role::Checkpoint | Role::Live));
    for part in parts {
        let mut visit = |entry: Entry| {
            forgotten.take(part, &entry);
            ControlFlow::Continue(())
        };
        // What cannot be read has been told.
        log.read(part, &order, &mut visit).unwrap_or(());
    }
    forgotten.found
}

struct Forgotten<'a> {
    again: &'a RefSet,
    /// Samples before this are in blocks.
    from: Option<UnixTime>,
    /// Samples of each series since it was declared last.
    pending: HashMap<u64, u64>,
    found: Vec<Damage>,
}

impl Forgotten<'_> {
    fn take(&mut self, part: &Part, entry: &Entry) {
        let Body::Record(record) = &entry.body else { return };
        if record.kind == "series" {
            let costs = numbers(record).filter_map(|(series, _)| self.pending.remove(&series));
            let (series, samples) = costs.fold((0, 0), |(series, sum), cost| (series + 1, sum + cost));
            if series > 0 {
                let cause = format!("{series}{AGAIN}{samples} samples that it has read of them");
                self.found.push(Damage {
                    file: part.name.clone(),
                    start: entry.span.start,
                    end: entry.span.end,
                    cause: cause.into(),
                    lost: Lost::default(),
                });
            }
        } else if record.samples > 0 {
            for (series, time) in numbers(record).filter(|(series, _)| self.again.contains(*series)) {
                if time >= self.from {
                    *self.pending.entry(series).or_default() += 1;
                }
            }
        }
    }
}

/// Series and time of everything in a record.
fn numbers(record: &Record) -> impl Iterator<Item = (u64, Option<UnixTime>)> {
    let lists = record.fields.iter().filter_map(|(_, value)| match value {
        Value::List(all) => Some(all),
        _ => None,
    });
    lists.flatten().filter_map(|one| {
        let Value::Map(fields) = one else { return None };
        let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let Some(Value::Unsigned(series)) = field("ref") else { return None };
        let time = match field("time") {
            Some(Value::Time(time)) => Some(*time),
            _ => None,
        };
        Some((*series, time))
    })
}
