//! `seawall quarantine`: what changes have replaced, and removing it for good.

use std::path::PathBuf;

use formats::{Format, UnixTime};
use mend::{MendError, Receipt, Site};
use serde_json::json;

use crate::changes;
use crate::cli::{Consent, Form, ListArgs, PruneArgs, Quarantined};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::show::{self, Answer, Screen};
use crate::spans::Span;

/// Whose quarantine to show, or to empty.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Show it.
    List { path: PathBuf, format: Option<Format> },
    /// Remove some of it.
    Prune { path: PathBuf, format: Option<Format>, which: Which, consent: Consent },
}

/// Which changes' quarantine is removed.
#[derive(Debug)]
pub(crate) enum Which {
    /// That of one change.
    One(String),
    /// That of every change that is older.
    OlderThan(Span),
}

impl From<Quarantined> for Plan {
    fn from(what: Quarantined) -> Self {
        match what {
            Quarantined::List(ListArgs { place }) => {
                Plan::List { path: place.path, format: place.kind.format }
            }
            Quarantined::Prune(PruneArgs { change, receipt, older_than }) => {
                // The parser demands one of the two.
                let which = match (receipt, older_than) {
                    (None, Some(age)) => Which::OlderThan(age),
                    (receipt, _) => Which::One(receipt.unwrap_or_default()),
                };
                let (path, format) = (change.place.path, change.place.kind.format);
                Plan::Prune { path, format, which, consent: change.consent }
            }
        }
    }
}

/// One change of a log.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) id: String,
    /// What became of it.
    pub(crate) state: State,
    /// Bytes that its quarantine holds.
    pub(crate) bytes: u64,
    /// What was done, if it was.
    pub(crate) receipt: Option<Receipt>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is done.
    Done,
    /// It was done, and taken back by another.
    TakenBack { by: String },
    /// It was interrupted.
    Unfinished,
}

impl State {
    /// The word in JSON.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            State::Done => "done",
            State::TakenBack { .. } => "taken-back",
            State::Unfinished => "unfinished",
        }
    }
}

/// Shows the quarantine, or removes what is to be removed.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match plan {
        Plan::List { path, format } => list(&changes::site(path, *format)?, form, screen),
        Plan::Prune { path, format, which, consent } => {
            let site = changes::site(path, *format)?;
            let pruning = Pruning { path: path.clone(), chosen: chosen(&site, which)?, applied: false };
            prune(&site, pruning, *consent, (form, screen))
        }
    }
}

fn list(site: &Site, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let entries = entries(site)?;
    match form {
        Form::Json => {
            let line = |entry| format!("{}\n", json::change::entry(entry));
            show::print(&entries.iter().map(line).collect::<String>())?;
        }
        Form::Text => show::print(&show::quarantine(&site.root, &entries, screen))?,
    }
    Ok(Exit::Fine)
}

/// Every change of the log, the oldest first, and the one that was interrupted, if there is one, last.
fn entries(site: &Site) -> Result<Vec<Entry>, Failure> {
    let receipts = mend::receipts(&site.root)?;
    let undoing: Vec<(String, Option<String>)> =
        receipts.iter().map(|(receipt, _)| (receipt.id.clone(), receipt.undoes.clone())).collect();
    let entry = |(receipt, bytes): (Receipt, u64)| {
        let state = taken_back_by(&undoing, &receipt.id)
            .map_or(State::Done, |by| State::TakenBack { by: by.to_owned() });
        Entry { id: receipt.id.clone(), state, bytes, receipt: Some(receipt) }
    };
    let mut entries: Vec<Entry> = receipts.into_iter().map(entry).collect();
    entries.extend(mend::unfinished(&site.root).map(|left| Entry {
        id: left.receipt,
        state: State::Unfinished,
        bytes: 0,
        receipt: None,
    }));
    Ok(entries)
}

/// The change that took `id` back and was not taken back itself.
fn taken_back_by<'a>(undoing: &'a [(String, Option<String>)], id: &str) -> Option<&'a str> {
    let (by, _) = undoing.iter().rfind(|(_, undoes)| undoes.as_deref() == Some(id))?;
    taken_back_by(undoing, by).is_none().then_some(by)
}

/// Removing what some changes have replaced.
pub(crate) struct Pruning {
    pub(crate) path: PathBuf,
    /// The changes, each with the bytes that it holds.
    pub(crate) chosen: Vec<(String, u64)>,
    pub(crate) applied: bool,
}

impl Pruning {
    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.chosen.iter().map(|(_, bytes)| bytes).sum()
    }
}

fn chosen(site: &Site, which: &Which) -> Result<Vec<(String, u64)>, Failure> {
    let receipts = mend::receipts(&site.root)?;
    let now = clock::now();
    let is_chosen = |receipt: &Receipt| match which {
        Which::One(id) => receipt.id == *id,
        Which::OlderThan(age) => is_older(receipt.made, *age, now),
    };
    let chosen: Vec<_> = receipts
        .into_iter()
        .filter(|(receipt, _)| is_chosen(receipt))
        .map(|(receipt, bytes)| (receipt.id, bytes))
        .collect();
    match which {
        Which::One(id) if chosen.is_empty() => {
            Err(MendError::NoReceipt { root: site.root.clone(), receipt: id.clone() }.into())
        }
        _ => Ok(chosen),
    }
}

fn is_older(made: UnixTime, age: Span, now: UnixTime) -> bool {
    let nanos = i128::try_from(age.duration().as_nanos()).unwrap_or(i128::MAX);
    now.nanos() - made.nanos() >= nanos
}

fn prune(
    site: &Site,
    mut pruning: Pruning,
    consent: Consent,
    (form, screen): (Form, &Screen),
) -> Result<Exit, Failure> {
    if pruning.chosen.is_empty() {
        print(&pruning, form, screen)?;
        return Ok(Exit::Fine);
    }
    if consent == Consent::Ask {
        print(&pruning, form, screen)?;
        if form == Form::Json || show::ask(screen, "Remove it for good?") == Answer::No {
            show::hint(screen, "nothing was changed; --yes carries it out");
            return Ok(Exit::Attention);
        }
    }
    for (receipt, _) in &pruning.chosen {
        mend::prune(&site.root, receipt)?;
    }
    pruning.applied = true;
    print(&pruning, form, screen)?;
    Ok(Exit::Fine)
}

fn print(pruning: &Pruning, form: Form, screen: &Screen) -> Result<(), Failure> {
    match form {
        Form::Json => show::print_json(&json!({
            "action": "prune",
            "path": pruning.path.to_string_lossy(),
            "receipts": pruning.chosen.iter().map(|(receipt, _)| receipt).collect::<Vec<_>>(),
            "bytes": pruning.bytes(),
            "applied": pruning.applied,
        })),
        Form::Text => show::print(&show::pruning(pruning, screen)),
    }
}
