//! Which files of a directory are segments, and which of them hold a part of the log.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::control::Control;
use super::gather::Segment;
use super::lsn::{Geometry, SegmentName};
use super::page::{Identity, PageHeader};
use super::reader::Standing;
use crate::files::{self, list_files};
use crate::{ListError, Part, Role};

/// What was found at a path.
pub(super) struct Layout {
    /// What part names are relative to.
    pub(super) root: PathBuf,
    /// The directory with the segments.
    pub(super) wal: PathBuf,
    /// The data directory, when there is one.
    pub(super) data: Option<PathBuf>,
    pub(super) parts: Vec<Part>,
    /// The segments among the parts, by part name.
    pub(super) segments: BTreeMap<String, Placed>,
    pub(super) control: Option<Control>,
    pub(super) scope: Scope,
}

/// How much of the log was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of it, as far as it is there.
    Everything,
    /// One segment.
    OneSegment,
}

/// A segment in its timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) segment: Segment,
    pub(super) standing: Standing,
}

/// Where segments lie, and what the server says of them.
struct Home {
    wal: PathBuf,
    data: Option<PathBuf>,
    control: Option<Control>,
}

/// A segment's file and its first page header.
struct Found {
    name: SegmentName,
    part: Part,
    head: Option<PageHeader>,
}

impl Layout {
    /// What lies at `path`, if it is a data directory, a directory of segments, or one of them.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, ListError> {
        if path.is_file() {
            return Self::of_file(path);
        }
        for below in ["pg_wal", "pg_xlog", ""] {
            let wal = path.join(below);
            let data = data_directory(if below.is_empty() { path.parent() } else { Some(path) });
            let is_data = data.is_some() && !below.is_empty() && wal.is_dir();
            let (control, (found, others)) = with_control(data.as_deref(), || listed(&wal, below))?;
            if is_data || found.iter().any(Found::is_believable) {
                return Ok(Some(Self::new(path, Home { wal, data, control }, found, others)));
            }
        }
        Ok(None)
    }

    fn of_file(path: &Path) -> Result<Option<Self>, ListError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (Some(segment), Ok(metadata)) = (SegmentName::parse(&name), std::fs::metadata(path)) else {
            return Ok(None);
        };
        let part = files::part(name.clone(), path.to_owned(), &metadata, Role::Live);
        let found = Found::new(segment, part);
        if !found.is_believable() {
            return Ok(None);
        }
        // The others are not read, but tell where this one stands.
        let wal = path.parent().unwrap_or(Path::new("")).to_owned();
        let data = data_directory(wal.parent());
        let (control, (mut all, _)) = with_control(data.as_deref(), || listed(&wal, ""))?;
        all.retain(|other| other.name != segment);
        all.push(found);
        all.sort_by_key(|found| found.name);
        let mut layout = Self::new(path, Home { wal, data, control }, all, Vec::new());
        layout.parts.retain(|part| part.name == name);
        layout.parts.iter_mut().for_each(|part| part.role = Role::Live);
        layout.segments.retain(|other, _| *other == name);
        layout.scope = Scope::OneSegment;
        Ok(Some(layout))
    }

    fn new(root: &Path, home: Home, found: Vec<Found>, others: Vec<Part>) -> Self {
        let Home { wal, data, control } = home;
        let geometry = geometry(&found);
        let usual = most_frequent(found.iter().filter_map(Found::identity));
        let mut layout = Self {
            root: root.to_owned(),
            wal,
            control,
            data,
            parts: Vec::new(),
            segments: BTreeMap::new(),
            scope: Scope::Everything,
        };
        let newest = newest(&found, geometry);
        for Found { name, mut part, head } in found {
            let start = name.start(geometry);
            let own = head.and_then(|head| Found::identity_of(&head));
            // One number that differs is damage; where both do, the segment is of another cluster.
            let is_other =
                |usual: Identity, own: Identity| usual.magic != own.magic && usual.system != own.system;
            let identity = own.filter(|own| usual.is_none_or(|usual| is_other(usual, *own))).or(usual);
            let segment = Segment { start, timeline: name.timeline, geometry, identity };
            let newest = newest.get(&name.timeline).copied();
            let standing = match newest {
                Some(newest) if name < newest && segment.end() < newest.start(geometry) => Standing::Inner,
                Some(newest) if name < newest => Standing::BeforeNewest,
                _ => Standing::Newest,
            };
            part.role = if newest.is_some_and(|newest| name <= newest) { Role::Live } else { Role::Retained };
            layout.segments.insert(part.name.clone(), Placed { segment, standing });
            layout.parts.push(part);
        }
        layout.parts.extend(others);
        layout
    }
}

impl Found {
    fn new(name: SegmentName, part: Part) -> Self {
        let bytes = files::read_head(&part.path, 64).unwrap_or_default();
        Self { name, part, head: PageHeader::read(&bytes).ok() }
    }

    /// Whether this is a segment and not just a file with such a name.
    fn is_believable(&self) -> bool {
        self.head.is_some_and(|head| head.opens_segment()) || Geometry::new(self.part.bytes, 8192).is_some()
    }

    fn identity(&self) -> Option<Identity> {
        self.head.and_then(|head| Self::identity_of(&head))
    }

    fn identity_of(head: &PageHeader) -> Option<Identity> {
        let long = head.long.filter(|_| head.opens_segment())?;
        Some(Identity { magic: head.magic, system: long.system })
    }

    /// Whether the file holds a part of the log, and not what it held before it was recycled for later.
    fn holds_log(&self, geometry: Geometry) -> bool {
        let start = self.name.start(geometry);
        self.head.is_some_and(|head| head.is_of(start) || head.opens_segment() && !head.is_before(start))
    }
}

fn data_directory(path: Option<&Path>) -> Option<PathBuf> {
    path.filter(|path| path.join("PG_VERSION").is_file()).map(Path::to_owned)
}

/// What is listed while the control file stays as it is: a server that runs removes and makes segments by what it says, and
/// segments of one moment may lack what the control file of another needs.
fn with_control<T>(
    data: Option<&Path>,
    list: impl Fn() -> Result<T, ListError>,
) -> Result<(Option<Control>, T), ListError> {
    let look = || Ok(data.and_then(Control::of));
    files::settled(look, |control| list().map(|listed| (*control, listed)))?
}

/// The segments in a directory, and the other files; part names begin with `below`.
fn listed(wal: &Path, below: &str) -> Result<(Vec<Found>, Vec<Part>), ListError> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for (name, path, metadata) in list_files(wal)? {
        let full = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        match SegmentName::parse(&name) {
            Some(segment) => found.push(Found::new(segment, files::part(full, path, &metadata, Role::Live))),
            None => others.push(files::part(full, path, &metadata, role_of_other(&name))),
        }
    }
    Ok((found, others))
}

fn role_of_other(name: &str) -> Role {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("history" | "backup") => Role::Marker,
        Some("partial") => Role::Retained,
        _ => Role::Stray,
    }
}

/// The sizes that most segments name; without any, those that the files have.
fn geometry(found: &[Found]) -> Geometry {
    let named = found.iter().filter_map(|found| found.head?.long?.geometry());
    let of_files = found.iter().filter_map(|found| Geometry::new(found.part.bytes, Geometry::USUAL.page));
    most_frequent(named).or_else(|| most_frequent(of_files)).unwrap_or(Geometry::USUAL)
}

fn most_frequent<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    // Honest directories hold one or two different values; a hostile one may hold more, which do not matter.
    const MOST: usize = 16;
    let mut counts: Vec<(T, u64)> = Vec::new();
    for value in values {
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == value) {
            *count += 1;
        } else if counts.len() < MOST {
            counts.push((value, 1));
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

/// The newest segment of each timeline that holds a part of the log.
fn newest(found: &[Found], geometry: Geometry) -> BTreeMap<u32, SegmentName> {
    let holding = found.iter().filter(|found| found.holds_log(geometry));
    let mut newest: BTreeMap<u32, SegmentName> = BTreeMap::new();
    for found in holding {
        newest
            .entry(found.name.timeline)
            .and_modify(|name| *name = (*name).max(found.name))
            .or_insert(found.name);
    }
    newest
}

/// The geometry and identity of a segment that lies in memory, and where its header says that it begins.
pub(super) fn of_memory(bytes: &[u8]) -> io::Result<Segment> {
    let head = PageHeader::read(bytes).map_err(io::Error::other)?;
    let geometry = head.long.and_then(super::page::LongHeader::geometry).unwrap_or(Geometry::USUAL);
    let start = head.start_of_segment(geometry);
    Ok(Segment { start, timeline: head.timeline(), geometry, identity: Found::identity_of(&head) })
}
