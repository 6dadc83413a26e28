//! `seawall consumers`: who reads the journal, and unregistering those that are gone.

use std::path::{Path, PathBuf};

use hyper::Method;
use journal::{Consumer, Journal, ReadError, Seq, Stream};
use serde_json::{Value, json};

use crate::cli::{Consent, Consumers, DropConsumerArgs, Form, ListConsumersArgs};
use crate::client::{self, encoded};
use crate::clock;
use crate::commands::streams::{Standing, by_stream};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::exports::{Export, Place};
use crate::journals::{self, Access, Missing};
use crate::json;
use crate::show::{self, Answer, Screen};

/// Shows the consumers, or unregisters one.
pub(crate) fn run(what: &Consumers, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match what {
        Consumers::List(args) => list(args, form, screen),
        Consumers::Drop(args) => unregister(args, form, screen),
    }
}

fn list(args: &ListConsumersArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let all = match journals::access(&args.journal, Missing::Refuse, screen)? {
        Access::Own(journal, _) => standings(&journal),
        Access::Daemon(mut client) => client::consumers(&mut client)?,
    };
    match form {
        Form::Json => show::print(&json::lines(all.iter().map(json::journal::consumer)))?,
        Form::Text => show::print(&show::consumers(&all, screen))?,
    }
    Ok(Exit::Fine)
}

/// Every consumer, by name.
pub(crate) fn standings(journal: &Journal) -> Vec<Standing> {
    let mut names = journal.consumers();
    names.sort();
    names.iter().filter_map(|name| journal.find_consumer(name)).map(|consumer| total(&consumer)).collect()
}

/// What a consumer has to do in all streams together.
fn total(consumer: &Consumer) -> Standing {
    let none = Standing { consumer: consumer.name().to_owned(), ..Standing::default() };
    by_stream(consumer).into_values().fold(none, |sum, one| Standing {
        pending: sum.pending + one.pending,
        parked: sum.parked + one.parked,
        ..sum
    })
}

/// Whether events go with a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is the only one, and without any consumer everything is kept.
    Kept,
    /// What no other consumer has to do goes.
    Released,
}

/// A consumer that is unregistered, or would be.
pub(crate) struct Leaving {
    pub(crate) standing: Standing,
    pub(crate) fate: Fate,
    /// Where its events are written to before.
    pub(crate) export: Option<PathBuf>,
    pub(crate) applied: bool,
}

fn unregister(args: &DropConsumerArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut access = journals::access(&args.journal, Missing::Refuse, screen)?;
    if matches!(access, Access::Daemon(_)) && args.export.is_some() {
        let where_to = "the daemon writes them to dropped/ of its journal: leave --export out";
        return Err(Failure::Usage(where_to.to_owned()));
    }
    let all = match &mut access {
        Access::Own(journal, _) => standings(journal),
        Access::Daemon(client) => client::consumers(client)?,
    };
    let fate = if all.len() == 1 { Fate::Kept } else { Fate::Released };
    let found = all.into_iter().find(|standing| standing.consumer == args.consumer);
    let standing = found.ok_or_else(|| JournalFailure::NoConsumer { name: args.consumer.clone() })?;
    let mut leaving = Leaving { standing, fate, export: None, applied: false };
    if args.consent == Consent::Ask {
        print(&leaving, form, screen)?;
        if form == Form::Json || show::ask(screen, "Unregister it?") == Answer::No {
            show::hint(screen, "nothing was changed; --yes carries it out");
            return Ok(Exit::Attention);
        }
    }
    leaving.export = match access {
        Access::Own(journal, directory) => {
            release(&journal, &args.consumer, (args.export.as_deref(), &directory))?
        }
        Access::Daemon(mut client) => {
            let path = format!("/api/v1/consumers/{}", encoded(&args.consumer));
            let answer = client.change(Method::DELETE, &path, &Value::Null)?;
            answer.get("export").and_then(Value::as_str).map(PathBuf::from)
        }
    };
    leaving.applied = true;
    print(&leaving, form, screen)?;
    Ok(Exit::Fine)
}

/// Unregisters a consumer. What could be gone with it is written to a file before, whose path is answered.
pub(crate) fn release(
    journal: &Journal,
    name: &str,
    (file, directory): (Option<&Path>, &Path),
) -> Result<Option<PathBuf>, Failure> {
    let found = journal.find_consumer(name);
    let consumer = found.ok_or_else(|| JournalFailure::NoConsumer { name: name.to_owned() })?;
    let has = total(&consumer);
    let export = if journal.consumers().len() > 1 && has.pending + has.parked > 0 {
        Some(export(journal, &consumer, file, directory)?)
    } else {
        None
    };
    consumer.unregister().wait().map_err(JournalFailure::Commit)?;
    Ok(export)
}

fn print(leaving: &Leaving, form: Form, screen: &Screen) -> Result<(), Failure> {
    match form {
        Form::Json => show::print_json(&json!({
            "action": "drop",
            "consumer": leaving.standing.consumer,
            "pending": leaving.standing.pending,
            "parked": leaving.standing.parked,
            "export": leaving.export.as_ref().map(|path| path.to_string_lossy()),
            "applied": leaving.applied,
        })),
        Form::Text => show::print(&show::leaving(leaving, screen)),
    }
}

/// Writes all that a consumer has not delivered: by stream, what is pending, then what is parked.
fn export(
    journal: &Journal,
    consumer: &Consumer,
    path: Option<&Path>,
    directory: &Path,
) -> Result<PathBuf, Failure> {
    let mut export = Export::begin(path, directory, clock::now())?;
    for backlog in consumer.backlog() {
        for event in consumer.pending(&backlog.stream) {
            let (seq, event) = match event {
                Ok(event) => (event.seq, Some(event)),
                Err(ReadError::Damaged { seq, .. }) => (seq, None),
                Err(error) => return Err(JournalFailure::Read(error).into()),
            };
            let stream = backlog.stream.name();
            let place = Place { consumer: consumer.name(), stream, seq: seq.get(), parked: None };
            export.line(&place.whole(event.as_ref()))?;
        }
    }
    for parked in consumer.parked(usize::MAX) {
        let stream = journal.find_stream(&parked.stream);
        let event = stream.map(|stream| read(consumer, &stream, parked.seq)).transpose()?.flatten();
        let place = Place {
            consumer: consumer.name(),
            stream: &parked.stream,
            seq: parked.seq.get(),
            parked: Some((parked.since, &parked.reason)),
        };
        export.line(&place.whole(event.as_ref()))?;
    }
    export.end()
}

/// An event; nothing if it is damaged.
pub(crate) fn read(
    consumer: &Consumer,
    stream: &Stream,
    seq: Seq,
) -> Result<Option<journal::Event>, Failure> {
    match consumer.read(stream, seq) {
        Ok(event) => Ok(event),
        Err(ReadError::Damaged { .. }) => Ok(None),
        Err(error) => Err(JournalFailure::Read(error).into()),
    }
}
