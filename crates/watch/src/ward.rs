//! One log under watch: a task that looks, tells, and has checkpoints made and its server restarted, one after the other.

mod kept;
mod restarting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use formats::{Format, UnixTime};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout};

use crate::course::{Course, Step};
use crate::probe::{Seen, look};
use crate::restart::Trouble;
use crate::scrub::{self, Job, Knowledge, Running};
use crate::watching::Eyes;
use crate::{Denied, Hindrance, Kind, Outcome, Reason, Scrub, Shelf, Target, checkpoint, postgres, server};
use kept::Recalled;

/// How long a look may take. A disk that needs longer for a list of names is not well.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often what is known is kept, where nothing happens.
const KEEPING: Duration = Duration::from_mins(5);

/// How often is looked whether a checkpoint has helped.
const BEAT: Duration = Duration::from_secs(1);

/// Somebody who waits for a checkpoint.
pub(crate) type Asked = oneshot::Sender<Result<Outcome, Denied>>;

/// Somebody who wants something done.
pub(crate) enum Ask {
    /// A checkpoint, for what becomes of which is waited.
    Checkpoint(Asked),
    /// A restart, for the beginning of which is waited.
    Restart(oneshot::Sender<Result<(), Hindrance>>),
}

/// What others see of a log under watch.
#[derive(Debug)]
pub(crate) struct Ward {
    pub(crate) target: watch::Sender<Arc<Target>>,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) asks: mpsc::Sender<Ask>,
    /// Rung when something is known, or wanted, about reading it in full.
    pub(crate) bell: Arc<Notify>,
    pub(crate) task: JoinHandle<()>,
}

/// What is known about it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) course: Course,
    pub(crate) format: Option<Format>,
    pub(crate) scrub: Knowledge,
}

impl Ward {
    /// Keeps what is known.
    pub(crate) fn keep(&self, shelf: &Shelf) {
        let target = self.target.borrow();
        shelf.keep_target(&target.name, || kept::file(&target, &hold(&self.state)));
    }

    /// Begins to watch.
    pub(crate) fn begin(target: Target, eyes: Arc<Eyes>) -> Self {
        let rhythm = target.checkpoint.as_ref().map(|checkpoint| checkpoint.rhythm.clone());
        let fresh = || {
            let course = Course::new(target.bounds.thresholds(None, None), rhythm.clone());
            State { course, format: None, scrub: Knowledge::default() }
        };
        let now = (eyes.now)();
        let recalled = eyes.shelf.target(&target.name, |file| kept::recall(&target, fresh(), (file, now)));
        let state = match recalled {
            Some(Recalled::Here(state)) => *state,
            Some(Recalled::Elsewhere) | None => fresh(),
        };
        let state = Arc::new(Mutex::new(state));
        let (target, targets) = watch::channel(Arc::new(target));
        // One more than may be carried out would be told that one runs.
        let (asks, asked) = mpsc::channel(8);
        let bell = Arc::new(Notify::new());
        let work = Work {
            eyes,
            target: targets,
            state: Arc::clone(&state),
            looking: None,
            making: Making::Nothing,
            bell: Arc::clone(&bell),
            scrubbing: None,
            kept: Instant::now(),
        };
        Self { target, state, asks, bell, task: tokio::spawn(work.run(asked)) }
    }
}

pub(crate) fn hold(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // What panics under it is a mistake in a pure function, which leaves sums and lists.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A checkpoint in the making, or a restart.
enum Making {
    Nothing,
    /// The action is at work.
    Acting(JoinHandle<Result<Option<String>, String>>, Option<Asked>),
    /// It was done, with what was said of it, and the log is looked at until it is smaller.
    Waiting(Instant, Option<String>, Option<Asked>),
    /// The server is being restarted.
    Restarting(JoinHandle<Result<(), Trouble>>),
    /// It was, and is looked at until it is back.
    Returning,
}

/// What the task works with.
struct Work {
    eyes: Arc<Eyes>,
    target: watch::Receiver<Arc<Target>>,
    state: Arc<Mutex<State>>,
    /// A look that has not come back.
    looking: Option<JoinHandle<Result<Seen, String>>>,
    making: Making,
    bell: Arc<Notify>,
    /// A pass that is on its way, and by which rule.
    scrubbing: Option<(Running, Scrub)>,
    /// When what is known was last kept.
    kept: Instant,
}

/// What happens to it.
enum Wake {
    Look,
    Rules(Result<(), watch::error::RecvError>),
    Asked(Option<Ask>),
    Acted(Result<Option<String>, String>),
    Restarted(Result<(), Trouble>),
    Scrubbed,
}

impl Work {
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        let mut next = Instant::now();
        loop {
            let wake = tokio::select! {
                () = sleep_until(next) => Wake::Look,
                changed = self.target.changed() => Wake::Rules(changed),
                asked = asks.recv() => Wake::Asked(asked),
                acted = acted(&mut self.making) => acted,
                () = self.bell.notified() => Wake::Scrubbed,
            };
            match wake {
                // Whoever held the other ends is gone: so is the target.
                Wake::Rules(Err(_)) | Wake::Asked(None) => return,
                Wake::Rules(Ok(())) => {
                    // Other rules may say something else about the same log.
                    hold(&self.state).format = None;
                    self.rule_scrub();
                    next = Instant::now();
                    continue;
                }
                // However often somebody asks, the log is looked at when its time has come.
                Wake::Asked(Some(Ask::Checkpoint(asked))) => {
                    self.ask(asked).await;
                    continue;
                }
                Wake::Asked(Some(Ask::Restart(asked))) => {
                    self.ask_restart(asked);
                    continue;
                }
                Wake::Restarted(done) => self.restarted(done),
                Wake::Acted(Err(why)) => {
                    self.settle(Outcome::Failed(why));
                    continue;
                }
                Wake::Acted(Ok(said)) => {
                    if let Making::Acting(_, asked) = std::mem::replace(&mut self.making, Making::Nothing) {
                        self.making = Making::Waiting(Instant::now(), said, asked);
                    }
                }
                Wake::Scrubbed => self.tell_scrubbed(),
                Wake::Look => {}
            }
            self.look().await;
            next = Instant::now() + self.pause();
        }
    }

    /// How long until the next look.
    fn pause(&self) -> Duration {
        match self.making {
            Making::Waiting(..) | Making::Returning => BEAT,
            Making::Nothing | Making::Acting(..) | Making::Restarting(_) => self.target.borrow().interval,
        }
    }

    /// Looks at the log, and does what follows.
    async fn look(&mut self) {
        let target = Arc::clone(&self.target.borrow());
        let mut seen = self.seen(&target).await;
        if let (Some(service), Ok(seen)) = (&target.server, &mut seen) {
            server::consult(service, seen.format, &mut seen.facts).await;
        }
        if let (Some(database), Ok(seen)) = (&target.database, &mut seen) {
            postgres::consult(database, seen.format, &mut seen.facts).await;
        }
        let now = (self.eyes.now)();
        if let Ok(seen) = &mut seen {
            let thresholds = target.bounds.thresholds(seen.format, seen.facts.standing.as_ref());
            let rhythm = target.checkpoint.as_ref().map(|checkpoint| checkpoint.rhythm.clone());
            let mut state = hold(&self.state);
            state.format = seen.format;
            state.course.rule(thresholds, rhythm);
            state.course.restarts.rule(target.restart.as_ref().map(|restart| restart.rules));
            state.scrub.see(&seen.parts);
            seen.facts.flaws.extend(state.scrub.flaws());
        }
        if let Making::Waiting(since, said, _) = &self.making {
            let waited = since.elapsed();
            let patience =
                target.checkpoint.as_ref().map_or(Duration::ZERO, |checkpoint| checkpoint.patience);
            let helped =
                seen.as_ref().ok().and_then(|seen| hold(&self.state).course.has_helped(&seen.facts, now));
            let in_vain = (waited >= patience).then_some(Outcome::Ineffective { waited, said: said.clone() });
            if let Some(outcome) = helped.or(in_vain) {
                self.settle(outcome);
            }
        }
        if matches!(self.making, Making::Returning) {
            self.returned(&target, seen.as_ref().ok().map(|seen| &seen.facts), now);
        }
        let is_seen = seen.is_ok();
        let steps = hold(&self.state).course.see(seen.map(|seen| seen.facts), now);
        let has_news = !steps.is_empty();
        self.follow(steps, None);
        if is_seen {
            self.scrub(&target, now);
        }
        if has_news || self.kept.elapsed() >= KEEPING {
            self.keep();
        }
    }

    fn keep(&mut self) {
        self.kept = Instant::now();
        let target = self.target.borrow();
        self.eyes.shelf.keep_target(&target.name, || kept::file(&target, &hold(&self.state)));
    }

    /// Has the log read in full, if its time has come and few others are being read.
    fn scrub(&mut self, target: &Arc<Target>, now: UnixTime) {
        let (due, format) = {
            let state = hold(&self.state);
            (state.scrub.due(&target.scrub, now), state.format)
        };
        let Some(scope) = due.filter(|_| target.kind != Kind::Directory) else { return };
        // The next look asks again.
        let Ok(turn) = Arc::clone(&self.eyes.scrubs).try_acquire_owned() else { return };
        let (state, bell) = (Arc::clone(&self.state), Arc::clone(&self.bell));
        let Eyes { detect, now, .. } = *self.eyes;
        let job = Job { target: Arc::clone(target), format, detect, now, state, bell, turn };
        self.scrubbing = scrub::begin(job, scope).map(|running| (running, target.scrub));
    }

    /// Tells what was found, and lets go of a pass that has ended.
    fn tell_scrubbed(&mut self) {
        let (news, is_running) = {
            let mut state = hold(&self.state);
            (state.scrub.take_news(), state.scrub.is_running())
        };
        let name = self.target.borrow().name.clone();
        news.into_iter().for_each(|what| self.eyes.tell(&name, what));
        if !is_running {
            self.scrubbing = None;
        }
        self.keep();
    }

    /// A pass by another rule than that in force is broken off.
    fn rule_scrub(&mut self) {
        let scrub = self.target.borrow().scrub;
        if self.scrubbing.take_if(|(_, by)| *by != scrub).is_some() {
            hold(&self.state).scrub.stop();
        }
    }

    /// What a look shows. One that hangs is waited for in the next one, so that a disk that hangs holds one thread.
    async fn seen(&mut self, target: &Arc<Target>) -> Result<Seen, String> {
        let known = hold(&self.state).format;
        let (target, eyes) = (Arc::clone(target), Arc::clone(&self.eyes));
        let mut looking = match self.looking.take() {
            Some(looking) => looking,
            None => {
                // Few at once: a hundred targets are no reason for a hundred threads.
                let Ok(turn) = Arc::clone(&self.eyes.turns).acquire_owned().await else {
                    return Err("the watch is about to end".to_owned());
                };
                let look = move || {
                    let seen = look(&target, known, eyes.detect, (eyes.now)());
                    drop(turn);
                    seen
                };
                spawn_blocking(look)
            }
        };
        match timeout(PATIENCE, &mut looking).await {
            Ok(seen) => seen.unwrap_or_else(|error| Err(format!("failed to look: {error}"))),
            Err(_) => {
                self.looking = Some(looking);
                Err(format!("it could not be listed within {PATIENCE:?}: the disk may hang"))
            }
        }
    }

    /// Looks how large the log is now, since the last look may be long ago, and has a checkpoint made.
    async fn ask(&mut self, asked: Asked) {
        let denied = hold(&self.state).course.denial((self.eyes.now)());
        let step = match denied {
            Some(denied) => Err(denied),
            None => {
                let target = Arc::clone(&self.target.borrow());
                let facts = self.seen(&target).await.ok().map(|seen| seen.facts);
                hold(&self.state).course.ask(facts, (self.eyes.now)())
            }
        };
        match step {
            Ok(step) => self.follow(vec![step], Some(asked)),
            // Nobody may be waiting any more.
            Err(denied) => drop(asked.send(Err(denied))),
        }
    }

    fn follow(&mut self, steps: Vec<Step>, mut asked: Option<Asked>) {
        for step in steps {
            match step {
                Step::Tell(what) => self.eyes.tell(&self.target.borrow().name, what),
                Step::Checkpoint(reason) => self.begin(reason, asked.take()),
                Step::Restart(reason) => self.begin_restart(reason),
            }
        }
    }

    fn begin(&mut self, reason: Reason, asked: Option<Asked>) {
        let target = Arc::clone(&self.target.borrow());
        // The course makes none without a rhythm, which comes from there.
        let Some(checkpoint) = target.checkpoint.clone() else { return };
        self.eyes.tell(&target.name, crate::Happening::CheckpointBegun(reason));
        let detect = self.eyes.detect;
        let act = async move {
            checkpoint::perform(checkpoint.action, &target, reason, (checkpoint.timeout, detect)).await
        };
        self.making = Making::Acting(tokio::spawn(act), asked);
        // A restart from here on must not make another one at once.
        self.keep();
    }

    fn settle(&mut self, outcome: Outcome) {
        let asked = match std::mem::replace(&mut self.making, Making::Nothing) {
            Making::Acting(_, asked) | Making::Waiting(_, _, asked) => asked,
            Making::Nothing | Making::Restarting(_) | Making::Returning => None,
        };
        let steps = hold(&self.state).course.settle(outcome.clone(), (self.eyes.now)());
        self.follow(steps, None);
        self.keep();
        if let Some(asked) = asked {
            asked.send(Ok(outcome)).ok();
        }
    }
}

/// Waits for the end of the action that is at work; for ever if none is.
async fn acted(making: &mut Making) -> Wake {
    match making {
        Making::Acting(acting, _) => Wake::Acted(match acting.await {
            Ok(done) => done,
            Err(error) => Err(format!("failed to make the checkpoint: {error}")),
        }),
        Making::Restarting(acting) => Wake::Restarted(match acting.await {
            Ok(done) => done,
            Err(error) => Err(Trouble::Untouched(format!("failed to restart the server: {error}"))),
        }),
        Making::Nothing | Making::Waiting(..) | Making::Returning => std::future::pending().await,
    }
}

/// The time as the caller has it.
pub(crate) type Now = fn() -> UnixTime;
