//! What the child has said, held against what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use journal::archive::ARCHIVER;
use journal::{Commit, Event, Journal, Seq, Start};

use crate::child::{CONSUMERS, options, payload, scope};

/// All that was said, in all lives of one journal.
#[derive(Default)]
pub(crate) struct Ledger {
    streams: BTreeMap<String, Account>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) appended: u64,
    pub(crate) settled: u64,
    pub(crate) archived: u64,
}

/// Whether the archive of a stream was looked at.
#[derive(Default, PartialEq, Eq)]
enum Archive {
    #[default]
    Unseen,
    Seen,
}

/// What was said of a stream.
#[derive(Default)]
struct Account {
    /// In which place each was tried.
    tried: BTreeMap<String, usize>,
    safe: BTreeMap<Seq, String>,
    /// Of each consumer: the last event that it has settled, and the last that it may have.
    settled: [(Seq, Seq); CONSUMERS.len()],
    archive: Archive,
}

impl Ledger {
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes in a line; those that nobody means are passed over.
    pub(crate) fn enter(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let seq = |word: &str| word.parse().map(Seq::new).ok();
        match words.as_slice() {
            ["try", stream, event] => {
                let tried = &mut self.account(stream).tried;
                tried.insert((*event).to_owned(), tried.len());
            }
            ["safe", stream, number, event] => {
                let Some(number) = seq(number) else { return };
                self.account(stream).safe.insert(number, (*event).to_owned());
                self.counts.appended += 1;
            }
            [word @ ("settle" | "settled"), consumer, stream, _, last] => {
                let place = CONSUMERS.iter().position(|(name, _)| name == consumer);
                let Some((place, last)) = place.zip(seq(last)) else { return };
                let (sure, maybe) = &mut self.account(stream).settled[place];
                *maybe = last.max(*maybe);
                if *word == "settled" {
                    *sure = last;
                    self.counts.settled += 1;
                    self.counts.archived += u64::from(*consumer == ARCHIVER);
                }
            }
            _ => {}
        }
    }

    fn account(&mut self, stream: &str) -> &mut Account {
        self.streams.entry(stream.to_owned()).or_default()
    }

    /// Opens the journal and holds what is there against what was said. What is there is said from then on.
    pub(crate) fn check(&mut self, place: &Path) -> Result<(), String> {
        let journal =
            Journal::open(&place.join("log"), options(Commit::Caller)).map_err(|error| error.to_string())?;
        if !journal.recovery().damage.is_empty() {
            return Err(format!("a crash looks like damage: {:?}", journal.recovery()));
        }
        for (number, (consumer, prefix)) in CONSUMERS.into_iter().enumerate() {
            let known = journal
                .consumer_of(consumer, Start::Oldest, scope(prefix))
                .map_err(|error| error.to_string())?;
            for (name, account) in self.streams.iter_mut().filter(|(name, _)| name.starts_with(prefix)) {
                let stream = journal.stream(name).map_err(|error| error.to_string())?;
                let pending: Result<Vec<Event>, _> = known.pending(&stream).collect();
                let pending = pending.map_err(|error| error.to_string())?;
                account.check(number, &pending).map_err(|error| format!("{consumer} of {name}: {error}"))?;
                if consumer == ARCHIVER && pending.is_empty() {
                    account.check_archive(&place.join("archive"), name)?;
                }
            }
        }
        Ok(())
    }
}

impl Account {
    fn check(&mut self, consumer: usize, pending: &[Event]) -> Result<(), String> {
        let (sure, maybe) = self.settled[consumer];
        for event in pending {
            let id = event.payload.split(|&byte| byte == b' ').next().unwrap_or_default();
            let id = String::from_utf8_lossy(id).into_owned();
            if !self.tried.contains_key(&id) || payload(&id) != event.payload {
                return Err(format!("event {} was never appended: {id}", event.seq));
            }
            let known = self.safe.entry(event.seq).or_insert_with(|| id.clone());
            if *known != id {
                return Err(format!("event {} was {known} and is {id}", event.seq));
            }
            if event.seq <= sure {
                return Err(format!("event {} was settled and is pending", event.seq));
            }
        }
        if !self.safe.values().map(|id| self.tried.get(id)).is_sorted_by(|one, next| one < next) {
            return Err("the events are not in the order of their appending, or twice there".to_owned());
        }
        let pending: BTreeSet<Seq> = pending.iter().map(|event| event.seq).collect();
        if let Some(seq) = self.safe.keys().find(|&&seq| seq > maybe && !pending.contains(&seq)) {
            return Err(format!("event {seq} was safe and is gone"));
        }
        Ok(())
    }

    /// What is settled for the archiver is in an archive.
    fn check_archive(&mut self, directory: &Path, stream: &str) -> Result<(), String> {
        if self.safe.is_empty() || self.archive == Archive::Seen {
            return Ok(());
        }
        self.archive = Archive::Seen;
        let path = directory.join(format!("{}.wal.zst", stream.replace('/', "%2F")));
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let log =
            zstd::decode_all(bytes.as_slice()).map_err(|error| format!("{}: {error}", path.display()))?;
        let is_in = |id: &String| {
            let payload = payload(id);
            log.windows(payload.len()).any(|window| window == payload)
        };
        match self.safe.values().find(|id| !is_in(id)) {
            Some(id) => Err(format!("event {id} is not in {}", path.display())),
            None => Ok(()),
        }
    }
}
