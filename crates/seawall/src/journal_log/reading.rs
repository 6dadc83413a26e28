//! A segment as records, damage and notes.

use std::borrow::Cow;
use std::io;

use formats::{Body, Damage, Entry, Lost, Note, Order, Part, ReadError, Visit};
use journal::reader::{Absent, Flaw, IdFile, Life, Missing, Piece, SegmentFile, Standing, Unsound, file_of};
use journal::storage::Fault;

use super::record::{Detail, record};
use super::{JournalLog, held, life};
use crate::show::units;

impl JournalLog {
    pub(super) fn read_id(&self, part: &Part, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        match self.reader.id_file() {
            IdFile::Sound(_) | IdFile::Missing => Ok(()),
            IdFile::Damaged => {
                let cause = "it does not say any more which journal this is";
                // Nothing follows, so breaking off here changes nothing.
                let _last = visit(damaged(part, (0, part.bytes), cause.into(), Some(0)));
                Ok(())
            }
            IdFile::Newer(version) => Err(newer(part, version)),
            IdFile::Unreadable(fault) => Err(unread(part, &fault)),
        }
    }

    pub(super) fn read_segment(
        &self,
        (part, file): (&Part, &SegmentFile),
        order: &Order,
        (detail, visit): (Detail, &mut Visit<'_>),
    ) -> Result<(), ReadError> {
        let strange = match &file.standing {
            Standing::Sound | Standing::Damaged if self.reader.journal().is_some() => None,
            Standing::Sound | Standing::Damaged => {
                Some("nothing says any more which journal it belongs to".to_owned())
            }
            Standing::Foreign(other) => Some(format!("it belongs to another journal, {other}")),
            Standing::Misnamed(says) => Some(format!("it is segment {says} by its header")),
            Standing::Newer(version) => return Err(newer(part, *version)),
            Standing::Unreadable(fault) => return Err(unread(part, fault)),
        };
        if let Some(cause) = strange {
            let _last = visit(damaged(part, (0, part.bytes), cause.into(), None));
            return Ok(());
        }
        let life = life(order);
        // What cannot be added up is told in the conclusion; frames are read all the same.
        let summary = self.summary(life).ok().flatten();
        let wanted = summary.map(|summary| summary.wanted(file.segment)).unwrap_or_default();
        let missing = summary.map(|summary| summary.missing.as_slice()).unwrap_or_default();
        for absent in missing.iter().filter(|absent| self.is_told_with(file, absent)) {
            if visit(gone(absent)).is_break() {
                return Ok(());
            }
        }
        let mut lost = 0;
        let mut pass = |piece: Piece<'_>| {
            if let Piece::Unsound(unsound) = &piece {
                lost += unsound.live;
            }
            visit(self.entry(part, (&piece, life), detail))
        };
        let read = self.reader.read(file.segment, life, wanted, &mut pass);
        held(&self.lost).insert(file.segment, lost);
        order.progress.add(part.bytes);
        match read {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                let message = "the file was there when the directory was listed and is gone".to_owned();
                let note = Note { code: "vanished", file: part.name.clone(), message };
                let _last = visit(Entry { span: 0..0, body: Body::Note(note) });
                Ok(())
            }
            read => read.map_err(|fault| unread(part, &fault)),
        }
    }

    /// A missing segment is told where it would stand: before the first one behind it.
    fn is_told_with(&self, file: &SegmentFile, absent: &Missing) -> bool {
        let at = self.segments.partition_point(|there| there.segment < absent.segment);
        self.segments.get(at).or(self.segments.last()).is_some_and(|there| there.segment == file.segment)
    }

    fn entry(&self, part: &Part, (piece, life): (&Piece<'_>, Life), detail: Detail) -> Entry {
        match piece {
            Piece::Frame(offset, frame, said) => {
                let mut names = held(&self.names);
                let record = record((frame.head(), said), detail, &mut names);
                Entry { span: *offset..offset + frame.bytes(), body: Body::Record(record) }
            }
            Piece::Unsound(unsound) => {
                let lost = unsound.frames.map(|frames| frames.max(unsound.live));
                damaged(part, (unsound.start, unsound.end), cause(unsound), lost)
            }
            Piece::Torn(start, end) => {
                let (code, message) = match life {
                    Life::Running => ("live-tail", format!("a batch is being written from byte {start} on")),
                    Life::Still => (
                        "torn-tail",
                        format!(
                            "ends in a batch that was not written to its end, from byte {start} on; nothing of it was \
                             acknowledged, and the next start cuts it off"
                        ),
                    ),
                };
                let note = Note { code, file: part.name.clone(), message };
                Entry { span: *start..*end, body: Body::Note(note) }
            }
        }
    }
}

fn damaged(part: &Part, (start, end): (u64, u64), cause: Cow<'static, str>, lost: Option<u64>) -> Entry {
    let lost = Lost { records: lost, bytes: end.saturating_sub(start) };
    Entry {
        span: start..end,
        body: Body::Damage(Damage { file: part.name.clone(), start, end, cause, lost }),
    }
}

fn gone(missing: &Missing) -> Entry {
    let named = file_of(missing.segment);
    let (cause, lost) = match missing.lost {
        Absent::FramesBefore(frames) => {
            (format!("{} before it are missing", units::counted(frames, "frame", "frames")), frames)
        }
        Absent::Events(events) => {
            let events_of = units::counted(events, "event", "events");
            (format!("it is missing, with {events_of} that nobody has settled"), events)
        }
    };
    let lost = Lost { records: Some(lost), bytes: 0 };
    let damage = Damage { file: named, start: 0, end: 0, cause: cause.into(), lost };
    Entry { span: 0..0, body: Body::Damage(damage) }
}

fn cause(unsound: &Unsound) -> Cow<'static, str> {
    let what: Cow<'static, str> = match unsound.flaw {
        Flaw::Header => "the header of the segment does not verify".into(),
        Flaw::Frames => "frames that had been synced do not verify".into(),
        Flaw::Contents(what) => format!("a frame verifies and its {what} cannot be").into(),
        Flaw::Place => "the index places events here that are not here".into(),
        Flaw::Short => "the file is shorter than its header says".into(),
    };
    match unsound.live {
        0 => what,
        live => format!("{what}; {} that nobody has settled", units::counted(live, "event", "events")).into(),
    }
}

fn newer(part: &Part, version: u32) -> ReadError {
    let cause = format!(
        "it has version {version}, and this Seawall reads version {}; use the newer Seawall that wrote it",
        journal::format::VERSION
    );
    ReadError::new(part, io::Error::new(io::ErrorKind::Unsupported, cause))
}

fn unread(part: &Part, fault: &Fault) -> ReadError {
    ReadError::new(part, io::Error::new(fault.kind(), fault.reason()))
}
