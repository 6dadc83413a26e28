//! Finding the files of a node and telling what each is for, before any WAL file is read.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::frame::{FAMILY, MAGIC};
use super::snapshot::{NoSnapshot, Snapshot, read_checkpoint, read_snapshot};
use super::verdict::Watermark;
use super::{NodeLog, SNAPSHOTS, WAL};
use crate::detect::Recognised;
use crate::files::{ListError, MAX_FILES, list_dirs, list_files, part, read_head};
use crate::{Part, Role};

/// How deep `wal/` and `snapshots/` are searched. A server searches all depths; it never makes a directory there.
const MAX_DEPTH: usize = 8;

/// How many snapshot files a start loads by default: a month of them at one in ten minutes, but no less than 100.
pub(super) const SNAPSHOTS_LOADED: usize = 4_320;

/// What was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A node directory.
    Node,
    /// A directory of WAL files by itself.
    WalDirectory,
    /// One WAL file.
    File,
}

impl Scope {
    /// What the names of WAL files begin with.
    pub(super) const fn wal_prefix(self) -> &'static str {
        match self {
            Scope::Node => WAL,
            Scope::WalDirectory | Scope::File => "",
        }
    }
}

/// Who wrote the WAL files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// The engine whose format is read here.
    Core,
    /// One that is not known; all its files carry this magic.
    Other(String),
}

/// How far the WAL is persisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Persisted {
    /// No snapshot was taken.
    Nothing,
    /// Up to this file.
    UpTo(Watermark),
    /// The newest snapshot does not parse, and no server starts.
    Broken { file: String, cause: String },
    /// The newest snapshot could not be read.
    Unknown { file: String, cause: String },
    /// Only a node directory tells.
    NotHere,
}

impl Persisted {
    /// The watermark, if there is one and it is known.
    pub(super) const fn watermark(&self) -> Option<Watermark> {
        match self {
            Persisted::UpTo(watermark) => Some(*watermark),
            _ => None,
        }
    }

    /// Whether it is known which files a start replays.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self, Persisted::Nothing | Persisted::UpTo(_))
    }
}

/// The name of the WAL file of that number.
pub fn wal_name(number: u64) -> String {
    format!("{number:011}.wal")
}

/// The number in the name of a WAL file, which has eleven digits.
pub(super) fn wal_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    let fits = digits.len() == 11 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}

/// Whether the object store takes the file for one that it had begun to write, and does not list it.
pub(super) fn is_leftover(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    let suffix = name.split_once('#').map_or("", |(_, suffix)| suffix);
    !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the object store cannot list a directory that holds the name.
pub(super) fn is_unlistable(name: &str) -> bool {
    name.chars().any(|c| c.is_ascii_control() || c == char::REPLACEMENT_CHARACTER)
}

fn is_snapshot_name(name: &str) -> bool {
    let digits = name.strip_suffix(".info.json").unwrap_or_default();
    digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Recognises a node directory, its `wal` directory, or one WAL file.
pub(crate) fn recognise(path: &Path) -> Recognised {
    Ok(open(path)?.map(|log| Box::new(log) as Box<dyn crate::Log>))
}

/// The same by its own type.
pub(super) fn open(path: &Path) -> Result<Option<NodeLog>, ListError> {
    if path.is_file() {
        return Ok(single_file(path));
    }
    root_of(path).map(|(root, scope)| list(root, scope)).transpose()
}

/// What cannot be listed is not recognised, and left to the formats that are tried next.
fn root_of(path: &Path) -> Option<(PathBuf, Scope)> {
    if is_node(path) {
        return Some((path.to_owned(), Scope::Node));
    }
    if !holds_wal_files(path) {
        return None;
    }
    // The snapshots beside a `wal` directory decide what its files mean.
    match path.file_name() {
        Some(name) if name == "wal" => {
            let node = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            Some((node.unwrap_or(Path::new(".")).to_owned(), Scope::Node))
        }
        _ => Some((path.to_owned(), Scope::WalDirectory)),
    }
}

fn is_node(path: &Path) -> bool {
    let snapshots = list_files(&path.join(SNAPSHOTS)).unwrap_or_default();
    snapshots.iter().any(|(name, _, _)| is_snapshot_name(name)) || holds_wal_files(&path.join("wal"))
}

/// Whether files with the names of WAL files lie there, and one has the magic or all are blank, as after a loss of
/// power.
fn holds_wal_files(dir: &Path) -> bool {
    let (mut blank, mut foreign) = (false, false);
    for (name, path, _) in list_files(dir).unwrap_or_default() {
        if wal_number(&name).is_none() {
            continue;
        }
        let Ok(head) = read_head(&path, 64) else { continue };
        if head.starts_with(FAMILY) {
            return true;
        }
        let is_blank = head.iter().all(|&byte| byte == 0);
        blank |= is_blank;
        foreign |= !is_blank;
    }
    blank && !foreign
}

fn single_file(path: &Path) -> Option<NodeLog> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let head = read_head(path, 10).ok()?;
    // Catalog files begin with the same eight bytes and go on with `.l` or `.s`.
    let is_catalog = matches!(head.get(8..10), Some(b".l" | b".s"));
    if wal_number(&name).is_none() && (!head.starts_with(MAGIC) || is_catalog) {
        return None;
    }
    let metadata = std::fs::metadata(path).ok()?;
    let parts = vec![part(name, path.to_owned(), &metadata, Role::Live)];
    let engine = engine_of(&parts);
    Some(NodeLog::new(path.to_owned(), Scope::File, parts, Persisted::NotHere, engine))
}

type Listed = Vec<(String, PathBuf, Metadata)>;

fn list(root: PathBuf, scope: Scope) -> Result<NodeLog, ListError> {
    let (mut parts, persisted) = match scope {
        Scope::Node => snapshots(&root)?,
        Scope::WalDirectory | Scope::File => (Vec::new(), Persisted::NotHere),
    };
    let prefix = scope.wal_prefix();
    let covered = persisted.watermark().map(|watermark| wal_name(watermark.wal));
    for (name, path, metadata) in tree(&root.join(prefix))? {
        let role = match (&covered, wal_number(&name)) {
            (_, None) => Role::Stray,
            (Some(covered), Some(_)) if &name <= covered => Role::Retained,
            _ => Role::Live,
        };
        parts.push(part(format!("{prefix}{name}"), path, &metadata, role));
    }
    let engine = engine_of(&parts);
    Ok(NodeLog::new(root, scope, parts, persisted, engine))
}

/// The files that say how far the WAL is persisted, and what the newest says.
fn snapshots(root: &Path) -> Result<(Vec<Part>, Persisted), ListError> {
    let mut parts = Vec::new();
    for (name, path, metadata) in tree(&root.join(SNAPSHOTS))? {
        let role = if is_snapshot_name(&name) { Role::Marker } else { Role::Stray };
        parts.push(part(format!("{SNAPSHOTS}{name}"), path, &metadata, role));
    }
    let newest = parts.iter().find(|part| !is_leftover(&part.name));
    if let Some(newest) = newest {
        let persisted = persisted(newest, read_snapshot(&newest.path));
        return Ok((parts, persisted));
    }
    // Checkpoints are sums of snapshots, which a server never deletes; they count when somebody else did.
    let Some(newest) = newest_checkpoint(root)? else { return Ok((parts, Persisted::Nothing)) };
    let persisted = persisted(&newest, read_checkpoint(&newest.path));
    parts.push(newest);
    Ok((parts, persisted))
}

fn newest_checkpoint(root: &Path) -> Result<Option<Part>, ListError> {
    let dir = root.join("snapshot-checkpoints");
    let Some((month, path, _)) = list_dirs(&dir)?.pop() else { return Ok(None) };
    let newest = list_files(&path)?.into_iter().find(|(name, _, _)| name.ends_with(".checkpoint.json"));
    Ok(newest.map(|(name, path, metadata)| {
        part(format!("snapshot-checkpoints/{month}/{name}"), path, &metadata, Role::Marker)
    }))
}

fn persisted(newest: &Part, read: Result<Snapshot, NoSnapshot>) -> Persisted {
    let file = newest.name.clone();
    match read {
        Ok(snapshot) => Persisted::UpTo(Watermark { wal: snapshot.wal, snapshot: snapshot.number }),
        Err(NoSnapshot::Broken(cause)) => Persisted::Broken { file, cause },
        Err(NoSnapshot::TooLarge) => {
            Persisted::Unknown { file, cause: "larger than any snapshot that is read".to_owned() }
        }
        Err(NoSnapshot::Unreadable(error)) => Persisted::Unknown { file, cause: error.to_string() },
    }
}

/// All files below `dir`, sorted by their path below it as the object store sorts them: byte by byte.
fn tree(dir: &Path) -> Result<Listed, ListError> {
    let mut found = Vec::new();
    let mut pending = vec![(String::new(), dir.to_owned(), 0)];
    while let Some((prefix, dir, depth)) = pending.pop() {
        for (name, path, metadata) in list_files(&dir)? {
            found.push((format!("{prefix}{name}"), path, metadata));
        }
        if found.len() + pending.len() > MAX_FILES {
            return Err(ListError::TooMany { path: dir });
        }
        if depth < MAX_DEPTH {
            let inner = list_dirs(&dir)?;
            pending.extend(
                inner.into_iter().map(|(name, path, _)| (format!("{prefix}{name}/"), path, depth + 1)),
            );
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Another engine wrote the files if each that is not blank carries the same other magic of the family: a single
/// odd one among good ones is damage.
fn engine_of(parts: &[Part]) -> Engine {
    let mut magics = BTreeSet::new();
    for part in parts.iter().filter(|part| matches!(part.role, Role::Live | Role::Retained)) {
        let Ok(head) = read_head(&part.path, MAGIC.len()) else { continue };
        if head == MAGIC {
            return Engine::Core;
        }
        if head.iter().any(|&byte| byte != 0) {
            magics.insert(head);
        }
    }
    let Some(magic) = magics.pop_first().filter(|_| magics.is_empty()) else { return Engine::Core };
    match magic.strip_prefix(FAMILY) {
        Some(version) if version.len() == 3 && version.iter().all(u8::is_ascii_digit) => {
            Engine::Other(magic.escape_ascii().to_string())
        }
        _ => Engine::Core,
    }
}
