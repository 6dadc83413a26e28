//! Looks, again and again, at what tells nothing by itself: journals, ships, and what waits behind proxies.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use journal::Journal;
use proxy::Observer;
use watch::alert::{News, Topic};

use super::{Bulletin, standing};
use crate::clock;
use crate::daemon::ships::Ships;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long its last look is waited for: a disk may hang.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is looked at.
pub(in crate::daemon) struct Place {
    /// What it is called.
    pub(in crate::daemon) name: String,
    /// Its journal.
    pub(in crate::daemon) journal: Journal,
    /// The proxy that writes it, if one does.
    pub(in crate::daemon) proxy: Option<Observer>,
}

/// A thread that looks, until it is dropped.
pub(in crate::daemon) struct Lookout {
    end: Option<Sender<()>>,
    done: Receiver<()>,
}

impl Lookout {
    /// Begins to look. Without anybody who would be told, changes are events all the same.
    pub(in crate::daemon) fn begin(
        places: Vec<Place>,
        ships: Arc<Ships>,
        bulletin: Arc<Bulletin>,
    ) -> std::io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let (finish, done) = mpsc::channel();
        let look = move || {
            let _finish: Sender<()> = finish;
            let mut seen = Vec::new();
            loop {
                places.iter().for_each(|place| look_at(place, &bulletin));
                look_at_ships(&ships, &mut seen, &bulletin);
                if ended.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        thread::Builder::new().name("lookout".to_owned()).spawn(look)?;
        Ok(Self { end: Some(end), done })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        // It holds journals, which are closed when nobody does any more.
        drop(self.end.take());
        self.done.recv_timeout(PATIENCE).ok();
    }
}

fn look_at(place: &Place, bulletin: &Bulletin) {
    bulletin.tell(&standing::journal(&place.name, &place.journal.stats().health));
    let consumers = place.journal.consumers();
    let parked = consumers.iter().filter_map(|name| place.journal.find_consumer(name));
    // One more than matters is enough.
    let parked: usize = parked.map(|consumer| consumer.parked(standing::PARKED + 1).len()).sum();
    bulletin.tell(&standing::parked(&place.name, parked));
    if let Some(status) = place.proxy.as_ref().and_then(Observer::status) {
        standing::pending(&status, clock::millis()).iter().for_each(|news| bulletin.tell(news));
    }
}

/// Looks at the ships, and at those that were seen before and are gone: nobody will see the end of what was wrong with them.
fn look_at_ships(ships: &Ships, seen: &mut Vec<String>, bulletin: &Bulletin) {
    let now = clock::millis();
    let views = ships.patient_views();
    let names: Vec<String> = views.iter().map(|(view, _)| view.name().to_owned()).collect();
    for gone in seen.iter().filter(|name| !names.contains(name)) {
        bulletin.tell(&News::well(gone, Topic::Delivery));
        bulletin.tell(&News::well(gone, Topic::Blocked));
    }
    *seen = names;
    for (view, patience) in views {
        let (status, oldest) = (view.status(), view.oldest());
        bulletin.tell(&standing::delivery(view.name(), &status, patience, (oldest, now)));
        bulletin.tell(&standing::blocked(view.name(), &status));
    }
}
