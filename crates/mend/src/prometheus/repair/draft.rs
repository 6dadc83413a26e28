//! Planning: from what was read to what is done.

use std::collections::HashSet;
use std::fs;

use formats::prometheus::Directory;
use formats::prometheus::record::SeriesRef;
use formats::{Note, Order, Part, ReadError, Role};

use super::Repair;
use super::checkpoints::{self, Base, Health};
use super::column::Column;
use super::deed::{Deed, Naming, Rewriting, Scope};
use super::figures;
use super::head_chunks::{self, ChunkFile, Place};
use super::job::{Job, create, fold_into, remove, replace, rewrite};
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
    if base.health == Health::Useless {
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
    Ok(Repair { plan, deeds, names, lost, directory })
}

/// More files than any checkpoint has; a higher number is that of no file of it.
const MAX_CHECKPOINT_FILES: u64 = 100_000;

/// Whether records are lost of which nothing says how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    Nothing,
    Records,
}

struct Draft<'a> {
    prefix: &'static str,
    directory: &'a Directory,
    front: Front,
    base: Base,
    base_sheets: Vec<Sheet>,
    segments: Row,
    late: Row,
    chunk_files: Vec<ChunkFile>,
    chunks: Column,
    ledger: Ledger,
    names: Names,
    lost: LostChunks,
    jobs: Vec<Job>,
    notes: Vec<Note>,
    unknown: Unknown,
    /// Series and samples that stay without a name.
    nameless: (u64, u64),
}

/// Where series are declared again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
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
    fn all(&mut self, order: &Order) -> Result<(), ReadError> {
        let progress = &order.progress;
        let mended = row::mend(&self.segments.numbers(), self.front);
        if mended.has_holes() || (self.base.health == Health::Useless && !self.base_is_replaced()) {
            self.unknown = Unknown::Records;
        }
        let chunk_jobs = self.chunk_jobs();
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

    /// Whether a sound base holds all that the newest checkpoint was made from.
    fn base_is_replaced(&self) -> bool {
        !self.base.dropped.is_empty()
            && self.segments.sheets.iter().all(|sheet| !sheet.lost_any())
            && self.base.health != Health::Sound
            && self.covers_dropped()
    }

    fn covers_dropped(&self) -> bool {
        let from = self.base.checkpoint.as_ref().map_or(0, |base| base.number + 1);
        let to = self.base.dropped.iter().map(|one| one.number).max().unwrap_or(0);
        let numbers = self.segments.numbers();
        (from..=to).all(|number| numbers.binary_search(&number).is_ok())
    }

    /// Whether the log has lost something that chunks may still have.
    fn is_hurt(&self) -> bool {
        let sheets = self.base_sheets.iter().chain(self.segments.all());
        self.unknown == Unknown::Records || sheets.into_iter().any(Sheet::lost_any)
    }

    /// What becomes of `chunks_head`, in the order in which it is done. Chunks of files that go are lost to the
    /// log of late samples only where their files stay.
    fn chunk_jobs(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let last = self.chunk_files.len().saturating_sub(1);
        let numbers: Vec<_> = self.chunk_files.iter().map(|file| file.number).collect();
        let place = |at| if at == last { Place::Last } else { Place::Middle };
        let follows = |at: usize| at == 0 || numbers.get(at) == numbers.get(at - 1).map(|before| before + 1).as_ref();
        let bad = |(at, file): (usize, &ChunkFile)| file.is_damaged(place(at)) || !follows(at);
        if !self.is_hurt() {
            let from = self.chunk_files.iter().enumerate().position(bad).unwrap_or(self.chunk_files.len());
            for file in self.chunk_files.iter().skip(from).rev() {
                let why = "not readable up to here; the log has its samples";
                jobs.push(remove(&file.part.name, Some(file.part.bytes), why));
            }
            return jobs;
        }
        for (at, file) in self.chunk_files.iter().enumerate() {
            if file.is_damaged(place(at)) || file.torn > 0 {
                file.damage.iter().for_each(|range| self.lost.add(file.number, range.clone()));
                let why = "the chunks that verify, where they were";
                jobs.push(replace(&file.part.name, file.part.bytes, why, Deed::Chunks(file.clone())));
            }
        }
        let mended = row::mend(&numbers, Front::Any);
        for number in mended.fill {
            self.lost.add(number, 0..u64::from(u32::MAX));
            let path = format!("chunks_head/{number:06}");
            jobs.push(create(&path, 8, "the server wants no number missing", Deed::NoChunks(path.clone())));
        }
        jobs
    }

    /// Looks for the labels of series that nothing declares and something needs.
    fn find_names(&mut self, order: &Order) -> Result<(), ReadError> {
        if !self.directory.is_prometheus() {
            return Ok(());
        }
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

    /// Whether the series that are declared again stand in `here`.
    fn naming(&self, home: Home, here: Home) -> Naming {
        if home == here && self.names.count > 0 { Naming::First } else { Naming::None }
    }

    fn mend_base(&mut self, home: Home) {
        let Some(checkpoint) = self.base.checkpoint.clone() else { return };
        let highest = checkpoint.parts.iter().filter_map(|part| super::number_of(&part.name)).max().unwrap_or(0);
        for number in 0..=highest.min(MAX_CHECKPOINT_FILES) {
            let path = format!("{}/{number:08}", checkpoint.dir);
            let naming = if number == 0 { self.naming(home, Home::Checkpoint) } else { Naming::None };
            let sheet = self.base_sheets.iter().find(|sheet| sheet.place.number == number);
            let job = match sheet {
                Some(sheet) if sheet.needs_rewriting() || naming == Naming::First => {
                    rewrite(sheet, path, naming, Scope::All)
                }
                Some(_) => continue,
                None if naming == Naming::First => {
                    let rewriting = Rewriting { path: path.clone(), dir: None, naming, origins: Vec::new() };
                    create(&path, self.names.bytes(), "series that were declared in it", Deed::Rewrite(rewriting))
                }
                None => create(&path, 0, "the server wants no number missing", Deed::Empty(path.clone())),
            };
            self.jobs.push(job);
        }
    }

    fn mend_segments(&mut self, mended: &Mended, home: Home) {
        let copies = self.segments.copies();
        let mut jobs = Vec::new();
        for (at, sheet) in self.segments.sheets.iter().enumerate() {
            if mended.fold.is_some_and(|fold| sheet.place.number <= fold) {
                continue;
            }
            let path = format!("{}{:08}", self.prefix, sheet.place.number);
            let naming = self.naming(home, Home::Segment(at));
            let scope = if copies.too_early.contains(&at) { Scope::Series } else { Scope::All };
            let only = matches!(sheet.place.parts.as_slice(), [one] if one.name == path);
            if naming == Naming::None && (sheet.is_void() || copies.too_late.contains(&at)) {
                let why = if sheet.is_void() { "nothing in it verifies" } else { "a copy of an earlier segment" };
                jobs.push(replace(&path, sheet.bytes(), why, Deed::Empty(path.clone())));
            } else if sheet.needs_rewriting() || naming == Naming::First || scope == Scope::Series || !only {
                jobs.push(rewrite(sheet, path.clone(), naming, scope));
            }
            let others = sheet.place.parts.iter().filter(|part| part.name != path);
            jobs.extend(others.map(|part| remove(&part.name, Some(part.bytes), "its number is taken")));
        }
        for sheet in self.segments.behind.iter().rev() {
            let parts = sheet.place.parts.iter();
            jobs.extend(parts.map(|part| remove(&part.name, Some(part.bytes), "nothing in it verifies")));
        }
        self.jobs.extend(jobs);
    }

    /// The log of late samples has no checkpoints: what lies before a large hole becomes the file before the next.
    fn mend_late(&mut self) {
        let mended = row::mend(&self.late.numbers(), Front::Any);
        if mended.has_holes() {
            self.unknown = Unknown::Records;
        }
        let mut jobs = Vec::new();
        if let Some(fold) = mended.fold {
            let before: Vec<_> =
                self.late.sheets.iter().filter(|sheet| sheet.place.number <= fold).collect();
            let path = format!("wbl/{fold:08}");
            jobs.push(fold_into(&before, path, None, Naming::None));
            let parts = before.iter().flat_map(|sheet| &sheet.place.parts);
            jobs.extend(parts.map(|part| remove(&part.name, Some(part.bytes), "put together")));
        }
        for sheet in &self.late.sheets {
            if mended.fold.is_none_or(|fold| sheet.place.number > fold) && sheet.needs_rewriting() {
                let path = format!("wbl/{:08}", sheet.place.number);
                jobs.push(rewrite(sheet, path, Naming::None, Scope::All));
            }
        }
        for number in mended.fill {
            let path = format!("wbl/{number:08}");
            jobs.push(create(&path, 0, "the server wants no number missing", Deed::Empty(path.clone())));
        }
        for part in self.late.behind.iter().rev().flat_map(|sheet| &sheet.place.parts) {
            jobs.push(remove(&part.name, Some(part.bytes), "nothing in it verifies"));
        }
        self.jobs.extend(jobs);
    }

    /// Missing segments.
    fn fill(&mut self, mended: &Mended) {
        for number in &mended.fill {
            let path = format!("{}{number:08}", self.prefix);
            let why = "the server wants no number missing";
            self.jobs.push(create(&path, 0, why, Deed::Empty(path.clone())));
        }
        // Without a segment behind the checkpoint, the server would begin with 0 and never read that again.
        if let (true, Some(base)) = (self.segments.sheets.is_empty(), &self.base.checkpoint) {
            let left_over = self.directory.segments().any(|(number, _)| number == base.number);
            if !left_over {
                let path = format!("{}{:08}", self.prefix, base.number + 1);
                let why = "the server begins behind the checkpoint only if a segment is there";
                self.jobs.push(create(&path, 0, why, Deed::Empty(path.clone())));
            }
        }
    }

    /// Series that only chunks and late samples need, and one that keeps all numbers from being given again.
    fn declare_at_the_end(&mut self, home: Home, mended: &Mended) {
        if !self.directory.is_prometheus() {
            return;
        }
        let next = self.segments.sheets.last().map(|sheet| sheet.place.number + 1);
        let base = mended.fold.or(self.base.checkpoint.as_ref().map(|base| base.number));
        let left_over = base.is_some_and(|base| self.directory.segments().any(|(number, _)| number == base));
        let first = base.map_or(0, |base| if left_over { base + 1 } else { base + 2 });
        let mut number = next.unwrap_or(first);
        let mut path = || {
            number += 1;
            format!("{}{:08}", self.prefix, number - 1)
        };
        let mut jobs = Vec::new();
        if self.naming(home, Home::End) == Naming::First {
            let path = path();
            let rewriting =
                Rewriting { path: path.clone(), dir: None, naming: Naming::First, origins: Vec::new() };
            let why = "series that chunks and late samples belong to";
            jobs.push(create(&path, self.names.bytes(), why, Deed::Rewrite(rewriting)));
        }
        let declared = self.ledger.highest_declared.max(self.names.highest);
        if self.ledger.highest > declared {
            let path = path();
            let series = SeriesRef(self.ledger.highest + 1);
            let why = "keeps the numbers of lost series from being given again";
            jobs.push(create(&path, 0, why, Deed::Reserve(path.clone(), series)));
        }
        self.jobs.extend(jobs);
    }

    /// What lies before a large hole becomes a checkpoint.
    fn fold_away(&mut self, mended: &Mended) {
        let Some(fold) = mended.fold else { return };
        let before: Vec<&Sheet> = self.segments.sheets.iter().filter(|sheet| sheet.place.number <= fold).collect();
        let sheets: Vec<&Sheet> = self.base_sheets.iter().chain(before).collect();
        let dir = format!("{}checkpoint.{fold:08}", self.prefix);
        let job = fold_into(&sheets, format!("{dir}/00000000"), Some(dir), self.naming(Home::Fold, Home::Fold));
        self.jobs.push(job);
        if let Some(base) = &self.base.checkpoint {
            self.jobs.push(remove(&base.dir, None, "put together with what follows it"));
        }
    }

    /// What no start reads and what keeps one from coming up.
    fn remove_unread(&mut self, mended: &Mended) {
        for checkpoint in &self.base.dropped {
            self.jobs.push(remove(&checkpoint.dir, None, "what it was made from says more"));
        }
        let Some(base) = mended.fold.or(self.base.checkpoint.as_ref().map(|base| base.number)) else { return };
        let mut left_over: Vec<_> = self.directory.segments().filter(|(number, _)| *number <= base).collect();
        let mut expected = Some(base);
        while mended.fold.is_none() && expected == left_over.last().map(|(number, _)| *number) && expected.is_some() {
            left_over.pop();
            expected = expected.and_then(|expected| expected.checked_sub(1));
        }
        for (_, name) in left_over {
            let bytes = self.directory.parts().iter().find(|part| part.name == name).map(|part| part.bytes);
            self.jobs.push(remove(name, bytes, "no start reads it, and it keeps the server from starting"));
        }
    }

    fn remove_snapshots(&mut self, order: &Order) -> Result<(), ReadError> {
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
        let entries = fs::read_dir(self.directory.root()).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name.starts_with("chunk_snapshot.") && self.directory.root().join(name).is_dir());
        names.sort();
        for name in names {
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
                format!("{series} series with {samples} samples in the log have no labels anywhere; the server drops them"),
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
                format!("{} series numbers stand for two label sets each; they are left as they are", self.ledger.two_names),
            );
        }
    }
}
