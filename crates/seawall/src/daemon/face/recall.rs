//! Idempotency keys: what a request with the same key was answered, as long as it is remembered.
//!
//! The window is `server.idempotency_window` or the last [`MOST`] keys, whichever is shorter, while the daemon runs. A
//! restart forgets all keys: what the journal holds says nothing of the keys that it came with.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use journal::Span;

/// Keys that are remembered: about ten megabytes.
const MOST: usize = 100_000;

/// A stream and a key, as two sums with keys of their own: names of any length take sixteen bytes.
type Id = (u64, u64);

/// What a body was, to tell a mistake.
type Print = u64;

/// The keys that are remembered.
#[derive(Default)]
pub(super) struct Recall {
    seeds: (RandomState, RandomState),
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<Id, State>,
    /// Those that were answered, the oldest first.
    order: VecDeque<(Instant, Id)>,
}

#[derive(Clone, Copy)]
enum State {
    /// Its first request is on the way.
    Begun,
    /// It was answered.
    Answered(Print, Span),
}

/// What is to be done with a request that has a key.
pub(super) enum Verdict {
    /// It is the first.
    New(Claim),
    /// It was done before, and this was the answer.
    Known(Span),
    /// Its first one is on the way.
    Busy,
    /// The key came with another body.
    Other,
}

/// The right to answer a key's first request. Dropped without an answer, the key is forgotten.
pub(super) struct Claim {
    recall: Arc<Recall>,
    id: Id,
    print: Print,
}

impl Recall {
    /// Whether a key came before.
    pub(super) fn claim(
        self: &Arc<Self>,
        name: (&str, &[u8]),
        body: &[u8],
        (now, window): (Instant, Duration),
    ) -> Verdict {
        let id = (self.seeds.0.hash_one(name), self.seeds.1.hash_one(name));
        let print = self.seeds.0.hash_one(body);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.forget(now, window);
        match known.keys.get(&id) {
            Some(State::Begun) => Verdict::Busy,
            Some(State::Answered(before, span)) if *before == print => Verdict::Known(*span),
            Some(State::Answered(..)) => Verdict::Other,
            None => {
                known.keys.insert(id, State::Begun);
                Verdict::New(Claim { recall: Arc::clone(self), id, print })
            }
        }
    }
}

impl Known {
    fn forget(&mut self, now: Instant, window: Duration) {
        while let Some((at, id)) = self.order.front() {
            if self.order.len() <= MOST && now.duration_since(*at) < window {
                return;
            }
            self.keys.remove(id);
            self.order.pop_front();
        }
    }
}

impl Claim {
    /// Remembers the answer from now on.
    pub(super) fn answered(self, span: Span, now: Instant) {
        let mut known = self.recall.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keys.insert(self.id, State::Answered(self.print, span));
        known.order.push_back((now, self.id));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut known = self.recall.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(State::Begun) = known.keys.get(&self.id) {
            known.keys.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use journal::Seq;

    use super::*;
    use crate::clock;

    const WINDOW: Duration = Duration::from_mins(10);

    fn span(last: u64) -> Span {
        Span::new(Seq::FIRST, Seq::new(last)).unwrap()
    }

    #[test]
    fn a_key_is_answered_as_before_until_its_window_has_passed() {
        let recall = Arc::new(Recall::default());
        let now = clock::instant();
        let claim = |stream, key: &str, body: &str, at| {
            recall.claim((stream, key.as_bytes()), body.as_bytes(), (at, WINDOW))
        };
        let Verdict::New(first) = claim("a", "k", "body", now) else { panic!("it is new") };
        assert!(matches!(claim("a", "k", "body", now), Verdict::Busy));
        first.answered(span(3), now);
        assert!(matches!(claim("a", "k", "body", now), Verdict::Known(found) if found == span(3)));
        assert!(matches!(claim("a", "k", "another", now), Verdict::Other));
        assert!(matches!(claim("b", "k", "body", now), Verdict::New(_)), "keys belong to a stream");
        assert!(matches!(claim("a", "k", "body", now + WINDOW), Verdict::New(_)));
    }

    #[test]
    fn a_key_whose_request_failed_is_new_again() {
        let recall = Arc::new(Recall::default());
        let now = clock::instant();
        let claim = || recall.claim(("a", b"k"), b"body", (now, WINDOW));
        drop(claim());
        assert!(matches!(claim(), Verdict::New(_)));
    }

    #[test]
    fn no_more_keys_are_remembered_than_the_limit() {
        let recall = Arc::new(Recall::default());
        let now = clock::instant();
        for number in 0..=MOST {
            let key = number.to_string();
            let Verdict::New(claim) = recall.claim(("a", key.as_bytes()), b"", (now, WINDOW)) else {
                panic!("new")
            };
            claim.answered(span(1), now);
        }
        let known = |key: &[u8]| recall.claim(("a", key), b"", (now, WINDOW));
        assert!(matches!(known(b"0"), Verdict::New(_)));
        assert!(matches!(known(MOST.to_string().as_bytes()), Verdict::Known(_)));
    }
}
