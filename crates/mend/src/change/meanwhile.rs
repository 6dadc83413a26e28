//! A change that was interrupted, and a server was started before it was finished.
//!
//! What the server wrote must not be replaced by what was planned before, nor taken away. So what is left of the change is not
//! done once one of the files that it is about is not as it was when the change was promised. Steps are ordered so that a
//! server can start on the log after each of them, hence what is done may stay, and can be taken back by its receipt.
//!
//! Segments of a journal are judged by what is in them, see `overtaken.rs`.

use std::fs;
use std::path::Path;

use formats::UnixTime;
use serde::{Deserialize, Serialize};

use super::intent::{Beside, Intent, OLD, Operation};
use super::{disk, home};

/// What lay at a path when a change was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    path: String,
    /// Bytes of the file, or of all files of a directory.
    bytes: u64,
    /// When the newest of them was changed, in nanoseconds since 1970.
    modified: Option<i64>,
}

/// What is left of a change, and what became of the files that it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// They are as they were.
    Sound,
    /// These were written to since, or made, or taken away.
    Overtaken { written: Vec<String>, begun: Begun },
}

/// Whether anything of a change was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    No,
    Partly,
}

/// How a step stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Done,
    Due,
    /// Due, and what it replaces lies nowhere but in the quarantine.
    Aside,
    /// Due, and what it is about is not what it was.
    Overtaken,
}

/// What lies at the paths of `operations`.
pub(super) fn before(root: &Path, operations: &[Operation]) -> Vec<Before> {
    operations.iter().filter_map(|operation| at(root, operation.path())).collect()
}

/// How an interrupted change stands.
pub(super) fn left(root: &Path, intent: &Intent) -> Left {
    let (mut written, mut begun) = (Vec::new(), Begun::No);
    for operation in &intent.operations {
        match standing(root, intent, operation) {
            Standing::Done | Standing::Aside => begun = Begun::Partly,
            Standing::Due => {}
            Standing::Overtaken => written.push(operation.path().to_owned()),
        }
    }
    if written.is_empty() { Left::Sound } else { Left::Overtaken { written, begun } }
}

/// The intent without what is due. What that was about is none of its business any more.
pub(super) fn begun_of(root: &Path, mut intent: Intent) -> Intent {
    let is_begun = |operation: &Operation| {
        matches!(standing(root, &intent, operation), Standing::Done | Standing::Aside)
    };
    let (begun, due): (Vec<_>, Vec<_>) = intent.operations.iter().cloned().partition(is_begun);
    intent.steps.retain(|step| !due.iter().any(|operation| operation.path() == step.path));
    intent.beside.extend(due.iter().filter_map(|operation| Beside::at(root, operation.path())));
    intent.operations = begun;
    intent
}

fn standing(root: &Path, intent: &Intent, operation: &Operation) -> Standing {
    let path = operation.path();
    let now = at(root, path);
    let dir = home(root).join(&intent.receipt);
    let kept = dir.join(OLD).join(path);
    let is_kept = fs::symlink_metadata(&kept).is_ok();
    match operation {
        Operation::Place { from, .. } if !root.join(from).exists() => return Standing::Done,
        // Without second names, it was taken aside to be replaced.
        Operation::Place { .. }
            if now.is_none() && is_kept && !disk::has_second_names(&kept, &dir.join("second")) =>
        {
            return Standing::Aside;
        }
        // If it is there again, a server has made it anew.
        Operation::Remove { .. } if is_kept => return Standing::Done,
        // Whoever took it away, there is nothing to do.
        Operation::Remove { .. } if now.is_none() => return Standing::Due,
        Operation::Place { .. } | Operation::Remove { .. } => {}
    }
    let before = intent.before.iter().flatten().find(|before| before.path == path);
    // Nobody took note of it in a change that an older version promised.
    if intent.before.is_none() || before == now.as_ref() { Standing::Due } else { Standing::Overtaken }
}

fn at(root: &Path, path: &str) -> Option<Before> {
    let mut before = Before { path: path.to_owned(), bytes: 0, modified: None };
    add(&root.join(path), &mut before).ok()?;
    Some(before)
}

fn add(path: &Path, before: &mut Before) -> std::io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        return fs::read_dir(path)?.try_for_each(|entry| add(&entry?.path(), before));
    }
    let modified = metadata.modified().ok().map(UnixTime::from);
    before.bytes = before.bytes.saturating_add(metadata.len());
    before.modified = before.modified.max(modified.and_then(|time| i64::try_from(time.nanos()).ok()));
    Ok(())
}
