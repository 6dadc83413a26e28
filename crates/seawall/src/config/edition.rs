//! What a new edition of the configuration changes, for a daemon that runs.

use super::key::Reload;
use super::{SECTIONS, Written};

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
    for section in SECTIONS {
        for key in section.keys {
            let text = |written: &Written| written.entry(section, key).map(|entry| entry.text);
            let (before, after) = (text(before), text(after));
            if before != after {
                changes.push(Change {
                    key: format!("{}.{}", section.name, key.name),
                    before: before.map(|text| key.shown(text)),
                    after: after.map(|text| key.shown(text)),
                    reload: key.reload,
                });
            }
        }
    }
    changes
}
