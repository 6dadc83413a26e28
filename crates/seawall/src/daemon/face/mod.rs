//! The HTTP face of the daemon.
//!
//! * [`listen`] takes connections, within limits of number and time, and hands requests on.
//! * [`route`] is the one list of what can be asked. Dispatch, access, the OpenAPI document and the tests come from it.
//! * [`dispatch`] is the way of a request: route, access, body, handler, answer.
//! * Each handler has a file of its own, and knows no connection.

mod access;
mod answer;
mod archives;
mod body;
mod consumers;
mod dispatch;
mod health;
mod imports;
mod listen;
mod metrics;
mod openapi;
mod parked;
mod reading;
mod recall;
mod reloads;
mod replays;
mod route;
mod ships;
mod streams;
mod targets;
mod unread;
mod writes;

use std::sync::Arc;

use journal::Journal;
use proxy::Desk;
use tokio::sync::{Semaphore, watch as channel};
use tokio::task::spawn_blocking;
use watch::Watch;
use watch::alert::Office;

use super::Phase;
use super::keeper::{Keeper, Kept, Nudge};
use super::ships::Ships;
use crate::config::Config;
pub(super) use listen::{Listeners, serve};
use metrics::Figures;
pub(super) use recall::Recall;
pub(super) use reloads::Reloads;

/// What handlers work with.
pub(super) struct Face {
    journal: Journal,
    /// What the proxies answer to others.
    desks: Vec<Desk>,
    ships: Arc<Ships>,
    /// The logs under watch.
    watch: Watch,
    /// Who tells of trouble.
    office: Arc<Office>,
    /// Those who may listen to events at once.
    listening: Arc<Semaphore>,
    /// Told when a stream was closed.
    nudge: Nudge,
    /// What was archived.
    kept: Arc<Kept>,
    edition: channel::Receiver<Arc<Config>>,
    phase: channel::Receiver<Phase>,
    figures: Figures,
    /// What became of the last reload.
    reloads: Arc<Reloads>,
    /// Idempotency keys.
    recall: Arc<Recall>,
    /// One batch of an import at a time, so that a start has to look after one at most.
    importing: Arc<tokio::sync::Mutex<()>>,
    /// How far the replay is that was asked about last.
    marks: replays::Last,
    /// Archives that may be handed out at once.
    handing_out: Arc<Semaphore>,
    /// KiB of bodies that may still be held.
    bodies: Arc<Semaphore>,
    /// KiB of answers that may still wait for their clients.
    answers: Arc<Semaphore>,
    /// Connections that may be open.
    places: Arc<Semaphore>,
    /// Questions about health that may be asked at once. They must not wait for others.
    asking: Slots,
    /// Other work that may block at once.
    working: Slots,
}

/// Threads that may block at once: a disk that hangs must not gather one for each request.
struct Slots(Arc<Semaphore>);

impl Slots {
    fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// Does what may block, once there is a thread for it; nothing if it panicked.
    async fn run<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let slot = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let work = move || {
            let done = what();
            drop(slot);
            done
        };
        spawn_blocking(work).await.ok()
    }
}

impl Face {
    /// The face of a daemon.
    pub(super) fn new(
        (journal, desks, ships, (watch, office)): (Journal, Vec<Desk>, Arc<Ships>, (Watch, Arc<Office>)),
        (keeper, recall): (&Keeper, Recall),
        edition: channel::Receiver<Arc<Config>>,
        (phase, places): (channel::Receiver<Phase>, Arc<Semaphore>),
    ) -> Self {
        let server = edition.borrow().server.clone();
        Self {
            journal,
            desks,
            ships,
            watch,
            office,
            listening: Arc::new(Semaphore::new(targets::MOST_LISTENERS)),
            nudge: keeper.nudge(),
            kept: keeper.kept(),
            edition,
            phase,
            figures: Figures::default(),
            reloads: Arc::default(),
            recall: Arc::new(recall),
            importing: Arc::default(),
            marks: replays::Last::default(),
            handing_out: Arc::new(Semaphore::new(archives::MOST_HANDED_OUT)),
            bodies: Arc::new(Semaphore::new(body::kibibytes(server.max_body_memory))),
            answers: Arc::new(Semaphore::new(body::kibibytes(unread::MOST_UNREAD))),
            places,
            asking: Slots::new(3),
            working: Slots::new(8),
        }
    }

    /// Where is noted what becomes of reloads.
    pub(super) fn reloads(&self) -> Arc<Reloads> {
        Arc::clone(&self.reloads)
    }

    /// The configuration in force.
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.edition.borrow())
    }
}
