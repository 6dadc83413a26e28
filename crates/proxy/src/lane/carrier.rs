//! Carries the writes of one lane to one server, one after the other, as long as there are any.
//!
//! What a crash leaves at each step: a write is durable before this begins. Before its settlement is durable it is pending,
//! and is sent again with the same idempotency key. What was learned from its answer is durable before it is settled. Of a
//! refused write, the servers that are spared it are settled before the one that refused it, so that it can reach no
//! other.

use std::collections::VecDeque;
use std::sync::Arc;

use http::Response;
use hyper::body::Incoming;
use journal::{Consumer, Event, Outcome as Settled, ReadError, Seq, Stream};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::verdict::{Sending, Verdict, judge};
use super::{Lane, LaneNumber, Outcome, Pace, Starts, Work};
use crate::answer;
use crate::asking;
use crate::body::Body;
use crate::call::{Answer, Call};
use crate::core::Core;
use crate::dialect::{Before, Interest, Outbound};
use crate::entry::Entry;
use crate::head::strip;
use crate::notice::Notice;
use crate::settings::Ambiguous;
use crate::upstream::{Attempt, Backoff, Lease, Outgoing, Route, send, send_afresh};

/// Events that are read ahead at once, at most, and their bytes, unless one has more.
const AHEAD: usize = 64;
const AHEAD_BYTES: usize = 1 << 20;
/// Bytes of an answer that nobody waits for, which are read so that its connection can be used again.
const LEFTOVER: usize = 64 << 10;

/// Sees to it that somebody works for these tracks.
pub(crate) fn start(core: &Arc<Core>, lane: LaneNumber, Starts(tracks): Starts) {
    for track in tracks {
        if let Some(carrier) = Carrier::new(core, lane, track) {
            tokio::spawn(carrier.run());
        }
    }
}

struct Carrier {
    core: Arc<Core>,
    number: LaneNumber,
    track: usize,
    route: Route,
    consumer: Consumer,
    ahead: VecDeque<Event>,
    backoff: Backoff,
    /// Answers with an error that this write had.
    tries: u32,
}

/// What became of sending a write.
enum Sent {
    Answered(Response<Incoming>, Lease),
    /// It was not sent, and will never be.
    Never(String),
    /// It was not sent.
    Absent(String),
    /// It was not sent, for a reason that is not the server's.
    NotYet(String),
    Unknown(String),
}

impl Carrier {
    fn new(core: &Arc<Core>, number: LaneNumber, track: usize) -> Option<Self> {
        let route = core.routes.get(track)?.clone();
        let consumer = core.shared.consumers.get(track)?.clone();
        let mut carrier = Self {
            core: Arc::clone(core),
            number,
            track,
            route,
            consumer,
            ahead: VecDeque::new(),
            backoff: Backoff::new(std::time::Duration::ZERO, std::time::Duration::ZERO, 1),
            tries: 0,
        };
        carrier.begin_anew();
        Some(carrier)
    }

    fn begin_anew(&mut self) {
        let replay = &self.core.shared.settings.replay;
        let seed = self.core.shared.chance();
        self.backoff = Backoff::new(replay.backoff_initial, replay.backoff_max, seed);
        self.tries = 0;
    }

    fn lane(&self) -> &Lane {
        self.core.shared.lane(self.number)
    }

    fn start(&self, starts: Starts) {
        start(&self.core, self.number, starts);
    }

    async fn run(mut self) {
        loop {
            match self.lane().next(self.track) {
                Work::Ask(seq, entry) => self.ask(seq, &entry.call).await,
                Work::Repeat(seq, pace) => self.repeat(seq, pace).await,
                Work::Again(seq) => self.again(seq).await,
                Work::Rest => return,
            }
        }
    }

    /// Sends a write whose client waits.
    async fn ask(&mut self, seq: Seq, call: &Call) {
        match self.send(seq, call).await {
            Sent::Answered(response, lease) => {
                // The server may have applied it at the first attempt, and answer the second one accordingly.
                let is_doubted = self.lane().standing(self.track).doubt == Some(seq);
                let sending = if is_doubted { Sending::Repeated(0) } else { Sending::Asked };
                let verdict = judge(Sending::Asked, response.status(), Before::No);
                match verdict {
                    Verdict::Accepted => {
                        let (reply, _) = self.understand((seq, call), sending, (response, lease)).await;
                        self.settle(seq, Settled::Delivered).await;
                        self.core.shared.upstream_answered(self.track);
                        self.begin_anew();
                        let (client, starts) = self.lane().settled(self.track, seq);
                        self.start(starts);
                        tell(client, reply);
                    }
                    Verdict::Absent => self.absent(&format!("it answered {}", response.status())).await,
                    Verdict::Refused | Verdict::Later | Verdict::Parked(_) => {
                        let (reply, before) = self.understand((seq, call), sending, (response, lease)).await;
                        self.core.shared.upstream_answered(self.track);
                        self.begin_anew();
                        match before {
                            Before::Applied => self.had_been_applied(seq).await,
                            Before::No => self.refuse(seq, &Settled::Delivered, reply).await,
                        }
                    }
                }
            }
            Sent::Never(cause) => {
                let hint = "what it needs is not there, so it was not written";
                let reply = answer::error(http::StatusCode::CONFLICT, "cannot-be-sent", (&cause, hint));
                self.refuse(seq, &Settled::Delivered, reply).await;
            }
            Sent::Absent(cause) => self.absent(&cause).await,
            Sent::NotYet(cause) => self.not_yet(&cause).await,
            Sent::Unknown(cause) => self.unknown(seq, &cause).await,
        }
    }

    /// Sends a write that is decided: the next that is pending from `seq` on.
    async fn repeat(&mut self, seq: Seq, pace: Pace) {
        while self.ahead.front().is_some_and(|event| event.seq < seq) {
            self.ahead.pop_front();
        }
        if self.ahead.is_empty() {
            let last = self.lane().standing(self.track).last;
            if !self.read_ahead(seq).await {
                return;
            }
            if self.ahead.is_empty() {
                let starts = self.lane().skip_to(self.track, last.next());
                return self.start(starts);
            }
        }
        match self.ahead.front() {
            Some(event) if event.seq > seq => {
                let starts = self.lane().skip_to(self.track, event.seq);
                self.start(starts);
            }
            // It stays in front until it is settled, so that another attempt need not read it again.
            Some(event) => {
                let event = event.clone();
                self.deliver(event, pace).await;
            }
            None => {}
        }
    }

    /// Reads what is pending. The other way out is a disk that fails, after a pause.
    async fn read_ahead(&mut self, from: Seq) -> bool {
        let Ok(stream) = self.stream() else { return true };
        let consumer = self.consumer.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut found = VecDeque::new();
            let mut bytes = 0;
            for event in consumer.pending_from(&stream, from).take(AHEAD) {
                match event {
                    Ok(event) => {
                        bytes += event.payload.len();
                        found.push_back(event);
                    }
                    // What was read before it is used first.
                    Err(_) if !found.is_empty() => break,
                    Err(error) => return Err(error),
                }
                if bytes >= AHEAD_BYTES {
                    break;
                }
            }
            Ok(found)
        });
        match read.await {
            Ok(Ok(found)) => {
                self.ahead = found;
                true
            }
            Ok(Err(ReadError::Damaged { seq, .. })) => {
                self.park(seq, "its bytes in the journal are damaged".to_owned()).await;
                false
            }
            Ok(Err(error)) => {
                self.core
                    .shared
                    .tell(&Notice::Unreadable { lane: self.number.get(), cause: error.to_string() });
                sleep(self.backoff.pause()).await;
                false
            }
            Err(_) => false,
        }
    }

    fn stream(&self) -> Result<Stream, journal::CommitError> {
        self.lane().stream(&self.core.shared.journal).cloned()
    }

    /// Sends a write again that had been parked.
    async fn again(&mut self, seq: Seq) {
        let Ok(stream) = self.stream() else { return };
        let consumer = self.consumer.clone();
        match tokio::task::spawn_blocking(move || consumer.read(&stream, seq)).await {
            Ok(Ok(Some(event))) => self.deliver(event, Pace::Follow).await,
            Ok(Ok(None)) => {
                let (_, starts) = self.lane().settled(self.track, seq);
                self.start(starts);
            }
            Ok(Err(error)) => self.park(seq, error.to_string()).await,
            Err(_) => {}
        }
    }

    async fn deliver(&mut self, event: Event, pace: Pace) {
        let seq = event.seq;
        let call = match Entry::decode(event.payload) {
            Ok(entry) => entry.call,
            Err(error) => {
                return self.park(seq, format!("it cannot be read from the journal: {error}")).await;
            }
        };
        let sent = match pace {
            Pace::Follow => self.send(seq, &call).await,
            Pace::Drain => {
                let upstream = Arc::clone(&self.route.upstream);
                let _turn = upstream.drains.acquire().await;
                self.send(seq, &call).await
            }
        };
        match sent {
            Sent::Answered(response, lease) => self.heard(seq, &call, response, lease).await,
            Sent::Never(cause) => self.park(seq, cause).await,
            Sent::Absent(cause) => self.absent(&cause).await,
            Sent::NotYet(cause) => self.not_yet(&cause).await,
            Sent::Unknown(cause) => self.unknown(seq, &cause).await,
        }
    }

    /// A write that is decided was answered.
    async fn heard(&mut self, seq: Seq, call: &Call, response: Response<Incoming>, lease: Lease) {
        let status = response.status();
        let sending = Sending::Repeated(self.tries);
        let (reply, before) = self.understand((seq, call), sending, (response, lease)).await;
        match judge(sending, status, before) {
            Verdict::Accepted if before == Before::Applied => self.had_been_applied(seq).await,
            Verdict::Accepted => {
                self.settle(seq, Settled::Delivered).await;
                self.core.shared.upstream_answered(self.track);
                self.core.shared.counts.replayed(self.track);
                self.begin_anew();
                let (client, starts) = self.lane().settled(self.track, seq);
                self.start(starts);
                finish(client, reply).await;
            }
            Verdict::Absent => self.absent(&format!("it answered {status}")).await,
            Verdict::Later => {
                finish(None, reply).await;
                self.tries += 1;
                sleep(self.backoff.pause()).await;
            }
            Verdict::Refused => self.park(seq, format!("the server answered {status}")).await,
            Verdict::Parked(reason) => {
                self.core.shared.upstream_answered(self.track);
                // Whoever waits for it learns what was answered.
                self.park_and_tell(seq, reason, Some(reply)).await;
            }
        }
    }

    /// The server answered that there was nothing left to do. That is no answer for the client, who is told what it would
    /// be told of a queued write.
    async fn had_been_applied(&mut self, seq: Seq) {
        self.settle(seq, Settled::Delivered).await;
        self.core.shared.upstream_answered(self.track);
        self.core.shared.counts.replayed(self.track);
        self.begin_anew();
        let (client, starts) = self.lane().settled(self.track, seq);
        self.start(starts);
        if let Some(client) = client {
            client.send(Outcome::Queued).ok();
        }
    }

    async fn send(&self, seq: Seq, call: &Call) -> Sent {
        let shared = &self.core.shared;
        let outbound = match asking::outbound(&self.core, &self.route, call).await {
            Ok(outbound) => outbound,
            Err(cause) => return Sent::Absent(cause),
        };
        let call = match &outbound {
            Outbound::AsItIs => call,
            Outbound::Rewritten(other) => other,
            Outbound::Ask(_) => return Sent::NotYet("there is no end of questions".to_owned()),
            Outbound::NotYet(cause) => return Sent::NotYet(cause.clone()),
            Outbound::Never(cause) => return Sent::Never(cause.clone()),
        };
        let limit = shared.settings.times.request;
        let key = shared.idempotency_key(self.number, seq);
        let first = send(&self.route, Outgoing::of(call, &key), limit).await;
        let attempt = match (first, shared.settings.replay.ambiguous) {
            // Most often the server has closed an idle connection just then. It is repeated with its key.
            (Attempt::Unknown(doubt), Ambiguous::Replay) if doubt.is_broken => {
                self.lane().doubt(self.track, seq);
                send_afresh(&self.route, Outgoing::of(call, &key), limit).await
            }
            (first, _) => first,
        };
        match attempt {
            Attempt::Answered(answered) => Sent::Answered(answered.0, answered.1),
            Attempt::Absent(cause, _) => Sent::Absent(cause),
            Attempt::Unknown(doubt) => Sent::Unknown(doubt.cause),
        }
    }

    /// An answer as the client gets it, and whether the write had been applied before; what it teaches is durable then.
    async fn understand(
        &self,
        (seq, call): (Seq, &Call),
        sending: Sending,
        (response, lease): (Response<Incoming>, Lease),
    ) -> (Response<Body>, Before) {
        let shared = &self.core.shared;
        let dialect = &shared.settings.dialect;
        if dialect.interest(&call.head) == Interest::None {
            return (self.stream_back(response, lease), Before::No);
        }
        let Ok(answer) = self.whole(response, lease).await else {
            let cause = "the server's answer could not be read to its end; it was applied all the same";
            return (answer::no_upstream(cause), Before::No);
        };
        let (call, name) = (&shared.keyed(call, (self.number, seq)), self.route.upstream.name());
        let before = match sending {
            Sending::Asked => Before::No,
            Sending::Repeated(_) => dialect.had_been_applied(call, &answer),
        };
        if answer.status.is_success() || before == Before::Applied {
            let lessons = || dialect.learn(call, name, &answer, &shared.known);
            if let Err(error) = shared.teacher.teach(lessons).await {
                shared.tell(&Notice::NotLearned { upstream: name.to_owned(), cause: error.to_string() });
            }
        }
        (answer::whole(dialect.inbound(call, name, answer, &shared.known)), before)
    }

    fn stream_back(&self, response: Response<Incoming>, lease: Lease) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        strip(&mut parts.headers);
        Response::from_parts(parts, Body::leased(body, self.core.shared.settings.times.stall, lease))
    }

    async fn whole(
        &self,
        response: Response<Incoming>,
        lease: Lease,
    ) -> Result<Answer, crate::body::NotWhole> {
        let (parts, body) = self.stream_back(response, lease).into_parts();
        let body = body.collect(self.core.shared.settings.limits.body_bytes).await?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn settle(&self, seq: Seq, outcome: Settled) {
        self.settle_for(self.track, seq, outcome).await;
    }

    async fn settle_for(&self, track: usize, seq: Seq, outcome: Settled) {
        let (Ok(stream), Some(consumer)) = (self.stream(), self.core.shared.consumers.get(track)) else {
            return;
        };
        let ticket = consumer.settle(&stream, seq, outcome);
        // Where a write may be sent once only, the next one is not sent before it is known that this one was.
        if self.core.shared.settings.replay.ambiguous == Ambiguous::Park
            && let Err(error) = ticket.await
        {
            let upstream = self.route.upstream.name().to_owned();
            self.core.shared.tell(&Notice::NotSettled { upstream, cause: error.to_string() });
        }
    }

    /// The servers that have not sent a write do not.
    async fn refuse(&self, seq: Seq, others: &Settled, reply: Response<Body>) {
        let ((client, spared), starts) = self.lane().spare(self.track, seq);
        for track in spared {
            self.settle_for(track, seq, others.clone()).await;
        }
        self.settle(seq, others.clone()).await;
        self.start(starts);
        tell(client, reply);
    }

    async fn park(&self, seq: Seq, reason: String) {
        self.park_and_tell(seq, reason, None).await;
    }

    /// Puts a write aside. What the primary does not take, no replica is given that has not got it.
    async fn park_and_tell(&self, seq: Seq, reason: String, reply: Option<Response<Body>>) {
        let shared = &self.core.shared;
        shared.counts.parked(self.track);
        let upstream = self.route.upstream.name().to_owned();
        shared.tell(&Notice::Parked {
            upstream,
            id: shared.write_id(self.number, seq),
            reason: reason.clone(),
        });
        let reply = reply.unwrap_or_else(|| {
            answer::error(
                http::StatusCode::BAD_GATEWAY,
                "parked",
                (&reason, "see /seawall/writes?state=parked; it can be sent again"),
            )
        });
        if self.track == 0 {
            return self.refuse(seq, &Settled::Parked(reason), reply).await;
        }
        self.settle(seq, Settled::Parked(reason)).await;
        let (client, starts) = self.lane().settled(self.track, seq);
        self.start(starts);
        finish(client, reply).await;
    }

    /// The server was not there: who waits is sent elsewhere or told, and it is tried again.
    async fn absent(&mut self, cause: &str) {
        self.core.upstream_failed(self.track, cause);
        self.not_yet(cause).await;
    }

    async fn not_yet(&mut self, cause: &str) {
        let starts = self.lane().fail(self.track);
        self.start(starts);
        // Once a server is known to be gone, its return is what goes on.
        if !self.route.upstream.circuit.is_there() {
            return;
        }
        self.core.shared.tell(&Notice::Held { lane: self.number.get(), cause: cause.to_owned() });
        sleep(self.backoff.pause()).await;
        if self.route.upstream.circuit.is_there() {
            let starts = self.lane().come_back(self.track);
            self.start(starts);
        }
    }

    /// It is not known whether a write was applied.
    async fn unknown(&mut self, seq: Seq, cause: &str) {
        self.lane().doubt(self.track, seq);
        self.core.shared.counts.doubted(self.track);
        match self.core.shared.settings.replay.ambiguous {
            Ambiguous::Replay => self.absent(cause).await,
            Ambiguous::Park => {
                self.core.upstream_failed(self.track, cause);
                let reason = format!("whether it was applied is unknown: {cause}");
                let hint = "find out whether it was applied; then retry or drop it under /seawall/writes";
                let reply = answer::error(http::StatusCode::GATEWAY_TIMEOUT, "unknown", (&reason, hint));
                self.park_and_tell(seq, reason, Some(reply)).await;
            }
        }
    }
}

fn tell(client: Option<oneshot::Sender<Outcome>>, reply: Response<Body>) {
    if let Some(client) = client {
        // A client that has left does not mind.
        client.send(Outcome::Answered(reply)).ok();
    }
}

/// Gives an answer to whoever waits, or reads it to its end so that the connection can be used again.
async fn finish(client: Option<oneshot::Sender<Outcome>>, reply: Response<Body>) {
    match client {
        Some(client) => tell(Some(client), reply),
        None => drop(reply.into_body().collect(LEFTOVER).await),
    }
}
