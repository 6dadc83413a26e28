//! `seawall replay`: events of streams, job logs and archives are sent again, or it is shown what would be.

mod noting;
mod places;
mod sending;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use formats::{Progress, TimeRange, UnixTime};
use journal::{Event, Journal, Millis, ReadError, Seq};
use ship::{Address, Beside, Form as Body, Http, Packing, Policy, Secret, Sink, Times, Trust};

use crate::cli::{ConfigFile, Form, Reach, ReplayArgs, Sending, Written};
use crate::client::{self, Client, Patience};
use crate::clock;
use crate::commands::config::{self, Search};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure, RemoteFailure};
use crate::journals;
use crate::journals::copies::LocalCopy;
use crate::journals::imports::source::{self, Source};
use crate::json;
use crate::show::{self, Screen, progress};
use noting::Notes;
use places::{Place, places};
use sending::{Passage, Sender, id_of};

/// What was sent of one stream, or would be.
pub(crate) struct Row {
    pub(crate) stream: String,
    /// The file that it is in; nothing if it is in the journal.
    pub(crate) file: Option<PathBuf>,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) times: Option<TimeRange>,
    /// What is missing.
    pub(crate) damage: u64,
    /// What the server refused.
    pub(crate) refused: u64,
}

impl Row {
    fn new(stream: &str, file: Option<&Path>) -> Self {
        let file = file.map(Path::to_owned);
        Self { stream: stream.to_owned(), file, events: 0, bytes: 0, times: None, damage: 0, refused: 0 }
    }

    fn add(&mut self, event: &Event) {
        self.events += 1;
        self.bytes += event.payload.len() as u64;
        let time = UnixTime::from_millis(event.time.get());
        self.times = TimeRange::merge(self.times, Some(TimeRange::at(time)));
    }
}

/// Which events.
struct Filter<'a> {
    since: Option<UnixTime>,
    text: Option<&'a [u8]>,
}

impl Filter<'_> {
    /// Whether an event is meant. One whose time nobody knows is as new as any.
    fn takes(&self, payload: &[u8], time: Option<UnixTime>) -> bool {
        let is_new = self.since.zip(time).is_none_or(|(since, time)| time >= since);
        is_new && self.text.is_none_or(|text| payload.windows(text.len().max(1)).any(|part| part == text))
    }
}

/// Who gets events: nobody on a rehearsal.
struct Going<'g> {
    filter: Filter<'g>,
    sender: Option<Sender>,
    /// The daemon that has them.
    daemon: Option<Client>,
    patience: Patience,
    progress: &'g Progress,
}

/// Sends them, or shows what would be sent.
pub(crate) fn run(args: &ReplayArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let filter = Filter {
        since: args.since.map(|moment| moment.resolve(clock::now())),
        text: args.text.as_deref().map(str::as_bytes).filter(|text| !text.is_empty()),
    };
    let mut daemon = if has_files_alone(args) { None } else { journals::reach(&args.place.journal, screen)? };
    let sender = match args.sending {
        Sending::Rehearsed => None,
        Sending::Wanted => Some(sender(args, daemon.as_ref(), screen)?),
    };
    let places = places(args, daemon.as_mut(), screen)?;
    let progress = Progress::default();
    let total = places.iter().map(Place::bytes).sum();
    let patience = patience(args, screen);
    let mut going = Going { filter, sender, daemon, patience, progress: &progress };
    let through =
        || places.into_iter().map(|place| going.through(place)).collect::<Result<Vec<Row>, Failure>>();
    let mut rows = match args.sending {
        // Its counter shows how far it is.
        Sending::Wanted => through(),
        Sending::Rehearsed => progress::watched(screen, &progress, total, through),
    }?;
    if args.all == Reach::All {
        rows.retain(|row| row.events + row.damage + row.refused > 0);
    }
    match form {
        Form::Json => show::print(&json::lines(rows.iter().map(json::journal::replayed)))?,
        Form::Text => show::print(&show::replay(&rows, args.sending, screen))?,
    }
    Ok(exit(&rows))
}

fn exit(rows: &[Row]) -> Exit {
    if rows.iter().any(|row| row.damage > 0) {
        Exit::Damage
    } else if rows.iter().any(|row| row.refused > 0) {
        Exit::Attention
    } else {
        Exit::Fine
    }
}

/// Whether all is told by a file that this process reads. What is sent of one is noted by whoever has the journal.
fn has_files_alone(args: &ReplayArgs) -> bool {
    args.sending == Sending::Rehearsed && args.source.as_ref().is_some_and(|path| path.exists())
}

/// How long the daemon is waited for that has the events: as long as the server that gets them.
fn patience(args: &ReplayArgs, screen: &Screen) -> Patience {
    let onward = "the same command with --resume goes on where this one ended";
    Patience::of(args.retry_for.duration(), onward, *screen)
}

/// Who sends, as it was asked for.
fn sender(args: &ReplayArgs, daemon: Option<&Client>, screen: &Screen) -> Result<Sender, Failure> {
    let usage = |error: String| Failure::Usage(error);
    let (sink, policy) = match (&args.server, &args.ship) {
        (Some(url), _) => (to_url(url, args)?, Policy::default()),
        (None, Some(name)) => {
            let file = ConfigFile { file: args.place.journal.config.clone() };
            let config = config::load(&config::sources(&file, Search::Here))?;
            let found = config.ships.iter().find(|ship| ship.settings.name == *name);
            let ship = found.ok_or_else(|| usage(format!("the configuration has no [[ship]] {name}")))?;
            (Arc::clone(&ship.settings.sink), ship.settings.policy.clone())
        }
        (None, None) => {
            return Err(usage("say where to send them to: --server URL, or --ship NAME".to_owned()));
        }
    };
    let replay = Notes::replay(&Sender::place(&*sink, args.text.as_deref()));
    let notes = match daemon {
        Some(client) => Notes::of_daemon(client.beside()?, &patience(args, screen), replay)?,
        None => Notes::of_journal(&journals::directory(&args.place.journal)?, replay)?,
    };
    let rate = args.rate.map(std::num::NonZeroU32::get).or(policy.rate);
    let (pace, beginning) = ((rate, args.retry_for.duration()), args.beginning);
    Sender::new((sink, policy), pace, (notes, beginning), screen)
}

fn to_url(url: &str, args: &ReplayArgs) -> Result<Arc<dyn Sink>, Failure> {
    let address: Address = url.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let token = args.token_file.clone().map(Secret::File);
    let form = match args.format {
        Written::Json => Body::Json,
        Written::Ndjson => Body::Lines,
        Written::Raw => Body::Raw,
    };
    let sink = Beside::new(&[], token).and_then(|beside| {
        Http::new(address, (&Trust::default(), Times::default()), beside, (form, Packing::None))
    });
    Ok(Arc::new(sink.map_err(|error| Failure::Usage(error.to_string()))?))
}

impl Going<'_> {
    /// Goes through one stream.
    fn through(&mut self, place: Place) -> Result<Row, Failure> {
        match place {
            Place::File(source) => self.of_file(&source),
            Place::Journal(journal, name) => self.of_stream(&journal, &name),
            Place::Archive(archive) => self.of_archive(&archive.name),
            Place::Daemon(name, reach) => self.of_daemon(&name, reach),
        }
    }

    /// The daemon, which was reached where something of it is meant.
    fn daemon(&mut self) -> Result<(&Patience, &mut Client), Failure> {
        let client = self.daemon.as_mut();
        let client = client.ok_or_else(|| Failure::Usage("no daemon was named".to_owned()))?;
        Ok((&self.patience, client))
    }

    fn of_archive(&mut self, name: &str) -> Result<Row, Failure> {
        let (patience, client) = self.daemon()?;
        let copy = patience.ask(client, |client| LocalCopy::fetch(client, name))?;
        let mut row = Row::new(&source::stream_of(name), Some(Path::new(name)));
        for source in source::find(copy.path())? {
            row = Row { file: row.file, ..self.of_file(&source)? };
        }
        Ok(row)
    }

    fn of_daemon(&mut self, name: &str, reach: Reach) -> Result<Row, Failure> {
        let mut row = Row::new(name, None);
        let (mut next, mut passage, mut origin) = (Seq::FIRST, None, None);
        'pages: loop {
            let (patience, client) = self.daemon()?;
            let page = match patience.ask(client, |client| Ok(client::events(client, name, next)?)) {
                // It was archived, and has ended, since all were listed.
                Err(Failure::Remote(RemoteFailure::Refused(told)))
                    if told.code == "no-stream" && reach == Reach::All =>
                {
                    break;
                }
                page => page?,
            };
            if page.is_empty() {
                break;
            }
            for found in page {
                let (event, id) = match found {
                    client::Found::Event(event, id) => (event, id),
                    client::Found::Damaged(seq) => {
                        next = seq.next();
                        row.damage += 1;
                        continue;
                    }
                };
                // Another stream of its name has begun when it had ended.
                if *origin.get_or_insert_with(|| id.clone()) != id {
                    break 'pages;
                }
                next = event.seq.next();
                if let (None, Some(sender)) = (&passage, &self.sender) {
                    passage = Some(sender.begin(&id, name));
                }
                let time = Some(UnixTime::from_millis(event.time.get()));
                if self.filter.takes(&event.payload, time) {
                    pass(event, &mut row, (&mut self.sender, &mut passage))?;
                }
            }
        }
        finish(&mut row, (&mut self.sender, passage))?;
        Ok(row)
    }

    fn of_stream(&mut self, journal: &Journal, name: &str) -> Result<Row, Failure> {
        let mut row = Row::new(name, None);
        let Some(stream) = journal.find_stream(name) else { return Ok(row) };
        // As a ship calls them.
        let id = format!("{}-{}", journal.id(), stream.number());
        let mut passage = self.sender.as_ref().map(|sender| sender.begin(&id, name));
        for event in journal.events(&stream) {
            match event {
                Ok(event) => {
                    let time = Some(UnixTime::from_millis(event.time.get()));
                    if self.filter.takes(&event.payload, time) {
                        pass(event, &mut row, (&mut self.sender, &mut passage))?;
                    }
                }
                Err(ReadError::Damaged { .. }) => row.damage += 1,
                Err(error) => return Err(JournalFailure::Read(error).into()),
            }
        }
        finish(&mut row, (&mut self.sender, passage))?;
        Ok(row)
    }

    fn of_file(&mut self, source: &Source) -> Result<Row, Failure> {
        let Self { filter, sender, progress, .. } = self;
        let mut row = Row::new(&source.stream, Some(&source.path));
        let mut passage = None;
        let mut number = Seq::FIRST.before();
        let mut stopped = Ok(());
        let mut take = |record: &source::Incoming<'_>| -> Result<(), Failure> {
            number = number.next();
            if let (None, Some(sender)) = (&passage, &*sender) {
                let id = id_of(&source.stream, record.mark, &source.path);
                passage = Some(sender.begin(&id, &source.stream));
            }
            if !filter.takes(record.payload, record.time) {
                return Ok(());
            }
            let time = record.time.map_or(Millis::new(0), |time| {
                Millis::new(i64::try_from(time.nanos().div_euclid(1_000_000)).unwrap_or_default())
            });
            let event = Event { seq: number, time, payload: record.payload.to_vec() };
            pass(event, &mut row, (&mut *sender, &mut passage))
        };
        let remarks = source.each(progress, &mut |record| {
            stopped = take(record);
            if stopped.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        stopped?;
        row.damage = remarks.damage.count();
        finish(&mut row, (sender, passage))?;
        Ok(row)
    }
}

fn pass(
    event: Event,
    row: &mut Row,
    (sender, passage): (&mut Option<Sender>, &mut Option<Passage>),
) -> Result<(), Failure> {
    row.add(&event);
    match (sender, passage) {
        (Some(sender), Some(passage)) => sender.take(passage, event),
        _ => Ok(()),
    }
}

/// Sends what is left, and counts what was sent where anything was.
fn finish(row: &mut Row, (sender, passage): (&mut Option<Sender>, Option<Passage>)) -> Result<(), Failure> {
    if let (Some(sender), Some(mut passage)) = (sender, passage) {
        sender.send(&mut passage)?;
        (row.events, row.refused) = (passage.sent, passage.refused);
    }
    Ok(())
}
