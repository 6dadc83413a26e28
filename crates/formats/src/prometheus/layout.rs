//! Which files of a directory belong to the log, and what each is for.
//!
//! ```text
//! <data>/wal/00000012            segment; the server begins at 0, or behind the last checkpoint
//! <data>/wal/checkpoint.00000011/00000000   what is still needed of the segments up to 11
//! <data>/wbl/00000000            the log of late samples
//! <data>/chunks_head/000001      finished chunks of the head, mapped into memory
//! <data>/chunk_snapshot.000012.0000000345/   the head at a clean stop, where that feature is on
//! <data>/<ULID>/meta.json        a block
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::block::{BlockMeta, MAX_META};
use super::fragment::{HEADER, Header, PAGE, SEARCH_BUDGET, resync};
use super::gaps::{Gap, GapKind};
use super::head_chunks;
use crate::files::{ListError, list_dirs, list_files, part, read_head, read_small};
use crate::{Note, Part, Role, UnixTime};

/// How a part is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Records of the log.
    Records(Tail),
    /// Records of a snapshot of the head.
    Snapshot,
    /// Chunks of the head.
    HeadChunks(Tail),
    /// Description of a block.
    BlockMeta,
}

/// Whether the file's end may cut a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// The newest file: a crash, or a server that is writing it.
    MayBeTorn,
    /// A file that was finished.
    MustBeWhole,
}

/// Number of a segment or checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Index(pub(super) u64);

impl Index {
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What lies where.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) parts: Vec<Part>,
    /// How each part is read, by its name: a log can have tens of thousands of them.
    pub(super) contents: HashMap<String, Content>,
    /// Numbers and part names of the segments, in order.
    pub(super) segments: Vec<(Index, String)>,
    /// Number of the checkpoint that a start reads.
    pub(super) checkpoint: Option<Index>,
    /// Where the blocks end that push the beginning of the head: older samples are not taken from the log.
    pub(super) blocks_end: Option<UnixTime>,
    /// Blocks without which the server does not start, and what they lack.
    pub(super) broken_blocks: Vec<String>,
    /// Files that are named like checkpoints, which the server does not start over.
    pub(super) in_the_way: Vec<Gap>,
    /// Directories that are named like segments, which the server takes for damaged ones; among `segments` too.
    pub(super) folders: Vec<(Index, String)>,
    pub(super) notes: Vec<Note>,
    /// Whether the server's lock file lies there: it runs, or it was killed.
    pub(super) lock_file: Option<LockFile>,
    /// What the directory as a whole is.
    pub(super) scope: Scope,
}

/// The lock file that a server holds while it runs and removes when it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockFile {
    /// It is there: a server runs, or was killed.
    Present,
    /// It is not: no server runs, or one that was told to do without.
    Absent,
}

/// What was given: decides what can be said about completeness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// One file, or a directory that is only part of a log: nothing can be missing.
    #[default]
    Fragment,
    /// A WAL directory.
    Wal,
    /// A data directory with everything a start reads.
    Data,
}

/// How often a directory is listed again that looks as if something were missing.
///
/// A running server creates and deletes files while they are listed, and a listing that met it in the middle has
/// gaps that were never there. What is really missing is missing every time.
const LISTINGS: usize = 4;

/// Lists `path` if it is a log of Prometheus.
pub(super) fn list(path: &Path) -> Result<Option<Layout>, ListError> {
    if path.is_file() {
        return Ok(list_file(path));
    }
    let mut listed = list_dir(path)?;
    for _ in 1..LISTINGS {
        if listed.as_ref().is_none_or(|layout| !layout.looks_torn()) {
            break;
        }
        listed = list_dir(path)?;
    }
    Ok(listed)
}

fn list_dir(path: &Path) -> Result<Option<Layout>, ListError> {
    let wal = path.join("wal");
    let mut layout = Layout { root: path.to_owned(), ..Layout::default() };
    if is_wal_dir(&wal)? {
        layout.scope = Scope::Data;
        let lock = if path.join("lock").is_file() { LockFile::Present } else { LockFile::Absent };
        layout.lock_file = Some(lock);
        layout.add_wal(&wal, "wal/")?;
        layout.add_segments(&path.join("wbl"), "wbl/", Role::OutOfOrder, Tail::MayBeTorn)?;
        layout.add_head_chunks(&path.join("chunks_head"), "chunks_head/")?;
        layout.add_snapshots(path)?;
        layout.add_blocks(path)?;
        return Ok(Some(layout));
    }
    if !is_wal_dir(path)? {
        layout.add_head_chunks(path, "")?;
        return Ok((!layout.parts.is_empty()).then_some(layout));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.starts_with("chunk_snapshot.") {
        layout.add_segments(path, "", Role::HeadSnapshot, Tail::MustBeWhole)?;
    } else if name.starts_with("checkpoint.") {
        layout.add_segments(path, "", Role::Checkpoint, Tail::MustBeWhole)?;
    } else if name == "wbl" {
        layout.add_segments(path, "", Role::OutOfOrder, Tail::MayBeTorn)?;
    } else {
        layout.scope = Scope::Wal;
        layout.add_wal(path, "")?;
    }
    Ok(Some(layout))
}

fn list_file(path: &Path) -> Option<Layout> {
    let head = read_head(path, 8 * PAGE).ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    let metadata = std::fs::metadata(path).ok()?;
    let content = if head_chunks::has_magic(&head) {
        Content::HeadChunks(Tail::MayBeTorn)
    } else if holds_fragments(&head) || (head.is_empty() && segment_index(&name).is_some()) {
        Content::Records(Tail::MayBeTorn)
    } else {
        return None;
    };
    let role = if matches!(content, Content::HeadChunks(_)) { Role::HeadChunks } else { Role::Live };
    let mut layout = Layout { root: path.to_owned(), ..Layout::default() };
    layout.push(part(name, path.to_owned(), &metadata, role), content);
    Some(layout)
}

/// How many files are opened to see whether a directory holds segments.
const FILES_TO_TRY: usize = 16;

/// Whether a directory holds numbered files with fragments in them, or a checkpoint.
fn is_wal_dir(dir: &Path) -> Result<bool, ListError> {
    if list_dirs(dir)?.iter().any(|(name, ..)| checkpoint_index(name).is_some()) {
        return Ok(true);
    }
    let segments: Vec<_> =
        list_files(dir)?.into_iter().filter(|(name, ..)| segment_index(name).is_some()).collect();
    if !segments.is_empty() && segments.iter().all(|(_, _, metadata)| metadata.len() == 0) {
        return Ok(segments.iter().all(|(name, ..)| name.len() == 8));
    }
    let with_bytes = segments.iter().filter(|(_, _, metadata)| metadata.len() > 0);
    let mut tried = with_bytes.take(FILES_TO_TRY);
    let looks_right = tried.any(|(_, path, _)| {
        read_head(path, 8 * PAGE).is_ok_and(|head| holds_fragments(&head) && !head_chunks::has_magic(&head))
    });
    // All of it damaged, but with the neighbours of a data directory: still a log, and one in need of help.
    let has_neighbours =
        || dir.file_name().is_some_and(|name| name == "wal") && dir.with_file_name("chunks_head").is_dir();
    Ok(looks_right || (!segments.is_empty() && has_neighbours()))
}

/// Whether a fragment with a right checksum lies at the start, or anywhere in the first pages of a damaged file.
fn holds_fragments(head: &[u8]) -> bool {
    head.chunks(PAGE).any(|page| {
        let at_start = Header::read(page)
            .filter(|header| header.is_plausible() && header.len() > HEADER)
            .is_some_and(|header| header.data(page).is_some_and(|data| header.vouches_for(data)));
        at_start || resync(page, &mut { SEARCH_BUDGET }).is_some()
    })
}

/// The number of a segment or of a file of `chunks_head`: what Go's `Atoi` takes, in at most 19 digits.
pub(super) fn segment_index(name: &str) -> Option<Index> {
    let digits = (1..=19).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok().map(Index))?
}

fn checkpoint_index(name: &str) -> Option<Index> {
    segment_index(name.strip_prefix("checkpoint.")?)
}

impl Layout {
    fn push(&mut self, part: Part, content: Content) {
        self.contents.insert(part.name.clone(), content);
        self.parts.push(part);
    }

    fn note(&mut self, code: &'static str, file: String, message: impl Into<String>) {
        self.notes.push(Note { code, file, message: message.into() });
    }

    fn add_wal(&mut self, dir: &Path, prefix: &str) -> Result<(), ListError> {
        self.look_for_what_is_in_the_way(dir, prefix)?;
        let checkpoints = self.list_checkpoints(dir, prefix)?;
        self.checkpoint = checkpoints.last().map(|(index, ..)| *index);
        if let Some((_, name, path)) = checkpoints.last() {
            self.add_segments(path, &format!("{prefix}{name}/"), Role::Checkpoint, Tail::MustBeWhole)?;
        }
        let mut segments: Vec<_> = list_files(dir)?
            .into_iter()
            .filter_map(|(name, path, metadata)| Some((segment_index(&name)?, name, path, metadata)))
            .collect();
        segments.sort_by_key(|(index, ..)| *index);
        let newest =
            segments.iter().rev().find(|(.., metadata)| metadata.len() > 0).map(|(index, ..)| *index);
        let mut retained = Vec::new();
        for (index, name, path, metadata) in segments {
            let name = format!("{prefix}{name}");
            self.segments.push((index, name.clone()));
            if self.checkpoint.is_some_and(|checkpoint| index <= checkpoint) {
                let left_over = part(name, path, &metadata, Role::Retained);
                retained.push((left_over, Content::Records(Tail::MustBeWhole)));
            } else {
                let tail = if newest.is_none_or(|newest| index >= newest) {
                    Tail::MayBeTorn
                } else {
                    Tail::MustBeWhole
                };
                self.push(part(name, path, &metadata, Role::Live), Content::Records(tail));
            }
        }
        self.segments.sort();
        for (left_over, content) in retained {
            self.push(left_over, content);
        }
        for (_, name, path) in checkpoints.iter().rev().skip(1) {
            self.add_segments(path, &format!("{prefix}{name}/"), Role::Retained, Tail::MustBeWhole)?;
        }
        Ok(())
    }

    /// The server goes by names alone: it opens a directory that is named like a segment, and does not go on when it
    /// finds a file that is named like a checkpoint.
    fn look_for_what_is_in_the_way(&mut self, dir: &Path, prefix: &str) -> Result<(), ListError> {
        for (name, ..) in list_files(dir)?.into_iter().filter(|(name, ..)| name.starts_with("checkpoint.")) {
            self.in_the_way.push(Gap { file: format!("{prefix}{name}"), kind: GapKind::NoFolder });
        }
        for (name, ..) in list_dirs(dir)? {
            if let Some(index) = segment_index(&name) {
                self.folders.push((index, format!("{prefix}{name}")));
            }
        }
        self.segments.clone_from(&self.folders);
        Ok(())
    }

    fn list_checkpoints(
        &mut self,
        dir: &Path,
        prefix: &str,
    ) -> Result<Vec<(Index, String, PathBuf)>, ListError> {
        let mut checkpoints = Vec::new();
        for (name, path, _) in list_dirs(dir)? {
            if let Some(index) = checkpoint_index(&name) {
                checkpoints.push((index, name, path));
            } else if name.starts_with("checkpoint.") {
                let message = "a checkpoint that was never finished; the server removes it when it starts";
                self.note("unfinished-checkpoint", format!("{prefix}{name}"), message);
            }
        }
        checkpoints.sort();
        Ok(checkpoints)
    }

    fn add_segments(&mut self, dir: &Path, prefix: &str, role: Role, newest: Tail) -> Result<(), ListError> {
        let mut segments: Vec<_> = list_files(dir)?
            .into_iter()
            .filter_map(|(name, path, metadata)| Some((segment_index(&name)?, name, path, metadata)))
            .collect();
        segments.sort_by_key(|(index, ..)| *index);
        let last = segments.len().saturating_sub(1);
        for (at, (_, name, path, metadata)) in segments.into_iter().enumerate() {
            let tail = if at == last { newest } else { Tail::MustBeWhole };
            let content = if role == Role::HeadSnapshot { Content::Snapshot } else { Content::Records(tail) };
            self.push(part(format!("{prefix}{name}"), path, &metadata, role), content);
        }
        Ok(())
    }

    fn add_head_chunks(&mut self, dir: &Path, prefix: &str) -> Result<(), ListError> {
        let mut files = Vec::new();
        for (name, path, metadata) in list_files(dir)? {
            let ours = prefix
                .is_empty()
                .then(|| read_head(&path, 8).is_ok_and(|head| head_chunks::has_magic(&head)));
            if segment_index(&name).is_some() && ours.unwrap_or(true) {
                files.push((name, path, metadata));
            }
        }
        let last = files.len().saturating_sub(1);
        for (at, (name, path, metadata)) in files.into_iter().enumerate() {
            let tail = if at == last { Tail::MayBeTorn } else { Tail::MustBeWhole };
            let part = part(format!("{prefix}{name}"), path, &metadata, Role::HeadChunks);
            self.push(part, Content::HeadChunks(tail));
        }
        Ok(())
    }

    fn add_snapshots(&mut self, data: &Path) -> Result<(), ListError> {
        for (name, path, _) in list_dirs(data)? {
            if name.starts_with("chunk_snapshot.") && name.strip_suffix(".tmp").is_none() {
                self.add_segments(&path, &format!("{name}/"), Role::HeadSnapshot, Tail::MustBeWhole)?;
            }
        }
        Ok(())
    }

    fn add_blocks(&mut self, data: &Path) -> Result<(), ListError> {
        for (name, path, _) in list_dirs(data)? {
            if !is_ulid(&name) {
                continue;
            }
            let meta = path.join("meta.json");
            match std::fs::metadata(&meta) {
                Ok(metadata) if metadata.is_file() => {
                    self.look_into_block(&name, &path);
                    self.push(
                        part(format!("{name}/meta.json"), meta, &metadata, Role::Block),
                        Content::BlockMeta,
                    );
                }
                _ => {
                    self.note("block-without-meta", name, "a block without meta.json; the server ignores it");
                }
            }
        }
        Ok(())
    }

    fn look_into_block(&mut self, name: &str, dir: &Path) {
        let read = || read_small(&dir.join("meta.json"), MAX_META).ok();
        let Some(meta) = read().and_then(|json| BlockMeta::parse(&json, name).ok()) else { return };
        let lacks = |part: &str| !dir.join(part).exists() && dir.join("meta.json").exists();
        if let Some(part) = ["index", "chunks"].into_iter().find(|part| lacks(part)) {
            self.broken_blocks.push(format!("{name} without its {part}"));
        }
        if meta.cuts_replay() {
            let end = UnixTime::from_millis(meta.max_time);
            self.blocks_end = self.blocks_end.max(Some(end));
        }
    }
}

/// Whether a directory is named like a block: 26 characters of Crockford's alphabet.
fn is_ulid(name: &str) -> bool {
    name.len() == 26
        && name
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte)))
}
