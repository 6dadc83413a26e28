//! The proxies of the daemon, each with a journal of its own: opened before it listens, drained before the daemon ends.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use journal::Journal;
use proxy::{Desk, Notice, Proxy, Running, Weight};
use tracing::{info, warn};
use watch::alert::Office;

use super::alerting::{self, Place};
use super::report;
use crate::clock;
use crate::config::ProxySettings;
use crate::failure::{DaemonFailure, Failure};
use crate::journals;

/// A proxy that may be started: its journal is held.
pub(super) struct Front {
    name: String,
    journal: Journal,
    settings: proxy::Settings,
}

/// Proxies that serve.
pub(super) struct Serving(Vec<(String, Journal, Running)>);

/// Opens the journals of all proxies.
pub(super) fn open(proxies: &[ProxySettings]) -> Result<Vec<Front>, Failure> {
    let front = |proxy: &ProxySettings| {
        let opened = journals::open_when_free(&proxy.dir, &proxy.options);
        let journal = opened.map_err(|error| journals::refusal(&proxy.dir, error))?;
        report(&proxy.dir, journal.recovery());
        Ok(Front { name: proxy.settings.name.clone(), journal, settings: proxy.settings.clone() })
    };
    proxies.iter().map(front).collect()
}

/// Starts all of them.
pub(super) fn serve(fronts: Vec<Front>, office: &Arc<Office>) -> Result<Serving, DaemonFailure> {
    let mut serving = Vec::new();
    for Front { name, journal, settings } in fronts {
        let (dialect, servers) = (settings.dialect.name(), settings.upstreams.len());
        let proxy = name.clone();
        let office = Arc::clone(office);
        let listener = Arc::new(move |notice: &Notice| {
            tell(&proxy, notice);
            alerting::notice(&office, &proxy, notice);
        });
        let running = Proxy::start(settings, journal.clone(), Arc::new(clock::millis), listener)
            .map_err(|source| DaemonFailure::Proxy { name: name.clone(), source })?;
        let address = running.address();
        info!(proxy = name, %address, dialect, servers, "a proxy takes requests");
        serving.push((name, journal, running));
    }
    Ok(Serving(serving))
}

fn tell(proxy: &str, notice: &Notice) {
    match notice.weight() {
        Weight::Info => info!(proxy, "{notice}"),
        Weight::Warning => warn!(proxy, "{notice}"),
    }
}

impl Serving {
    /// Where they are asked about their writes.
    pub(super) fn desks(&self) -> Vec<Desk> {
        self.0.iter().map(|(_, _, running)| running.desk()).collect()
    }

    /// What there is to see of them.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |(name, journal, running): &(String, Journal, Running)| {
            let proxy = Some(running.observer());
            Place { name: name.clone(), journal: journal.clone(), proxy }
        };
        self.0.iter().map(place).collect()
    }

    /// Takes no new connections, and lets what has begun end, for all proxies at once.
    pub(super) fn drain(self, patience: Duration) {
        thread::scope(|scope| {
            for (name, _, running) in self.0 {
                scope.spawn(move || {
                    running.drain(patience);
                    info!(proxy = name, "a proxy has ended; what is pending stays in its journal");
                });
            }
        });
    }
}
