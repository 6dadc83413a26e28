//! `seawall replay`: events of streams, job logs and archives are sent again, or it is shown what would be.

mod sending;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use formats::{Progress, TimeRange, UnixTime};
use journal::{Event, Journal, Millis, ReadError, Seq};
use ship::{Address, Beside, Form as Body, Http, Packing, Policy, Secret, Sink, Times, Trust};

use crate::cli::{ConfigFile, Form, Reach, ReplayArgs, Sending, Written};
use crate::clock;
use crate::commands::close;
use crate::commands::config::{self, Search};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::imports::source::{self, Source};
use crate::journals::{self, Missing, archives};
use crate::json;
use crate::show::{self, Screen, progress};
use sending::{Notes, Passage, Sender, id_of};

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

/// What is gone through: the events of one stream.
enum Place {
    File(Source),
    Journal(Journal, String),
}

/// Sends them, or shows what would be sent.
pub(crate) fn run(args: &ReplayArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let filter = Filter {
        since: args.since.map(|moment| moment.resolve(clock::now())),
        text: args.text.as_deref().map(str::as_bytes).filter(|text| !text.is_empty()),
    };
    let mut sender = match args.sending {
        Sending::Rehearsed => None,
        Sending::Wanted => Some(sender(args, screen)?),
    };
    let places = places(args, screen)?;
    let progress = Progress::default();
    let total =
        places.iter().map(|place| if let Place::File(source) = place { source.bytes } else { 0 }).sum();
    let through = || {
        let each = places.into_iter().map(|place| match place {
            Place::File(source) => of_file(&source, &filter, (&mut sender, &progress)),
            Place::Journal(journal, name) => of_stream(&journal, &name, &filter, &mut sender),
        });
        each.collect::<Result<Vec<Row>, Failure>>()
    };
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

/// Who sends, as it was asked for.
fn sender(args: &ReplayArgs, screen: &Screen) -> Result<Sender, Failure> {
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
    let notes = Notes {
        directory: journals::directory(&args.place.journal)?,
        what: Sender::place(&*sink, args.text.as_deref()),
        beginning: args.beginning,
    };
    let rate = args.rate.map(std::num::NonZeroU32::get).or(policy.rate);
    Sender::new((sink, policy), rate, args.retry_for.duration(), (notes, screen))
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

/// All that is to be gone through, the archives first: they are older.
fn places(args: &ReplayArgs, screen: &Screen) -> Result<Vec<Place>, Failure> {
    let files = |sources: Vec<Source>| sources.into_iter().map(Place::File).collect::<Vec<Place>>();
    match (&args.source, args.all) {
        (Some(path), Reach::One) if path.exists() => Ok(files(source::find(path)?)),
        (Some(name), Reach::One) => {
            let journal = journals::open(&args.place.journal, Missing::Refuse, screen)?;
            let name = name.to_string_lossy();
            close::stream(&journal, &name)?;
            Ok(vec![Place::Journal(journal, name.into_owned())])
        }
        (_, _) => {
            let directory = archives::directory(&args.place)?;
            let archives =
                archives::list(&directory)?.into_iter().map(|archive| directory.join(archive.name));
            let sources = archives.map(|path| source::find(&path)).collect::<Result<Vec<_>, _>>()?;
            let mut places = files(sources.into_iter().flatten().collect());
            places.extend(streams(args, screen)?);
            Ok(places)
        }
    }
}

/// Every stream of the journal. One that a daemon has open is left to that.
fn streams(args: &ReplayArgs, screen: &Screen) -> Result<Vec<Place>, Failure> {
    let journal = match journals::open(&args.place.journal, Missing::Refuse, screen) {
        Err(Failure::Journal(JournalFailure::Held { .. })) => {
            show::hint(
                screen,
                "the journal is open elsewhere, and its streams are left out: only archives are replayed",
            );
            return Ok(Vec::new());
        }
        journal => journal?,
    };
    let mut streams = journal.streams();
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(streams.into_iter().map(|info| Place::Journal(journal.clone(), info.name)).collect())
}

fn of_stream(
    journal: &Journal,
    name: &str,
    filter: &Filter<'_>,
    sender: &mut Option<Sender>,
) -> Result<Row, Failure> {
    let mut row = Row::new(name, None);
    let Some(stream) = journal.find_stream(name) else { return Ok(row) };
    // As a ship calls them.
    let id = format!("{}-{}", journal.id(), stream.number());
    let mut passage = sender.as_ref().map(|sender| sender.begin(&id, name)).transpose()?;
    for event in journal.events(&stream) {
        match event {
            Ok(event) => {
                let time = Some(UnixTime::from_millis(event.time.get()));
                if filter.takes(&event.payload, time) {
                    pass(event, &mut row, (sender, &mut passage))?;
                }
            }
            Err(ReadError::Damaged { .. }) => row.damage += 1,
            Err(error) => return Err(JournalFailure::Read(error).into()),
        }
    }
    finish(&mut row, (sender, passage))?;
    Ok(row)
}

fn of_file(
    source: &Source,
    filter: &Filter<'_>,
    (sender, progress): (&mut Option<Sender>, &Progress),
) -> Result<Row, Failure> {
    let mut row = Row::new(&source.stream, Some(&source.path));
    let mut passage = None;
    let mut number = Seq::FIRST.before();
    let mut stopped = Ok(());
    let mut take = |record: &source::Incoming<'_>| -> Result<(), Failure> {
        number = number.next();
        if let (None, Some(sender)) = (&passage, &*sender) {
            let id = id_of(&source.stream, record.mark, &source.path);
            passage = Some(sender.begin(&id, &source.stream)?);
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
