//! Carries the writes of one lane to one server, one after the other, as long as there are any.
//!
//! What a crash leaves at each step: a write is durable before this begins. Before its settlement is durable it is pending,
//! and is sent again with the same idempotency key. What was learned from its answer is durable before it is settled. Of a
//! refused write, the servers that are spared it are settled before the one that refused it, and all of that is durable
//! before the client is told, so that it can reach no other.

use std::sync::Arc;

use http::{Response, StatusCode};
use journal::{CommitError, Consumer, Outcome as Settled, ReadError, Seq, Stream, Ticket};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::sleep;

use super::ahead::{self, Ahead, Found};
use super::delivery::{Delivery, Reply, Sent};
use super::verdict::{Sending, Verdict, judge};
use super::{Lane, LaneNumber, Outcome, Pace, Starts, Work};
use crate::answer;
use crate::body::Body;
use crate::call::Call;
use crate::core::{Core, PERMIT};
use crate::dialect::Before;
use crate::entry::Entry;
use crate::notice::Notice;
use crate::settings::Ambiguous;
use crate::upstream::{Backoff, Route};

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

/// The client that an answer was claimed for.
type Claimed = Option<oneshot::Sender<Outcome>>;

struct Carrier {
    core: Arc<Core>,
    number: LaneNumber,
    track: usize,
    route: Route,
    consumer: Consumer,
    ahead: Ahead,
    backoff: Backoff,
    /// Answers with an error that this write had.
    tries: u32,
}

impl Carrier {
    fn new(core: &Arc<Core>, number: LaneNumber, track: usize) -> Option<Self> {
        Some(Self {
            core: Arc::clone(core),
            number,
            track,
            route: core.routes.get(track)?.clone(),
            consumer: core.shared.consumers.get(track)?.clone(),
            ahead: Ahead::default(),
            backoff: core.shared.backoff(),
            tries: 0,
        })
    }

    fn lane(&self) -> &Lane {
        self.core.shared.lane(self.number)
    }

    fn stream(&self) -> Result<Stream, CommitError> {
        self.lane().stream(&self.core.shared.journal).cloned()
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
        let Reply { status, before, response } = match self.send(seq, call, Sending::Asked).await {
            Sent::Answered(reply) => reply,
            Sent::Never(cause) => {
                let Some(client) = self.lane().claim(seq) else { return self.park(seq, cause, None).await };
                let hint = "what it needs is not there, so it was not written";
                let reply = answer::error(StatusCode::CONFLICT, "cannot-be-sent", (&cause, hint));
                return self.refuse(seq, &Settled::Delivered, (Some(client), reply)).await;
            }
            other => return self.unsent(seq, other).await,
        };
        let verdict = judge(Sending::Asked, status, before);
        if verdict == Verdict::Absent {
            return self.absent(&format!("it answered {status}")).await;
        }
        if before == Before::Applied {
            return self.had_been_applied(seq).await;
        }
        // A client that was told meanwhile that its write is queued cannot be told that it is refused.
        let Some(client) = self.lane().claim(seq) else {
            return self.heard(seq, Reply { status, before, response }).await;
        };
        if verdict == Verdict::Accepted {
            return self.accept(seq, (Some(client), response)).await;
        }
        self.answered();
        self.refuse(seq, &Settled::Delivered, (Some(client), response)).await;
    }

    /// Sends a write that is decided: the next that is pending from `seq` on.
    async fn repeat(&mut self, seq: Seq, pace: Pace) {
        let Ok(stream) = self.stream() else { return };
        let last = self.lane().standing(self.track).last;
        self.ahead.forget_before(seq);
        let room = self.room_for(&stream, seq).await;
        match self.ahead.first(&self.consumer, &stream, seq).await {
            Ok(Some(event)) if event.seq == seq => self.deliver(event, pace, room).await,
            Ok(next) => {
                let next = next.map_or(last.next(), |event| event.seq);
                self.start(self.lane().skip_to(self.track, next));
            }
            Err(error) => self.unreadable(seq, error).await,
        }
    }

    /// Sends a write again that had been parked.
    async fn again(&mut self, seq: Seq) {
        let Ok(stream) = self.stream() else { return };
        let room = self.room_for(&stream, seq).await;
        let consumer = self.consumer.clone();
        match tokio::task::spawn_blocking(move || consumer.read(&stream, seq)).await {
            Ok(Ok(Some(event))) => {
                self.deliver(Found { seq, payload: event.payload.into() }, Pace::Follow, room).await;
            }
            Ok(Ok(None)) => self.start(self.lane().settled(self.track, seq).1),
            Ok(Err(error)) => self.unreadable(seq, error).await,
            // The proxy is stopping.
            Err(_) => {}
        }
    }

    async fn unreadable(&mut self, seq: Seq, error: ReadError) {
        match error {
            ReadError::Damaged { seq, .. } => {
                self.park(seq, "its bytes in the journal are damaged".to_owned(), None).await;
            }
            ReadError::Disk(fault) => {
                let lane = self.number.get();
                self.core.shared.tell(&Notice::Unreadable { lane, cause: format!("write {seq}: {fault}") });
                sleep(self.backoff.pause()).await;
            }
        }
    }

    /// Waits for room to read a large write: of those, only so many are in memory as of what clients send. It is there twice
    /// while it is read: in what was read, and by itself.
    async fn room_for(&self, stream: &Stream, seq: Seq) -> Option<OwnedSemaphorePermit> {
        let bytes = usize::try_from(self.consumer.size_of(stream, seq)?).unwrap_or(usize::MAX);
        if bytes <= ahead::BYTES {
            return None;
        }
        let shared = &self.core.shared;
        let all = shared.settings.limits.inflight_bytes;
        let permits = u32::try_from(bytes.saturating_mul(2).min(all).div_ceil(PERMIT)).unwrap_or(u32::MAX);
        Arc::clone(&shared.replay_room).acquire_many_owned(permits).await.ok()
    }

    async fn deliver(&mut self, event: Found, pace: Pace, room: Option<OwnedSemaphorePermit>) {
        let seq = event.seq;
        let room = room.map(|room| only_for(event.payload.len(), room));
        let call = match Entry::decode(event.payload) {
            Ok(entry) => entry.call,
            Err(error) => return self.park(seq, format!("it is no write of a proxy: {error}"), None).await,
        };
        let sent = match pace {
            Pace::Follow => self.send(seq, &call, Sending::Repeated(self.tries)).await,
            Pace::Drain => {
                let _turn = self.route.upstream.drains.acquire().await;
                self.send(seq, &call, Sending::Repeated(self.tries)).await
            }
        };
        drop(call);
        self.ahead.forget_large();
        drop(room);
        match sent {
            Sent::Answered(reply) => self.heard(seq, reply).await,
            Sent::Never(cause) => self.park(seq, cause, None).await,
            other => self.unsent(seq, other).await,
        }
    }

    async fn send(&self, seq: Seq, call: &Call, sending: Sending) -> Sent {
        let Self { core, route, number, track, .. } = self;
        Delivery { shared: &core.shared, route, lane: *number, track: *track, seq, sending }.send(call).await
    }

    /// A write that is decided was answered.
    async fn heard(&mut self, seq: Seq, Reply { status, before, response }: Reply) {
        match judge(Sending::Repeated(self.tries), status, before) {
            Verdict::Accepted if before == Before::Applied => self.had_been_applied(seq).await,
            Verdict::Accepted => {
                self.core.shared.counts.replayed(self.track);
                self.accept(seq, (None, response)).await;
            }
            Verdict::Absent => self.absent(&format!("it answered {status}")).await,
            Verdict::Later => {
                finish(None, response).await;
                self.tries += 1;
                sleep(self.backoff.pause()).await;
            }
            Verdict::Refused => self.park(seq, format!("the server answered {status}"), Some(response)).await,
            Verdict::Parked(reason) => {
                self.answered();
                self.park(seq, reason, Some(response)).await;
            }
        }
    }

    /// The server is there and has decided.
    fn answered(&mut self) {
        self.core.shared.upstream_answered(self.track);
        self.backoff = self.core.shared.backoff();
        self.tries = 0;
    }

    async fn accept(&mut self, seq: Seq, (claimed, response): (Claimed, Response<Body>)) {
        self.answered();
        self.settle_delivered(seq).await;
        let (client, starts) = self.lane().settled(self.track, seq);
        self.start(starts);
        finish(claimed.or(client), response).await;
    }

    /// The server answered that there was nothing left to do. That is no answer for the client, who is told what it would
    /// be told of a queued write.
    async fn had_been_applied(&mut self, seq: Seq) {
        self.answered();
        self.core.shared.counts.replayed(self.track);
        self.settle_delivered(seq).await;
        let (client, starts) = self.lane().settled(self.track, seq);
        self.start(starts);
        if let Some(client) = client {
            // A client that has left does not mind.
            client.send(Outcome::Queued).ok();
        }
    }

    /// The server has the write. Where it may be sent once only, the next one is not sent before that is known for ever.
    async fn settle_delivered(&self, seq: Seq) {
        if self.core.shared.settings.replay.ambiguous == Ambiguous::Park {
            return self.settle(self.track, seq, Settled::Delivered).await;
        }
        if let Some(ticket) = self.settlement(self.track, seq, Settled::Delivered) {
            self.core.shared.unhurried.keep(ticket);
        }
    }

    async fn settle(&self, track: usize, seq: Seq, outcome: Settled) {
        let ticket = self.settlement(track, seq, outcome);
        // Where a write may be sent once only, the next one is not sent before it is known that this one was.
        if self.core.shared.settings.replay.ambiguous == Ambiguous::Park {
            // What went wrong was told.
            self.made_sure(ticket).await.ok();
        }
    }

    fn settlement(&self, track: usize, seq: Seq, outcome: Settled) -> Option<Ticket<()>> {
        Some(self.core.shared.consumers.get(track)?.settle(&self.stream().ok()?, seq, outcome))
    }

    /// Waits until settlements are durable; the first that is not, is told and returned.
    async fn made_sure(&self, settlements: impl IntoIterator<Item = Ticket<()>>) -> Result<(), CommitError> {
        for settlement in settlements {
            if let Err(error) = settlement.await {
                let upstream = self.route.upstream.name().to_owned();
                self.core.shared.tell(&Notice::NotSettled { upstream, cause: error.to_string() });
                return Err(error);
            }
        }
        Ok(())
    }

    /// The servers that have not sent a write do not.
    async fn refuse(&self, seq: Seq, outcome: &Settled, (claimed, response): (Claimed, Response<Body>)) {
        let ((client, spared), starts) = self.lane().spare(self.track, seq);
        let tracks = spared.into_iter().chain([self.track]);
        let settlements: Vec<_> =
            tracks.filter_map(|track| self.settlement(track, seq, outcome.clone())).collect();
        // Before a client is told of it: a start that does not know of the refusal would send the write to all.
        let sure = self.made_sure(settlements).await;
        self.start(starts);
        let response = match sure {
            Ok(()) => response,
            Err(error) => answer::journal_unknown(&error),
        };
        finish(claimed.or(client), response).await;
    }

    /// Puts a write aside. What the primary does not take, no replica is given that has not got it.
    async fn park(&self, seq: Seq, reason: String, response: Option<Response<Body>>) {
        let shared = &self.core.shared;
        shared.counts.parked(self.track);
        let upstream = self.route.upstream.name().to_owned();
        shared.tell(&Notice::Parked {
            upstream,
            id: shared.write_id(self.number, seq),
            reason: reason.clone(),
        });
        // Whoever still waits for it learns what was answered.
        let response = response.unwrap_or_else(|| {
            let hint = "an operator finds it under /seawall/writes?state=parked";
            answer::error(StatusCode::BAD_GATEWAY, "parked", (&reason, hint))
        });
        if self.track == 0 {
            return self.refuse(seq, &Settled::Parked(reason), (None, response)).await;
        }
        self.settle(self.track, seq, Settled::Parked(reason)).await;
        let (client, starts) = self.lane().settled(self.track, seq);
        self.start(starts);
        finish(client, response).await;
    }

    async fn unsent(&mut self, seq: Seq, sent: Sent) {
        match sent {
            Sent::Absent(cause) => self.absent(&cause).await,
            Sent::Unknown(cause) => self.unknown(seq, &cause).await,
            Sent::NotYet(cause) | Sent::Never(cause) => {
                let lane = self.number.get();
                self.core.shared.tell(&Notice::Held { lane, cause });
                self.later().await;
            }
            Sent::Answered(_) => {}
        }
    }

    async fn absent(&mut self, cause: &str) {
        self.core.upstream_failed(self.track, cause);
        self.later().await;
    }

    /// Who waits is sent elsewhere or told, and the write is tried again.
    async fn later(&mut self) {
        self.start(self.lane().fail(self.track));
        // Once a server is known to be gone, its return is what goes on.
        if !self.route.upstream.circuit.is_there() {
            return;
        }
        sleep(self.backoff.pause()).await;
        if self.route.upstream.circuit.is_there() {
            self.start(self.lane().come_back(self.track));
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
                let hint = "an operator finds out whether it was, and sends it again or gives it up";
                let response = answer::error(StatusCode::GATEWAY_TIMEOUT, "unknown", (&reason, hint));
                self.park(seq, reason, Some(response)).await;
            }
        }
    }
}

/// Gives back the room that was for reading so many bytes.
fn only_for(bytes: usize, mut room: OwnedSemaphorePermit) -> OwnedSemaphorePermit {
    drop(room.split(room.num_permits().saturating_sub(bytes.div_ceil(PERMIT))));
    room
}

/// Gives an answer to whoever waits, or reads it to its end so that the connection can be used again.
async fn finish(client: Option<oneshot::Sender<Outcome>>, response: Response<Body>) {
    match client {
        // A client that has left does not mind.
        Some(client) => drop(client.send(Outcome::Answered(response))),
        None => drop(response.into_body().collect(LEFTOVER).await),
    }
}
