//! A journal as somebody reads it who does not have it open: without its lock, without a change, and while another
//! process may be writing it.
//!
//! | file | does |
//! |---|---|
//! | `mod.rs` | which files there are, and what is to be thought of each |
//! | `open.rs` | the file of a segment, as long as it is that |
//! | `segment.rs` | the frames of one segment, damage between them, events that should be there and are not |
//! | `summary.rs` | what the frames add up to: streams, consumers, what keeps segments |
//! | `renew.rs` | segments that hold what is still wanted of damaged ones |
//!
//! It judges as a start does, with the same code, and reads what a start leaves out: segments that are older than the
//! newest index. In memory are the index and a part of one segment; whoever renews segments holds two of them.

mod open;
mod renew;
mod segment;
mod summary;

use std::path::Path;
use std::sync::Arc;

pub use renew::{PutSegment, Renewed};
pub use segment::{Flaw, Life, Piece, Unsound, Visit};
pub use summary::{Absent, Blocker, ConsumerSummary, Missing, StreamSummary, Summary};

use crate::format::{BadHeader, DirectoryHeader};
use crate::log::names::segment_name;
use crate::recover::survey::{Headed, Headers, Known, Unread, headers};
use crate::storage::{Disk, Fault, Storage};
use crate::{JournalId, SegmentId};

/// The name of the file that says whose directory it is.
pub const ID_FILE: &str = crate::log::names::ID;
/// The name of the file that will be the next segment.
pub const SPARE_FILE: &str = crate::log::names::SPARE;
/// The name of the file whose lock the process holds that has the journal open.
pub const LOCK_FILE: &str = crate::LOCK;
/// The name of a segment's file.
pub fn file_of(segment: SegmentId) -> String {
    segment_name(segment)
}

/// The directory with copies of bytes that could not be trusted.
pub const QUARANTINE_FOLDER: &str = crate::log::names::QUARANTINE;

/// A journal's directory, whose headers were read.
pub struct Reader {
    storage: Arc<dyn Storage>,
    headers: Headers,
    journal: Option<JournalId>,
    /// Segments that are this journal's, oldest first.
    known: Vec<Known>,
}

/// The file of a segment.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    /// Its name.
    pub name: String,
    /// The segment, as its name says.
    pub segment: SegmentId,
    /// Its size.
    pub bytes: u64,
    /// What is to be thought of it.
    pub standing: Standing,
}

/// What is to be thought of a file.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Its header verifies and is what it should be.
    Sound,
    /// Its header does not verify.
    Damaged,
    /// It belongs to another journal.
    Foreign(JournalId),
    /// Its header says that it is another segment.
    Misnamed(SegmentId),
    /// It has a version that this Seawall does not know.
    Newer(u32),
    /// The disk did not let it be read.
    Unreadable(Fault),
}

/// What there is of `journal.id`.
#[derive(Clone, Debug)]
pub enum IdFile {
    /// It verifies.
    Sound(DirectoryHeader),
    /// There is none.
    Missing,
    /// It does not verify.
    Damaged,
    /// It has a version that this Seawall does not know.
    Newer(u32),
    /// The disk did not let it be read.
    Unreadable(Fault),
}

impl Reader {
    /// Reads the headers in a directory.
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        let name = directory.display().to_string();
        let disk = Disk::read_only(directory).map_err(Fault::on("open the directory", &name))?;
        Self::of(Arc::new(disk))
    }

    /// Reads the headers in a storage.
    pub fn of(storage: Arc<dyn Storage>) -> Result<Self, Fault> {
        let mut headers = headers(&*storage)?;
        // A running journal clears segments away.
        headers.segments.retain(|headed| !is_gone(headed));
        let journal = headers.journal();
        let known = journal.map(|journal| headers.known(&*storage, journal)).unwrap_or_default();
        Ok(Self { storage, headers, journal, known })
    }

    /// The journal that this is; nothing if no header says so.
    pub fn journal(&self) -> Option<JournalId> {
        self.journal
    }

    /// The names of all files.
    pub fn names(&self) -> &[String] {
        &self.headers.names
    }

    /// What there is of `journal.id`.
    pub fn id_file(&self) -> IdFile {
        match &self.headers.id {
            None => IdFile::Missing,
            Some(Ok(header)) => IdFile::Sound(*header),
            Some(Err(Unread::Bad(BadHeader::Damaged))) => IdFile::Damaged,
            Some(Err(Unread::Bad(BadHeader::Newer(version)))) => IdFile::Newer(*version),
            Some(Err(Unread::Fault(fault))) => IdFile::Unreadable(fault.clone()),
        }
    }

    /// `journal.id` as it should be; nothing if no header says which journal this is. Where it does not say itself when
    /// the journal was made, it is as old as its oldest segment.
    pub fn id_bytes(&self) -> Option<Vec<u8>> {
        let stated = self.headers.id.iter().flatten().map(|header| header.made).next();
        let sound = self.headers.segments.iter().filter_map(|headed| headed.header.as_ref().ok());
        let made = stated.or_else(|| sound.map(|header| header.made).min()).unwrap_or_default();
        self.journal.map(|journal| DirectoryHeader { journal, made }.encode())
    }

    /// Every segment's file, oldest first.
    pub fn segments(&self) -> Vec<SegmentFile> {
        let file = |headed: &Headed| SegmentFile {
            name: segment_name(headed.segment),
            segment: headed.segment,
            bytes: headed.size,
            standing: self.standing(headed),
        };
        self.headers.segments.iter().map(file).collect()
    }

    fn standing(&self, headed: &Headed) -> Standing {
        match &headed.header {
            Ok(header) if Some(header.journal) != self.journal => Standing::Foreign(header.journal),
            Ok(header) if header.segment != headed.segment => Standing::Misnamed(header.segment),
            Ok(_) => Standing::Sound,
            Err(Unread::Bad(BadHeader::Damaged)) => Standing::Damaged,
            Err(Unread::Bad(BadHeader::Newer(version))) => Standing::Newer(*version),
            Err(Unread::Fault(fault)) => Standing::Unreadable(fault.clone()),
        }
    }
}

fn is_gone(headed: &Headed) -> bool {
    matches!(&headed.header, Err(Unread::Fault(fault)) if fault.kind() == std::io::ErrorKind::NotFound)
}
