//! How a proxy stands, as plain values.

use std::sync::atomic::{AtomicU64, Ordering};

use journal::{Millis, Seq};

use crate::core::Shared;
use crate::lane::{Lane, Stage};
use crate::settings::Feed;

/// How a proxy stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The servers, the primary first.
    pub upstreams: Vec<UpstreamStatus>,
    /// The share of reads that go to replicas.
    pub replica_ratio: f64,
    /// Seconds after a write in which a replica is left alone that the proxy does not feed.
    pub consistency_window_seconds: u64,
    /// Open connections of clients.
    pub connections: u64,
    /// What was counted since the start.
    pub counters: Counters,
    /// How the journal stands.
    pub journal: journal::Stats,
}

/// What a proxy counted since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Requests.
    pub requests: u64,
    /// Writes among them.
    pub writes: u64,
    /// Writes that were answered before any server had them.
    pub queued: u64,
    /// Requests that were answered with an error of a server or of the proxy, 500 and above.
    pub failed: u64,
    /// Reads that chance had given to a replica that lacked a write.
    pub overrides: u64,
}

/// How a server stands.
#[derive(Clone, Debug)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// Whether it counts as there.
    pub is_there: bool,
    /// Requests that it was sent, but for checks.
    pub requests: u64,
    /// Those of them, and of the checks, that it did not answer.
    pub failed: u64,
    /// When it was checked last; nothing if it was not yet.
    pub checked: Option<Millis>,
    /// What it has to be sent; nothing if the proxy does not feed it.
    pub feeding: Option<Feeding>,
}

/// How far a server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feeding {
    /// Writes that clients were told of and that it lacks.
    pub pending: u64,
    /// When the oldest of them came; nothing if there is none, or if it cannot be read.
    pub oldest: Option<Millis>,
    /// Lanes in which it is gone.
    pub broken: u64,
    /// Lanes that are being drained or are fenced.
    pub draining: u64,
    /// Writes that it got after their clients had been told, since the start.
    pub replayed: u64,
    /// Writes that it did not take and that were put aside, since the start.
    pub parked: u64,
    /// Writes that are put aside now, until somebody decides.
    pub aside: u64,
    /// Attempts of which nobody knows what they did, since the start.
    pub unknown: u64,
}

impl Shared {
    /// How it stands. It reads from the journal, so it may take a moment.
    pub(crate) fn status(&self) -> Status {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        let upstream = |(number, upstream): (usize, &std::sync::Arc<crate::upstream::Upstream>)| {
            let (requests, failed) = upstream.circuit.requests();
            let checked = upstream.checked.load(Ordering::Relaxed);
            UpstreamStatus {
                name: upstream.name().to_owned(),
                is_there: upstream.circuit.is_there(),
                requests,
                failed,
                checked: (checked != 0).then(|| Millis::new(checked)),
                feeding: (upstream.server.feed == Feed::Journal).then(|| self.feeding(number)),
            }
        };
        Status {
            name: self.settings.name.clone(),
            upstreams: self.upstreams.iter().enumerate().map(upstream).collect(),
            replica_ratio: self.settings.reads.replica_ratio,
            consistency_window_seconds: self.settings.reads.consistency_window.as_secs(),
            connections: read(&counts.connections),
            counters: Counters {
                requests: read(&counts.requests),
                writes: read(&counts.writes),
                queued: read(&counts.queued),
                failed: read(&counts.failed),
                overrides: read(&counts.overrides),
            },
            journal: self.journal.stats(),
        }
    }

    fn feeding(&self, track: usize) -> Feeding {
        let mut feeding = Feeding { pending: self.tallies.backlog(track), ..Feeding::default() };
        feeding.aside = self.consumers.get(track).map_or(0, journal::Consumer::count_parked);
        if let Some(replayed) = self.counts.of(track) {
            (feeding.replayed, feeding.parked, feeding.unknown) =
                (replayed.replayed, replayed.parked, replayed.doubted);
        }
        for lane in self.lanes() {
            let standing = lane.standing(track);
            match standing.stage {
                Some(Stage::Broken) => feeding.broken += 1,
                Some(Stage::Draining(..) | Stage::Fenced(_)) => feeding.draining += 1,
                Some(Stage::Live) | None => {}
            }
            if standing.backlog > 0
                && let Some(head) = standing.head
                && let Some(time) = self.time_of(lane, track, head)
            {
                feeding.oldest = Some(feeding.oldest.map_or(time, |oldest| oldest.min(time)));
            }
        }
        feeding
    }

    /// When a write came. The heads of lanes are remembered, since they are asked for again.
    fn time_of(&self, lane: &Lane, track: usize, seq: Seq) -> Option<Millis> {
        if let Some(time) = lane.remembered(track, seq) {
            return Some(time);
        }
        let stream = lane.stream(&self.journal).ok()?;
        let time = self.consumers.get(track)?.read(stream, seq).ok()??.time;
        lane.remember(track, seq, time);
        Some(time)
    }
}
