//! What a directory lacks: files are numbered without a hole, and the first must be the one that a start begins with.

use super::layout::{Index, Layout, Scope, segment_index};
use crate::Role;

/// How many missing files are listed one by one.
const MAX_GAPS: usize = 1000;

/// A file that should be there and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Its name.
    pub(super) file: String,
    /// What it is missing from.
    pub(super) kind: GapKind,
}

/// What a missing file is missing from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GapKind {
    /// The beginning of the log.
    First,
    /// A row of segments.
    Segments,
    /// A row of other files.
    Files,
}

impl GapKind {
    /// What is missing.
    pub(super) const fn cause(self) -> &'static str {
        match self {
            GapKind::First | GapKind::Segments => "the segment is missing",
            GapKind::Files => "the file is missing",
        }
    }
}

impl Layout {
    /// Whether files seem to be missing, as they do when a server deletes some while they are listed.
    pub(super) fn looks_torn(&self) -> bool {
        let checkpoint_vanished =
            self.checkpoint.is_some() && !self.parts.iter().any(|part| part.role == Role::Checkpoint);
        checkpoint_vanished || !self.gaps().is_empty()
    }

    /// What is missing.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        if self.scope == Scope::Fragment {
            return Vec::new();
        }
        let mut gaps = Vec::new();
        let segments = self.segments.iter().map(|(index, name)| (*index, name.as_str()));
        let first = self.segments.first().map(|(index, _)| *index);
        let first_or_later =
            |index| if first.is_some_and(|first| index < first) { GapKind::First } else { GapKind::Segments };
        find(segments, self.first_needed(), first_or_later, &mut gaps);
        for role in [Role::Checkpoint, Role::OutOfOrder, Role::HeadChunks] {
            let parts = self.parts.iter().filter(|part| part.role == role);
            let mut numbered: Vec<_> =
                parts.filter_map(|part| Some((number(&part.name)?, part.name.as_str()))).collect();
            numbered.sort();
            if let Some((first, _)) = numbered.first().copied() {
                find(numbered.into_iter(), first, |_| GapKind::Files, &mut gaps);
            }
        }
        gaps
    }

    /// The segment that a start reads first; segments before it may be there, and then without a hole up to it.
    fn first_needed(&self) -> Index {
        let needed = self.checkpoint.map_or(Index(0), Index::next);
        self.segments.first().map_or(needed, |(first, _)| needed.min(*first))
    }
}

fn number(name: &str) -> Option<Index> {
    segment_index(name.rsplit_once('/').map_or(name, |(_, number)| number))
}

/// Adds the holes in a row of files that should begin with `expected`.
fn find<'a>(
    row: impl Iterator<Item = (Index, &'a str)>,
    mut expected: Index,
    kind: impl Fn(Index) -> GapKind,
    gaps: &mut Vec<Gap>,
) {
    for (index, name) in row {
        while expected < index && gaps.len() < MAX_GAPS {
            gaps.push(Gap { file: like(name, expected), kind: kind(expected) });
            expected = expected.next();
        }
        expected = index.next().max(expected);
    }
}

/// The name of a file that is not there, in the manner of one that is.
fn like(name: &str, index: Index) -> String {
    let digits = name.rsplit_once('/').map_or(name, |(_, digits)| digits);
    let prefix = name.strip_suffix(digits).unwrap_or("");
    format!("{prefix}{:0width$}", index.0, width = digits.len())
}
