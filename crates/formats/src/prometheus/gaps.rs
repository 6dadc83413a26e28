//! What a directory lacks, or has too much: files are numbered without a hole, none has a number twice, and the first
//! must be the one that a start begins with.

use super::layout::{Index, Layout, Scope, segment_index};
use crate::Role;

/// How many missing files are listed one by one.
const MAX_GAPS: usize = 1000;

/// A file that should be there and is not, or that should not be there and is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Its name.
    pub(super) file: String,
    /// What is wrong with it.
    pub(super) kind: GapKind,
}

/// What a missing file is missing from, or what is wrong with one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GapKind {
    /// The beginning of the log.
    First,
    /// A row of segments.
    Segments,
    /// A row of other files.
    Files,
    /// Nothing: another file has the same number, spelled differently.
    Twice,
    /// Nothing: a file has the name of a checkpoint.
    NoFolder,
}

impl GapKind {
    /// What is wrong.
    pub(super) const fn cause(self) -> &'static str {
        match self {
            GapKind::First | GapKind::Segments => "the segment is missing",
            GapKind::Files => "the file is missing",
            GapKind::Twice => "another file has the same number",
            GapKind::NoFolder => "a file has the name of a checkpoint",
        }
    }
}

impl Gap {
    /// Why the server does not start for it, in its own words where it has some.
    pub(super) fn refusal(&self) -> String {
        let file = &self.file;
        let why = match self.kind {
            GapKind::Segments => format!("segments are not sequential, {file} is missing"),
            GapKind::Files => format!("files are not sequential, {file} is missing"),
            GapKind::First => format!("it begins reading at {file}, which is missing"),
            GapKind::Twice => format!("files are not sequential, {file} has the number of another one"),
            GapKind::NoFolder => format!("checkpoint {file} is not a directory"),
        };
        format!("it does not start: {why}")
    }
}

impl Layout {
    /// Whether files seem to be missing, as they do when a server deletes some while they are listed.
    pub(super) fn looks_torn(&self) -> bool {
        let checkpoint_vanished =
            self.checkpoint.is_some() && !self.parts.iter().any(|part| part.role == Role::Checkpoint);
        checkpoint_vanished || !self.gaps().is_empty()
    }

    /// What is missing, or there and in the way.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        if self.scope == Scope::Fragment {
            return Vec::new();
        }
        let mut gaps = self.in_the_way.clone();
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

/// Adds the holes in a row of files that should begin with `expected`, and files with a number that was there before.
fn find<'a>(
    row: impl Iterator<Item = (Index, &'a str)>,
    mut expected: Index,
    kind: impl Fn(Index) -> GapKind,
    gaps: &mut Vec<Gap>,
) {
    let mut before: Option<(Index, &str)> = None;
    for (index, name) in row {
        // A listing can show the same file twice while the directory changes.
        let is_second = before.is_some_and(|(number, file)| number == index && file != name);
        if is_second && gaps.len() < MAX_GAPS {
            gaps.push(Gap { file: name.to_owned(), kind: GapKind::Twice });
        }
        before = Some((index, name));
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
