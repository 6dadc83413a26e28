//! Finds the streams that have something pending, and gives each a worker.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use journal::{Seq, Stream, StreamNumber};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::Shared;
use super::worker::Worker;

/// Workers at once. Each is some kilobytes while it waits; streams beyond wait for one to end.
const MOST_WORKERS: usize = 4096;

/// Between looking for streams there is a pause of so many times what looking took: the journal is held meanwhile.
const REST: u32 = 10;

pub(super) struct Dispatch {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    busy: HashSet<StreamNumber>,
    /// Whose worker is which.
    streams: HashMap<Id, Stream>,
}

impl Dispatch {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, workers: JoinSet::new(), busy: HashSet::new(), streams: HashMap::new() }
    }

    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut seen = self.shared.journal.durable();
        self.look().await;
        loop {
            tokio::select! {
                () = shared.draining() => break,
                Some(ended) = self.workers.join_next_with_id() => self.ended(ended),
                durable = shared.journal.news(seen) => {
                    seen = durable;
                    self.look().await;
                }
            }
        }
        while self.workers.join_next().await.is_some() {}
    }

    /// Gives every stream a worker that has something pending and has none.
    async fn look(&mut self) {
        let begun = Instant::now();
        if self.workers.len() < MOST_WORKERS {
            for stream in self.shared.consumer.waiting() {
                if self.workers.len() >= MOST_WORKERS {
                    break;
                }
                self.begin(stream);
            }
        }
        let spent = begun.elapsed();
        if spent > Duration::from_micros(100) {
            sleep(spent.saturating_mul(REST)).await;
        }
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
        if self.shared.consumer.first_pending(&stream, Seq::FIRST).is_some() {
            self.begin(stream);
        }
    }
}
