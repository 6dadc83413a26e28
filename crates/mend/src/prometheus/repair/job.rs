//! Deeds with what a plan says of them.

use super::deed::{Deed, Naming, Origin, Rewriting, Scope};
use super::reading::Sheet;
use crate::{Step, StepKind};

/// A deed and its step.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) deed: Deed,
    pub(super) step: Step,
    /// Bytes that are read for it; no more are written.
    pub(super) bytes: u64,
}

/// The file of a sheet, with what verifies of it.
pub(super) fn rewrite(sheet: &Sheet, path: &str, naming: Naming, scope: Scope) -> Job {
    let why = match (sheet.damages + sheet.torn, naming) {
        (0, Naming::First) => "series whose declaration is lost",
        (0, Naming::None) if sheet.bad_markers > 0 => "without chunks that are lost",
        (0, Naming::None) => "without what stands in another file too",
        _ => "the records that verify",
    };
    let bytes = sheet.bytes();
    let rewriting =
        Rewriting { path: path.to_owned(), dir: None, naming, origins: vec![origin(sheet, scope)] };
    replace(path, bytes, why, Deed::Rewrite(rewriting))
}

/// Sheets that become one file, alone in a directory of its own or not.
pub(super) fn fold_into(sheets: &[&Sheet], path: String, dir: Option<String>, naming: Naming) -> Job {
    let bytes = sheets.iter().map(|sheet| sheet.bytes()).sum();
    let origins = sheets.iter().map(|sheet| origin(sheet, Scope::All)).collect();
    let step = dir.clone().unwrap_or_else(|| path.clone());
    create(
        &step,
        bytes,
        "what is left before the hole",
        Deed::Rewrite(Rewriting { path, dir, naming, origins }),
    )
}

fn origin(sheet: &Sheet, scope: Scope) -> Origin {
    Origin { parts: sheet.place.parts.clone(), repeated: sheet.repeated.clone(), scope }
}

/// A file takes the place of one of `bytes`.
pub(super) fn replace(path: &str, bytes: u64, why: &str, deed: Deed) -> Job {
    let bytes_after = matches!(deed, Deed::Empty(_)).then_some(0);
    let step = Step {
        kind: StepKind::Replace,
        path: path.to_owned(),
        bytes_before: Some(bytes),
        bytes_after,
        why: why.to_owned(),
    };
    Job { deed, step, bytes: if bytes_after.is_some() { 0 } else { bytes } }
}

/// A new file, for which `bytes` are read.
pub(super) fn create(path: &str, bytes: u64, why: &str, deed: Deed) -> Job {
    let job = replace(path, bytes, why, deed);
    Job { step: Step { kind: StepKind::Create, bytes_before: None, ..job.step }, ..job }
}

/// A file or directory goes.
pub(super) fn remove(path: &str, bytes: Option<u64>, why: &str) -> Job {
    let step = Step {
        kind: StepKind::Remove,
        path: path.to_owned(),
        bytes_before: bytes,
        bytes_after: None,
        why: why.to_owned(),
    };
    Job { deed: Deed::Remove(path.to_owned()), step, bytes: 0 }
}
