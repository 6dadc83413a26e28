//! A shipper: follows a journal and delivers what is pending, many streams at once, each in order.
//!
//! [`dispatch`] finds streams that have something pending and gives each a [`worker`]. A worker sends one batch after the
//! other: the next one only after the server has the one before, or has made clear that it will not take it.
//!
//! [`ages`] remembers when the first pending event of each stream came.
//!
//! What a kill leaves at each step: before a batch is sent, and until what became of it is synced in the journal, its
//! events are pending, and the next start sends them again with the same keys. A clean end waits until all of that is
//! synced, so that nothing is sent again that the server has said it has.

mod ages;
mod dispatch;
mod reading;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Clock, Consumer, Journal, Millis};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::chance::Chance;
use crate::standing::{Standing, hold};
use crate::{Notice, Pace, Settings, StartError, Status};
use ages::Ages;
use dispatch::Dispatch;

/// Hears what happens. It is called where events are delivered, so it should be quick.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Delivers the events of a journal.
pub struct Shipper;

/// A shipper at work. It ends when it is dropped; [`Running::drain`] ends it politely.
pub struct Running {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    dispatch: JoinHandle<()>,
}

/// How far a shipper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// What is on its way ends, and nothing new is begun.
    Draining,
}

/// What workers share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) journal: Journal,
    pub(crate) consumer: Consumer,
    pub(crate) clock: Clock,
    listener: Listener,
    pub(crate) standing: Standing,
    ages: Mutex<Ages>,
    /// Requests that may be on their way.
    pub(crate) places: Semaphore,
    pub(crate) on_the_way: AtomicU64,
    pub(crate) pace: Option<Mutex<Pace>>,
    pub(crate) chance: Chance,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Shared {
    pub(crate) fn tell(&self, notice: &Notice) {
        (self.listener)(notice);
    }

    /// Ready once nothing new is to be begun.
    pub(crate) async fn draining(&self) {
        let mut phase = self.phase.clone();
        // A shipper that was dropped has ended too.
        drop(phase.wait_for(|phase| *phase == Phase::Draining).await);
    }
}

impl Shipper {
    /// Registers the consumer, and delivers what is pending, on the runtime of tokio that this is called from. It blocks
    /// until the consumer is registered.
    pub fn start(
        settings: Settings,
        journal: Journal,
        clock: Clock,
        listener: Listener,
    ) -> Result<Running, StartError> {
        let registered = journal.consumer_of(&settings.name, settings.start, settings.scope.clone());
        let name = || settings.name.clone();
        let consumer = registered.map_err(|source| StartError::Consumer { name: name(), source })?;
        let (phase, phases) = watch::channel(Phase::Running);
        let seed = clock().get().unsigned_abs() ^ u64::from(std::process::id());
        let shared = Arc::new(Shared {
            places: Semaphore::new(settings.policy.in_flight.max(1)),
            on_the_way: AtomicU64::new(0),
            pace: settings.policy.rate.map(|rate| Mutex::new(Pace::new(rate))),
            chance: Chance::new(seed),
            standing: Standing::default(),
            ages: Mutex::default(),
            settings,
            journal,
            consumer,
            clock,
            listener,
            phase: phases,
        });
        let dispatch = tokio::spawn(Dispatch::new(Arc::clone(&shared)).run());
        Ok(Running { shared, phase, dispatch })
    }
}

/// Whether a shipper has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What the server has is noted.
    InTime,
    /// Something was still on its way, and may be sent again.
    Late,
}

/// A look at a shipper, as long as somebody wants one.
#[derive(Clone)]
pub struct View(Arc<Shared>);

impl View {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let on_the_way = self.0.on_the_way.load(Ordering::Relaxed);
        self.0.standing.status(self.0.settings.sink.place(), (on_the_way, Instant::now()))
    }

    /// When the oldest event came that is not delivered; nothing if there is none. It reads from the disk, so it may block.
    pub fn oldest(&self) -> Option<Millis> {
        hold(&self.0.ages).oldest(&self.0.consumer)
    }
}

impl Running {
    /// A look at it.
    pub fn view(&self) -> View {
        View(Arc::clone(&self.shared))
    }

    /// Begins nothing new, and waits for what is on its way and for what has to be noted, at most so long.
    pub async fn drain(mut self, patience: Duration) -> Ended {
        self.phase.send_replace(Phase::Draining);
        match timeout(patience, &mut self.dispatch).await {
            Ok(_) => Ended::InTime,
            Err(_) => Ended::Late,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.dispatch.abort();
    }
}
