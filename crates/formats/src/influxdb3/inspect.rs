//! Reading one part of a node and telling what it means there.

use std::io;

use super::file::WalFile;
use super::frame::{Flaw, verify};
use super::listing::{Engine, Scope, is_leftover};
use super::load::Loaded;
use super::snapshot::{NoSnapshot, Snapshot, read_checkpoint, read_snapshot};
use super::verdict::{Content, Sound};
use super::{NodeLog, SNAPSHOTS};
use crate::{Body, Damage, Lost, Note, Part, Role};

/// What one part holds.
pub(super) struct Inspected<'l> {
    /// Its bytes, for the records in them.
    pub(super) bytes: Option<Loaded<'l>>,
    /// What it adds up to, for a sound WAL file.
    pub(super) file: Option<WalFile>,
    /// What it says, for a sound snapshot file.
    pub(super) snapshot: Option<Snapshot>,
    /// What it means for a start, for a file that a start replays.
    pub(super) content: Content,
    /// Why it does not parse, for a broken snapshot file.
    pub(super) broken: Option<String>,
    /// Damage and notes.
    pub(super) remarks: Vec<Body>,
    /// Bytes that were read.
    pub(super) length: u64,
}

impl Inspected<'_> {
    fn new(part: &Part) -> Self {
        Self {
            bytes: None,
            file: None,
            snapshot: None,
            content: Content::Unknown,
            broken: None,
            remarks: Vec::new(),
            length: part.bytes,
        }
    }

    fn note(&mut self, part: &Part, code: &'static str, message: impl Into<String>) {
        self.remarks.push(Body::Note(Note { code, file: part.name.clone(), message: message.into() }));
    }

    fn vanish(mut self, part: &Part) -> Self {
        self.content = Content::Vanished;
        self.length = 0;
        self.note(part, "vanished", "deleted since the directory was listed");
        self
    }
}

impl NodeLog {
    /// Reads a part.
    pub(super) fn inspect(&self, part: &Part) -> io::Result<Inspected<'_>> {
        let mut inspected = Inspected::new(part);
        let in_wal = part.name.strip_prefix(self.scope.wal_prefix());
        if self.scope != Scope::File && is_leftover(&part.name) {
            inspected.note(
                part,
                "staging-leftover",
                "left over from an interrupted write; no server reads it",
            );
        } else if in_wal.is_none() {
            return self.inspect_snapshot(part);
        } else if part.role == Role::Stray && !self.is_replayed(part) {
            inspected.note(
                part,
                "stray",
                "does not belong here; it sorts below the watermark and is not read",
            );
        } else if matches!(self.engine, Engine::Other(_)) {
            inspected.note(
                part,
                "unknown-engine",
                "written by an engine whose format is not known; not read",
            );
        } else {
            return self.inspect_wal(part);
        }
        Ok(inspected)
    }

    fn inspect_wal(&self, part: &Part) -> io::Result<Inspected<'_>> {
        let mut inspected = Inspected::new(part);
        let loaded = Loaded::read(&part.path, &self.turn)?;
        let flaw = match &loaded {
            Loaded::Vanished => return Ok(inspected.vanish(part)),
            Loaded::TooLarge { length, flaw } => {
                inspected.length = *length;
                flaw.clone()
            }
            Loaded::Whole { bytes, .. } => {
                inspected.length = bytes.len() as u64;
                match verify(bytes).and_then(WalFile::of) {
                    Ok(file) => {
                        self.remark_sound(part, &file, &mut inspected);
                        inspected.file = Some(file);
                        inspected.bytes = Some(loaded);
                        return Ok(inspected);
                    }
                    Err(flaw) => Some(flaw),
                }
            }
        };
        if let Some(flaw) = flaw {
            remark_flaw(part, flaw, &mut inspected);
        } else {
            inspected.content = Content::NotDecoded;
            inspected.note(part, "not-decoded", "too large to be decoded; its checksum matches");
        }
        Ok(inspected)
    }

    fn remark_sound(&self, part: &Part, file: &WalFile, inspected: &mut Inspected<'_>) {
        inspected.content = Content::Sound(Sound {
            number: file.number,
            rows: file.rows,
            min_ns: file.min_ns,
            max_ns: file.max_ns,
            snapshot: file.snapshot.map(|marker| marker.number),
            forced: file.snapshot.is_some_and(|marker| marker.forced),
        });
        if part.role == Role::Stray {
            let message = "does not belong here, and a start replays it; move it out of the wal directory";
            inspected.note(part, "stray-replayed", message);
        }
        let number = file.number;
        if self.number(part).is_some_and(|named| named != number) {
            let message = format!("holds number {number}, which is what counts at a start, and not its name");
            inspected.note(part, "number-mismatch", message);
        }
    }

    fn inspect_snapshot(&self, part: &Part) -> io::Result<Inspected<'_>> {
        let mut inspected = Inspected::new(part);
        let is_checkpoint = !part.name.starts_with(SNAPSHOTS);
        let read = if is_checkpoint { read_checkpoint(&part.path) } else { read_snapshot(&part.path) };
        match read {
            Ok(snapshot) => inspected.snapshot = Some(snapshot),
            Err(NoSnapshot::TooLarge) => {
                inspected.note(part, "not-decoded", "too large to be parsed");
            }
            Err(NoSnapshot::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(inspected.vanish(part));
            }
            Err(NoSnapshot::Unreadable(error)) => return Err(error),
            Err(NoSnapshot::Broken(cause)) => self.remark_broken(part, cause, &mut inspected),
        }
        Ok(inspected)
    }

    fn remark_broken(&self, part: &Part, cause: String, inspected: &mut Inspected<'_>) {
        if part.role == Role::Stray {
            let message = format!("does not belong here, and no server starts while it is here: {cause}");
            inspected.note(part, "foreign-snapshot", message);
        } else if self.is_loaded(part) {
            inspected.remarks.push(Body::Damage(Damage {
                file: part.name.clone(),
                start: 0,
                end: part.bytes,
                cause: format!("does not parse: {cause}").into(),
                lost: Lost { records: None, bytes: part.bytes },
            }));
        } else {
            let message = format!("does not parse, and is too old to be loaded by default: {cause}");
            inspected.note(part, "retained-damaged", message);
        }
        inspected.broken = Some(cause);
    }
}

fn remark_flaw(part: &Part, flaw: Flaw, inspected: &mut Inspected<'_>) {
    match part.role {
        Role::Retained => {
            let message = format!("{flaw}; its rows are persisted, and no server reads it again");
            inspected.note(part, "retained-damaged", message);
        }
        Role::Stray if flaw.is_skipped() => {
            let message = format!(
                "does not belong here ({flaw}); a start skips it with a warning, or fails with \
                 --wal-replay-fail-on-error"
            );
            inspected.note(part, "stray-skipped", message);
        }
        Role::Stray => {
            let message = format!("does not belong here, and no server starts while it is here: {flaw}");
            inspected.note(part, "stray-fatal", message);
        }
        _ => inspected.remarks.push(Body::Damage(flaw.damage(&part.name, inspected.length))),
    }
    inspected.content = Content::Flawed(flaw);
}
