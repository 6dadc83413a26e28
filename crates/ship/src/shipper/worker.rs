//! Delivers one stream: one batch after the other, until nothing is pending.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal::{CommitError, Event, Outcome, Seq, Span, Stream};
use tokio::sync::SemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use super::reading::{Fill, Found, Room, read};
use super::{Phase, Shared};
use crate::course::Cause;
use crate::gate::Change;
use crate::standing::{add, hold};
use crate::{Answer, Batch, Course, Notice, Origin, Turn, judge};

/// What a worker does next.
enum Next {
    /// Another round.
    Go,
    /// Another round, and the oldest event has waited for others.
    Waited,
    /// Nothing is left, or the shipper is about to end.
    End,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    stream: Stream,
    course: Course,
    /// What has arrived and is not noted yet. There is one at most: the next batch is sent meanwhile, and no other.
    unsettled: Option<Unsettled>,
    /// Whether the oldest event has waited for others.
    has_waited: bool,
}

struct Unsettled {
    span: Span,
    outcome: Outcome,
    /// It goes on by itself, whether or not somebody waits.
    noting: JoinHandle<Result<(), CommitError>>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, stream: Stream) -> Self {
        Self { shared, stream, course: Course::default(), unsettled: None, has_waited: false }
    }

    /// Works until nothing is left.
    pub(super) async fn run(mut self) {
        while *self.shared.phase.borrow() == Phase::Running {
            match self.round().await {
                Next::Go => self.has_waited = false,
                Next::Waited => self.has_waited = true,
                Next::End => break,
            }
        }
        self.settled().await;
        self.goes_on();
    }

    /// Reads a batch, sends it, and does what follows from the answer.
    async fn round(&mut self) -> Next {
        let shared = Arc::clone(&self.shared);
        let Some(place) = self.place(&shared).await else { return Next::End };
        let (events, fill) = match self.read().await {
            Found::Run(events, fill) => (events, fill),
            Found::Nothing if self.unsettled.is_none() => return Next::End,
            Found::Nothing => {
                self.settled().await;
                return Next::Go;
            }
            Found::Damaged(seq) => {
                self.park(seq, "its bytes in the journal are damaged".to_owned()).await;
                return Next::Go;
            }
            Found::Failed(cause) => {
                let stream = self.stream.name().to_owned();
                self.shared.tell(&Notice::Unreadable { stream, cause });
                drop(place);
                return self.rest(self.shared.settings.policy.backoff.max).await;
            }
        };
        if let Some(wait) = self.lacks_company(&events, fill) {
            drop(place);
            self.settled().await;
            self.rest(wait).await;
            return Next::Waited;
        }
        if !self.in_its_turn(events.len()).await {
            return Next::End;
        }
        let turn = self.send(events).await;
        drop(place);
        self.follow(turn).await
    }

    /// Waits until the server may be asked and there is a place among those who ask; nothing if that is not to be any more.
    async fn place<'s>(&self, shared: &'s Shared) -> Option<SemaphorePermit<'s>> {
        let closed = || hold(&shared.standing.gate).closed_until(Instant::now());
        loop {
            if let Some(until) = closed() {
                if self.until(until).await == Phase::Draining {
                    return None;
                }
                continue;
            }
            let place = tokio::select! {
                place = shared.places.acquire() => place.ok()?,
                () = shared.draining() => return None,
            };
            // Those who had a place before may have found meanwhile that the server is gone.
            if closed().is_none() {
                return Some(place);
            }
        }
    }

    /// Waits for the rate; says whether the batch is then to be sent.
    async fn in_its_turn(&self, events: usize) -> bool {
        let Some(pace) = &self.shared.pace else { return true };
        let now = Instant::now();
        let wait = hold(pace).take(events, now);
        wait.is_zero() || self.until(now + wait).await == Phase::Running
    }

    async fn until(&self, until: Instant) -> Phase {
        tokio::select! {
            () = sleep_until(until) => Phase::Running,
            () = self.shared.draining() => Phase::Draining,
        }
    }

    async fn rest(&self, pause: Duration) -> Next {
        match self.until(Instant::now() + pause).await {
            Phase::Running => Next::Go,
            Phase::Draining => Next::End,
        }
    }

    async fn read(&self) -> Found {
        let policy = &self.shared.settings.policy;
        let rate = self.shared.settings.policy.rate.map_or(usize::MAX, |rate| rate.max(1) as usize);
        let most = policy.batch.events.min(self.shared.settings.sink.most_events()).min(rate);
        let room = Room { events: self.course.most().min(most).max(1), bytes: policy.batch.bytes };
        let (consumer, stream) = (self.shared.consumer.clone(), self.stream.clone());
        let unsettled = self.unsettled.as_ref().map(|unsettled| unsettled.span);
        // Where reading from a disk keeps nobody waiting. It fails only when the process is ending.
        let read = spawn_blocking(move || read(&consumer, &stream, unsettled, room)).await;
        read.unwrap_or_else(|error| Found::Failed(error.to_string()))
    }

    /// How long the events wait for others, if they do.
    fn lacks_company(&self, events: &[Event], fill: Fill) -> Option<Duration> {
        if fill == Fill::Full || self.has_waited || self.course.is_again() {
            return None;
        }
        let wait = self.shared.settings.policy.batch.wait;
        let now = (self.shared.clock)();
        let age = now.get().saturating_sub(events.first()?.time.get()).max(0).unsigned_abs();
        wait.checked_sub(Duration::from_millis(age)).filter(|left| !left.is_zero())
    }

    /// Sends a batch.
    async fn send(&mut self, events: Vec<Event>) -> (Vec<Event>, Turn) {
        let shared = &self.shared;
        let counts = &shared.standing.counts;
        add(&counts.requests, 1);
        add(&counts.retries, u64::from(self.course.is_again()));
        let origin = Origin::of(shared.journal.id(), self.stream.number());
        let batch = Batch { origin, stream: self.stream.name().into(), events };
        let begun = Instant::now();
        shared.on_the_way.fetch_add(1, Ordering::Relaxed);
        let answer = shared.settings.sink.send(&batch).await;
        shared.on_the_way.fetch_sub(1, Ordering::Relaxed);
        add(&counts.failures, u64::from(answer != Answer::Taken));
        let has_answered = matches!(answer, Answer::Taken | Answer::Status { .. });
        let verdict = judge(&answer, (shared.clock)());
        let turn =
            self.course.turn(batch.events.len(), verdict, &shared.settings.policy, shared.chance.share());
        match &turn {
            Turn::Hold(after, cause) => self.lost(begun, *after, cause),
            _ if has_answered && shared.standing.answered(begun) == Change::Back => {
                shared.tell(&Notice::Back);
            }
            _ => {}
        }
        (batch.events, turn)
    }

    fn lost(&self, begun: Instant, after: Option<Duration>, cause: &str) {
        let mut gate = hold(&self.shared.standing.gate);
        let backoff = &self.shared.settings.policy.backoff;
        let pause = backoff.pause(gate.failures_with_next(), self.shared.chance.share());
        let change = gate.failed(begun, (Instant::now(), pause.max(after.unwrap_or_default())), cause);
        drop(gate);
        if change == Change::Lost {
            self.shared.tell(&Notice::Lost { cause: cause.to_owned() });
        }
    }

    async fn follow(&mut self, (events, turn): (Vec<Event>, Turn)) -> Next {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Next::End };
        match turn {
            Turn::Settle => {
                let counts = &self.shared.standing.counts;
                add(&counts.delivered, events.len() as u64);
                add(&counts.delivered_bytes, events.iter().map(|event| event.payload.len() as u64).sum());
                self.goes_on();
                if let Some(span) = Span::new(first.seq, last.seq) {
                    self.settle(span, Outcome::Delivered).await;
                }
                Next::Go
            }
            Turn::Park(reason) => {
                self.goes_on();
                add(&self.shared.standing.counts.refused, 1);
                self.park(first.seq, reason).await;
                Next::Go
            }
            Turn::Smaller => {
                add(&self.shared.standing.counts.refused, 1);
                Next::Go
            }
            Turn::Pause(pause, cause) => {
                self.waits(first.seq, &cause);
                self.rest(pause).await
            }
            Turn::Hold(..) => Next::Go,
        }
    }

    fn waits(&self, seq: Seq, cause: &Cause) {
        let is_first = self.shared.standing.hold_back(self.stream.name(), cause, Instant::now());
        let stream = self.stream.name().to_owned();
        match cause {
            Cause::Failed(cause) if is_first => {
                self.shared.tell(&Notice::Held { stream, cause: cause.clone() });
            }
            Cause::Blocked(cause) if self.course.failures() == 1 => {
                let seq = seq.get();
                self.shared.tell(&Notice::Blocked { stream, seq, cause: cause.clone() });
            }
            _ => {}
        }
    }

    fn goes_on(&self) {
        if self.shared.standing.let_go(self.stream.name()) {
            self.shared.tell(&Notice::Flowing);
        }
    }

    async fn park(&mut self, seq: Seq, reason: String) {
        add(&self.shared.standing.counts.parked, 1);
        let stream = self.stream.name().to_owned();
        self.shared.tell(&Notice::Parked { stream, seq: seq.get(), reason: reason.clone() });
        self.settle(Span::one(seq), Outcome::Parked(reason)).await;
    }

    /// Notes what became of events, once what was to be noted before is.
    async fn settle(&mut self, span: Span, outcome: Outcome) {
        self.settled().await;
        let noting = self.note(span, outcome.clone());
        self.unsettled = Some(Unsettled { span, outcome, noting });
    }

    fn note(&self, span: Span, outcome: Outcome) -> JoinHandle<Result<(), CommitError>> {
        tokio::spawn(self.shared.consumer.settle(&self.stream, span, outcome))
    }

    /// Waits until what has arrived is noted. As long as that fails it is tried again: nothing is sent twice because of a
    /// disk that has trouble, unless the process ends meanwhile.
    async fn settled(&mut self) {
        let Some(Unsettled { span, outcome, mut noting }) = self.unsettled.take() else { return };
        let mut failures = 0;
        while let Ok(Err(error)) = noting.await {
            if is_final(&error) {
                return;
            }
            failures += 1;
            if failures == 1 {
                let stream = self.stream.name().to_owned();
                self.shared.tell(&Notice::NotSettled { stream, cause: error.to_string() });
            }
            let pause = self.shared.settings.policy.backoff.pause(failures, 0.0);
            if self.until(Instant::now() + pause).await == Phase::Draining && failures > 1 {
                return;
            }
            noting = self.note(span, outcome.clone());
        }
    }
}

/// Whether the journal has no use for what became of events any more.
fn is_final(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::NoConsumer { .. } | CommitError::OutOfScope { .. } | CommitError::NotAppended { .. }
    )
}
