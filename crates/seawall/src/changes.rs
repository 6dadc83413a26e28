//! Carrying out a change of a log, whatever it is: settle, plan, ask, apply, judge anew.
//!
//! The commands and the gates share this. Nothing here prints.

pub(crate) mod fix;
pub(crate) mod wish;

use std::path::{Path, PathBuf};

use formats::{Depth, Format, Progress};
use mend::{Mending, Plan, Site, Terms, holders};

use crate::clock;
use crate::failure::Failure;
use crate::journal_log;
use crate::report::{Bounds, Report, Subject};
use crate::show::{Screen, progress};

/// A change that was planned, and what became of it.
pub(crate) struct Change {
    /// The path as it was typed.
    pub(crate) path: PathBuf,
    /// What it does.
    pub(crate) plan: Plan,
    /// Its receipt, once it is done.
    pub(crate) receipt: Option<String>,
    /// An earlier change that had to be settled first.
    pub(crate) settled: Option<Settled>,
    /// What the log is like once it is done, where there is one left.
    pub(crate) after: Option<Report>,
}

impl Change {
    /// A change that is only planned.
    pub(crate) fn planned(path: &Path, plan: &Plan, settled: Option<Settled>) -> Self {
        Self { path: path.to_owned(), plan: plan.clone(), receipt: None, settled, after: None }
    }
}

/// An earlier change that had been interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Its receipt, or what that would have been.
    pub(crate) receipt: String,
    /// What became of it.
    pub(crate) end: End,
    /// Files that a server has written to since.
    pub(crate) written: Vec<String>,
}

/// How an interrupted change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All that it needed was there, so it was carried out.
    Finished,
    /// A server had written since: what was done stays, and the rest is not done.
    Partly,
    /// It had touched nothing of the log, and what it had written was removed.
    TakenBack,
}

impl End {
    /// The word in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            End::Finished => "finished",
            End::Partly => "partly",
            End::TakenBack => "taken-back",
        }
    }
}

/// Where the log at `path` lies, or lay: an unfinished change, and one that took it away, leave only their quarantine.
pub(crate) fn site(path: &Path, format: Option<Format>) -> Result<Site, Failure> {
    match journal_log::detect(path, format) {
        Ok(log) => Ok(Site::of(log.as_ref())),
        Err(error) => Site::with_quarantine(path).ok_or(Failure::Detect(error)),
    }
}

/// Refuses a log that some process is writing.
pub(crate) fn demand_unused(site: &Site) -> Result<(), Failure> {
    match holders::below(&site.root).into_iter().next() {
        Some(holder) => Err(mend::MendError::Held { root: site.root.clone(), holder }.into()),
        None => Ok(()),
    }
}

/// Finishes or takes back what an interrupted change has left.
pub(crate) fn settle(site: &Site) -> Result<Option<Settled>, Failure> {
    let settled = mend::settle(site)?;
    Ok(settled.map(|mend::Settled { receipt, done, written }| {
        let end = match done {
            Some(_) if written.is_empty() => End::Finished,
            Some(_) => End::Partly,
            None => End::TakenBack,
        };
        Settled { receipt, end, written }
    }))
}

/// Carries `mending` out, with a progress bar where that takes long.
pub(crate) fn apply(mending: &dyn Mending, change: &mut Change, screen: &Screen) -> Result<(), Failure> {
    let terms = Terms { now: clock::now(), progress: Progress::default() };
    let work = change.plan.work;
    let receipt = progress::watched(screen, &terms.progress, work, || mend::apply(mending, &terms))?;
    change.receipt = Some(receipt.id);
    Ok(())
}

/// What a log is like after a change. The reader that judges it knows nothing of the writer that changed it.
pub(crate) fn look_again(change: &Change, screen: &Screen) -> Option<Report> {
    // A log that was taken away is no log any more, and that is no failure of the change.
    let subject = Subject::open(&change.path, Some(change.plan.site.format)).ok()?;
    let order = subject.order(Depth::Bytes, clock::now());
    let survey = subject.survey(&order, screen);
    Some(Report::new(&subject, &order, survey, Bounds::default()))
}
