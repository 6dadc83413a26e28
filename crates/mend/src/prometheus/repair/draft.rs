//! Planning: from what was read to what is done.

use std::collections::HashSet;
use std::fs;

use formats::prometheus::Directory;
use formats::{Note, Order, Part, ReadError, Role};

use super::super::names_in;
use super::Repair;
use super::checkpoints::{self, Base, Beyond};
use super::column::Column;
use super::deed::Deed;
use super::figures;
use super::head_chunks::{self, ChunkFile, Place};
use super::job::{Job, create, remove, replace};
use super::lost_chunks::LostChunks;
use super::names::Names;
use super::reading::{Ledger, Sheet};
use super::row::{self, Front, Mended};
use super::wal::{self, Row};
use crate::{Action, Loss, MendError, Plan, Site, Source, StepKind};

/// Reads `directory` and plans its repair.
pub(super) fn draft(directory: Directory, site: Site, order: &Order) -> Result<Repair, MendError> {
    let prefix = if site.root.join("wal").is_dir() { "wal/" } else { "" };
    let progress = &order.progress;
    let base = checkpoints::choose(&directory, prefix, progress)?;
    let mut ledger = Ledger::new(directory.blocks_end());
    if base.beyond == Beyond::Records {
        ledger.lose();
    }
    let base_sheets = wal::read_base(&directory, &base, &mut ledger, progress)?;
    let segments = wal::read_segments(&directory, prefix, &base, &mut ledger, progress)?;
    let mut chunks = Column::default();
    let chunk_files = head_chunks::read(&directory, &mut ledger, &mut chunks, progress)?;
    let mut draft = Draft {
        front: base.checkpoint.as_ref().map_or(Front::Zero, |base| Front::At(base.number + 1)),
        prefix,
        directory: &directory,
        base,
        base_sheets,
        segments,
        late: Row::default(),
        chunk_files,
        chunks,
        ledger,
        names: Names::default(),
        lost: LostChunks::default(),
        jobs: Vec::new(),
        notes: Vec::new(),
        unknown: Unknown::Nothing,
        nameless: (0, 0),
    };
    draft.all(order)?;
    let (plan, deeds) = draft.plan(site)?;
    let (names, lost) = (draft.names, draft.lost);
    Ok(Repair { directory, plan, deeds, names, lost })
}

/// Whether records are lost of which nothing says how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Nothing,
    Records,
}

pub(super) struct Draft<'a> {
    pub(super) prefix: &'static str,
    pub(super) directory: &'a Directory,
    pub(super) front: Front,
    pub(super) base: Base,
    pub(super) base_sheets: Vec<Sheet>,
    pub(super) segments: Row,
    pub(super) late: Row,
    pub(super) chunk_files: Vec<ChunkFile>,
    pub(super) chunks: Column,
    pub(super) ledger: Ledger,
    pub(super) names: Names,
    pub(super) lost: LostChunks,
    pub(super) jobs: Vec<Job>,
    pub(super) notes: Vec<Note>,
    pub(super) unknown: Unknown,
    /// Series and samples that stay without a name.
    pub(super) nameless: (u64, u64),
}

/// Where series are declared again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the checkpoint that everything before a hole becomes.
    Fold,
    /// In the checkpoint that is there.
    Checkpoint,
    /// In the segment of that place in the row.
    Segment(usize),
    /// Behind everything: only chunks and late samples need them.
    End,
}

impl Draft<'_> {
    fn all(&mut self, order: &Order) -> Result<(), MendError> {
        let progress = &order.progress;
        let mended = row::mend(&self.segments.numbers(), self.front);
        let replaced = self.segments.copies().took_a_place(self.segments.sheets.len());
        // A server that makes a checkpoint has a segment behind it.
        let nothing_behind = self.base.checkpoint.is_some() && self.segments.sheets.is_empty();
        if mended.has_holes() || replaced || nothing_behind || self.base.beyond == Beyond::Records {
            self.unknown = Unknown::Records;
        }
        let chunk_jobs = self.chunk_jobs(order)?;
        self.late = wal::read_late(self.directory, &self.lost, &mut self.ledger, progress)?;
        self.find_names(order)?;
        let home = self.home(&mended);
        if mended.fold.is_none() {
            self.mend_base(home);
        }
        self.mend_segments(&mended, home);
        self.mend_late();
        self.jobs.extend(chunk_jobs);
        self.fill(&mended);
        self.declare_at_the_end(home, &mended);
        self.fold_away(&mended);
        self.remove_unread(&mended);
        self.remove_snapshots(order)
    }

    /// Whether one of the logs has lost something that chunks may still have.
    fn is_hurt(&self, order: &Order) -> Result<bool, ReadError> {
        let mut sheets = self.base_sheets.iter().chain(self.segments.all());
        if self.unknown == Unknown::Records || sheets.any(Sheet::lost_any) {
            return Ok(true);
        }
        let mut late = self.directory.parts().iter().filter(|part| part.role == Role::OutOfOrder);
        let missing = self.directory.missing().iter().any(|file| file.starts_with("wbl/"));
        let damaged = late.try_fold(false, |damaged, part| {
            Ok(damaged || checkpoints::count(self.directory, part, &order.progress)?.1 > 0)
        });
        Ok(damaged? || missing)
    }

    /// What becomes of `chunks_head`, in the order in which it is done. Chunks of files that go are lost to the
    /// log of late samples only where their files stay.
    fn chunk_jobs(&mut self, order: &Order) -> Result<Vec<Job>, ReadError> {
        let mut jobs = Vec::new();
        let Some(first_bad) = self.first_bad_chunks() else { return Ok(jobs) };
        if !self.is_hurt(order)? {
            for file in self.chunk_files.iter().skip(first_bad).rev().filter(|_| !self.chunks_are_only_torn())
            {
                let why = "not readable up to here; the log has its samples";
                jobs.push(remove(&file.part.name, Some(file.part.bytes), why));
            }
            return Ok(jobs);
        }
        for (at, file) in self.chunk_files.iter().enumerate() {
            if file.is_damaged(self.place(at)) || file.torn > 0 {
                file.damage.iter().for_each(|range| self.lost.add(file.number, range.clone()));
                let why = "the chunks that verify, where they were";
                jobs.push(replace(&file.part.name, file.part.bytes, why, Deed::Chunks(file.clone())));
            }
        }
        let numbers: Vec<_> = self.chunk_files.iter().map(|file| file.number).collect();
        for number in row::mend(&numbers, Front::Any).fill {
            self.lost.add(number, 0..u64::from(u32::MAX));
            let path = format!("chunks_head/{number:06}");
            jobs.push(create(&path, 8, "the server wants no number missing", Deed::NoChunks(path.clone())));
        }
        Ok(jobs)
    }

    fn place(&self, at: usize) -> Place {
        if at + 1 == self.chunk_files.len() { Place::Last } else { Place::Middle }
    }

    /// The first file of chunks that a start would not read to its end, or that does not follow the one before it.
    fn first_bad_chunks(&self) -> Option<usize> {
        let mut expected = self.chunk_files.first()?.number;
        self.chunk_files.iter().enumerate().position(|(at, file)| {
            let follows = file.number == expected;
            expected = file.number + 1;
            !follows || file.is_damaged(self.place(at)) || file.torn > 0
        })
    }

    /// Whether all that is wrong with chunks is what a crash leaves at the end of the last file: the server makes no
    /// fuss over it, as long as the log has everything.
    fn chunks_are_only_torn(&self) -> bool {
        self.first_bad_chunks().and_then(|at| self.chunk_files.get(at).map(|file| (at, file))).is_some_and(
            |(at, file)| self.place(at) == Place::Last && file.torn > 0 && file.damage.is_empty(),
        )
    }

    /// Looks for the labels of series that nothing declares and something needs.
    fn find_names(&mut self, order: &Order) -> Result<(), ReadError> {
        let mut wanted = Column::default();
        for (series, count) in self.ledger.unnamed.iter().chain(self.chunks.iter()) {
            if !self.ledger.knows(series)
                && let Some(wanted) = wanted.at(series)
            {
                *wanted = wanted.saturating_add(count);
            }
        }
        let used: HashSet<&str> = (self.base_sheets.iter().chain(self.segments.all()))
            .flat_map(|sheet| sheet.place.parts.iter().map(|part| part.name.as_str()))
            .collect();
        let mut sources: Vec<Part> = Vec::new();
        for role in [Role::Checkpoint, Role::Retained, Role::HeadSnapshot] {
            let others = self.directory.parts().iter().filter(|part| part.role == role);
            sources.extend(others.filter(|part| !used.contains(part.name.as_str())).cloned());
        }
        self.names = Names::find(self.directory, &wanted, sources, &order.progress)?;
        let mut lost = (0, 0);
        for (series, count) in wanted.iter().filter(|(series, _)| !self.names.holds(*series)) {
            lost.0 += 1;
            lost.1 += u64::from(if self.ledger.unnamed.get(series) > 0 { count } else { 0 });
        }
        self.nameless = lost;
        Ok(())
    }

    fn home(&self, mended: &Mended) -> Home {
        let checkpoint_changes = self.base.checkpoint.is_some()
            && (self.base_sheets.is_empty() || self.base_sheets.iter().any(Sheet::needs_rewriting));
        if mended.fold.is_some() {
            Home::Fold
        } else if checkpoint_changes {
            Home::Checkpoint
        } else {
            let first = self.segments.sheets.iter().position(|sheet| sheet.unnamed > 0);
            first.map_or(Home::End, Home::Segment)
        }
    }

    fn remove_snapshots(&mut self, order: &Order) -> Result<(), MendError> {
        let mut damages = 0;
        for part in self.directory.parts().iter().filter(|part| part.role == Role::HeadSnapshot) {
            self.directory.frames(part, &order.progress, &mut |framing| {
                damages += u64::from(matches!(framing, formats::prometheus::Framing::Damage(_)));
                std::ops::ControlFlow::Continue(())
            })?;
        }
        if self.jobs.is_empty() && damages == 0 {
            return Ok(());
        }
        let root = self.directory.root();
        let snapshots = names_in(root, |name| name.starts_with("chunk_snapshot."))?;
        for name in snapshots.into_iter().filter(|name| root.join(name).is_dir()) {
            self.jobs.push(remove(&name, None, "a server that trusts it would not read the log"));
        }
        Ok(())
    }

    /// The plan, and what it comes to.
    fn plan(&mut self, site: Site) -> Result<(Plan, Vec<Deed>), MendError> {
        self.note_the_rest();
        let mut jobs = std::mem::take(&mut self.jobs);
        self.settle(&mut jobs);
        let bytes: u64 = jobs.iter().map(|job| job.bytes).sum();
        let sheets: Vec<&Sheet> =
            self.base_sheets.iter().chain(self.segments.all()).chain(self.late.all()).collect();
        let servers_own = match self.servers_refusal() {
            Some(note) => {
                self.notes.push(note);
                None
            }
            None => Some(figures::servers_own(self.directory, &sheets)?),
        };
        let series = self.ledger.series + self.names.count;
        let kept = figures::kept(sheets.iter().copied(), series);
        let plan = Plan {
            action: Action::Repair,
            site,
            sources: self.sources(&sheets)?,
            steps: jobs.iter().map(|job| job.step.clone()).collect(),
            loss: self.loss(&sheets),
            kept,
            servers_own,
            needs: bytes + self.names.bytes() + jobs.len() as u64 * 4096,
            work: 2 * bytes + self.names.bytes(),
            notes: std::mem::take(&mut self.notes),
        };
        Ok((plan, jobs.into_iter().map(|job| job.deed).collect()))
    }

    /// One thing happens to one path: what is put in place of a file that would go takes its place.
    fn settle(&self, jobs: &mut Vec<Job>) {
        let placed: HashSet<String> = jobs
            .iter()
            .filter(|job| job.step.kind != StepKind::Remove)
            .map(|job| job.step.path.clone())
            .collect();
        jobs.retain(|job| job.step.kind != StepKind::Remove || !placed.contains(&job.step.path));
        for job in jobs.iter_mut().filter(|job| job.step.kind == StepKind::Create) {
            let there = self.directory.root().join(&job.step.path);
            if let Ok(metadata) = fs::metadata(there) {
                (job.step.kind, job.step.bytes_before) = (StepKind::Replace, Some(metadata.len()));
            }
        }
    }

    fn loss(&self, sheets: &[&Sheet]) -> Loss {
        let counted = sheets.iter().try_fold(0, |sum, sheet| Some(sum + sheet.lost_records? + sheet.torn));
        let records = counted.filter(|_| self.unknown == Unknown::Nothing);
        let (series, samples) = self.nameless;
        Loss {
            records,
            samples: (records == Some(0)).then_some(samples),
            series: Some(series),
            bytes: sheets.iter().map(|sheet| sheet.lost_bytes).sum(),
            times: self.ledger.lost_times,
        }
    }

    fn sources(&self, sheets: &[&Sheet]) -> Result<Vec<Source>, MendError> {
        let parts = sheets.iter().flat_map(|sheet| &sheet.place.parts);
        let parts = parts.chain(self.chunk_files.iter().map(|file| &file.part)).chain(self.names.sources());
        parts.map(|part| Source::of(&part.path).map_err(MendError::io("look at", &part.path))).collect()
    }

    /// Why the server would not start, so that nothing can be said of what it would keep.
    fn servers_refusal(&self) -> Option<Note> {
        let last = self.chunk_files.len().saturating_sub(1);
        let unreadable = self.chunk_files.iter().enumerate().find(|(at, file)| {
            let short = *at < last && file.part.bytes < head_chunks::HEADER.len() as u64;
            short || file.damage.iter().any(|range| range.start == 0)
        });
        let missing = self.directory.missing().into_iter().next().map(|file| format!("{file} is missing"));
        let why = missing.or(unreadable.map(|(_, file)| format!("{} has no sound header", file.part.name)))?;
        let message = format!("the server would not start: {why}");
        Some(Note { code: "server-refuses", file: String::new(), message })
    }

    fn note_the_rest(&mut self) {
        let mut note = |code, message| self.notes.push(Note { code, file: String::new(), message });
        let (series, samples) = self.nameless;
        if series > 0 {
            note(
                "nameless-series",
                format!(
                    "{series} series with {samples} samples in the log have no labels anywhere; the server drops them"
                ),
            );
        }
        if self.names.count > 0 {
            note(
                "series-recovered",
                format!("{} series get their labels back from what is left of older files", self.names.count),
            );
        }
        if self.ledger.two_names > 0 {
            note(
                "two-names",
                format!(
                    "{} series numbers stand for two label sets each; they are left as they are",
                    self.ledger.two_names
                ),
            );
        }
    }
}
