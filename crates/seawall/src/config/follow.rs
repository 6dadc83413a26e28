//! Values that follow from another one: what a preset or a dialect says about keys that nobody wrote.

use super::key::{Key, Section};
use super::{Entry, Origin, Table, Written};

/// The section that they are about.
pub(super) const SECTION: &str = "proxy";

/// A key, and the value that it may have.
type Value = (&'static str, &'static str);

/// What follows from what. The presets are the advice of those who ran the balancer of Chroma. Its servers take bodies of
/// 40 MiB, and clients send batches up to that.
const RULES: [(Value, &[Value]); 4] = [
    (
        ("preset", "low-load"),
        &[
            ("consistency_window", "30s"),
            ("read_replica_ratio", "0.5"),
            ("request_timeout", "30s"),
            ("check_interval", "60s"),
        ],
    ),
    (
        ("preset", "medium-load"),
        &[
            ("consistency_window", "20s"),
            ("read_replica_ratio", "0.7"),
            ("request_timeout", "15s"),
            ("check_interval", "30s"),
        ],
    ),
    (
        ("preset", "high-load"),
        &[
            ("consistency_window", "10s"),
            ("read_replica_ratio", "0.8"),
            ("request_timeout", "10s"),
            ("check_interval", "15s"),
        ],
    ),
    (("dialect", "chroma"), &[("max_body", "40MiB"), ("max_body_memory", "128MiB")]),
];

/// What follows in a table.
pub(super) fn entries(written: &Written, table: Table) -> Vec<(&'static Key, Entry)> {
    let section: &'static Section = table.section;
    let holds = |&((name, value), _): &&(Value, &'static [Value])| {
        section.key(name).and_then(|key| written.entry(table, key)).is_some_and(|entry| entry.text == *value)
    };
    let follow = |&((name, value), follows): &(Value, &'static [Value])| {
        follows.iter().filter_map(move |(key, text)| {
            let origin = Origin::Follows { key: name, value };
            Some((section.key(key)?, Entry { text: (*text).to_owned(), origin }))
        })
    };
    RULES.iter().filter(holds).flat_map(follow).collect()
}
