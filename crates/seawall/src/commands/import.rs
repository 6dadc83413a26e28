//! `seawall import`: events from other logs, each of them once.

mod sending;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;

use formats::Progress;
use hyper::Method;
use journal::{Journal, Openness};
use serde_json::Value;

use crate::cli::{Behind, Deed, Form, ImportArgs};
use crate::client::{Client, Patience, encoded};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure, RemoteFailure};
use crate::journals::imports::source::{self, Remarks, Source};
use crate::journals::imports::{Brought, Halt, Import, Mode, Target};
use crate::journals::{self, Missing};
use crate::json;
use crate::show::{self, Screen, progress};
use sending::{Sending, patience};

/// Where records go.
#[derive(Clone, Copy)]
enum Place<'p> {
    /// Into a journal that this process has open.
    Own(Target<'p>),
    /// To the daemon.
    Daemon(&'p RefCell<Client>, Mode, &'p Screen),
}

/// How the records of one file get there.
enum Way<'w> {
    Own(Box<Import<'w>>),
    Daemon(Box<Sending<'w>>),
}

impl<'w> Way<'w> {
    fn begin(place: Place<'w>, source: &'w Source) -> Result<Self, Failure> {
        Ok(match place {
            Place::Own(target) => Self::Own(Box::new(Import::begin(target, &source.stream, &source.ledger)?)),
            Place::Daemon(client, mode, screen) => {
                Self::Daemon(Box::new(Sending::begin((client, screen), mode, source)?))
            }
        })
    }

    fn add(&mut self, payload: &[u8], mark: &[u8]) -> Result<(), Halt> {
        match self {
            Self::Own(import) => import.add(payload, mark),
            Self::Daemon(sending) => sending.add(payload, mark),
        }
    }

    /// Brings in what is gathered.
    fn append(&mut self) -> Result<(), Halt> {
        match self {
            Self::Own(import) => import.append(),
            Self::Daemon(sending) => sending.send(),
        }
    }

    /// Brings in what is left, and makes sure that it is the same log as before.
    fn end(&mut self) -> Result<(), Halt> {
        match self {
            Self::Own(import) => import.end(),
            Self::Daemon(sending) => sending.end(),
        }
    }

    fn brought(&self) -> Brought {
        match self {
            Self::Own(import) => import.brought,
            Self::Daemon(sending) => sending.brought,
        }
    }
}

/// What became of one file.
pub(crate) struct Row {
    pub(crate) source: Source,
    pub(crate) brought: Brought,
    pub(crate) remarks: Remarks,
    /// Why it is not in the journal to its end.
    pub(crate) failure: Option<Failure>,
    /// Whether the stream was closed behind it.
    pub(crate) is_closed: bool,
}

/// Brings the files in.
pub(crate) fn run(args: &ImportArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let found = args.paths.iter().map(|path| source::find(path)).collect::<Result<Vec<_>, _>>()?;
    let sources = named(found.into_iter().flatten().collect(), args.stream.as_deref())?;
    if let Some(client) = journals::reach(&args.journal, screen)? {
        let mode = if args.deed == Deed::Show { Mode::Rehearse } else { Mode::Append };
        let client = RefCell::new(client);
        return all(sources, Place::Daemon(&client, mode, screen), (args.behind, form), screen);
    }
    let directory = journals::directory(&args.journal)?;
    let (journal, mode) = match args.deed {
        Deed::Import => (Some(journals::open_roomy(&args.journal, Missing::Make, screen)?), Mode::Append),
        Deed::Show if journals::holds_journal(&directory) => {
            (Some(journals::open_roomy(&args.journal, Missing::Refuse, screen)?), Mode::Rehearse)
        }
        Deed::Show => (None, Mode::Rehearse),
    };
    let target = Target { directory: &directory, journal: journal.as_ref(), mode };
    all(sources, Place::Own(target), (args.behind, form), screen)
}

/// Brings all of them in, and says what became of each.
fn all(
    sources: Vec<Source>,
    place: Place<'_>,
    (behind, form): (Behind, Form),
    screen: &Screen,
) -> Result<Exit, Failure> {
    let mode = match place {
        Place::Own(target) => target.mode,
        Place::Daemon(_, mode, _) => mode,
    };
    let progress = Progress::default();
    let total = sources.iter().map(|source| source.bytes).sum();
    let rows = progress::watched(screen, &progress, total, || {
        let each = sources.into_iter().map(|source| {
            let row = one(source, place, behind, &progress);
            if form == Form::Json {
                show::print(&json::lines([json::journal::import(&row, mode)]))?;
            }
            Ok(row)
        });
        each.collect::<Result<Vec<Row>, Failure>>()
    })?;
    if form == Form::Text {
        show::print(&show::imports(&rows, mode, screen))?;
    }
    Ok(exit(&rows))
}

fn exit(rows: &[Row]) -> Exit {
    if rows.iter().any(|row| row.failure.is_some()) {
        Exit::Failed
    } else if rows.iter().any(|row| !row.remarks.damage.is_empty()) {
        Exit::Damage
    } else {
        Exit::Fine
    }
}

/// The sources with the name that was asked for.
fn named(sources: Vec<Source>, stream: Option<&str>) -> Result<Vec<Source>, Failure> {
    let Some(stream) = stream else { return Ok(sources) };
    if sources.len() != 1 {
        let count = sources.len();
        return Err(Failure::Usage(format!("--stream names one stream, and there are {count} files")));
    }
    Ok(sources.into_iter().map(|source| source.into_stream(stream)).collect())
}

/// Brings one file in. What is wrong with it is not in the way of the others.
fn one(source: Source, place: Place<'_>, behind: Behind, progress: &Progress) -> Row {
    let mut row = Row {
        brought: Brought::default(),
        remarks: Remarks::default(),
        failure: None,
        is_closed: false,
        source,
    };
    let done = records(&mut row, place, progress).and_then(|()| match (behind, place) {
        (Behind::Close, Place::Own(Target { journal: Some(journal), mode: Mode::Append, .. })) => {
            close(journal, &mut row)
        }
        (Behind::Close, Place::Daemon(client, Mode::Append, screen)) => {
            close_there(&mut client.borrow_mut(), &patience(screen), &mut row)
        }
        _ => Ok(()),
    });
    row.failure = done.err();
    row
}

fn records(row: &mut Row, place: Place<'_>, progress: &Progress) -> Result<(), Failure> {
    let source = &row.source;
    let mut way = Way::begin(place, source)?;
    let mut halted = Ok(());
    let read = source.each(progress, &mut |record| {
        halted = way.add(record.payload, record.mark);
        if halted.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    // What was read before the disk failed is brought in.
    let ended = match (&halted, &read) {
        (Ok(()), Ok(_)) => way.end(),
        (Ok(()), Err(_)) => way.append(),
        _ => Ok(()),
    };
    let brought = way.brought();
    if !matches!(halted, Err(Halt::Differs)) && !matches!(ended, Err(Halt::Differs)) {
        row.brought = brought;
    }
    let remarks = read?;
    halted.and(ended).map_err(|halt| told(halt, &row.source.path, &row.source.stream))?;
    row.remarks = remarks;
    Ok(())
}

fn told(halt: Halt, path: &Path, stream: &str) -> Failure {
    match halt {
        Halt::Refused(failure) => failure,
        Halt::Differs => JournalFailure::Differs { path: path.to_owned(), stream: stream.to_owned() }.into(),
    }
}

fn close(journal: &Journal, row: &mut Row) -> Result<(), Failure> {
    // One that is gone was closed before, and all of it is settled.
    let Some(stream) = journal.find_stream(&row.source.stream) else { return Ok(()) };
    if journal.info(&stream).is_some_and(|info| info.openness == Openness::Open) {
        journal.close_stream(&stream).wait().map_err(JournalFailure::Commit)?;
        row.is_closed = true;
    }
    Ok(())
}

fn close_there(client: &mut Client, patience: &Patience, row: &mut Row) -> Result<(), Failure> {
    let path = format!("/v1/streams/{}/close", encoded(&row.source.stream));
    let mut attempts = 0;
    let closed = patience.ask(client, |client| {
        attempts += 1;
        Ok(client.change(Method::POST, &path, &Value::Null)?)
    });
    // Whoever asks again has closed it before, as far as anybody can tell.
    let is_again = attempts > 1;
    match closed {
        Ok(answer) => {
            row.is_closed = is_again || answer.get("applied").and_then(Value::as_bool).unwrap_or(false);
            Ok(())
        }
        // One that is gone was closed before, and all of it is settled.
        Err(Failure::Remote(RemoteFailure::Refused(told))) if told.code == "no-stream" => {
            row.is_closed = is_again;
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}
