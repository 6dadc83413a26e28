//! `seawall archive`: streams that have ended, in files of their own.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use formats::{Part, Progress};
use hyper::Method;
use journal::archive::{ARCHIVER, Archive, Archived, Archiver, Retention, expired, remove};
use journal::{Journal, Scope};
use serde_json::json;

use crate::cli::{
    ArchiveCommand, CleanupArgs, Consent, ExtractArgs, Extracted, Form, ListArchivesArgs, RunArchiveArgs,
};
use crate::client::{self, Client};
use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::archives::Shelf;
use crate::journals::copies::LocalCopy;
use crate::journals::exports::{Export, time};
use crate::journals::imports::source::{self, Raw, Remarks};
use crate::journals::{self, Access, Missing, archives, payloads};
use crate::json;
use crate::show::progress::{Counter, IsTyped};
use crate::show::{self, Answer, Screen};

/// Archives that the daemon is asked to remove at once.
const MOST_ASKED: usize = 10_000;

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
    let (made, place) = match journals::access(&args.place.journal, Missing::Refuse, screen)? {
        Access::Own(journal, _) => own(args, &journal)?,
        Access::Daemon(_) if args.place.archive_dir.is_some() => {
            let where_to = "the daemon archives where its journal.archive_dir says: leave --archive-dir out";
            return Err(Failure::Usage(where_to.to_owned()));
        }
        Access::Daemon(client) => of_daemon(client, args, screen)?,
    };
    match form {
        Form::Json => show::print(&json::lines(made.iter().map(json::journal::archived)))?,
        Form::Text => show::print(&show::archived(&made, &place, screen))?,
    }
    let is_whole = made.iter().all(|archived| archived.damaged.is_empty());
    Ok(if is_whole { Exit::Fine } else { Exit::Damage })
}

fn own(args: &RunArchiveArgs, journal: &Journal) -> Result<(Vec<Archived>, String), Failure> {
    let directory = archives::directory(&args.place)?;
    // Another's archiver may have been told to leave streams alone.
    let scope = journal.find_consumer(ARCHIVER).and_then(|archiver| archiver.scope()).unwrap_or(Scope::All);
    let archiver = Archiver::new(journal, scope, Arc::new(archives::storage(&directory)?));
    let level = args.level.unwrap_or_default();
    let made =
        archiver.and_then(|archiver| archiver.at_level(level).run()).map_err(JournalFailure::Archive)?;
    Ok((made, show::units::path(&directory)))
}

fn of_daemon(
    mut client: Client,
    args: &RunArchiveArgs,
    screen: &Screen,
) -> Result<(Vec<Archived>, String), Failure> {
    let counter = Counter::new(screen, IsTyped::No);
    let (mut made, mut events) = (Vec::new(), 0);
    client::archived(&mut client, args.level, &mut |archived| {
        events += archived.archive.events.unwrap_or(0);
        counter.set(events);
        made.push(archived);
        Ok(())
    })?;
    Ok((made, Shelf::Daemon(client).name()))
}

fn list(args: &ListArchivesArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut shelf = Shelf::of(&args.place, screen)?;
    let all = shelf.list()?;
    match form {
        Form::Json => show::print(&json::lines(all.iter().map(json::journal::archive)))?,
        Form::Text => show::print(&show::archives(&all, &shelf.name(), screen))?,
    }
    Ok(Exit::Fine)
}

/// Archives that are removed, or would be.
pub(crate) struct Cleanup {
    /// Where they lie.
    pub(crate) place: String,
    pub(crate) gone: Vec<Archive>,
    pub(crate) kept: usize,
    pub(crate) applied: bool,
}

fn cleanup(args: &CleanupArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut shelf = Shelf::of(&args.place, screen)?;
    let all = shelf.list()?;
    let millis = |age: crate::spans::Span| u64::try_from(age.duration().as_millis()).unwrap_or(u64::MAX);
    let retention = Retention {
        max_age: args.older_than.map(millis),
        max_bytes: args.max_size.map(crate::sizes::Size::bytes),
    };
    let gone: Vec<Archive> = expired(&all, &retention, clock::millis()).into_iter().cloned().collect();
    let kept = all.len() - gone.len();
    let place = match &shelf {
        Shelf::Directory(directory) => directory.to_string_lossy().into_owned(),
        Shelf::Daemon(client) => client.place().to_string(),
    };
    let mut cleanup = Cleanup { place, gone, kept, applied: false };
    if !cleanup.gone.is_empty() {
        if args.consent == Consent::Ask {
            print(&cleanup, form, screen)?;
            if form == Form::Json || show::ask(screen, "Remove them for good?") == Answer::No {
                show::hint(screen, "nothing was changed; --yes carries it out");
                return Ok(Exit::Attention);
            }
        }
        take_away(&mut shelf, &cleanup.gone)?;
        cleanup.applied = true;
    }
    print(&cleanup, form, screen)?;
    Ok(Exit::Fine)
}

fn take_away(shelf: &mut Shelf, gone: &[Archive]) -> Result<(), Failure> {
    match shelf {
        Shelf::Directory(directory) => {
            remove(&archives::storage(directory)?, gone).map_err(JournalFailure::Disk)?;
        }
        Shelf::Daemon(client) => {
            for some in gone.chunks(MOST_ASKED) {
                let ids: Vec<&String> = some.iter().map(|archive| &archive.name).collect();
                client.change(Method::POST, "/api/v1/archives/drop", &json!({"ids": ids}))?;
            }
        }
    }
    Ok(())
}

fn print(cleanup: &Cleanup, form: Form, screen: &Screen) -> Result<(), Failure> {
    match form {
        Form::Json => show::print_json(&json!({
            "action": "cleanup",
            "path": cleanup.place,
            "archives": cleanup.gone.iter().map(|archive| &archive.name).collect::<Vec<_>>(),
            "bytes": cleanup.gone.iter().map(|archive| archive.bytes).sum::<u64>(),
            "applied": cleanup.applied,
        })),
        Form::Text => show::print(&show::cleanup(cleanup, screen)),
    }
}

fn extract(args: &ExtractArgs, screen: &Screen) -> Result<Exit, Failure> {
    let mut shelf = Shelf::of(&args.place, screen)?;
    if args.shape == Extracted::Wal && args.to.is_none() && args.archives.len() > 1 {
        let one = "a log in ARWAL001 holds one stream: name one archive, or a directory with --to";
        return Err(Failure::Usage(one.to_owned()));
    }
    let mut exit = Exit::Fine;
    match &mut shelf {
        Shelf::Directory(directory) => {
            let found = args.archives.iter().map(|word| archives::find(directory, word));
            for part in found.collect::<Result<Vec<Part>, Failure>>()? {
                exit = worse(exit, extract_one(&part, args, screen)?);
            }
        }
        Shelf::Daemon(client) => {
            let all = client::archives(client)?;
            let meant = |word: &String| -> Result<Meant, Failure> {
                if Path::new(word).is_file() {
                    return Ok(Meant::Here(archives::find(Path::new(""), word)?));
                }
                Ok(Meant::There(archives::named(&all, word, client.place())?))
            };
            for meant in args.archives.iter().map(meant).collect::<Result<Vec<Meant>, Failure>>()? {
                let done = match meant {
                    Meant::Here(part) => extract_one(&part, args, screen)?,
                    Meant::There(name) => {
                        // One at a time: copies take room.
                        let copy = LocalCopy::fetch(client, &name)?;
                        let part = archives::find(Path::new(""), &copy.path().to_string_lossy())?;
                        extract_one(&part, args, screen)?
                    }
                };
                exit = worse(exit, done);
            }
        }
    }
    Ok(exit)
}

/// An archive that was named to a command that asks the daemon.
enum Meant {
    /// A file.
    Here(Part),
    /// One that the daemon has.
    There(String),
}

fn worse(exit: Exit, other: Exit) -> Exit {
    if other == Exit::Damage { other } else { exit }
}

fn extract_one(part: &Part, args: &ExtractArgs, screen: &Screen) -> Result<Exit, Failure> {
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
    if remarks.damage.is_empty() {
        return Ok(Exit::Fine);
    }
    show::tell(&show::damaged_archive(part, &remarks.damage, screen));
    Ok(Exit::Damage)
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
