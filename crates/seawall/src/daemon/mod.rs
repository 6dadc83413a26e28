//! The daemon: one process with the journal, its HTTP face, its archives, its ships, its proxies, and the logs under its watch.
//!
//! [`run`] is the order of things: configuration, log, listeners, journals, archives, ships, proxies, ready; then events
//! until one ends it; then, each within its limit, no more connections, what has begun, archives, and the journals last. What a kill
//! interrupts at any place, the next start takes up.

mod alerting;
mod face;
mod fronts;
mod keeper;
mod keeping;
mod logging;
mod ships;
mod systemd;
mod watching;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, Recovery};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch as channel;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, info, warn};
use watch::Watch;
use watch::alert::Office;

use crate::config::{Change, Config, Reload, Sources};
use crate::failure::{DaemonFailure, Failure, JournalFailure};
use crate::journals;
use alerting::{Bulletin, Lookout, Place};
use face::{Face, Listeners, Recall, Reloads};
use fronts::Serving;
use keeper::{Ended, Keeper};
use logging::Dial;
use ships::Ships;
use systemd::Manager;

/// How far the daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It takes requests.
    Running,
    /// It is about to end.
    Draining,
}

/// How often it looks after itself where no service manager asks for more.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long letters that can be told at once may take at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs until it is told to end.
pub(crate) fn run(sources: &Sources) -> Result<(), Failure> {
    let config = Config::load(sources).map_err(DaemonFailure::Config)?;
    let dial = Dial::begin(config.log);
    introduce(&config);
    let runtime = runtime()?;
    let (phase, phases) = channel::channel(Phase::Running);
    let (opened, face) = channel::channel(None);
    let listeners = runtime.block_on(Listeners::bind(&config.server))?;
    let open = {
        let _inside = runtime.enter();
        face::serve(listeners, config.server.max_connections, face, phases.clone())
    };
    let waiting = fronts::bind(&config.proxies)?;
    let journal = open_journal(&config)?;
    let fronts = fronts::open(waiting)?;
    settle_imports(&config, &journal)?;
    let recall = recall(&config, &journal)?;
    let (edition, editions) = channel::channel(Arc::new(config));
    let keeper = Keeper::begin(&journal, editions.clone())?;
    let ships = {
        let _inside = runtime.enter();
        Arc::new(Ships::start(&journal, &editions.borrow().ships)?)
    };
    let shelf = keeping::open(&editions.borrow());
    let office = alerting::open(&runtime, &editions.borrow(), &shelf);
    let watch = watching::begin(&runtime, &editions.borrow(), (&office, &shelf));
    let bulletin = Arc::new(Bulletin::new(&office, &watch));
    let serving = fronts::serve(fronts, &bulletin)?;
    let lookout = look_out(&journal, &serving, (&ships, bulletin))?;
    let told = (watch.clone(), Arc::clone(&office));
    let parts = (journal.clone(), serving.desks(), Arc::clone(&ships), told);
    let face = Face::new(parts, (&keeper, recall), editions, (phases, open.places()));
    let reloads = face.reloads();
    opened.send_replace(Some(Arc::new(face)));
    let manager = Manager::of_the_process();
    let daemon = Daemon { sources, dial, edition, manager, ships, watch, office, reloads };
    let patience = runtime.block_on(async {
        // Whoever hears that it is ready may send a signal at once.
        let mut signals = Signals::listen()?;
        info!("ready");
        daemon.manager.tell("READY=1");
        daemon.events(&mut signals).await;
        daemon.manager.tell("STOPPING=1");
        daemon.watch.end();
        drop(lookout);
        phase.send_replace(Phase::Draining);
        let patience = daemon.edition.borrow().server.drain_timeout;
        let drained = spawn_blocking(move || serving.drain(patience));
        let ships = Arc::clone(&daemon.ships);
        let shipped = tokio::spawn(async move { ships.drain(patience).await });
        if open.closed(patience).await == Ended::Late {
            warn!("requests had not ended within server.drain_timeout and are cut off");
        }
        // It is bounded by itself, unless the disk hangs; what is pending is in the journals.
        if timeout(patience + HEARTBEAT, drained).await.is_err() {
            warn!("the proxies had not ended; what they had acknowledged is in their journals");
        }
        // Its failure would be a panic, which has told of itself.
        shipped.await.ok();
        daemon.office.end(LAST_WORDS).await;
        Ok::<_, DaemonFailure>(patience)
    })?;
    if keeper.end(patience) == Ended::Late {
        warn!("archiving had not ended within server.drain_timeout; the next start begins that archive anew");
    }
    shelf.end(keeping::PATIENCE);
    // What is left holds the journal: it is closed when the last one lets go of it.
    runtime.shutdown_timeout(patience);
    drop((opened, journal));
    info!("ended");
    Ok(())
}

fn runtime() -> Result<Runtime, DaemonFailure> {
    let system = |source| DaemonFailure::System { what: "the threads that serve", source };
    Builder::new_multi_thread().thread_name("serve").enable_all().build().map_err(system)
}

/// Looks at the journals, that of the daemon and those of its proxies, and at the ships.
fn look_out(
    journal: &Journal,
    serving: &Serving,
    (ships, bulletin): (&Arc<Ships>, Arc<Bulletin>),
) -> Result<Lookout, DaemonFailure> {
    let mut places = serving.places();
    places.push(Place { name: "journal".to_owned(), journal: journal.clone(), proxy: None });
    let system = |source| DaemonFailure::System { what: "the thread that looks at journals", source };
    Lookout::begin(places, Arc::clone(ships), bulletin).map_err(system)
}

/// Says what this daemon was made of: with no file at all, somebody wants to know what it does.
fn introduce(config: &Config) {
    let file = config.file.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    let journal = config.journal.dir.display();
    info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), file, %journal, "starting");
}

fn open_journal(config: &Config) -> Result<Journal, Failure> {
    let dir = &config.journal.dir;
    let opened = journals::open_when_free(dir, &config.journal.options);
    let journal = opened.map_err(|error| journals::refusal(dir, error))?;
    report(dir, journal.recovery());
    Ok(journal)
}

/// What a kill has left of an import is looked up before anybody appends.
fn settle_imports(config: &Config, journal: &Journal) -> Result<(), Failure> {
    let settled = journals::imports::settle(&config.journal.dir, journal);
    settled.map_err(|fault| JournalFailure::Disk(fault).into())
}

/// The idempotency keys that are known from before.
fn recall(config: &Config, journal: &Journal) -> Result<Recall, Failure> {
    let dir = config.journal.dir.join("keys");
    let opened = Recall::open(&dir, journal, config.server.idempotency_window);
    let recall = opened.map_err(|error| journals::refusal(&dir, error))?;
    report(&dir, recall.recovery());
    Ok(recall)
}

/// Says what a start has found in a journal: there is one more for each proxy, and one for idempotency keys.
fn report(dir: &Path, recovery: &Recovery) {
    let journal = dir.display();
    info!(%journal, frames = recovery.frames, bytes = recovery.bytes, "the journal is open");
    if let Some(cut) = &recovery.cut {
        let (segment, from, to) = (cut.segment.get(), cut.start, cut.end);
        info!(%journal, segment, from, to, "cut the torn end of the journal, none of which was acknowledged");
    }
    for damage in &recovery.damage {
        let (segment, from, to) = (damage.segment.get(), damage.start, damage.end);
        let (cause, lost_frames) = (format!("{:?}", damage.cause), damage.lost_frames);
        error!(%journal, segment, from, to, cause, lost_frames, kept = damage.kept, "the journal is damaged");
    }
}

/// What happens to a daemon that runs.
enum Happening {
    /// It is to end; the signal that says so.
    End(&'static str),
    /// It is to read its configuration again.
    Reload,
    /// Time has passed.
    Beat,
}

/// The signals that mean something.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From here on they do not end the process by themselves.
    fn listen() -> Result<Self, DaemonFailure> {
        let system = |source| DaemonFailure::System { what: "listening to signals", source };
        let listen = |kind| signal(kind).map_err(system);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }
}

/// What the events are handled with.
struct Daemon<'a> {
    sources: &'a Sources,
    dial: Dial,
    edition: channel::Sender<Arc<Config>>,
    manager: Manager,
    ships: Arc<Ships>,
    watch: Watch,
    office: Arc<Office>,
    reloads: Arc<Reloads>,
}

impl Daemon<'_> {
    async fn events(&self, signals: &mut Signals) {
        let mut beat = interval(self.manager.interval().unwrap_or(HEARTBEAT));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let happening = tokio::select! {
                _ = signals.terminate.recv() => Happening::End("SIGTERM"),
                _ = signals.interrupt.recv() => Happening::End("SIGINT"),
                _ = signals.hang_up.recv() => Happening::Reload,
                _ = beat.tick() => Happening::Beat,
            };
            match happening {
                Happening::End(signal) => {
                    info!(signal, "ending: no more connections, then what has begun, then the journal");
                    return;
                }
                Happening::Reload => self.reload(),
                Happening::Beat => self.beat().await,
            }
        }
    }

    /// Says that it is alive, if a thread that serves still takes up what it is given.
    async fn beat(&self) {
        if timeout(HEARTBEAT, tokio::spawn(async {})).await.is_ok() {
            self.manager.tell("WATCHDOG=1");
        }
    }

    /// Reads the configuration again. One that is wrong changes nothing.
    fn reload(&self) {
        self.manager.tell("RELOADING=1");
        let reloaded = self.edition.borrow().reload(self.sources);
        self.reloads.note(&reloaded);
        match reloaded {
            Ok((new, changes)) => self.adopt(new, &changes),
            Err(problems) => {
                for problem in &problems {
                    error!(%problem, "the new configuration is wrong");
                }
                warn!(problems = problems.len(), "nothing was changed: the configuration in force goes on");
            }
        }
        self.manager.tell("READY=1");
    }

    fn adopt(&self, new: Config, changes: &[Change]) {
        for Change { key, before, after, reload } in changes {
            match reload {
                Reload::Live => info!(key, before, after, "changed"),
                Reload::Restart => warn!(key, before, after, "a change of this key needs a restart"),
            }
        }
        self.dial.set(new.log);
        let (ships, all, patience) = (Arc::clone(&self.ships), new.ships.clone(), new.server.drain_timeout);
        // Signals are heard while a ship ends that has changed.
        tokio::spawn(async move { ships.follow(&all, patience).await });
        // Those who are told from now on hear of what is found from now on.
        let targets = watching::targets(&new);
        alerting::adopt(&self.office, &new, &targets);
        self.watch.retarget(targets);
        self.edition.send_replace(Arc::new(new));
        info!(changes = changes.len(), "the configuration was read again");
    }
}
