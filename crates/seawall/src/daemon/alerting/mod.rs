//! Telling those whom the configuration names: what watched logs, ships, proxies and journals have to say as news, and what became of
//! letters in the daemon's log.

mod bulletin;
mod events;
mod lookout;
mod standing;

use std::sync::Arc;

use proxy::Notice;
use tokio::runtime::Runtime;
use tracing::{error, info, warn};
use watch::alert::{Key, News, Office, Telling, Topic};
use watch::{Event, Severity, Shelf, Target};

use crate::clock;
use crate::config::Config;
pub(super) use bulletin::Bulletin;
pub(super) use lookout::{Lookout, Place};

/// Opens for those whom the configuration names.
pub(super) fn open(runtime: &Runtime, config: &Config, shelf: &Shelf) -> Arc<Office> {
    let _inside = runtime.enter();
    introduce(config);
    Arc::new(Office::open(&config.alerts, (clock::now, shelf.clone()), Box::new(tell)))
}

/// Follows a new configuration, by which these logs are watched. What was wrong with others nobody will see the end of.
pub(super) fn adopt(office: &Office, config: &Config, targets: &[Target]) {
    forget(office, config, targets);
    introduce(config);
    office.adopt(&config.alerts);
}

/// Forgets what was wrong with what is not there any more.
pub(super) fn forget(office: &Office, config: &Config, targets: &[Target]) {
    let is_watched = |name: &str| targets.iter().any(|target| target.name == name);
    let is_ours = |name: &str| {
        let place = name.split('/').next().unwrap_or_default();
        place == "journal" || config.proxies.iter().any(|proxy| proxy.settings.name == place)
    };
    let is_there = |key: &Key| {
        if key.topic.is_of_a_log() { is_watched(&key.target) } else { is_ours(&key.target) }
    };
    for key in office.troubles().into_iter().filter(|key| !is_there(key)) {
        office.tell(&News::well(&key.target, key.topic));
    }
}

fn introduce(config: &Config) {
    for sender in &config.alerts {
        let (alert, kind, place) = (sender.name.as_str(), sender.channel.kind(), sender.channel.place());
        info!(alert, kind, place, "telling of trouble");
    }
}

/// Tells an event of a watched log.
pub(super) fn event(office: &Office, event: &Event) {
    events::news_of(event).iter().for_each(|news| office.tell(news));
}

/// Tells what happens in a proxy, as far as somebody has to know at once. The rest is seen by the lookout.
pub(super) fn notice(bulletin: &Bulletin, proxy: &str, notice: &Notice) {
    match notice {
        Notice::Lost { upstream, cause } => {
            let is_primary = upstream == "primary";
            let severity = if is_primary { Severity::Critical } else { Severity::Warning };
            let news =
                News::trouble(&format!("{proxy}/{upstream}"), Topic::Upstream, severity, cause.clone());
            let advice = if is_primary {
                "Writes are kept and sent when it is back; reads go to replicas that have all of them."
            } else {
                "It gets what it misses when it is back."
            };
            bulletin.tell(&news.with_advice(advice));
        }
        Notice::Back { upstream, .. } => {
            bulletin.tell(&News::well(&format!("{proxy}/{upstream}"), Topic::Upstream));
        }
        _ => {}
    }
}

fn tell(telling: &Telling<'_>) {
    match telling {
        Telling::Delivered { alert, letter } => {
            let (target, event, state) =
                (letter.key.target.as_str(), letter.key.topic.name(), letter.occasion.name());
            info!(alert, target, event, state, "an alert was told");
        }
        Telling::Failed { alert, letter, reason } => {
            let (target, event, state) =
                (letter.key.target.as_str(), letter.key.topic.name(), letter.occasion.name());
            warn!(alert, target, event, state, reason, "an alert could not be told, and is tried again");
        }
        Telling::Lost { alert, lost } => {
            let (target, event, state) =
                (lost.key.target.as_str(), lost.key.topic.name(), lost.occasion.name());
            error!(alert, target, event, state, reason = lost.reason, "an alert was given up");
        }
    }
}
