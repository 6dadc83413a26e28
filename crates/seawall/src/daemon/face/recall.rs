//! Idempotency keys: what a request with the same key was answered, as long as it is remembered.
//!
//! The window is `server.idempotency_window` or the last [`MOST`] keys, whichever is shorter. Restarts and kills are within
//! it: [`notes`] keeps on the disk what is known here.

mod notes;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crc_fast::{CrcAlgorithm, checksum};
use journal::{CommitError, Journal, OpenError, Recovery, Seq, Span, Stream};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock;
use notes::{Known as Noted, Notes, Whose};

/// Keys that are remembered: about ten megabytes.
const MOST: usize = 100_000;

/// Gates in front of streams. Two streams with the same one wait for each other where keys are given.
const GATES: usize = 64;

/// A stream and a key, as two sums with keys of their own: names of any length take sixteen bytes.
type Id = (u64, u64);

/// What a body was, to tell a mistake. It is the same after a restart.
type Print = u64;

/// Events of a request that are there, though not all of them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    /// The first one's number.
    pub(super) begin: Seq,
    /// How many.
    pub(super) have: u64,
}

/// The keys that are remembered.
pub(in crate::daemon) struct Recall {
    seeds: (RandomState, RandomState),
    known: Mutex<Known>,
    notes: Notes,
    gates: Vec<RwLock<()>>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<Id, State>,
    /// Those that were answered, the oldest first.
    order: VecDeque<(Instant, Id)>,
}

#[derive(Clone, Copy)]
enum State {
    /// A request is on the way.
    Begun,
    /// It was answered.
    Answered(Print, Span),
    /// It failed half way.
    Half(Print, Half),
}

/// What is to be done with a request that has a key.
pub(super) enum Verdict {
    /// It is the first, or goes on where one failed.
    New(Claim),
    /// It was done before, and this was the answer.
    Known(Span),
    /// Its first one is on the way.
    Busy,
    /// The key came with another body.
    Other,
}

/// The right to answer a key's request. Dropped without an answer, what was known before counts again.
pub(super) struct Claim {
    recall: Arc<Recall>,
    id: Id,
    stream: String,
    key: String,
    print: Print,
    half: Option<Half>,
}

impl Recall {
    /// The keys of a journal, those that were known before it was opened included.
    pub(in crate::daemon) fn open(
        directory: &Path,
        events: &Journal,
        window: Duration,
    ) -> Result<Self, OpenError> {
        let (notes, found) = Notes::open(directory, events)?;
        notes.forget(window);
        let gates = (0..GATES).map(|_| RwLock::default()).collect();
        let recall = Self { seeds: Default::default(), known: Mutex::default(), notes, gates };
        let (now, today) = (clock::instant(), clock::millis());
        for found in found {
            let age = u64::try_from(today.get().saturating_sub(found.at.get())).unwrap_or(0);
            let at = now.checked_sub(Duration::from_millis(age)).unwrap_or(now);
            let state = match found.known {
                Noted::Done(span) => State::Answered(found.print, span),
                Noted::Half(half) => State::Half(found.print, half),
            };
            recall.hold().enter(recall.id(&found.stream, &found.key), state, at);
        }
        recall.hold().forget(now, window);
        Ok(recall)
    }

    /// What the start of the notes has found.
    pub(in crate::daemon) fn recovery(&self) -> &Recovery {
        self.notes.recovery()
    }

    /// Whether a key came before.
    pub(super) fn claim(
        self: &Arc<Self>,
        (stream, key): (&str, &str),
        body: &[u8],
        (now, window): (Instant, Duration),
    ) -> Verdict {
        let id = self.id(stream, key);
        let print = checksum(CrcAlgorithm::Crc64Nvme, body);
        let mut known = self.hold();
        known.forget(now, window);
        let half = match known.keys.get(&id) {
            Some(State::Begun) => return Verdict::Busy,
            Some(State::Answered(before, span)) if *before == print => return Verdict::Known(*span),
            Some(State::Half(before, half)) if *before == print => Some(*half),
            Some(State::Answered(..) | State::Half(..)) => return Verdict::Other,
            None => None,
        };
        known.keys.insert(id, State::Begun);
        drop(known);
        self.notes.forget(window);
        let (stream, key) = (stream.to_owned(), key.to_owned());
        Verdict::New(Claim { recall: Arc::clone(self), id, stream, key, print, half })
    }

    /// Lets somebody append to a stream who gives no key.
    pub(super) async fn pass(&self, stream: &str) -> Option<RwLockReadGuard<'_, ()>> {
        Some(self.gate(stream)?.read().await)
    }

    /// Lets somebody append to a stream while nobody else does.
    async fn pass_alone(&self, stream: &str) -> Option<RwLockWriteGuard<'_, ()>> {
        Some(self.gate(stream)?.write().await)
    }

    /// The same on a thread that may block.
    pub(super) fn pass_alone_here(&self, stream: &str) -> Option<RwLockWriteGuard<'_, ()>> {
        Some(self.gate(stream)?.blocking_write())
    }

    fn gate(&self, stream: &str) -> Option<&RwLock<()>> {
        let number = self.seeds.0.hash_one(stream) % GATES as u64;
        self.gates.get(usize::try_from(number).ok()?)
    }

    fn id(&self, stream: &str, key: &str) -> Id {
        (self.seeds.0.hash_one((stream, key)), self.seeds.1.hash_one((stream, key)))
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn enter(&mut self, id: Id, state: State, at: Instant) {
        self.keys.insert(id, state);
        self.order.push_back((at, id));
    }

    fn forget(&mut self, now: Instant, window: Duration) {
        while let Some((at, id)) = self.order.front() {
            if self.order.len() <= MOST && now.duration_since(*at) < window {
                return;
            }
            // One that is on its way again stays until it is answered.
            if !matches!(self.keys.get(id), Some(State::Begun)) {
                self.keys.remove(id);
            }
            self.order.pop_front();
        }
    }
}

impl Claim {
    /// Appends what is not there yet, while nobody else appends to that stream, and says which numbers all of it has.
    pub(super) async fn append(
        mut self,
        journal: &Journal,
        stream: &Stream,
        events: &[hyper::body::Bytes],
    ) -> Result<Span, (Option<Span>, CommitError)> {
        let recall = Arc::clone(&self.recall);
        let passage = recall.pass_alone(&self.stream).await;
        let have = self.half.map_or(0, |half| usize::try_from(half.have).unwrap_or(usize::MAX));
        let rest = events.get(have..).unwrap_or_default();
        let next = journal.info(stream).and_then(|info| info.last).map_or(Seq::FIRST, Seq::next);
        let wanted = Span::new(next, next.plus((rest.len() as u64).saturating_sub(1)));
        let wanted = wanted.ok_or((None, CommitError::Nothing))?;
        let noted = recall.notes.begin(self.whose(), (stream, wanted), self.half).await;
        noted.map_err(|error| (None, error))?;
        let (outcome, durable) = match journal.append_batch(stream, rest).await {
            Ok(span) => (Ok(()), Some(span)),
            Err(failed) => (Err(failed.error), failed.durable),
        };
        let begin = self.half.map(|half| half.begin).or(durable.map(Span::first));
        let whole = begin.zip(durable).and_then(|(begin, durable)| Span::new(begin, durable.last()));
        match (outcome, whole) {
            (Ok(()), Some(whole)) => {
                self.answered(whole, clock::instant());
                Ok(whole)
            }
            (outcome, whole) => {
                let added = durable.map_or(0, Span::count);
                self.half = begin.map(|begin| Half { begin, have: have as u64 + added });
                // Before others append: else what they do could be taken for this at the next start.
                if let Err(error) = recall.notes.half(self.whose(), self.half).await {
                    tracing::warn!(%error, "failed to note that a request with a key has failed");
                }
                drop(passage);
                Err((whole, outcome.err().unwrap_or(CommitError::Nothing)))
            }
        }
    }

    fn whose(&self) -> Whose<'_> {
        Whose { stream: &self.stream, key: &self.key, print: self.print }
    }

    /// Remembers the answer from now on.
    fn answered(&self, span: Span, now: Instant) {
        self.recall.hold().enter(self.id, State::Answered(self.print, span), now);
        let noted = self.recall.notes.done(self.whose(), span);
        // It is known from the stream as well, as long as that is there.
        tokio::spawn(async move { noted.await.ok() });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut known = self.recall.hold();
        if let Some(State::Begun) = known.keys.get(&self.id) {
            match self.half {
                Some(half) => known.enter(self.id, State::Half(self.print, half), clock::instant()),
                None => drop(known.keys.remove(&self.id)),
            }
        }
    }
}
