//! Looks at every header, and refuses what is not this journal's. Nothing is changed here.

use std::sync::Arc;

use crate::format::{BadHeader, DirectoryHeader, HEADER_BYTES, SegmentHeader};
use crate::log::names::{ID, parse_segment, segment_name};
use crate::options::Identity;
use crate::storage::{Fault, Storage, read_range};
use crate::{JournalId, Lsn, OpenError, Options, SegmentId};

/// What lies in the directory.
pub(super) struct Surveyed {
    pub(super) id: JournalId,
    /// Whether `journal.id` has to be written.
    pub(super) id_file: IdFile,
    /// Every segment, oldest first.
    pub(super) segments: Vec<Known>,
    /// All names.
    pub(super) names: Vec<String>,
}

/// What there is of `journal.id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdFile {
    Sound,
    Missing,
    Damaged,
}

/// A segment, by its header.
pub(super) struct Known {
    pub(super) segment: SegmentId,
    pub(super) size: u64,
    /// The LSN of its first frame; nothing if its header is damaged.
    pub(super) first: Option<Lsn>,
}

const NEWER: &str = "use the newer Seawall that wrote it";
const WHOSE: &str = "no other header says which journal this is; restore the directory from a copy";

pub(super) fn survey(storage: &Arc<dyn Storage>, options: &Options) -> Result<Surveyed, OpenError> {
    let names = storage.list().map_err(Fault::on("list", &storage.describe()))?;
    let (stated, id_file) = read_id(storage, &names)?;
    let mut headers = Vec::new();
    for segment in names.iter().filter_map(|name| parse_segment(name)) {
        headers.push(read_header(storage, segment)?);
    }
    headers.sort_by_key(|(known, _)| known.segment);
    if id_file == IdFile::Sound && headers.is_empty() {
        return Err(OpenError::Empty { journal: storage.describe() });
    }
    let id = stated.or_else(|| headers.iter().rev().find_map(|(_, journal)| *journal));
    let id = match (id, options.identity) {
        (Some(id), Identity::Only(wanted)) if id != wanted => {
            return Err(OpenError::Foreign { file: storage.describe(), found: id, wanted });
        }
        (Some(id), _) | (None, Identity::Only(id)) => id,
        (None, Identity::Any) if headers.is_empty() => fresh_id()?,
        (None, Identity::Any) => {
            return Err(OpenError::Header { file: ID.to_owned(), cause: BadHeader::Damaged, advice: WHOSE });
        }
    };
    for (known, journal) in &headers {
        if let Some(found) = journal.filter(|journal| *journal != id) {
            return Err(OpenError::Foreign { file: segment_name(known.segment), found, wanted: id });
        }
    }
    let segments = headers.into_iter().map(|(known, _)| known).collect();
    Ok(Surveyed { id, id_file, segments, names })
}

fn read_id(storage: &Arc<dyn Storage>, names: &[String]) -> Result<(Option<JournalId>, IdFile), OpenError> {
    if !names.iter().any(|name| name == ID) {
        return Ok((None, IdFile::Missing));
    }
    let file = storage.open(ID).map_err(Fault::on("open", ID))?;
    let bytes = read_range(&*file, 0, HEADER_BYTES).map_err(Fault::on("read", ID))?;
    match DirectoryHeader::decode(&bytes) {
        Ok(header) => Ok((Some(header.journal), IdFile::Sound)),
        Err(BadHeader::Damaged) => Ok((None, IdFile::Damaged)),
        Err(cause) => Err(OpenError::Header { file: ID.to_owned(), cause, advice: NEWER }),
    }
}

fn read_header(
    storage: &Arc<dyn Storage>,
    segment: SegmentId,
) -> Result<(Known, Option<JournalId>), OpenError> {
    let name = segment_name(segment);
    let file = storage.open(&name).map_err(Fault::on("open", &name))?;
    let size = file.size().map_err(Fault::on("measure", &name))?;
    let bytes = read_range(&*file, 0, HEADER_BYTES).map_err(Fault::on("read", &name))?;
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header.segment != segment => {
            Err(OpenError::Misnamed { file: name, says: header.segment })
        }
        Ok(header) => Ok((Known { segment, size, first: Some(header.first) }, Some(header.journal))),
        Err(BadHeader::Damaged) => Ok((Known { segment, size, first: None }, None)),
        Err(cause) => Err(OpenError::Header { file: name, cause, advice: NEWER }),
    }
}

fn fresh_id() -> Result<JournalId, OpenError> {
    let mut bytes = [0u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Fault::on("draw", "an id for the journal")(error.into()))?;
    #[expect(clippy::little_endian_bytes, reason = "any order is as random as another")]
    Ok(JournalId::new(u128::from_le_bytes(bytes)))
}
