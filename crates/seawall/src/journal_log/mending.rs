//! Changes of a journal.
//!
//! **Repair** leaves a journal of which every byte verifies, and in which every event that somebody still has to get and
//! that can be read is pending as before. Damaged segments, and files that are not this journal's, go to the
//! quarantine; behind the newest segment new ones are put, with an index of everything and the events that the damaged
//! ones still held. The new ones come first: a kill in between leaves a journal that starts with what it had. It counts
//! what is lost as a start does, which would go on without it too, but would leave the damage where it is.
//!
//! **Reset** takes all of it away, for a journal that cannot be opened any more. The next start begins a new one.

use std::fs;
use std::path::Path;

use formats::{Log, Note, Order, Part, Progress, Role, UnixTime};
use journal::reader::{
    Absent, ID_FILE, IdFile, Life, Piece, PutSegment, Reader, Renewed, SegmentFile, Standing, Summary,
    file_of,
};
use journal::storage::Fault;
use journal::{Millis, SegmentId};
use mend::{Action, Kept, Loss, MendError, Mending, Plan, Site, Source, Stage, Step, StepKind};

use crate::show::units;

/// Takes damaged segments out of a journal and puts what is wanted of them behind the newest one.
pub(crate) struct Repair {
    plan: Plan,
    reader: Reader,
    summary: Option<Summary>,
    /// Segments that are taken away and hold events of this journal.
    damaged: Vec<SegmentId>,
    /// The number of the first new segment.
    next: SegmentId,
    now: Millis,
}

impl Repair {
    /// Reads all of the journal and plans what to take away.
    pub(crate) fn plan(log: &dyn Log, order: &Order) -> Result<Self, MendError> {
        let root = log.root();
        if !root.is_dir() {
            return Err(impossible(
                "a segment is not repaired by itself",
                "name the directory of the journal",
            ));
        }
        let reader = Reader::open(root).map_err(|fault| failed(root, &fault))?;
        let segments = reader.segments();
        demand_mendable(&reader, &segments)?;
        let summary = reader.summary().map_err(|fault| failed(root, &fault))?;
        let next = segments.iter().map(|file| file.segment).max().unwrap_or_default().next();
        let now = Millis::new(i64::try_from(order.now.nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX));
        let plan = nothing(Action::Repair, log)?;
        let mut repair = Self { plan, reader, summary, damaged: Vec::new(), next, now };
        let mut away = Vec::new();
        for file in &segments {
            away.extend(repair.examine(file, &order.progress)?);
        }
        repair.compose(away)?;
        Ok(repair)
    }

    /// Reads a segment, and says why it is to be taken away, if it is.
    fn examine(&mut self, file: &SegmentFile, progress: &Progress) -> Result<Option<Step>, MendError> {
        let remove = |why: String| Step {
            kind: StepKind::Remove,
            path: file.name.clone(),
            bytes_before: Some(file.bytes),
            bytes_after: None,
            why,
        };
        match file.standing {
            Standing::Foreign(other) => {
                return Ok(Some(remove(format!("it belongs to the journal {other}"))));
            }
            Standing::Misnamed(says) => return Ok(Some(remove(format!("it is a copy of segment {says}")))),
            _ => {}
        }
        let wanted = self.summary.as_ref().map(|summary| summary.wanted(file.segment)).unwrap_or_default();
        let loss = &mut self.plan.loss;
        let mut places = 0;
        let mut visit = |piece: Piece<'_>| {
            if let Piece::Unsound(unsound) = piece {
                places += 1;
                let frames = unsound.frames.map(|frames| frames.max(unsound.live));
                loss.records = loss.records.zip(frames).map(|(so_far, more)| so_far + more);
                loss.bytes += unsound.end.saturating_sub(unsound.start);
            }
            std::ops::ControlFlow::Continue(())
        };
        let read = self.reader.read(file.segment, Life::Still, wanted, &mut visit);
        read.map_err(|fault| failed(&self.plan.site.root.join(&file.name), &fault))?;
        progress.add(file.bytes);
        if places == 0 {
            return Ok(None);
        }
        self.damaged.push(file.segment);
        Ok(Some(remove(format!("damaged in {}", units::counted(places, "place", "places")))))
    }

    /// New segments, then `journal.id`, then what goes.
    fn compose(&mut self, away: Vec<Step>) -> Result<(), MendError> {
        let missing = self.summary.as_ref().map_or(0, |summary| {
            let lost = summary.missing.iter().map(|missing| match missing.lost {
                Absent::FramesBefore(count) | Absent::Events(count) => count,
            });
            lost.sum()
        });
        self.plan.loss.records = self.plan.loss.records.map(|records| records + missing);
        let live = self.summary.as_ref().map_or(0, |summary| summary.live_events);
        let mut kept = Renewed { live, ..Renewed::default() };
        if !self.damaged.is_empty() || missing > 0 {
            let mut made: Vec<Step> = Vec::new();
            kept = self.renew(&mut |segment, bytes| {
                made.push(Step {
                    kind: StepKind::Create,
                    path: file_of(segment),
                    bytes_before: None,
                    bytes_after: Some(bytes.len() as u64),
                    why: "an index of everything, and unsettled events of the segments that go".to_owned(),
                });
                Ok(())
            })?;
            self.plan.steps.append(&mut made);
            if !self.damaged.is_empty() {
                self.note(kept);
            }
        }
        self.plan.steps.extend(self.id_step());
        self.plan.steps.extend(away);
        let made = self.plan.steps.iter().filter_map(|step| step.bytes_after).sum();
        (self.plan.needs, self.plan.work) = (made, made);
        self.plan.loss.samples = Some(kept.lost);
        self.plan.kept = Kept { records: Some(kept.live), samples: Some(kept.live), series: None };
        Ok(())
    }

    fn note(&mut self, kept: Renewed) {
        let message = format!(
            "{} carried out of the segments that go; what every consumer has settled goes with them",
            match kept.carried {
                1 => "1 unsettled event is".to_owned(),
                many => format!("{} unsettled events are", units::count(many)),
            }
        );
        self.plan.notes.push(Note { code: "settled-go", file: String::new(), message });
    }

    fn renew(&self, put: &mut PutSegment<'_, Unmade>) -> Result<Renewed, MendError> {
        let Some(summary) = &self.summary else { return Ok(Renewed::default()) };
        let renewed = self.reader.renew(summary, (&self.damaged, self.next, self.now), put);
        renewed.map_err(|unmade| match unmade {
            Unmade::Fault(fault) => failed(&self.plan.site.root, &fault),
            Unmade::Mend(error) => error,
        })
    }

    fn id_step(&self) -> Option<Step> {
        let IdFile::Damaged = self.reader.id_file() else { return None };
        let bytes = self.reader.id_bytes()?;
        Some(Step {
            kind: StepKind::Replace,
            path: ID_FILE.to_owned(),
            bytes_before: Some(bytes.len() as u64),
            bytes_after: Some(bytes.len() as u64),
            why: "damaged; the segments say which journal it is".to_owned(),
        })
    }
}

impl Mending for Repair {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        let steps = || self.plan.steps.iter();
        if steps().any(|step| step.kind == StepKind::Create) {
            self.renew(&mut |segment, bytes| {
                let name = file_of(segment);
                write(stage, &name, bytes)?;
                progress.add(bytes.len() as u64);
                Ok(())
            })?;
        }
        for step in steps() {
            match step.kind {
                StepKind::Create => {}
                StepKind::Replace => write(stage, &step.path, &self.reader.id_bytes().unwrap_or_default())?,
                StepKind::Remove => stage.remove(&step.path),
            }
        }
        Ok(())
    }
}

/// Why a new segment was not made.
enum Unmade {
    Fault(Fault),
    Mend(MendError),
}

impl From<Fault> for Unmade {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<MendError> for Unmade {
    fn from(error: MendError) -> Self {
        Self::Mend(error)
    }
}

fn write(stage: &mut Stage, name: &str, bytes: &[u8]) -> Result<(), MendError> {
    let there = stage.beside(name)?;
    fs::write(&there, bytes).map_err(MendError::io("write", &there))?;
    stage.place(name)
}

/// Refuses what no repair can help.
fn demand_mendable(reader: &Reader, segments: &[SegmentFile]) -> Result<(), MendError> {
    if segments.is_empty() {
        return Err(impossible(
            "all segments of this journal are gone",
            "restore them from a copy; `seawall reset` lets the next start begin anew",
        ));
    }
    if let IdFile::Newer(version) = reader.id_file() {
        return Err(newer(ID_FILE, version));
    }
    if segments.iter().all(|file| matches!(file.standing, Standing::Foreign(_))) {
        return Err(impossible(
            "no segment of this journal is left, only those of another",
            "check which volume is mounted here, and move the other journal's files to where they belong",
        ));
    }
    for file in segments {
        match &file.standing {
            Standing::Newer(version) => return Err(newer(&file.name, *version)),
            Standing::Unreadable(fault) => return Err(failed(Path::new(&file.name), fault)),
            Standing::Misnamed(says) if !is_there(segments, *says) => {
                let name = file_of(*says);
                let is_taken = segments.iter().any(|other| other.segment == *says);
                let first = if is_taken { "move what has that name aside, " } else { "" };
                return Err(MendError::Impossible {
                    reason: format!("{} is segment {says} by its header", file.name),
                    advice: format!("{first}rename it to {name}, and run the command again"),
                });
            }
            _ => {}
        }
    }
    if reader.journal().is_none() {
        return Err(impossible(
            "no header says any more which journal this is, and without that no byte can be verified",
            "restore journal.id from a copy; `seawall reset` lets the next start begin anew",
        ));
    }
    Ok(())
}

fn is_there(segments: &[SegmentFile], segment: SegmentId) -> bool {
    segments
        .iter()
        .any(|file| file.segment == segment && matches!(file.standing, Standing::Sound | Standing::Damaged))
}

fn newer(name: &str, version: u32) -> MendError {
    MendError::Impossible {
        reason: format!(
            "{name} has version {version}, and this Seawall writes version {}",
            journal::format::VERSION
        ),
        advice: "use the newer Seawall that wrote it".to_owned(),
    }
}

fn impossible(reason: &str, advice: &str) -> MendError {
    MendError::Impossible { reason: reason.to_owned(), advice: advice.to_owned() }
}

fn failed(path: &Path, fault: &Fault) -> MendError {
    let source = std::io::Error::new(fault.kind(), fault.reason());
    MendError::Io { doing: "read", path: path.to_owned(), source }
}

/// A plan that does nothing, made from all files of the journal.
fn nothing(action: Action, log: &dyn Log) -> Result<Plan, MendError> {
    let source = |part: &Part| Source::of(&part.path).map_err(MendError::io("look at", &part.path));
    Ok(Plan {
        action,
        site: Site::of(log),
        sources: log.parts().iter().map(source).collect::<Result<_, _>>()?,
        steps: Vec::new(),
        loss: Loss::NONE,
        kept: Kept::default(),
        servers_own: None,
        needs: 0,
        work: 0,
        notes: Vec::new(),
    })
}

/// Takes a whole journal away.
pub(crate) struct Reset(Plan);

impl Reset {
    /// Reads the journal and says what is lost without it.
    pub(crate) fn plan(log: &dyn Log, order: &Order) -> Result<Self, MendError> {
        if !log.root().is_dir() {
            return Err(impossible(
                "a segment is not taken away by itself",
                "name the directory of the journal",
            ));
        }
        let survey = formats::survey(log, order);
        let (records, samples, bytes) = (survey.records(), survey.samples, survey.weight().1);
        if let Some(error) = survey.unreadable.into_iter().next() {
            return Err(error.into());
        }
        let mut plan = nothing(Action::Reset, log)?;
        // Without journal.id, what a start finds after a kill is a journal that lost segments, and never an empty one
        // that it refuses.
        let steps = log.parts().iter().filter(|part| part.role != Role::Stray).map(|part| Step {
            kind: StepKind::Remove,
            path: part.name.clone(),
            bytes_before: Some(part.bytes),
            bytes_after: None,
            why: "taken away with the whole journal".to_owned(),
        });
        plan.steps = steps.collect();
        let span = |times: formats::TimeRange| mend::Span { from: millis(times.min), to: millis(times.max) };
        plan.loss = Loss { records, samples, series: Some(0), bytes, times: survey.times.map(span) };
        Ok(Self(plan))
    }
}

fn millis(time: UnixTime) -> i64 {
    i64::try_from(time.nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

impl Mending for Reset {
    fn plan(&self) -> &Plan {
        &self.0
    }

    fn write(&self, stage: &mut Stage, _progress: &Progress) -> Result<(), MendError> {
        self.0.steps.iter().for_each(|step| stage.remove(&step.path));
        Ok(())
    }
}
