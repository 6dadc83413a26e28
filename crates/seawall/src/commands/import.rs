//! `seawall import`: events from other logs, each of them once.

use std::ops::ControlFlow;
use std::path::Path;

use formats::Progress;
use journal::{Journal, Openness};

use crate::cli::{Behind, Deed, Form, ImportArgs};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::imports::source::{self, Remarks, Source};
use crate::journals::imports::{Brought, Halt, Import, Mode, Target};
use crate::journals::{self, Missing};
use crate::json;
use crate::show::{self, Screen, progress};

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
    let directory = journals::directory(&args.journal)?;
    let (journal, mode) = match args.deed {
        Deed::Import => (Some(journals::open_roomy(&args.journal, Missing::Make, screen)?), Mode::Append),
        Deed::Show if journals::holds_journal(&directory) => {
            (Some(journals::open_roomy(&args.journal, Missing::Refuse, screen)?), Mode::Rehearse)
        }
        Deed::Show => (None, Mode::Rehearse),
    };
    let target = Target { directory: &directory, journal: journal.as_ref(), mode };
    let progress = Progress::default();
    let total = sources.iter().map(|source| source.bytes).sum();
    let rows = progress::watched(screen, &progress, total, || {
        let each = sources.into_iter().map(|source| {
            let row = one(source, target, args.behind, &progress);
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
fn one(source: Source, target: Target<'_>, behind: Behind, progress: &Progress) -> Row {
    let mut row = Row {
        brought: Brought::default(),
        remarks: Remarks::default(),
        failure: None,
        is_closed: false,
        source,
    };
    let done =
        records(&mut row, target, progress).and_then(|()| match (behind, target.journal, target.mode) {
            (Behind::Close, Some(journal), Mode::Append) => close(journal, &mut row),
            _ => Ok(()),
        });
    row.failure = done.err();
    row
}

fn records(row: &mut Row, target: Target<'_>, progress: &Progress) -> Result<(), Failure> {
    let mut import = Import::begin(target, &row.source.stream, &row.source.ledger)?;
    let mut halted = Ok(());
    let read = row.source.each(progress, &mut |record| {
        halted = import.add(record.payload, record.mark);
        if halted.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    // What was read before the disk failed is brought in.
    let ended = match (&halted, &read) {
        (Ok(()), Ok(_)) => import.end(),
        (Ok(()), Err(_)) => import.append(),
        _ => Ok(()),
    };
    if !matches!(halted, Err(Halt::Differs)) && !matches!(ended, Err(Halt::Differs)) {
        row.brought = import.brought;
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
