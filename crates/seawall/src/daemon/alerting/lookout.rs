//! Looks, again and again, at what tells nothing by itself: journals, and what waits behind proxies.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use journal::Journal;
use proxy::Observer;
use watch::alert::Office;

use super::standing;
use crate::clock;

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
    /// Begins to look. Without anybody who would be told there is nothing to see, but somebody may come with a reload.
    pub(in crate::daemon) fn begin(places: Vec<Place>, office: Arc<Office>) -> std::io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let (finish, done) = mpsc::channel();
        let look = move || {
            let _finish: Sender<()> = finish;
            loop {
                places.iter().for_each(|place| look_at(place, &office));
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

fn look_at(place: &Place, office: &Office) {
    office.tell(&standing::journal(&place.name, &place.journal.stats().health));
    let consumers = place.journal.consumers();
    let parked = consumers.iter().filter_map(|name| place.journal.find_consumer(name));
    // One more than matters is enough.
    let parked: usize = parked.map(|consumer| consumer.parked(standing::PARKED + 1).len()).sum();
    office.tell(&standing::parked(&place.name, parked));
    if let Some(status) = place.proxy.as_ref().and_then(Observer::status) {
        standing::pending(&status, clock::millis()).iter().for_each(|news| office.tell(news));
    }
}
