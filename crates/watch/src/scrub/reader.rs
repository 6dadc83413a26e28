//! A pass: a thread that reads a log file by file, and tells what it finds.

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use formats::{Body, Depth, Entry, Format, Log, Order, Part, Progress};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::cache::Cache;
use super::knowledge::{Ending, MOST_PLACES, Read, is_same};
use super::pace::Pace;
use super::{Scope, Stamp};
use crate::Target;
use crate::probe::{Detect, open};
use crate::ward::{Now, State, hold};

/// The lowest of priorities.
const NICE: i32 = 19;

/// Between two readings of a file in which something was found.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// What a pass is made with.
pub(crate) struct Job {
    pub(crate) target: Arc<Target>,
    pub(crate) format: Option<Format>,
    pub(crate) detect: Detect,
    pub(crate) now: Now,
    pub(crate) state: Arc<Mutex<State>>,
    /// Rung when somebody has to be told, and at the end.
    pub(crate) bell: Arc<Notify>,
    /// One of few.
    pub(crate) turn: OwnedSemaphorePermit,
}

/// A pass that is on its way. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    _go: Sender<()>,
}

/// Begins to read; nothing if the system has no thread for it.
pub(crate) fn begin(job: Job, scope: Scope) -> Option<Running> {
    let (go, stop) = channel();
    let pace = Arc::new(Pace::new(job.target.scrub.rate, stop));
    let cache = Arc::new(Cache::default());
    let (slowed, cleared) = (Arc::clone(&pace), Arc::clone(&cache));
    let progress = Progress::at(move |bytes| {
        cleared.read(bytes);
        slowed.spent(bytes);
    });
    let began = (job.now)();
    let number = hold(&job.state).scrub.begin(scope.clone(), progress.clone(), began);
    let state = Arc::clone(&job.state);
    let order = Order { progress, ..Order::new(Depth::Bytes, began).live() };
    let pass = Reader { job, order, pace, cache, number };
    let run = move || {
        // It is in others' way a little more where the system does not allow that.
        rustix::process::setpriority_process(None, NICE).ok();
        let ending = pass.run(&scope);
        let Reader { job: Job { state, bell, now, turn, .. }, number, .. } = pass;
        hold(&state).scrub.end(number, &ending, now());
        // Whoever is woken may want the next one.
        drop(turn);
        bell.notify_one();
    };
    if thread::Builder::new().name("scrub".to_owned()).spawn(run).is_err() {
        hold(&state).scrub.stop();
        return None;
    }
    Some(Running { _go: go })
}

struct Reader {
    job: Job,
    order: Order,
    pace: Arc<Pace>,
    cache: Arc<Cache>,
    number: u64,
}

impl Reader {
    fn run(&self, scope: &Scope) -> Ending {
        let Ok(log) = self.log() else { return Ending::Failed };
        let parts: Vec<&Part> = log.parts().iter().filter(|part| scope.has(part)).collect();
        let total = parts.iter().map(|part| part.bytes).sum();
        hold(&self.job.state).scrub.size(self.number, total);
        for part in parts {
            let read = self.part(log.as_ref(), part).and_then(|read| self.confirmed(part, read));
            if self.pace.is_over() {
                return Ending::Failed;
            }
            let Some(read) = read else { continue };
            if hold(&self.job.state).scrub.hear(self.number, read) {
                self.job.bell.notify_one();
            }
        }
        Ending::Whole
    }

    fn log(&self) -> Result<Box<dyn Log>, String> {
        open(&self.job.target, self.job.format, self.job.detect)
    }

    /// What is found by reading a file; nothing if it is gone.
    fn part(&self, log: &dyn Log, part: &Part) -> Option<Read> {
        let before = self.order.progress.bytes();
        let (mut damage, mut more, mut is_gone) = (Vec::new(), 0, false);
        let mut visit = |entry: Entry| {
            match entry.body {
                Body::Damage(found) if damage.len() < MOST_PLACES => damage.push(found),
                Body::Damage(_) => more += 1,
                Body::Note(note) => is_gone |= note.code == "vanished",
                Body::Record(_) => {}
            }
            if self.pace.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.cache.open(part);
        let read = log.skim(part, &self.order, &mut visit);
        self.cache.close();
        let error = read.err().map(|error| (error.source.kind(), error.to_string()));
        is_gone |= error.as_ref().is_some_and(|(kind, _)| *kind == ErrorKind::NotFound);
        let bytes = self.order.progress.bytes().saturating_sub(before);
        let stamp = Stamp::of(part);
        (!is_gone).then(|| Read { part: part.name.clone(), stamp, bytes, damage, more, error })
    }

    /// The same, with what a second reading finds too: a server may have changed the file under the first one.
    fn confirmed(&self, part: &Part, first: Read) -> Option<Read> {
        if first.damage.is_empty() && first.error.is_none() {
            return Some(first);
        }
        self.pace.rest(SECOND_LOOK);
        let log = self.log().ok()?;
        let again = log.parts().iter().find(|again| again.name == part.name && again.role == part.role)?;
        let mut second = self.part(log.as_ref(), again)?;
        second.damage.retain(|found| first.damage.iter().any(|before| is_same(before, found)));
        second.more = second.more.min(first.more);
        second.error =
            second.error.filter(|(kind, _)| first.error.as_ref().is_some_and(|first| first.0 == *kind));
        Some(second)
    }
}
