//! `seawall archive`: streams that have ended, in files of their own.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use formats::{Part, Progress};
use journal::Scope;
use journal::archive::{ARCHIVER, Archive, Archiver, Retention, expired, remove};
use serde_json::json;

use crate::cli::{
    ArchiveCommand, CleanupArgs, Consent, ExtractArgs, Extracted, Form, ListArchivesArgs, RunArchiveArgs,
};
use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::exports::{Export, time};
use crate::journals::imports::source::{self, Raw, Remarks};
use crate::journals::{self, Missing, archives, payloads};
use crate::json;
use crate::show::{self, Answer, Screen};

/// Does with archives what was asked for.
pub(crate) fn run(what: &ArchiveCommand, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match what {
        ArchiveCommand::Run(args) => make(args, form, screen),
        ArchiveCommand::List(args) => list(args, form, screen),
        ArchiveCommand::Extract(args) => extract(args, screen),
        ArchiveCommand::Cleanup(args) => cleanup(args, form, screen),
    }
}

fn make(args: &RunArchiveArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let journal = journals::open(&args.place.journal, Missing::Refuse, screen)?;
    let directory = archives::directory(&args.place)?;
    // Another's archiver may have been told to leave streams alone.
    let scope = journal.find_consumer(ARCHIVER).and_then(|archiver| archiver.scope()).unwrap_or(Scope::All);
    let archiver = Archiver::new(&journal, scope, Arc::new(archives::storage(&directory)?));
    let level = args.level.unwrap_or_default();
    let made =
        archiver.and_then(|archiver| archiver.at_level(level).run()).map_err(JournalFailure::Archive)?;
    match form {
        Form::Json => show::print(&json::lines(made.iter().map(json::journal::archived)))?,
        Form::Text => show::print(&show::archived(&made, &directory, screen))?,
    }
    let is_whole = made.iter().all(|archived| archived.damaged.is_empty());
    Ok(if is_whole { Exit::Fine } else { Exit::Damage })
}

fn list(args: &ListArchivesArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let directory = archives::directory(&args.place)?;
    let all = archives::list(&directory)?;
    match form {
        Form::Json => show::print(&json::lines(all.iter().map(json::journal::archive)))?,
        Form::Text => show::print(&show::archives(&all, &directory, screen))?,
    }
    Ok(Exit::Fine)
}

/// Archives that are removed, or would be.
pub(crate) struct Cleanup<'c> {
    pub(crate) directory: &'c Path,
    pub(crate) gone: Vec<Archive>,
    pub(crate) kept: usize,
    pub(crate) applied: bool,
}

fn cleanup(args: &CleanupArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let directory = archives::directory(&args.place)?;
    let all = archives::list(&directory)?;
    let millis = |age: crate::spans::Span| u64::try_from(age.duration().as_millis()).unwrap_or(u64::MAX);
    let retention = Retention {
        max_age: args.older_than.map(millis),
        max_bytes: args.max_size.map(crate::sizes::Size::bytes),
    };
    let gone: Vec<Archive> = expired(&all, &retention, clock::millis()).into_iter().cloned().collect();
    let kept = all.len() - gone.len();
    let mut cleanup = Cleanup { directory: &directory, gone, kept, applied: false };
    if !cleanup.gone.is_empty() {
        if args.consent == Consent::Ask {
            print(&cleanup, form, screen)?;
            if form == Form::Json || show::ask(screen, "Remove them for good?") == Answer::No {
                show::hint(screen, "nothing was changed; --yes carries it out");
                return Ok(Exit::Attention);
            }
        }
        remove(&archives::storage(&directory)?, &cleanup.gone).map_err(JournalFailure::Disk)?;
        cleanup.applied = true;
    }
    print(&cleanup, form, screen)?;
    Ok(Exit::Fine)
}

fn print(cleanup: &Cleanup<'_>, form: Form, screen: &Screen) -> Result<(), Failure> {
    match form {
        Form::Json => show::print_json(&json!({
            "action": "cleanup",
            "path": cleanup.directory.to_string_lossy(),
            "archives": cleanup.gone.iter().map(|archive| &archive.name).collect::<Vec<_>>(),
            "bytes": cleanup.gone.iter().map(|archive| archive.bytes).sum::<u64>(),
            "applied": cleanup.applied,
        })),
        Form::Text => show::print(&show::cleanup(cleanup, screen)),
    }
}

fn extract(args: &ExtractArgs, screen: &Screen) -> Result<Exit, Failure> {
    let directory = archives::directory(&args.place)?;
    let found = args.archives.iter().map(|word| archives::find(&directory, word));
    let parts = found.collect::<Result<Vec<Part>, Failure>>()?;
    if args.shape == Extracted::Wal && args.to.is_none() && parts.len() > 1 {
        let one = "a log in ARWAL001 holds one stream: name one archive, or a directory with --to";
        return Err(Failure::Usage(one.to_owned()));
    }
    let mut exit = Exit::Fine;
    for part in &parts {
        let stream = source::stream_of(&part.name);
        let remarks = match &args.to {
            None => {
                let mut out = io::BufWriter::new(io::stdout().lock());
                let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(Failure::Output);
                let remarks = write(part, &stream, args.shape, &mut put)?;
                out.flush().map_err(Failure::Output)?;
                remarks
            }
            Some(to) => {
                let name = format!("{}.{}", journal::archive::file_stem(&stream), ending(args.shape));
                let mut export = Export::begin(Some(&to.join(name)), to, clock::now())?;
                let remarks = write(part, &stream, args.shape, &mut |bytes| export.add(bytes))?;
                let path = export.end()?;
                show::hint(screen, &format!("wrote {}", show::units::path(&path)));
                remarks
            }
        };
        if !remarks.damage.is_empty() {
            show::tell(&show::damaged_archive(part, &remarks.damage, screen));
            exit = Exit::Damage;
        }
    }
    Ok(exit)
}

fn ending(form: Extracted) -> &'static str {
    match form {
        Extracted::Json => "ndjson",
        Extracted::Lines => "txt",
        Extracted::Wal => "wal",
    }
}

/// Writes what is in an archive.
fn write(
    part: &Part,
    stream: &str,
    form: Extracted,
    put: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Remarks, Failure> {
    if form == Extracted::Wal {
        put(&formats::arwal::file_header())?;
    }
    let mut written = Ok(());
    let remarks = source::records(part, &Progress::default(), &mut |record| {
        written = put(&extracted(record, stream, form));
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written.map(|()| remarks)
}

/// What is written of an event.
fn extracted(record: &Raw<'_>, stream: &str, form: Extracted) -> Vec<u8> {
    match form {
        Extracted::Lines => [record.payload(), b"\n"].concat(),
        // The reader takes no record that would be longer than its length can say.
        Extracted::Wal => [&formats::arwal::length_before(record.0).unwrap_or_default(), record.0].concat(),
        Extracted::Json => {
            let (field, value) = payloads::shown(record.payload());
            let time = time(journal::Millis::new(record.time()));
            let mut object = json::Object::new();
            object.insert("stream".to_owned(), stream.into());
            object.insert("seq".to_owned(), record.sequence().into());
            object.insert("time".to_owned(), json!(time));
            object.insert(field.to_owned(), value);
            format!("{}\n", serde_json::Value::from(object)).into_bytes()
        }
    }
}
