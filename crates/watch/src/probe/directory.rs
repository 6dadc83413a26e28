//! A directory of any files: how many there are, how large, how old.

use std::fs;
use std::path::{Path, PathBuf};

use formats::{MAX_FILES, Part, Role, UnixTime};

use super::Seen;
use crate::facts::seconds_between;
use crate::{Age, Facts, Oldest, Room};

/// How deep is looked: deeper than any engine keeps a log, and an end to whatever else there is.
const DEPTH: usize = 8;

/// Looks at all regular files below a directory. Links are not followed: they lead elsewhere, or round in circles.
pub(super) fn look(root: &Path, room: Option<Room>, now: UnixTime) -> Result<Seen, String> {
    let mut parts = Vec::new();
    let mut pending = vec![(root.to_owned(), 0)];
    while let Some((dir, depth)) = pending.pop() {
        let fail = |error| format!("failed to list {}: {error}", dir.display());
        for entry in fs::read_dir(&dir).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            // What vanished since is no longer there.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() && depth < DEPTH {
                pending.push((path, depth + 1));
            } else if metadata.is_file() {
                parts.push(part(root, path, &metadata));
            }
            if parts.len() > MAX_FILES {
                return Err(format!(
                    "{} holds more than {MAX_FILES} files, more than any log",
                    root.display()
                ));
            }
        }
    }
    let oldest = parts.iter().filter(|part| part.bytes > 0).filter_map(|part| part.modified).min();
    let facts = Facts {
        files: Some(parts.len() as u64),
        bytes: Some(parts.iter().map(|part| part.bytes).sum()),
        oldest: oldest.map(|oldest| Age { seconds: seconds_between(oldest, now), of: Oldest::File }),
        room,
        ..Facts::default()
    };
    parts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Seen { format: None, facts, parts })
}

fn part(root: &Path, path: PathBuf, metadata: &fs::Metadata) -> Part {
    let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
    let modified = metadata.modified().ok().map(UnixTime::from);
    Part { name, path, role: Role::Live, bytes: metadata.len(), modified }
}
