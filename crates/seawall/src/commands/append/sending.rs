//! Lines on their way to the daemon. A batch has a key of its own and is sent with it until the daemon has said what became of
//! it: one that was taken, and whose answer was lost, is not taken twice.

use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use journal::Seq;
use serde::Deserialize;

use super::books::{Became, Outcome, Untaken};
use crate::cli::Cut;
use crate::client::{Ask, Client, LINES, Lost, Reply, encoded};
use crate::clock;
use crate::journals::lines::Lines;
use crate::show::{self, Screen};

/// How long the first pause before another attempt is; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a pause becomes.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Events of one request; the daemon takes no more.
const MOST_EVENTS: usize = 65_536;

/// Lines that are sent together.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    cut: Cut,
    body: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Parcel {
    /// An empty one.
    pub(super) fn of(cut: Cut) -> Self {
        Self { cut, body: Vec::new(), ends: Vec::new() }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.body.extend_from_slice(line);
        if self.cut == Cut::Lines {
            self.body.push(b'\n');
        }
        self.ends.push(self.body.len());
    }

    /// What is in it, which is empty then.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self::of(self.cut);
        std::mem::replace(self, empty)
    }

    /// It in two, where it has more lines than one.
    fn halves(mut self) -> Result<(Self, Self), Self> {
        let half = self.ends.len() / 2;
        let Some(at) = half.checked_sub(1).and_then(|last| self.ends.get(last)).copied() else {
            return Err(self);
        };
        let body = self.body.split_off(at);
        let ends = self.ends.split_off(half).into_iter().map(|end| end - at).collect();
        Ok((self.clone(), Self { cut: self.cut, body, ends }))
    }

    fn kind(&self) -> &'static str {
        match self.cut {
            Cut::Lines => LINES,
            Cut::Whole => "application/octet-stream",
        }
    }
}

/// Who sends them.
pub(super) struct Sender {
    client: Client,
    path: String,
    /// What the keys of this run begin with.
    run: String,
    /// Batches so far.
    batches: u64,
    /// How long a batch is sent again.
    patience: Duration,
    screen: Screen,
}

/// What is known of a batch that has no answer yet.
struct Waiting {
    since: Instant,
    pause: Duration,
    /// Whether the daemon may have taken it.
    became: Became,
}

/// What is to be done after an attempt.
enum Next {
    Done(Vec<Outcome>),
    /// It is too large for the daemon.
    Split,
    /// It may work later.
    Again(Setback),
}

/// Why an attempt came to nothing.
struct Setback {
    cause: String,
    /// What may have become of the batch by it.
    became: Became,
    /// How soon another attempt makes sense, if that is known.
    after: Option<Duration>,
}

#[derive(Deserialize)]
struct Span {
    first: u64,
    last: u64,
}

impl Sender {
    /// One for a stream, which sends a batch again for so long.
    pub(super) fn new((client, patience): (Client, Duration), stream: &str, screen: Screen) -> Self {
        let path = format!("/v1/streams/{}/events", encoded(stream));
        let random = || RandomState::new().hash_one(std::process::id());
        let run = format!("append-{:016x}{:016x}", random(), random());
        Self { client, path, run, batches: 0, patience, screen }
    }

    /// Sends a batch until it is known what became of it; not longer than is asked for, and not when told to end.
    pub(super) fn send(&mut self, parcel: Parcel, lines: &Lines) -> Vec<Outcome> {
        let count = parcel.ends.len();
        if count == 0 {
            return Vec::new();
        }
        if count > MOST_EVENTS {
            return self.split(parcel, lines);
        }
        self.batches += 1;
        let ask = self.ask(&parcel);
        let mut waiting: Option<Waiting> = None;
        loop {
            let sent = self.client.send(&ask);
            match self.judge(sent, count) {
                Next::Done(outcomes) => {
                    if waiting.is_some() {
                        show::hint(
                            &self.screen,
                            &format!("the daemon at {} answers again", self.client.place()),
                        );
                    }
                    return outcomes;
                }
                Next::Split => return self.split(parcel, lines),
                Next::Again(setback) => {
                    let waiting = waiting.get_or_insert_with(|| self.begin_to_wait(&setback.cause));
                    if let ControlFlow::Break(untaken) = self.wait(waiting, setback, lines) {
                        return vec![Err(untaken); count];
                    }
                }
            }
        }
    }

    fn ask(&self, parcel: &Parcel) -> Ask {
        let key = format!("{}-{}", self.run, self.batches);
        let headers = vec![("content-type", parcel.kind().to_owned()), ("idempotency-key", key)];
        Ask {
            method: Method::POST,
            path: self.path.clone(),
            headers,
            body: Bytes::copy_from_slice(&parcel.body),
        }
    }

    /// Sends the halves of a batch, the second only if the first is taken: nothing is there without what came before it.
    fn split(&mut self, parcel: Parcel, lines: &Lines) -> Vec<Outcome> {
        let Ok((first, second)) = parcel.halves() else {
            let cause = "the daemon takes no body of this size: raise its server.max_body";
            return vec![Err(Untaken::refused(cause, "too-large"))];
        };
        let rest = second.ends.len();
        let mut outcomes = self.send(first, lines);
        match outcomes.iter().find_map(|outcome| outcome.as_ref().err()) {
            None => outcomes.extend(self.send(second, lines)),
            Some(untaken) => {
                let untaken = Untaken { became: Became::Refused, ..untaken.clone() };
                outcomes.extend(vec![Err(untaken); rest]);
            }
        }
        outcomes
    }

    fn judge(&self, sent: Result<Reply, Lost>, count: usize) -> Next {
        let reply = match sent {
            Err(Lost::Untaken(error)) => return again(error.to_string(), Became::Refused, None),
            Err(Lost::Unknown(what)) => return again(what, Became::Unknown, None),
            Ok(reply) => reply,
        };
        if reply.status.is_success() {
            return match serde_json::from_slice::<Span>(&reply.body) {
                Ok(span) => Next::Done((span.first..=span.last).map(Seq::new).map(Ok).take(count).collect()),
                Err(error) => again(format!("its answer is not understood: {error}"), Became::Unknown, None),
            };
        }
        let told = self.client.told(&reply);
        match (reply.status, told.code.as_str()) {
            (_, "body-too-large" | "too-many-events") => Next::Split,
            (_, "in-progress" | "timeout") => again(told.message, Became::Unknown, reply.retry_after),
            (_, "busy" | "starting" | "too-many-pending" | "body-timeout") => {
                again(told.message, Became::Refused, reply.retry_after)
            }
            (_, code) => {
                let became = if code == "unknown" { Became::Unknown } else { Became::Refused };
                let untaken = Untaken { became, cause: told.message.clone(), code: told.word() };
                // Of a batch that failed half way, the first ones are there.
                let durable = serde_json::from_slice::<Span>(&reply.body).ok();
                let durable =
                    durable.into_iter().flat_map(|span| span.first..=span.last).map(Seq::new).map(Ok);
                let mut outcomes: Vec<Outcome> = durable.take(count).collect();
                outcomes.resize(count, Err(untaken));
                Next::Done(outcomes)
            }
        }
    }

    fn begin_to_wait(&self, cause: &str) -> Waiting {
        let (place, patience) = (self.client.place(), self.patience);
        let what = format!("the daemon at {place} does not answer: {cause}; trying again for {patience:?}");
        show::hint(&self.screen, &what);
        Waiting { since: clock::instant(), pause: FIRST_PAUSE, became: Became::Refused }
    }

    /// Waits before another attempt; or ends it, because it took too long or the process is to end.
    fn wait(&self, waiting: &mut Waiting, setback: Setback, lines: &Lines) -> ControlFlow<Untaken> {
        let Setback { cause, became, after } = setback;
        if became == Became::Unknown {
            waiting.became = became;
        }
        let left = self.patience.saturating_sub(clock::instant().duration_since(waiting.since));
        let pause = after.unwrap_or(waiting.pause).min(left);
        waiting.pause = (waiting.pause * 2).min(LONGEST_PAUSE);
        // What cannot be waited for is as good as told.
        let is_told = left.is_zero() || lines.is_told_within(pause).unwrap_or(true);
        if !is_told {
            return ControlFlow::Continue(());
        }
        let cause = if left.is_zero() {
            format!("the daemon at {} did not answer for {:?}: {cause}", self.client.place(), self.patience)
        } else {
            "told to end before the daemon had answered".to_owned()
        };
        let code = if left.is_zero() { "no-answer" } else { "interrupted" };
        ControlFlow::Break(Untaken { became: waiting.became, cause, code })
    }
}

fn again(cause: String, became: Became, after: Option<Duration>) -> Next {
    Next::Again(Setback { cause, became, after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_falls_in_two_between_its_lines() {
        let mut parcel = Parcel::of(Cut::Lines);
        [&b"one"[..], b"", b"three"].iter().for_each(|line| parcel.add(line));
        let (first, second) = parcel.halves().unwrap();
        assert_eq!((first.body.as_slice(), first.ends.as_slice()), (&b"one\n"[..], &[4][..]));
        assert_eq!((second.body.as_slice(), second.ends.as_slice()), (&b"\nthree\n"[..], &[1, 7][..]));
        assert!(first.halves().is_err(), "a line is not cut");
    }
}
