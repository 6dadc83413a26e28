//! `seawall replay --dry-run`: what would be sent.

use std::ops::ControlFlow;
use std::path::Path;

use formats::{DamageList, Progress, TimeRange, UnixTime};
use journal::{Journal, ReadError};

use crate::cli::{Form, Reach, ReplayArgs, Sending};
use crate::clock;
use crate::commands::close;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::archives;
use crate::journals::imports::source::{self, Source};
use crate::journals::{self, Missing};
use crate::json;
use crate::show::{self, Screen, progress};

/// What would be sent of one stream.
pub(crate) struct Row {
    pub(crate) stream: String,
    /// The file that it is in; nothing if it is in the journal.
    pub(crate) file: Option<std::path::PathBuf>,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) times: Option<TimeRange>,
    /// What would be missing.
    pub(crate) damage: u64,
}

impl Row {
    fn new(stream: &str, file: Option<&Path>) -> Self {
        let file = file.map(Path::to_owned);
        Self { stream: stream.to_owned(), file, events: 0, bytes: 0, times: None, damage: 0 }
    }

    fn add(&mut self, payload: &[u8], time: Option<UnixTime>, since: Option<UnixTime>) {
        if since.zip(time).is_some_and(|(since, time)| time < since) {
            return;
        }
        self.events += 1;
        self.bytes += payload.len() as u64;
        self.times = TimeRange::merge(self.times, time.map(TimeRange::at));
    }
}

/// Shows what would be sent.
pub(crate) fn run(args: &ReplayArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    if args.sending == Sending::Wanted {
        let why = "nothing can be sent: this version has no sender yet; --dry-run shows what would be sent";
        return Err(Failure::Usage(why.to_owned()));
    }
    let since = args.since.map(|moment| moment.resolve(clock::now()));
    let rows = match (&args.source, args.all) {
        (Some(path), Reach::One) if path.exists() => files(source::find(path)?, since, screen)?,
        (Some(name), Reach::One) => {
            let journal = journals::open(&args.place.journal, Missing::Refuse, screen)?;
            let name = name.to_string_lossy();
            close::stream(&journal, &name)?;
            vec![of_stream(&journal, &name, since)?]
        }
        (_, _) => all(args, since, screen)?,
    };
    match form {
        Form::Json => show::print(&json::lines(rows.iter().map(json::journal::replayed)))?,
        Form::Text => show::print(&show::replay(&rows, screen))?,
    }
    Ok(if rows.iter().any(|row| row.damage > 0) { Exit::Damage } else { Exit::Fine })
}

/// Everything that is in archives and in the journal, the archives first: they are older.
fn all(args: &ReplayArgs, since: Option<UnixTime>, screen: &Screen) -> Result<Vec<Row>, Failure> {
    let journal = journals::open(&args.place.journal, Missing::Refuse, screen)?;
    let directory = archives::directory(&args.place)?;
    let archives = archives::list(&directory)?.into_iter().map(|archive| directory.join(archive.name));
    let sources = archives.map(|path| source::find(&path)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = files(sources.into_iter().flatten().collect(), since, screen)?;
    let mut streams = journal.streams();
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    for info in streams {
        rows.push(of_stream(&journal, &info.name, since)?);
    }
    rows.retain(|row| row.events + row.damage > 0);
    Ok(rows)
}

fn of_stream(journal: &Journal, name: &str, since: Option<UnixTime>) -> Result<Row, Failure> {
    let mut row = Row::new(name, None);
    for event in journal.find_stream(name).iter().flat_map(|stream| journal.events(stream)) {
        match event {
            Ok(event) => row.add(&event.payload, Some(UnixTime::from_millis(event.time.get())), since),
            Err(ReadError::Damaged { .. }) => row.damage += 1,
            Err(error) => return Err(JournalFailure::Read(error).into()),
        }
    }
    Ok(row)
}

fn files(sources: Vec<Source>, since: Option<UnixTime>, screen: &Screen) -> Result<Vec<Row>, Failure> {
    let progress = Progress::default();
    let total = sources.iter().map(|source| source.bytes).sum();
    let of_file = |source: Source| {
        let mut row = Row::new(&source.stream, Some(&source.path));
        let remarks = source.each(&progress, &mut |record| {
            row.add(record.payload, record.time, since);
            ControlFlow::Continue(())
        })?;
        let damage: DamageList = remarks.damage;
        row.damage = damage.count();
        Ok(row)
    };
    progress::watched(screen, &progress, total, || sources.into_iter().map(of_file).collect())
}
