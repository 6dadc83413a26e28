//! From what was read to what is done with each file of the log.

use super::deed::{Deed, Naming, Rewriting, Scope};
use super::draft::{Draft, Home, Unknown};
use super::job::{create, fold_into, remove, replace, rewrite};
use super::reading::Sheet;
use super::row::{self, Front, Mended};
use formats::prometheus::record::SeriesRef;

/// More files than any checkpoint has; a higher number is that of no file of it.
const MAX_CHECKPOINT_FILES: u64 = 100_000;

impl Draft<'_> {
    /// Whether the series that are declared again stand in `here`.
    fn naming(&self, home: Home, here: Home) -> Naming {
        if home == here && self.names.count > 0 { Naming::First } else { Naming::None }
    }

    pub(super) fn mend_base(&mut self, home: Home) {
        let Some(checkpoint) = self.base.checkpoint.clone() else { return };
        let highest =
            checkpoint.parts.iter().filter_map(|part| super::number_of(&part.name)).max().unwrap_or(0);
        for number in 0..=highest.min(MAX_CHECKPOINT_FILES) {
            let path = format!("{}/{number:08}", checkpoint.dir);
            let naming = if number == 0 { self.naming(home, Home::Checkpoint) } else { Naming::None };
            let sheet = self.base_sheets.iter().find(|sheet| sheet.place.number == number);
            let job = match sheet {
                Some(sheet) if sheet.needs_rewriting() || naming == Naming::First => {
                    rewrite(sheet, &path, naming, Scope::All)
                }
                Some(_) => continue,
                None if naming == Naming::First => {
                    let rewriting = Rewriting { path: path.clone(), dir: None, naming, origins: Vec::new() };
                    create(
                        &path,
                        self.names.bytes(),
                        "series that were declared in it",
                        Deed::Rewrite(rewriting),
                    )
                }
                None => create(&path, 0, "the server wants no number missing", Deed::Empty(path.clone())),
            };
            self.jobs.push(job);
        }
    }

    pub(super) fn mend_segments(&mut self, mended: &Mended, home: Home) {
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
                let why =
                    if sheet.is_void() { "nothing in it verifies" } else { "a copy of an earlier segment" };
                jobs.push(replace(&path, sheet.bytes(), why, Deed::Empty(path.clone())));
            } else if sheet.needs_rewriting() || naming == Naming::First || scope == Scope::Series || !only {
                jobs.push(rewrite(sheet, &path, naming, scope));
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
    pub(super) fn mend_late(&mut self) {
        let mended = row::mend(&self.late.numbers(), Front::Any);
        if mended.has_holes() {
            self.unknown = Unknown::Records;
        }
        let mut jobs = Vec::new();
        if let Some(fold) = mended.fold {
            let before: Vec<_> = self.late.sheets.iter().filter(|sheet| sheet.place.number <= fold).collect();
            let path = format!("wbl/{fold:08}");
            jobs.push(fold_into(&before, path, None, Naming::None));
            let parts = before.iter().flat_map(|sheet| &sheet.place.parts);
            jobs.extend(parts.map(|part| remove(&part.name, Some(part.bytes), "put together")));
        }
        for sheet in &self.late.sheets {
            if mended.fold.is_none_or(|fold| sheet.place.number > fold) && sheet.needs_rewriting() {
                let path = format!("wbl/{:08}", sheet.place.number);
                jobs.push(rewrite(sheet, &path, Naming::None, Scope::All));
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
    pub(super) fn fill(&mut self, mended: &Mended) {
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
    pub(super) fn declare_at_the_end(&mut self, home: Home, mended: &Mended) {
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
    pub(super) fn fold_away(&mut self, mended: &Mended) {
        let Some(fold) = mended.fold else { return };
        let before: Vec<&Sheet> =
            self.segments.sheets.iter().filter(|sheet| sheet.place.number <= fold).collect();
        let sheets: Vec<&Sheet> = self.base_sheets.iter().chain(before).collect();
        let dir = format!("{}checkpoint.{fold:08}", self.prefix);
        let path = format!("{dir}/00000000");
        // A useless checkpoint of that number keeps its directory: one that is put in place must not be there yet.
        let there = self.base.dropped.iter().position(|dropped| dropped.number == fold);
        let dropped = there.map(|at| self.base.dropped.remove(at));
        let whole = dropped.is_none().then_some(dir);
        let job = fold_into(&sheets, path.clone(), whole, self.naming(Home::Fold, Home::Fold));
        self.jobs.push(job);
        for part in dropped.iter().flat_map(|dropped| &dropped.parts).filter(|part| part.name != path) {
            self.jobs.push(remove(&part.name, Some(part.bytes), "nothing in it verifies"));
        }
        if let Some(base) = &self.base.checkpoint {
            self.jobs.push(remove(&base.dir, None, "put together with what follows it"));
        }
    }

    /// What no start reads and what keeps one from coming up.
    pub(super) fn remove_unread(&mut self, mended: &Mended) {
        for checkpoint in &self.base.dropped {
            self.jobs.push(remove(&checkpoint.dir, None, "what it was made from says more"));
        }
        let Some(base) = mended.fold.or(self.base.checkpoint.as_ref().map(|base| base.number)) else {
            return;
        };
        let mut left_over: Vec<_> = self.directory.segments().filter(|(number, _)| *number <= base).collect();
        let mut expected = Some(base);
        while mended.fold.is_none()
            && expected == left_over.last().map(|(number, _)| *number)
            && expected.is_some()
        {
            left_over.pop();
            expected = expected.and_then(|expected| expected.checked_sub(1));
        }
        for (_, name) in left_over {
            let bytes = self.directory.parts().iter().find(|part| part.name == name).map(|part| part.bytes);
            self.jobs.push(remove(name, bytes, "no start reads it, and it keeps the server from starting"));
        }
    }
}
