//! What a proxy counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::listen::Unread;

/// Counters of one server.
#[derive(Default)]
struct Track {
    replayed: AtomicU64,
    parked: AtomicU64,
    doubted: AtomicU64,
}

/// Counters of a proxy since it was started.
pub(crate) struct Counts {
    tracks: Vec<Track>,
    pub(crate) requests: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) queued: AtomicU64,
    /// Requests that were answered with an error of the proxy's own.
    pub(crate) failed: AtomicU64,
    /// Reads that went elsewhere because a replica lacked a write.
    pub(crate) overrides: AtomicU64,
    pub(crate) connections: AtomicU64,
    /// Requests that could not be read.
    pub(crate) unread: Unread,
}

/// The counters of one server at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrackCounts {
    pub(crate) replayed: u64,
    pub(crate) parked: u64,
    pub(crate) doubted: u64,
}

impl Counts {
    pub(crate) fn new(tracks: usize) -> Self {
        Self {
            tracks: (0..tracks).map(|_| Track::default()).collect(),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            overrides: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            unread: Unread::default(),
        }
    }

    fn add(&self, track: usize, counter: impl Fn(&Track) -> &AtomicU64) {
        if let Some(track) = self.tracks.get(track) {
            counter(track).fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn replayed(&self, track: usize) {
        self.add(track, |track| &track.replayed);
    }

    pub(crate) fn parked(&self, track: usize) {
        self.add(track, |track| &track.parked);
    }

    pub(crate) fn doubted(&self, track: usize) {
        self.add(track, |track| &track.doubted);
    }

    pub(crate) fn of(&self, track: usize) -> Option<TrackCounts> {
        let track = self.tracks.get(track)?;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Some(TrackCounts {
            replayed: read(&track.replayed),
            parked: read(&track.parked),
            doubted: read(&track.doubted),
        })
    }
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
