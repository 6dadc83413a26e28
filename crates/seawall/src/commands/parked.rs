//! `seawall parked`: what consumers have put aside, and what becomes of it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use hyper::Method;
use journal::{Consumer, Event, Journal, Outcome, Parked, Seq};
use serde_json::{Value, json};

use crate::cli::{Choice, Consent, DropParkedArgs, ExportParkedArgs, Form, ListParkedArgs, ParkedCommand};
use crate::cli::{RequeueArgs, ShowParkedArgs};
use crate::client::{self, Client};
use crate::clock;
use crate::commands::consumers;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure, RemoteFailure};
use crate::journals::exports::{Export, Place};
use crate::journals::{self, Access, Missing};
use crate::json;
use crate::show::{self, Answer, Screen};

/// Events that are settled at once: fewer than the ranges that a settlement takes.
const AT_ONCE: usize = 256;

/// Events that the daemon is asked to do something with at once.
const MOST_ASKED: usize = 10_000;

/// A parked event, and who has parked it.
pub(crate) struct Aside {
    pub(crate) consumer: String,
    pub(crate) event: Parked,
}

impl Aside {
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            consumer: &self.consumer,
            stream: &self.event.stream,
            seq: self.event.seq.get(),
            parked: Some((self.event.since, &self.event.reason)),
        }
    }

    /// What is in it; nothing if that is damaged.
    pub(crate) fn read(&self, journal: &Journal) -> Result<Option<Event>, Failure> {
        let found = journal.find_consumer(&self.consumer).zip(journal.find_stream(&self.event.stream));
        let Some((consumer, stream)) = found else { return Ok(None) };
        consumers::read(&consumer, &stream, self.event.seq)
    }
}

/// Does with parked events what was asked for.
pub(crate) fn run(what: &ParkedCommand, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match what {
        ParkedCommand::List(args) => list(args, form, screen),
        ParkedCommand::Show(args) => one(args, form, screen),
        ParkedCommand::Requeue(args) => requeue(args, form, screen),
        ParkedCommand::Drop(args) => give_up(args, form, screen),
        ParkedCommand::Export(args) => export(args, screen),
    }
}

fn list(args: &ListParkedArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut access = journals::access(&args.journal, Missing::Refuse, screen)?;
    let chosen = meant(&mut access, &[], &args.choice)?;
    match form {
        Form::Json => show::print(&json::lines(chosen.iter().map(|aside| aside.place().object().into())))?,
        Form::Text => show::print(&show::parked(&chosen, screen))?,
    }
    Ok(Exit::Fine)
}

fn one(args: &ShowParkedArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut access = journals::access(&args.journal, Missing::Refuse, screen)?;
    let ids = std::slice::from_ref(&args.id);
    for aside in meant(&mut access, ids, &Choice::default())? {
        let event = read(&mut access, &aside)?;
        match form {
            Form::Json => show::print_json(&aside.place().whole(event.as_ref()))?,
            Form::Text => show::print(&show::parked_event(&aside, event.as_ref(), screen))?,
        }
    }
    Ok(Exit::Fine)
}

fn requeue(args: &RequeueArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut access = journals::access(&args.journal, Missing::Refuse, screen)?;
    let chosen = meant(&mut access, &args.ids, &args.choice)?;
    match &mut access {
        Access::Own(journal, _) => settle(journal, &chosen, &Outcome::Requeued)?,
        Access::Daemon(client) => {
            each_some(&chosen, |ids| client.change(Method::POST, "/api/v1/parked/requeue", ids))?;
        }
    }
    match form {
        Form::Json => show::print_json(&json!({
            "action": "requeue",
            "events": chosen.len(),
            "ids": chosen.iter().map(|aside| aside.place().id()).collect::<Vec<_>>(),
            "applied": !chosen.is_empty(),
        }))?,
        Form::Text => show::print(&show::requeued(chosen.len() as u64, screen))?,
    }
    Ok(Exit::Fine)
}

fn export(args: &ExportParkedArgs, screen: &Screen) -> Result<Exit, Failure> {
    let mut access = journals::access(&args.journal, Missing::Refuse, screen)?;
    let mut exit = Exit::Fine;
    for aside in meant(&mut access, &args.ids, &args.choice)? {
        let event = read(&mut access, &aside)?;
        if event.is_none() {
            exit = Exit::Damage;
        }
        show::print(&format!("{}\n", aside.place().whole(event.as_ref())))?;
    }
    Ok(exit)
}

/// Events that are given up, or would be.
pub(crate) struct GivingUp {
    pub(crate) chosen: Vec<Aside>,
    /// Where they are written to before.
    pub(crate) export: Option<PathBuf>,
    pub(crate) applied: bool,
}

fn give_up(args: &DropParkedArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut access = journals::access(&args.journal, Missing::Refuse, screen)?;
    let chosen = meant(&mut access, &args.ids, &args.choice)?;
    let mut dropping = GivingUp { chosen, export: None, applied: false };
    if !dropping.chosen.is_empty() {
        if args.consent == Consent::Ask {
            print(&dropping, form, screen)?;
            if form == Form::Json || show::ask(screen, "Give them up?") == Answer::No {
                show::hint(screen, "nothing was changed; --yes carries it out");
                return Ok(Exit::Attention);
            }
        }
        let file = args.export.as_deref();
        dropping.export = match &mut access {
            Access::Own(journal, directory) => {
                Some(give_up_all(journal, &dropping.chosen, (file, directory.as_path()))?)
            }
            Access::Daemon(client) => given_up_there(client, &dropping.chosen, file)?,
        };
        dropping.applied = true;
    }
    print(&dropping, form, screen)?;
    Ok(Exit::Fine)
}

/// Has the daemon give events up, each part of which it writes to a file of its own; with a file here, all of them are in that
/// first, which is answered.
fn given_up_there(
    client: &mut Client,
    chosen: &[Aside],
    file: Option<&Path>,
) -> Result<Option<PathBuf>, Failure> {
    let mut way_back = None;
    if let Some(file) = file {
        let mut export = Export::begin(Some(file), Path::new("."), clock::now())?;
        for aside in chosen {
            export.line(&aside.place().whole(client::event(client, aside)?.as_ref()))?;
        }
        way_back = Some(export.end()?);
    }
    let answers = each_some(chosen, |ids| client.change(Method::POST, "/api/v1/parked/drop", ids))?;
    let mut theirs = answers.iter().filter_map(|answer| answer.get("export")?.as_str().map(PathBuf::from));
    Ok(way_back.or_else(|| theirs.next_back()))
}

/// Asks for something to be done with some events after the others.
fn each_some(
    chosen: &[Aside],
    mut ask: impl FnMut(&Value) -> Result<Value, RemoteFailure>,
) -> Result<Vec<Value>, Failure> {
    let ids = |some: &[Aside]| some.iter().map(|aside| aside.place().id()).collect::<Vec<_>>();
    let each = chosen.chunks(MOST_ASKED).map(|some| ask(&json!({"ids": ids(some)})));
    Ok(each.collect::<Result<Vec<Value>, RemoteFailure>>()?)
}

/// The parked events that were meant, of the journal or of the daemon.
fn meant(access: &mut Access, ids: &[String], choice: &Choice) -> Result<Vec<Aside>, Failure> {
    match access {
        Access::Own(journal, _) => chosen(journal, ids, choice),
        Access::Daemon(client) => named(client::asides(client, choice)?, ids),
    }
}

fn read(access: &mut Access, aside: &Aside) -> Result<Option<Event>, Failure> {
    match access {
        Access::Own(journal, _) => aside.read(journal),
        Access::Daemon(client) => Ok(client::event(client, aside)?),
    }
}

/// Writes events to a file, the one that is named or a new one of the journal, and gives them up once they are there.
pub(crate) fn give_up_all(
    journal: &Journal,
    chosen: &[Aside],
    (file, directory): (Option<&Path>, &Path),
) -> Result<PathBuf, Failure> {
    let mut export = Export::begin(file, directory, clock::now())?;
    for aside in chosen {
        export.line(&aside.place().whole(aside.read(journal)?.as_ref()))?;
    }
    let file = export.end()?;
    settle(journal, chosen, &Outcome::Dropped)?;
    Ok(file)
}

fn print(dropping: &GivingUp, form: Form, screen: &Screen) -> Result<(), Failure> {
    match form {
        Form::Json => show::print_json(&json!({
            "action": "drop",
            "events": dropping.chosen.len(),
            "ids": dropping.chosen.iter().map(|aside| aside.place().id()).collect::<Vec<_>>(),
            "export": dropping.export.as_ref().map(|path| path.to_string_lossy()),
            "applied": dropping.applied,
        })),
        Form::Text => show::print(&show::given_up(dropping, screen)),
    }
}

/// The parked events that were meant, by consumer, stream and number; every id that was given has to be one.
pub(crate) fn chosen(journal: &Journal, ids: &[String], choice: &Choice) -> Result<Vec<Aside>, Failure> {
    if let Some(name) = choice.consumer.as_ref().filter(|name| journal.find_consumer(name).is_none()) {
        return Err(JournalFailure::NoConsumer { name: name.clone() }.into());
    }
    if let Some(name) = choice.stream.as_ref().filter(|name| journal.find_stream(name).is_none()) {
        return Err(JournalFailure::NoStream { name: name.clone() }.into());
    }
    let mut names = journal.consumers();
    names.retain(|name| choice.consumer.as_ref().is_none_or(|wanted| wanted == name));
    names.sort();
    let consumers = names.iter().filter_map(|name| journal.find_consumer(name));
    let aside = |consumer: Consumer| {
        let parked = consumer.parked(usize::MAX).into_iter();
        parked.map(move |event| Aside { consumer: consumer.name().to_owned(), event })
    };
    let mut all: Vec<Aside> = consumers.flat_map(aside).collect();
    all.retain(|aside| choice.stream.as_ref().is_none_or(|wanted| *wanted == aside.event.stream));
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    named(all, ids)
}

/// Those that have one of these ids, or all if there is none; every id has to be one.
fn named(mut all: Vec<Aside>, ids: &[String]) -> Result<Vec<Aside>, Failure> {
    if ids.is_empty() {
        return Ok(all);
    }
    let known: HashSet<String> = all.iter().map(|aside| aside.place().id()).collect();
    if let Some(id) = ids.iter().find(|id| !known.contains(*id)) {
        return Err(JournalFailure::NotParked { id: id.clone() }.into());
    }
    let wanted: HashSet<&String> = ids.iter().collect();
    all.retain(|aside| wanted.contains(&aside.place().id()));
    Ok(all)
}

fn order(aside: &Aside) -> (&str, &str, Seq) {
    (&aside.consumer, &aside.event.stream, aside.event.seq)
}

/// Settles all of them, and waits until that is on the disk.
pub(crate) fn settle(journal: &Journal, chosen: &[Aside], outcome: &Outcome) -> Result<(), Failure> {
    let mut together: BTreeMap<(&str, &str), Vec<Seq>> = BTreeMap::new();
    for aside in chosen {
        together.entry((&aside.consumer, &aside.event.stream)).or_default().push(aside.event.seq);
    }
    for ((consumer, stream), numbers) in together {
        let Some((consumer, stream)) = journal.find_consumer(consumer).zip(journal.find_stream(stream))
        else {
            continue;
        };
        for some in numbers.chunks(AT_ONCE) {
            let ticket = consumer.settle_some(&stream, some.iter().copied(), outcome.clone());
            ticket.and_then(journal::Ticket::wait).map_err(JournalFailure::Commit)?;
        }
    }
    Ok(())
}
