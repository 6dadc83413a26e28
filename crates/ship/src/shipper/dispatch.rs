//! Finds the streams that have something pending, and gives each a worker.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use journal::{Lsn, Seq, Stream, StreamNumber};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::worker::Worker;

/// Workers at once. Each is some kilobytes while it waits; streams beyond wait for one to end.
const MOST_WORKERS: usize = 4096;

/// Between looking for streams there is a pause of so many times what looking took: the journal is held meanwhile.
const REST: u32 = 10;

/// Before everything.
const NOTHING: Lsn = Lsn::new(0);

pub(super) struct Dispatch {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    busy: HashSet<StreamNumber>,
    /// Whose worker is which.
    streams: HashMap<Id, Stream>,
    /// The frame up to which was looked; nothing if there were more streams than workers.
    seen: Lsn,
    /// Before this it is not looked again.
    rest: Instant,
}

impl Dispatch {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (workers, busy, streams) = (JoinSet::new(), HashSet::new(), HashMap::new());
        Self { shared, workers, busy, streams, seen: NOTHING, rest: Instant::now() }
    }

    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            let (rest, seen, has_room) = (self.rest, self.seen, self.workers.len() < MOST_WORKERS);
            let news = async {
                sleep_until(rest).await;
                shared.journal.news(seen).await
            };
            tokio::select! {
                () = shared.draining() => break,
                Some(ended) = self.workers.join_next_with_id() => self.ended(ended),
                durable = news, if has_room => self.look(durable),
            }
        }
        while self.workers.join_next().await.is_some() {}
    }

    /// Gives every stream a worker that has something pending and has none, as long as there are workers.
    fn look(&mut self, durable: Lsn) {
        let begun = Instant::now();
        self.seen = durable;
        for stream in self.shared.consumer.waiting() {
            if self.workers.len() >= MOST_WORKERS {
                self.seen = NOTHING;
                break;
            }
            self.begin(stream);
        }
        let now = Instant::now();
        self.rest = now + (now - begun).saturating_mul(REST);
    }

    fn begin(&mut self, stream: Stream) {
        if self.busy.insert(stream.number()) {
            let worker = Worker::new(Arc::clone(&self.shared), stream.clone());
            self.streams.insert(self.workers.spawn(worker.run()).id(), stream);
        }
    }

    /// A worker has found nothing more. What came since, it has not seen.
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(|failed| failed.id(), |(id, ())| id);
        let Some(stream) = self.streams.remove(&id) else { return };
        self.busy.remove(&stream.number());
        // Where others have no worker, they come first.
        if self.seen != NOTHING && self.shared.consumer.first_pending(&stream, Seq::FIRST).is_some() {
            self.begin(stream);
        }
    }
}
