//! Archives streams that were closed, and removes archives that are too old, on a thread of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use journal::archive::{ARCHIVER, ArchiveError, Archived, Archiver, Level, archives, clean};
use journal::storage::{Disk, Fault, Storage};
use journal::{Journal, Scope};
use tokio::sync::mpsc;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock;
use crate::config::{Archiving, Config};
use crate::failure::DaemonFailure;

/// How often archives that are too old are looked for.
const CLEANING: Duration = Duration::from_hours(1);

/// Wishes that may wait for the keeper while it archives.
const WISHES: usize = 16;

/// Archives that one who has asked for them may be behind. To who does not listen, no more is told.
const UNHEARD: usize = 4096;

const UNKNOWN: u64 = u64::MAX;

/// What the keeper has done, for the figures.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Bytes of all archives; [`UNKNOWN`] as long as nobody has looked.
    bytes: AtomicU64,
    /// Archives that were made.
    pub(super) made: AtomicU64,
    /// Archives that were removed.
    pub(super) removed: AtomicU64,
    /// Rounds that failed.
    pub(super) failures: AtomicU64,
}

impl Kept {
    /// Bytes of all archives, once somebody has looked.
    pub(super) fn bytes(&self) -> Option<u64> {
        Some(self.bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes != UNKNOWN)
    }

    fn grow(&self, more: u64) {
        self.change(|bytes| bytes.saturating_add(more));
    }

    /// So many archives were removed by hand, of so many bytes.
    pub(super) fn shrink(&self, archives: u64, less: u64) {
        self.removed.fetch_add(archives, Ordering::Relaxed);
        self.change(|bytes| bytes.saturating_sub(less));
    }

    fn change(&self, to: impl Fn(u64) -> u64) {
        let changed = |bytes: u64| (bytes != UNKNOWN).then(|| to(bytes));
        // As long as nobody has looked, the first look counts it.
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed).ok();
    }
}

/// The thread, as others see it.
pub(super) struct Keeper {
    nudge: Nudge,
    ending: Arc<AtomicBool>,
    ended: Receiver<()>,
    kept: Arc<Kept>,
}

/// What the keeper is told.
enum Wish {
    /// There is something to look at.
    Look,
    /// Somebody wants all archived now, and to hear of it.
    Run(Run),
}

/// Archiving that somebody has asked for.
struct Run {
    /// How hard it is compressed, if not as the configuration says.
    level: Option<Level>,
    told: mpsc::Sender<Told>,
}

/// What is heard of archiving that was asked for.
pub(super) enum Told {
    /// One was made.
    Made(Archived),
    /// One could not be made; it is tried again.
    Failed(ArchiveError),
    /// That was all.
    All,
}

/// Tells the keeper that there is something to do.
#[derive(Clone)]
pub(super) struct Nudge {
    wishes: SyncSender<Wish>,
    /// Whether it is told already to look: it takes one place among the wishes, however many streams are closed.
    told: Arc<AtomicBool>,
}

impl Nudge {
    /// A stream was closed.
    pub(super) fn look(&self) {
        // Where others wait to be heard already, or the keeper has ended, another changes nothing.
        if !self.told.swap(true, Ordering::AcqRel) && self.wishes.try_send(Wish::Look).is_err() {
            self.told.store(false, Ordering::Release);
        }
    }

    /// Has every closed stream archived; nothing if too many have asked for that.
    pub(super) fn run(&self, level: Option<Level>) -> Option<mpsc::Receiver<Told>> {
        let (told, heard) = mpsc::channel(UNHEARD);
        self.wishes.try_send(Wish::Run(Run { level, told })).ok()?;
        Some(heard)
    }
}

impl Keeper {
    /// Begins to keep a journal's archives.
    pub(super) fn begin(
        journal: &Journal,
        edition: watch::Receiver<Arc<Config>>,
    ) -> Result<Self, DaemonFailure> {
        let place = edition.borrow().journal.archive_dir.clone();
        let storage = open(&place)?;
        let level = edition.borrow().journal.archive_level;
        let archiver = match edition.borrow().journal.archiving {
            Archiving::On => Some(Archiver::new(journal, Scope::All, Arc::clone(&storage))?.at_level(level)),
            Archiving::Off => {
                end_archiving(journal)?;
                None
            }
        };
        let kept = Arc::new(Kept { bytes: AtomicU64::new(UNKNOWN), ..Kept::default() });
        let (wishes, heard) = sync_channel(WISHES);
        let nudge = Nudge { wishes, told: Arc::default() };
        let told = Arc::clone(&nudge.told);
        let (end, ended) = channel();
        let ending = Arc::new(AtomicBool::new(false));
        let round =
            Round { archiver, storage, edition, kept: Arc::clone(&kept), ending: Arc::clone(&ending) };
        let keep = move || {
            round.keep(&heard, &told);
            // Nobody may be waiting.
            end.send(()).ok();
        };
        thread::Builder::new()
            .name("archive".to_owned())
            .spawn(keep)
            .map_err(|source| DaemonFailure::System { what: "the thread that archives", source })?;
        Ok(Self { nudge, ending, ended, kept })
    }

    /// What tells it to look.
    pub(super) fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// What it has done.
    pub(super) fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept)
    }

    /// Ends it after what it is doing, and waits for that at most so long. What it leaves half done is begun anew at the
    /// next start.
    pub(super) fn end(self, patience: Duration) -> Ended {
        self.ending.store(true, Ordering::Release);
        self.nudge.look();
        match self.ended.recv_timeout(patience) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ended::InTime,
            Err(RecvTimeoutError::Timeout) => Ended::Late,
        }
    }
}

/// Whether the keeper has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It has.
    InTime,
    /// It is still at work.
    Late,
}

/// What only the archive was waiting for goes: nobody will archive it.
fn end_archiving(journal: &Journal) -> Result<(), DaemonFailure> {
    if let Some(consumer) = journal.find_consumer(ARCHIVER) {
        consumer.unregister().wait().map_err(ArchiveError::from)?;
        info!("journal.archive is off: streams are not archived any more, and nothing is kept for that");
    }
    Ok(())
}

fn open(place: &Path) -> Result<Arc<dyn Storage>, Fault> {
    let name = place.display().to_string();
    let disk = Disk::at(place).map_err(Fault::on("open the directory of archives", &name))?;
    Ok(Arc::new(disk))
}

/// What the thread works with.
struct Round {
    archiver: Option<Archiver>,
    storage: Arc<dyn Storage>,
    edition: watch::Receiver<Arc<Config>>,
    kept: Arc<Kept>,
    ending: Arc<AtomicBool>,
}

/// Tells who has asked, unless that does not listen any more.
fn tell(told: &mut Option<mpsc::Sender<Told>>, what: Told) {
    if told.as_ref().is_some_and(|told| told.try_send(what).is_err()) {
        *told = None;
    }
}

impl Round {
    fn keep(&self, heard: &Receiver<Wish>, told: &AtomicBool) {
        let (mut cleaned, mut asked) = (None, None);
        while !self.ending.load(Ordering::Acquire) {
            self.archive(asked.take());
            if cleaned.is_none_or(|at| clock::instant().duration_since(at) >= CLEANING) {
                self.clean();
                cleaned = Some(clock::instant());
            }
            let interval = self.edition.borrow().journal.archive_interval;
            match heard.recv_timeout(interval) {
                Ok(Wish::Run(run)) => asked = Some(run),
                // What is closed from now on has to be looked at once more.
                Ok(Wish::Look) => told.store(false, Ordering::Release),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn archive(&self, asked: Option<Run>) {
        let Some(archiver) = &self.archiver else { return };
        let (level, mut told) = asked.map_or((None, None), |run| (run.level, Some(run.told)));
        let archiver = archiver.clone();
        let archiver = match level {
            Some(level) => archiver.at_level(level),
            None => archiver,
        };
        let done = archiver.run_each(&mut |made| {
            self.made(&made);
            tell(&mut told, Told::Made(made));
        });
        match done {
            Ok(()) => tell(&mut told, Told::All),
            Err(error) => {
                self.kept.failures.fetch_add(1, Ordering::Relaxed);
                warn!(%error, "failed to archive a stream; its events are kept, and it is tried again");
                tell(&mut told, Told::Failed(error));
            }
        }
    }

    fn made(&self, made: &Archived) {
        self.kept.made.fetch_add(1, Ordering::Relaxed);
        self.kept.grow(made.archive.bytes);
        let (stream, archive) = (&made.stream, &made.archive.name);
        info!(stream, archive, events = made.archive.events, "archived a stream");
        if !made.damaged.is_empty() {
            let damaged = made.damaged.len();
            warn!(stream, archive, damaged, "events were damaged and are not in the archive");
        }
    }

    fn clean(&self) {
        let retention = self.edition.borrow().journal.retention;
        let cleaned = clean(&*self.storage, &retention, clock::millis());
        let removed = cleaned.and_then(|removed| Ok((removed, archives(&*self.storage)?)));
        match removed {
            Ok((removed, left)) => {
                for archive in removed {
                    self.kept.removed.fetch_add(1, Ordering::Relaxed);
                    info!(archive = archive.name, bytes = archive.bytes, "removed an archive by retention");
                }
                let bytes = left.iter().map(|archive| archive.bytes).sum();
                self.kept.bytes.store(bytes, Ordering::Relaxed);
            }
            Err(error) => {
                self.kept.failures.fetch_add(1, Ordering::Relaxed);
                warn!(%error, "failed to look through the archives; it is tried again");
            }
        }
    }
}
