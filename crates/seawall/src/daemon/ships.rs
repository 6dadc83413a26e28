//! The ships of the daemon: started when the journal is open, changed with the configuration, drained before the daemon ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use journal::Journal;
use journal::archive::ARCHIVER;
use ship::{Ended, Notice, Running, Shipper, View, Weight};
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{error, info, warn};

use crate::clock;
use crate::config::ShipSettings;
use crate::failure::DaemonFailure;

/// The ships that are under way.
pub(super) struct Ships {
    journal: Journal,
    /// Held while they are changed, which takes as long as it takes to drain one. Nothing once they have ended.
    afloat: tokio::sync::Mutex<Option<Vec<Afloat>>>,
    /// Each with how long it may wait before that is trouble.
    views: Mutex<Vec<(View, Duration)>>,
}

struct Afloat {
    settings: ShipSettings,
    running: Running,
}

impl Afloat {
    fn view(&self) -> (View, Duration) {
        (self.running.view(), self.settings.stuck_after)
    }
}

impl Ships {
    /// Starts all of them, on the runtime of tokio that this is called from.
    pub(super) fn start(journal: &Journal, all: &[ShipSettings]) -> Result<Self, DaemonFailure> {
        let afloat = all.iter().map(|settings| launch(journal, settings)).collect::<Result<Vec<_>, _>>()?;
        warn_of_orphans(journal, all);
        let views = afloat.iter().map(Afloat::view).collect();
        let afloat = tokio::sync::Mutex::new(Some(afloat));
        Ok(Self { journal: journal.clone(), afloat, views: Mutex::new(views) })
    }

    /// A look at each.
    pub(super) fn views(&self) -> Vec<View> {
        self.lock_views().iter().map(|(view, _)| view.clone()).collect()
    }

    /// A look at each, with how long it may wait before that is trouble.
    pub(super) fn patient_views(&self) -> Vec<(View, Duration)> {
        self.lock_views().clone()
    }

    fn lock_views(&self) -> MutexGuard<'_, Vec<(View, Duration)>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a new configuration: those that are the same go on, the others end, and new ones begin.
    pub(super) async fn follow(&self, all: &[ShipSettings], patience: Duration) {
        let mut afloat = self.afloat.lock().await;
        let Some(afloat) = &mut *afloat else { return };
        let (same, gone): (Vec<_>, Vec<_>) =
            afloat.drain(..).partition(|ship| all.iter().any(|new| new.is_same(&ship.settings)));
        // What has its name waits until it has ended: two of a name would send everything twice.
        drain_all(gone, patience).await;
        *afloat = same;
        for settings in all {
            if afloat.iter().any(|ship| settings.is_same(&ship.settings)) {
                continue;
            }
            let (journal, settings) = (self.journal.clone(), settings.clone());
            match spawn_blocking(move || launch(&journal, &settings)).await {
                Ok(Ok(ship)) => afloat.push(ship),
                Ok(Err(failure)) => error!(%failure, "a ship of the new configuration does not deliver"),
                // The process is ending.
                Err(_) => return,
            }
        }
        *self.lock_views() = afloat.iter().map(Afloat::view).collect();
        warn_of_orphans(&self.journal, all);
    }

    /// Begins nothing new, and waits for what is on its way.
    pub(super) async fn drain(&self, patience: Duration) {
        let all = self.afloat.lock().await.take();
        drain_all(all.unwrap_or_default(), patience).await;
    }
}

fn launch(journal: &Journal, settings: &ShipSettings) -> Result<Afloat, DaemonFailure> {
    let started = settings.settings.clone();
    let (name, place) = (started.name.clone(), started.sink.place());
    let ship = name.clone();
    let listener = Arc::new(move |notice: &Notice| tell(&ship, notice));
    let running = Shipper::start(started, journal.clone(), Arc::new(clock::millis), listener)
        .map_err(|source| DaemonFailure::Ship { name: name.clone(), source: Box::new(source) })?;
    info!(ship = name, place, "a ship delivers");
    Ok(Afloat { settings: settings.clone(), running })
}

fn tell(ship: &str, notice: &Notice) {
    match notice.weight() {
        Weight::Info => info!(ship, "{notice}"),
        Weight::Warning => warn!(ship, "{notice}"),
    }
}

async fn drain_all(ships: Vec<Afloat>, patience: Duration) {
    let mut draining = JoinSet::new();
    for Afloat { settings, running } in ships {
        draining.spawn(async move { (settings.settings.name, running.drain(patience).await) });
    }
    while let Some(drained) = draining.join_next().await {
        match drained {
            Ok((ship, Ended::InTime)) => {
                info!(ship, "a ship has ended; what is pending stays in the journal");
            }
            Ok((ship, Ended::Late)) => {
                warn!(ship, "a request had not ended within server.drain_timeout, and may be sent again");
            }
            Err(_) => {}
        }
    }
}

/// What a consumer has pending is kept as long as it is registered, whether or not anybody delivers it.
fn warn_of_orphans(journal: &Journal, all: &[ShipSettings]) {
    let is_known = |name: &String| name == ARCHIVER || all.iter().any(|ship| ship.settings.name == *name);
    for consumer in journal.consumers().into_iter().filter(|name| !is_known(name)) {
        warn!(
            consumer,
            "no ship has the name of this consumer, so what it has pending is kept; `seawall consumers drop` ends it"
        );
    }
}
