//! The proxies of the daemon, each with a journal of its own: they listen first, serve once their journals are open, and are
//! drained before the daemon ends.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use journal::Journal;
use proxy::{Bound, Desk, Notice, Proxy, Running, Weight};
use tracing::{info, warn};

use super::alerting::{self, Bulletin, Place};
use super::report;
use crate::clock;
use crate::config::ProxySettings;
use crate::failure::{DaemonFailure, Failure};
use crate::journals;

/// A proxy that listens. Until its journal is open, it says that it is starting.
pub(super) struct Waiting {
    proxy: ProxySettings,
    bound: Bound,
}

/// A proxy that may be started: its journal is held.
pub(super) struct Front {
    proxy: ProxySettings,
    bound: Bound,
    journal: Journal,
}

/// Proxies that serve.
pub(super) struct Serving(Vec<(String, Journal, Running)>);

/// Takes the ports of all proxies.
pub(super) fn bind(proxies: &[ProxySettings]) -> Result<Vec<Waiting>, DaemonFailure> {
    let waiting = |proxy: &ProxySettings| {
        let settings = &proxy.settings;
        let refuse = |source| DaemonFailure::Proxy { name: settings.name.clone(), source };
        let bound = Proxy::bind(settings.clone()).map_err(refuse)?;
        info!(proxy = settings.name, address = %bound.address(), "a proxy listens, and reads its journal");
        Ok(Waiting { proxy: proxy.clone(), bound })
    };
    proxies.iter().map(waiting).collect()
}

/// Opens the journals of all proxies.
pub(super) fn open(waiting: Vec<Waiting>) -> Result<Vec<Front>, Failure> {
    let front = |Waiting { proxy, bound }: Waiting| {
        let opened = journals::open_when_free(&proxy.dir, &proxy.options);
        let journal = opened.map_err(|error| journals::refusal(&proxy.dir, error))?;
        report(&proxy.dir, journal.recovery());
        Ok(Front { proxy, bound, journal })
    };
    waiting.into_iter().map(front).collect()
}

/// Starts all of them.
pub(super) fn serve(fronts: Vec<Front>, bulletin: &Arc<Bulletin>) -> Result<Serving, DaemonFailure> {
    let mut serving = Vec::new();
    for Front { proxy: ProxySettings { settings, .. }, bound, journal } in fronts {
        let name = settings.name.clone();
        let (dialect, servers) = (settings.dialect.name(), settings.upstreams.len());
        let proxy = name.clone();
        let bulletin = Arc::clone(bulletin);
        let listener = Arc::new(move |notice: &Notice| {
            tell(&proxy, notice);
            alerting::notice(&bulletin, &proxy, notice);
        });
        let running = bound
            .start(journal.clone(), Arc::new(clock::millis), listener)
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
