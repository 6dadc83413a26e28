//! `seawall parked`: what consumers have put aside, and what becomes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use journal::{Consumer, Event, Journal, Outcome, Parked, Seq};
use serde_json::json;

use crate::cli::{Choice, Consent, DropParkedArgs, ExportParkedArgs, Form, ListParkedArgs, ParkedCommand};
use crate::cli::{RequeueArgs, ShowParkedArgs};
use crate::clock;
use crate::commands::consumers;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::exports::{Export, Place};
use crate::journals::{self, Missing};
use crate::json;
use crate::show::{self, Answer, Screen};

/// Events that are settled at once: fewer than the ranges that a settlement takes.
const AT_ONCE: usize = 256;

/// A parked event, and who has parked it.
pub(crate) struct Aside {
    pub(crate) consumer: Consumer,
    pub(crate) event: Parked,
}

impl Aside {
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            consumer: self.consumer.name(),
            stream: &self.event.stream,
            seq: self.event.seq.get(),
            parked: Some((self.event.since, &self.event.reason)),
        }
    }

    /// What is in it; nothing if that is damaged.
    pub(crate) fn read(&self, journal: &Journal) -> Result<Option<Event>, Failure> {
        let Some(stream) = journal.find_stream(&self.event.stream) else { return Ok(None) };
        consumers::read(&self.consumer, &stream, self.event.seq)
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
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let chosen = chosen(&journal, &[], &args.choice)?;
    match form {
        Form::Json => show::print(&json::lines(chosen.iter().map(|aside| aside.place().object().into())))?,
        Form::Text => show::print(&show::parked(&chosen, screen))?,
    }
    Ok(Exit::Fine)
}

fn one(args: &ShowParkedArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let ids = std::slice::from_ref(&args.id);
    for aside in chosen(&journal, ids, &Choice::default())? {
        let event = aside.read(&journal)?;
        match form {
            Form::Json => show::print_json(&aside.place().whole(event.as_ref()))?,
            Form::Text => show::print(&show::parked_event(&aside, event.as_ref(), screen))?,
        }
    }
    Ok(Exit::Fine)
}

fn requeue(args: &RequeueArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let chosen = chosen(&journal, &args.ids, &args.choice)?;
    settle(&journal, &chosen, &Outcome::Requeued)?;
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
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let mut exit = Exit::Fine;
    for aside in chosen(&journal, &args.ids, &args.choice)? {
        let event = aside.read(&journal)?;
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
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let chosen = chosen(&journal, &args.ids, &args.choice)?;
    let mut dropping = GivingUp { chosen, export: None, applied: false };
    if !dropping.chosen.is_empty() {
        if args.consent == Consent::Ask {
            print(&dropping, form, screen)?;
            if form == Form::Json || show::ask(screen, "Give them up?") == Answer::No {
                show::hint(screen, "nothing was changed; --yes carries it out");
                return Ok(Exit::Attention);
            }
        }
        let directory = journals::directory(&args.journal)?;
        let place = (args.export.as_deref(), directory.as_path());
        dropping.export = Some(give_up_all(&journal, &dropping.chosen, place)?);
        dropping.applied = true;
    }
    print(&dropping, form, screen)?;
    Ok(Exit::Fine)
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
        parked.map(move |event| Aside { consumer: consumer.clone(), event })
    };
    let mut all: Vec<Aside> = consumers.flat_map(aside).collect();
    all.retain(|aside| choice.stream.as_ref().is_none_or(|wanted| *wanted == aside.event.stream));
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    if ids.is_empty() {
        return Ok(all);
    }
    let known: Vec<String> = all.iter().map(|aside| aside.place().id()).collect();
    if let Some(id) = ids.iter().find(|id| !known.contains(id)) {
        return Err(JournalFailure::NotParked { id: id.clone() }.into());
    }
    all.retain(|aside| ids.contains(&aside.place().id()));
    Ok(all)
}

fn order(aside: &Aside) -> (&str, &str, Seq) {
    (aside.consumer.name(), &aside.event.stream, aside.event.seq)
}

/// Settles all of them, and waits until that is on the disk.
pub(crate) fn settle(journal: &Journal, chosen: &[Aside], outcome: &Outcome) -> Result<(), Failure> {
    let mut together: BTreeMap<(&str, &str), Vec<Seq>> = BTreeMap::new();
    for aside in chosen {
        together.entry((aside.consumer.name(), &aside.event.stream)).or_default().push(aside.event.seq);
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
