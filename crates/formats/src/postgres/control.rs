//! What the rest of a data directory tells about its log: the last checkpoint, and what keeps old segments.

use std::path::Path;

use super::lsn::Lsn;
use crate::files::{self, list_dirs, list_files};
use crate::sum::crc32c;
use crate::{Bytes, ListError, Malformed};

/// The size of `global/pg_control`.
const CONTROL_SIZE: usize = 8192;
/// Where its checksum may lie: behind its fields, whose number differs between versions.
const SUM_PLACES: std::ops::Range<usize> = 96..1024;
/// The first layout that is read, of version 11; those before have one more field.
const CONTROL_SINCE: u32 = 1100;

/// What `global/pg_control` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) system: u64,
    state: u32,
    /// Where the last checkpoint record begins: a start reads it first.
    pub(super) checkpoint: Lsn,
    /// Where replay begins.
    pub(super) redo: Lsn,
    pub(super) timeline: u32,
}

impl Control {
    /// Reads the file of a data directory; `None` when it is not there, damaged or of an older version.
    pub(super) fn of(data: &Path) -> Option<Self> {
        Self::read(&files::read_small(&data.join("global/pg_control"), CONTROL_SIZE).ok()?)
    }

    /// Reads the file's bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let is_sound = SUM_PLACES.step_by(4).any(|at| {
            let stored = bytes.get(at..).and_then(|rest| Bytes::new(rest).u32_le("checksum").ok());
            stored.is_some() && stored == bytes.get(..at).map(crc32c)
        });
        if is_sound { Self::fields(bytes).ok().flatten() } else { None }
    }

    fn fields(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut fields = Bytes::new(bytes);
        let system = fields.u64_le("system identifier")?;
        let version = fields.u32_le("version")?;
        fields.take(4, "catalog version")?;
        let state = fields.u32_le("state")?;
        fields.take(12, "time")?;
        let checkpoint = Lsn::new(fields.u64_le("checkpoint")?);
        let redo = Lsn::new(fields.u64_le("redo")?);
        let timeline = fields.u32_le("timeline")?;
        Ok((version >= CONTROL_SINCE).then_some(Self { system, state, checkpoint, redo, timeline }))
    }

    /// Whether the server was stopped in order: then a start reads the checkpoint record and replays nothing.
    pub(super) fn is_stopped_in_order(&self) -> bool {
        matches!(self.state, 1 | 2)
    }

    /// The word for the state.
    pub(super) fn state(&self) -> &'static str {
        match self.state {
            0 => "starting up",
            1 => "shut down",
            2 => "shut down in recovery",
            3 => "shutting down",
            4 => "in crash recovery",
            5 => "in archive recovery",
            6 => "in production",
            _ => "unknown",
        }
    }
}

/// A replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) name: String,
    /// The oldest place that it may still ask for; `None` when it keeps nothing or that cannot be read.
    pub(super) restart: Option<Lsn>,
}

/// The slots of a data directory.
pub(super) fn slots(data: &Path) -> Result<Vec<Slot>, ListError> {
    let listed = list_dirs(&data.join("pg_replslot"))?;
    let slot = |(name, path, _): (String, std::path::PathBuf, _)| {
        let restart = files::read_small(&path.join("state"), 4096).ok().and_then(|state| restart(&state));
        Slot { name, restart }
    };
    Ok(listed.into_iter().map(slot).collect())
}

/// The restart position in a slot's state file.
pub(super) fn restart(state: &[u8]) -> Option<Lsn> {
    const MAGIC: u32 = 0x0105_1ca1;
    let mut fields = Bytes::new(state);
    let magic = fields.u32_le("magic").ok()?;
    let sum = fields.u32_le("checksum").ok()?;
    if magic != MAGIC || crc32c(fields.rest()) != sum {
        return None;
    }
    // Version and length; then the name, the database, the persistency, and two transaction numbers.
    fields.take(8 + 64 + 4 * 4, "slot").ok()?;
    let restart = fields.u64_le("restart position").ok()?;
    (restart != 0).then_some(Lsn::new(restart))
}

/// How many segments wait to be archived, and how many are archived and not yet removed.
pub(super) fn archive_status(wal: &Path) -> Result<(u64, u64), ListError> {
    let listed = list_files(&wal.join("archive_status"))?;
    let count = |suffix: &str| listed.iter().filter(|(name, _, _)| name.ends_with(suffix)).count() as u64;
    Ok((count(".ready"), count(".done")))
}
