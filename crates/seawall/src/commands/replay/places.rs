//! What a replay goes through: job logs, archives and streams, each wherever it lies.

use std::collections::HashSet;
use std::path::Path;

use journal::archive::{ARCHIVER, Archive};
use journal::{Journal, Openness};

use crate::cli::{Reach, ReplayArgs};
use crate::client::{self, Client};
use crate::commands::{close, streams};
use crate::failure::{Failure, JournalFailure};
use crate::journals::imports::source::{self, Source};
use crate::journals::{self, Missing, archives};
use crate::show::{self, Screen};

/// What is gone through: the events of one stream.
pub(super) enum Place {
    File(Source),
    Journal(Journal, String),
    /// An archive that the daemon has.
    Archive(Archive),
    /// A stream of the daemon, which was named or is one of all.
    Daemon(String, Reach),
}

impl Place {
    /// Bytes that are read of it, as far as they are known.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Place::File(source) => source.bytes,
            Place::Archive(archive) => archive.bytes,
            Place::Journal(..) | Place::Daemon(..) => 0,
        }
    }
}

/// All that is to be gone through, the archives first: they are older.
pub(super) fn places(
    args: &ReplayArgs,
    daemon: Option<&mut Client>,
    screen: &Screen,
) -> Result<Vec<Place>, Failure> {
    let files = |sources: Vec<Source>| sources.into_iter().map(Place::File).collect::<Vec<Place>>();
    match (&args.source, args.all, daemon) {
        (Some(path), Reach::One, _) if path.exists() => Ok(files(source::find(path)?)),
        (Some(name), Reach::One, Some(_)) => {
            Ok(vec![Place::Daemon(name.to_string_lossy().into_owned(), Reach::One)])
        }
        (Some(name), Reach::One, None) => {
            let journal = journals::open(&args.place.journal, Missing::Refuse, screen)?;
            let name = name.to_string_lossy();
            close::stream(&journal, &name)?;
            Ok(vec![Place::Journal(journal, name.into_owned())])
        }
        (_, _, Some(client)) => {
            let mut places = match &args.place.archive_dir {
                Some(directory) => files(archived(directory)?),
                None => client::archives(client)?.into_iter().map(Place::Archive).collect(),
            };
            let mut streams = client::streams(client)?;
            let archived = streams_of(&places);
            streams.retain(|row| !is_in(&archived, row));
            places.extend(streams.into_iter().map(|row| Place::Daemon(row.info.name, Reach::All)));
            Ok(places)
        }
        (_, _, None) => {
            let mut places = files(archived(&archives::directory(&args.place)?)?);
            let streams = streams(args, &streams_of(&places), screen)?;
            places.extend(streams);
            Ok(places)
        }
    }
}

/// The streams of archives.
fn streams_of(archives: &[Place]) -> HashSet<String> {
    let stream = |place: &Place| match place {
        Place::File(source) => Some(source.stream.clone()),
        Place::Archive(archive) => Some(source::stream_of(&archive.name)),
        Place::Journal(..) | Place::Daemon(..) => None,
    };
    archives.iter().filter_map(stream).collect()
}

/// Whether a stream is in an archive as a whole: what a ship has not delivered of it stays in the journal too.
fn is_in(archived: &HashSet<String>, row: &streams::Row) -> bool {
    let has_archived = |one: &streams::Standing| one.consumer == ARCHIVER && one.pending == 0;
    row.info.openness == Openness::Closed
        && row.standings.iter().any(has_archived)
        && archived.contains(&row.info.name)
}

/// The archives in a directory.
fn archived(directory: &Path) -> Result<Vec<Source>, Failure> {
    let archives = archives::list(directory)?.into_iter().map(|archive| directory.join(archive.name));
    let sources = archives.map(|path| source::find(&path)).collect::<Result<Vec<_>, _>>()?;
    Ok(sources.into_iter().flatten().collect())
}

/// Every stream of the journal that is not among the archives. A journal that somebody else has open is left to that.
fn streams(args: &ReplayArgs, archived: &HashSet<String>, screen: &Screen) -> Result<Vec<Place>, Failure> {
    let journal = match journals::open(&args.place.journal, Missing::Refuse, screen) {
        Err(Failure::Journal(JournalFailure::Held { .. })) => {
            show::hint(
                screen,
                "the journal is open elsewhere, and its streams are left out: only archives are replayed; name the \
                 daemon that has it with -c FILE",
            );
            return Ok(Vec::new());
        }
        journal => journal?,
    };
    let rows = streams::rows(&journal).into_iter().filter(|row| !is_in(archived, row));
    Ok(rows.map(|row| Place::Journal(journal.clone(), row.info.name)).collect())
}
