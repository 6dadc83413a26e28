//! All logs under watch.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use formats::{Damage, Format, Part, UnixTime};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use crate::alert::News;
use crate::probe::{Detect, Seen, look};
use crate::ward::{Ask, Now, Ward, hold};
use crate::{
    Bus, Denied, Event, Facts, Forecast, Happening, Hindrance, Judgement, Kind, Made, Outcome, RestartTally,
    Restarted, Scrubbed, Shelf, Tally, Target, Thresholds, Withheld,
};

/// Looks that are had at once: a disk answers a few questions as fast as many.
const TURNS: usize = 4;

/// Logs that are read in full at once: the rest of the machine has work to do.
const SCRUBS: usize = 2;

/// What all wards look and tell with.
pub(crate) struct Eyes {
    pub(crate) detect: Detect,
    pub(crate) now: Now,
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) scrubs: Arc<Semaphore>,
    pub(crate) shelf: Shelf,
    bus: Bus,
    listener: Box<dyn Fn(&Event) + Send + Sync>,
}

impl fmt::Debug for Eyes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eyes").finish_non_exhaustive()
    }
}

impl Eyes {
    pub(crate) fn tell(&self, target: &str, what: Happening) {
        (self.listener)(&self.bus.add((self.now)(), target, what));
    }
}

/// All logs under watch. It is shared by cloning, and ends with [`Watch::end`].
#[derive(Clone, Debug)]
pub struct Watch {
    eyes: Arc<Eyes>,
    /// In the order in which they were named.
    wards: Arc<Mutex<Vec<Ward>>>,
}

/// What is known about a target.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is watched.
    pub target: Arc<Target>,
    /// What lies there, once it was recognised.
    pub format: Option<Format>,
    /// When it was looked at.
    pub looked: Option<UnixTime>,
    /// What is known about it.
    pub facts: Option<Facts>,
    /// How it is.
    pub judgement: Judgement,
    /// What it is held against.
    pub thresholds: Thresholds,
    /// What will become of it.
    pub forecast: Option<Forecast>,
    /// What is known from reading it in full.
    pub scrubbed: Scrubbed,
    /// Whether a checkpoint is being made.
    pub is_running: bool,
    /// What is left of the cooldown.
    pub cooldown: Option<Duration>,
    /// When the schedule wants the next one.
    pub next: Option<UnixTime>,
    /// When a checkpoint last helped.
    pub helped: Option<UnixTime>,
    /// The last checkpoint.
    pub made: Option<Made>,
    /// What became of all of them.
    pub tally: Tally,
    /// What is known about restarts of its server.
    pub restarts: RestartReport,
}

/// What is known about restarts of a server.
#[derive(Clone, Debug)]
pub struct RestartReport {
    /// Whether it is being restarted.
    pub is_running: bool,
    /// What is left of the cooldown.
    pub cooldown: Option<Duration>,
    /// The last one.
    pub made: Option<Restarted>,
    /// What became of all of them.
    pub tally: RestartTally,
    /// How often one was due and not made.
    pub withheld: Withheld,
}

/// Why a log is not read in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Any files have nothing that could be verified.
    NoLog,
    /// It is on its way.
    Running,
}

impl Watch {
    /// Begins to watch, on the runtime that this is called on, with what the shelf has kept. Whatever happens is told to the listener, which must not block.
    pub fn begin(
        targets: Vec<Target>,
        (detect, now, shelf): (Detect, Now, Shelf),
        listener: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        let (turns, listener) = (Arc::new(Semaphore::new(TURNS)), Box::new(listener));
        let scrubs = Arc::new(Semaphore::new(SCRUBS));
        let eyes = Arc::new(Eyes { detect, now, turns, scrubs, shelf, bus: Bus::default(), listener });
        let wards = targets.into_iter().map(|target| Ward::begin(target, Arc::clone(&eyes))).collect();
        Self { eyes, wards: Arc::new(Mutex::new(wards)) }
    }

    /// Watches these from now on. One that keeps its name and its place keeps what is known about it.
    pub fn retarget(&self, targets: Vec<Target>) {
        let mut wards = self.hold();
        let mut old = std::mem::take(&mut *wards);
        for target in targets {
            let same = |ward: &Ward| {
                let known = ward.target.borrow();
                known.name == target.name && known.path == target.path && known.kind == target.kind
            };
            let ward = match old.iter().position(same).map(|at| old.swap_remove(at)) {
                Some(ward) => {
                    if **ward.target.borrow() != target {
                        ward.target.send_replace(Arc::new(target));
                    }
                    ward
                }
                None => Ward::begin(target, Arc::clone(&self.eyes)),
            };
            wards.push(ward);
        }
        old.into_iter().for_each(|ward| ward.task.abort());
    }

    /// What is known about every target, in the order in which they were named.
    pub fn reports(&self) -> Vec<Report> {
        let now = (self.eyes.now)();
        self.hold().iter().map(|ward| report(ward, now)).collect()
    }

    /// What is known about one.
    pub fn report(&self, name: &str) -> Option<Report> {
        let now = (self.eyes.now)();
        self.hold().iter().find(|ward| ward.target.borrow().name == name).map(|ward| report(ward, now))
    }

    /// Has a checkpoint made, and waits for what becomes of it; nothing if there is no such target.
    pub async fn checkpoint(&self, name: &str) -> Option<Result<Outcome, Denied>> {
        let asks = self.hold().iter().find(|ward| ward.target.borrow().name == name)?.asks.clone();
        let (asked, answer) = oneshot::channel();
        // A queue that is full means that one is being made, and others wait for it too.
        if asks.try_send(Ask::Checkpoint(asked)).is_err() {
            return Some(Err(Denied::Running));
        }
        answer.await.ok()
    }

    /// Has its server restarted, and does not wait for what becomes of that; nothing if there is no such target.
    pub async fn restart(&self, name: &str) -> Option<Result<(), Hindrance>> {
        let asks = self.hold().iter().find(|ward| ward.target.borrow().name == name)?.asks.clone();
        let (asked, answer) = oneshot::channel();
        if asks.try_send(Ask::Restart(asked)).is_err() {
            return Some(Err(Hindrance::Running));
        }
        answer.await.ok()
    }

    /// Has a log read in full now, or as soon as others are read; nothing if there is no such target.
    pub fn scrub(&self, name: &str) -> Option<Result<(), Unread>> {
        let wards = self.hold();
        let ward = wards.iter().find(|ward| ward.target.borrow().name == name)?;
        if ward.target.borrow().kind == Kind::Directory {
            return Some(Err(Unread::NoLog));
        }
        let is_taken = hold(&ward.state).scrub.ask();
        ward.bell.notify_one();
        Some(if is_taken { Ok(()) } else { Err(Unread::Running) })
    }

    /// What is known of some files of a target from reading them: damage, or nothing for one that was not read as it is.
    pub fn damage(&self, name: &str, parts: &[Part]) -> Vec<Option<Vec<Damage>>> {
        let wards = self.hold();
        let Some(ward) = wards.iter().find(|ward| ward.target.borrow().name == name) else {
            return Vec::new();
        };
        let state = hold(&ward.state);
        parts.iter().map(|part| state.scrub.of(part)).collect()
    }

    /// Looks at a target now, for its files; nothing if there is no such target.
    pub async fn look(&self, name: &str) -> Option<Result<Seen, String>> {
        let Report { target, format, .. } = self.report(name)?;
        let eyes = Arc::clone(&self.eyes);
        let turn = Arc::clone(&eyes.turns).acquire_owned().await.ok()?;
        let look = move || {
            let seen = look(&target, format, eyes.detect, (eyes.now)());
            drop(turn);
            seen
        };
        Some(spawn_blocking(look).await.unwrap_or_else(|error| Err(format!("failed to look: {error}"))))
    }

    /// Tells of something else than a log, as if it was one.
    pub fn announce(&self, news: News) {
        let target = news.key.target.clone();
        self.eyes.tell(&target, Happening::News(news));
    }

    /// What happened.
    pub fn bus(&self) -> &Bus {
        &self.eyes.bus
    }

    /// Watches nothing any more. A checkpoint that is being made is left to itself.
    pub fn end(&self) {
        self.hold().iter().for_each(|ward| ward.keep(&self.eyes.shelf));
        self.retarget(Vec::new());
    }

    fn hold(&self) -> MutexGuard<'_, Vec<Ward>> {
        self.wards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(ward: &Ward, now: UnixTime) -> Report {
    let state = hold(&ward.state);
    let course = &state.course;
    Report {
        target: Arc::clone(&ward.target.borrow()),
        format: state.format,
        looked: course.looked,
        facts: course.facts.clone(),
        judgement: course.judgement.clone(),
        thresholds: *course.thresholds(),
        forecast: course.forecast,
        scrubbed: state.scrub.report(),
        is_running: course.is_running(),
        cooldown: course.cooldown(now),
        next: course.next(),
        helped: course.helped,
        made: course.made.clone(),
        tally: course.tally,
        restarts: RestartReport {
            is_running: course.restarts.is_running(),
            cooldown: course.restarts.cooldown(now),
            made: course.restarts.made.clone(),
            tally: course.restarts.tally,
            withheld: course.restarts.withheld,
        },
    }
}
