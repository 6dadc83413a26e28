//! Looks at every header, and refuses what is not this journal's. Nothing is changed here.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::format::{BadHeader, DirectoryHeader, Found, HEADER_BYTES, Identity, SegmentHeader};
use crate::log::Frames;
use crate::log::names::{ID, parse_segment, segment_name};
use crate::storage::{Fault, Storage, read_range};
use crate::{JournalId, Lsn, OpenError, Options, SegmentId};

/// What lies in the directory.
pub(crate) struct Surveyed {
    pub(crate) id: JournalId,
    /// Whether `journal.id` has to be written.
    pub(crate) id_file: IdFile,
    /// Every segment, oldest first.
    pub(crate) segments: Vec<Known>,
    /// All names.
    pub(crate) names: Vec<String>,
}

/// What there is of `journal.id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdFile {
    Sound,
    Missing,
    Damaged,
}

/// A segment, by its header.
pub(crate) struct Known {
    pub(crate) segment: SegmentId,
    pub(crate) size: u64,
    pub(crate) begins: Begins,
}

/// With which LSN a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// Its header says so.
    Stated(Lsn),
    /// Its header is damaged, and this is the first frame in it that verifies.
    Seen(Lsn),
    /// Nothing in it verifies.
    Unknown,
}

impl Known {
    /// The LSN of its first frame; nothing if its header is damaged.
    pub(crate) fn first(&self) -> Option<Lsn> {
        match self.begins {
            Begins::Stated(first) => Some(first),
            Begins::Seen(_) | Begins::Unknown => None,
        }
    }
}

/// The file of a segment as it was found.
pub(crate) struct Headed {
    /// What its name says.
    pub(crate) segment: SegmentId,
    pub(crate) size: u64,
    pub(crate) header: Result<SegmentHeader, Unread>,
}

/// Why a header is not known.
#[derive(Clone, Debug)]
pub(crate) enum Unread {
    Bad(BadHeader),
    Fault(Fault),
}

/// All headers of a directory.
pub(crate) struct Headers {
    /// All names.
    pub(crate) names: Vec<String>,
    /// That of `journal.id`; nothing if there is no such file.
    pub(crate) id: Option<Result<DirectoryHeader, Unread>>,
    /// Those of the segments, oldest first.
    pub(crate) segments: Vec<Headed>,
}

const NEWER: &str = "use the newer Seawall that wrote it; nothing was changed";
const WHOSE: &str = "no other header says which journal this is; restore journal.id or the directory from a copy; nothing \
                     was changed";

/// Reads every header, and judges none.
pub(crate) fn headers(storage: &dyn Storage) -> Result<Headers, Fault> {
    let names = storage.list().map_err(Fault::on("list", &storage.describe()))?;
    let is_there = names.iter().any(|name| name == ID);
    let id =
        is_there.then(|| read_head(storage, ID).and_then(|(_, bytes)| Ok(DirectoryHeader::decode(&bytes)?)));
    let segments = names.iter().filter_map(|name| parse_segment(name));
    let mut segments: Vec<Headed> = segments.map(|segment| headed(storage, segment)).collect();
    segments.sort_by_key(|headed| headed.segment);
    Ok(Headers { names, id, segments })
}

fn headed(storage: &dyn Storage, segment: SegmentId) -> Headed {
    match read_head(storage, &segment_name(segment)) {
        Ok((size, bytes)) => {
            Headed { segment, size, header: Ok(&bytes).and_then(|bytes| Ok(SegmentHeader::decode(bytes)?)) }
        }
        Err(fault) => Headed { segment, size: 0, header: Err(fault) },
    }
}

/// The size of a file and its first block.
fn read_head(storage: &dyn Storage, name: &str) -> Result<(u64, Vec<u8>), Unread> {
    let file = storage.open(name).map_err(Fault::on("open", name))?;
    let size = file.size().map_err(Fault::on("measure", name))?;
    Ok((size, read_range(&*file, 0, HEADER_BYTES).map_err(Fault::on("read", name))?))
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<BadHeader> for Unread {
    fn from(bad: BadHeader) -> Self {
        Self::Bad(bad)
    }
}

impl Headers {
    /// The journal that `journal.id` names, or else the newest segment whose header is sound.
    pub(crate) fn journal(&self) -> Option<JournalId> {
        let stated = self.id.iter().flatten().map(|header| header.journal).next();
        let mut newest = self.segments.iter().rev().filter_map(|headed| headed.header.as_ref().ok());
        stated.or_else(|| newest.next().map(|header| header.journal))
    }

    /// The segments that belong to a journal, or may, and are what their names say.
    pub(crate) fn known(&self, storage: &dyn Storage, journal: JournalId) -> Vec<Known> {
        let mut known = Vec::new();
        for headed in &self.segments {
            let (segment, size) = (headed.segment, headed.size);
            match &headed.header {
                Ok(header) if header.journal == journal && header.segment == segment => {
                    known.push(Known { segment, size, begins: Begins::Stated(header.first) });
                }
                Err(Unread::Bad(BadHeader::Damaged)) => {
                    known.push(Known { segment, size, begins: seen(storage, journal, segment) });
                }
                Ok(_) | Err(_) => {}
            }
        }
        known
    }
}

/// What the first frame says of a segment whose header is damaged. One that cannot be read says nothing; whoever needs
/// it reads it again, and fails then.
fn seen(storage: &dyn Storage, journal: JournalId, segment: SegmentId) -> Begins {
    first_frame(storage, &Identity::new(journal, segment))
        .ok()
        .flatten()
        .map_or(Begins::Unknown, Begins::Seen)
}

fn first_frame(storage: &dyn Storage, identity: &Identity) -> Result<Option<Lsn>, Fault> {
    let name = segment_name(identity.segment());
    let file = storage.open(&name).map_err(Fault::on("open", &name))?;
    let mut first = None;
    Frames::of(*identity, &*file)?.each(&mut |found| match found {
        Found::Frame(_, frame) => {
            first = Some(frame.head().lsn);
            Ok(ControlFlow::Break(()))
        }
        Found::Bad(_) => Ok(ControlFlow::Continue(())),
    })?;
    Ok(first)
}

/// Looks at every header, and refuses what is not this journal's. Nothing is changed here.
pub(super) fn survey(storage: &Arc<dyn Storage>, options: &Options) -> Result<Surveyed, OpenError> {
    let headers = headers(&**storage)?;
    let id_file = match &headers.id {
        None => IdFile::Missing,
        Some(Ok(_)) => IdFile::Sound,
        Some(Err(Unread::Bad(BadHeader::Damaged))) => IdFile::Damaged,
        Some(Err(unread)) => return Err(refusal(ID, unread)),
    };
    for headed in &headers.segments {
        demand_own(headed)?;
    }
    if id_file == IdFile::Sound && headers.segments.is_empty() {
        return Err(OpenError::Empty { journal: storage.describe() });
    }
    let id = match (headers.journal(), options.identity) {
        (Some(found), crate::Identity::Only(wanted)) if found != wanted => {
            return Err(OpenError::Foreign { file: storage.describe(), found, wanted });
        }
        (Some(id), _) | (None, crate::Identity::Only(id)) => id,
        (None, crate::Identity::Any) if headers.segments.is_empty() => fresh_id()?,
        (None, crate::Identity::Any) => {
            return Err(OpenError::Header { file: ID.to_owned(), cause: BadHeader::Damaged, advice: WHOSE });
        }
    };
    let sound = headers.segments.iter().filter_map(|headed| headed.header.as_ref().ok());
    if let Some(header) = sound.into_iter().find(|header| header.journal != id) {
        return Err(OpenError::Foreign {
            file: segment_name(header.segment),
            found: header.journal,
            wanted: id,
        });
    }
    let segments = headers.known(&**storage, id);
    Ok(Surveyed { id, id_file, segments, names: headers.names })
}

/// Refuses a segment that is another one, or cannot be read.
fn demand_own(headed: &Headed) -> Result<(), OpenError> {
    let name = segment_name(headed.segment);
    match &headed.header {
        Ok(header) if header.segment != headed.segment => {
            Err(OpenError::Misnamed { file: name, says: header.segment })
        }
        Ok(_) | Err(Unread::Bad(BadHeader::Damaged)) => Ok(()),
        Err(unread) => Err(refusal(&name, unread)),
    }
}

fn refusal(file: &str, unread: &Unread) -> OpenError {
    match unread {
        Unread::Bad(cause) => OpenError::Header { file: file.to_owned(), cause: *cause, advice: NEWER },
        Unread::Fault(fault) => OpenError::Disk(fault.clone()),
    }
}

fn fresh_id() -> Result<JournalId, OpenError> {
    let mut bytes = [0u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Fault::on("draw", "an id for the journal")(error.into()))?;
    #[expect(clippy::little_endian_bytes, reason = "any order is as random as another")]
    Ok(JournalId::new(u128::from_le_bytes(bytes)))
}
