//! The changing commands: a plan is shown, agreed to, carried out, and what came of it is told.

use std::path::PathBuf;

use formats::Format;
use mend::{Action, MendError, Mending, Newer, Progressed, Site};

use crate::changes::wish::{DrainTo, TrimTo, Wish};
use crate::changes::{self, Change, Settled};
use crate::cli::{self, ChangeArgs, Consent, Form};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::report::Subject;
use crate::show::{self, Answer, Screen};
use crate::sizes::Size;

/// What to change, and whether it may be.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    format: Option<Format>,
    consent: Consent,
    wanted: Wanted,
}

/// What is wanted.
#[derive(Debug)]
enum Wanted {
    /// A change of the log.
    Change(Wish),
    /// That a change be taken back.
    Undo { receipt: Option<String>, newer: Newer },
}

impl Plan {
    fn new(args: ChangeArgs, wanted: Wanted) -> Self {
        Self { path: args.place.path, format: args.place.kind.format, consent: args.consent, wanted }
    }
}

impl From<cli::RepairArgs> for Plan {
    fn from(args: cli::RepairArgs) -> Self {
        Self::new(args.change, Wanted::Change(Wish::Repair))
    }
}

impl From<cli::DrainArgs> for Plan {
    fn from(args: cli::DrainArgs) -> Self {
        let to = match (args.keep, args.until) {
            (Some(span), _) => DrainTo::Keep(span.duration()),
            (None, Some(moment)) => DrainTo::Until(moment.resolve(clock::now())),
            (None, None) => DrainTo::Usual,
        };
        Self::new(args.change, Wanted::Change(Wish::Drain(to)))
    }
}

impl From<cli::TrimArgs> for Plan {
    fn from(args: cli::TrimArgs) -> Self {
        // The parser demands one of the two.
        let size = || TrimTo::Size(args.max_size.map_or(u64::MAX, Size::bytes));
        let to = args.max_age.map_or_else(size, |age| TrimTo::Age(age.duration()));
        Self::new(args.change, Wanted::Change(Wish::Trim(to)))
    }
}

impl From<cli::ResetArgs> for Plan {
    fn from(args: cli::ResetArgs) -> Self {
        Self::new(args.change, Wanted::Change(Wish::Reset))
    }
}

impl From<cli::UndoArgs> for Plan {
    fn from(args: cli::UndoArgs) -> Self {
        let newer = match args.newer {
            cli::Newer::Refuse => Newer::Refuse,
            cli::Newer::Quarantine => Newer::Quarantine,
        };
        Self::new(args.change, Wanted::Undo { receipt: args.receipt, newer })
    }
}

/// Plans the change, and carries it out if that was agreed to.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let site = changes::site(&plan.path, plan.format)?;
    changes::demand_unused(&site)?;
    let settled = settle(plan, &site, form, screen)?;
    let mending = mending(plan, &site, screen)?;
    let mut change = Change::planned(&plan.path, mending.plan(), settled);
    if change.plan.is_empty() {
        print(&change, form, screen)?;
        return Ok(Exit::Fine);
    }
    if plan.consent == Consent::Ask {
        print(&change, form, screen)?;
        if !agrees(form, screen, "Carry this out?") {
            show::hint(screen, "nothing was changed; --yes carries it out");
            return Ok(Exit::Attention);
        }
    }
    changes::apply(mending.as_ref(), &mut change, screen)?;
    change.after = changes::look_again(&change, screen);
    print(&change, form, screen)?;
    Ok(exit(&change))
}

/// How a change that was carried out ends: damage that is left counts, where it was to be mended.
fn exit(change: &Change) -> Exit {
    match (change.plan.action, &change.after) {
        (Action::Repair | Action::Drain | Action::Trim, Some(after)) => after.exit_of_a_reading(),
        _ => Exit::Fine,
    }
}

fn mending(plan: &Plan, site: &Site, screen: &Screen) -> Result<Box<dyn Mending>, Failure> {
    match &plan.wanted {
        Wanted::Change(wish) => {
            let subject = Subject::open(&plan.path, plan.format)?;
            wish.mending(&subject, clock::now(), screen)
        }
        Wanted::Undo { receipt, newer } => Ok(Box::new(mend::undo(site, receipt.as_deref(), *newer)?)),
    }
}

/// A change that was interrupted comes first: no plan would hold before it is settled.
fn settle(plan: &Plan, site: &Site, form: Form, screen: &Screen) -> Result<Option<Settled>, Failure> {
    let Some(left) = mend::unfinished(&site.root) else { return Ok(None) };
    if plan.consent == Consent::Ask {
        let end = match left.stage {
            Progressed::Writing => "taken back",
            Progressed::Placing => "finished",
        };
        let question = format!(
            "An earlier change, {}, was interrupted. It has to be {end} first. Do that now?",
            left.receipt
        );
        if !agrees(form, screen, &question) {
            return Err(MendError::Interrupted { root: site.root.clone(), receipt: left.receipt }.into());
        }
    }
    let settled = changes::settle(site)?;
    if let (Some(settled), Form::Text) = (&settled, form) {
        show::hint(screen, &show::settled(settled));
    }
    Ok(settled)
}

/// Asks, where somebody can answer. A program that reads JSON has decided before.
fn agrees(form: Form, screen: &Screen, question: &str) -> bool {
    form == Form::Text && show::ask(screen, question) == Answer::Yes
}

fn print(change: &Change, form: Form, screen: &Screen) -> Result<(), Failure> {
    match form {
        Form::Json => show::print_json(&json::change::change(change)),
        Form::Text => show::print(&show::change(change, screen)),
    }
}
