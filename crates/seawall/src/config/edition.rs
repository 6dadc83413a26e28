//! What a new edition of the configuration changes, for a daemon that runs.

use super::key::Reload;
use super::{Table, Written};

/// A key with another value than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// `section.key`
    pub(crate) key: String,
    /// What it was; nothing if it was not set.
    pub(crate) before: Option<String>,
    /// What it is.
    pub(crate) after: Option<String>,
    /// Whether a running daemon takes it.
    pub(crate) reload: Reload,
}

/// What is different.
pub(crate) fn changes(before: &Written, after: &Written) -> Vec<Change> {
    let mut changes = Vec::new();
    for table in before.tables() {
        let other = after.tables().into_iter().find(|other| after.title(*other) == before.title(table));
        compare((before, Some(table)), (after, other), &mut changes);
    }
    for table in after.tables() {
        if !before.tables().into_iter().any(|other| before.title(other) == after.title(table)) {
            compare((before, None), (after, Some(table)), &mut changes);
        }
    }
    changes
}

/// The keys of a table that are different. One that came or went is told by its first key alone.
fn compare(before: (&Written, Option<Table>), after: (&Written, Option<Table>), changes: &mut Vec<Change>) {
    let title = |(written, table): (&Written, Option<Table>)| Some((written.title(table?), table?.section));
    let Some((title, section)) = title(before).or_else(|| title(after)) else { return };
    let both = before.1.is_some() && after.1.is_some();
    for key in section.keys.iter().take(if both { usize::MAX } else { 1 }) {
        let text =
            |(written, table): (&Written, Option<Table>)| written.entry(table?, key).map(|entry| entry.text);
        let (before, after) = (text(before), text(after));
        if before != after {
            changes.push(Change {
                key: format!("{title}.{}", key.name),
                before: before.map(|text| key.shown(text)),
                after: after.map(|text| key.shown(text)),
                reload: key.reload,
            });
        }
    }
}
