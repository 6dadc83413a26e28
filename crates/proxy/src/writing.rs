//! A write on its way from a client to the journal, and an answer back.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use journal::{CommitError, Seq, Ticket};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::answer::{self, Accepted};
use crate::bodies;
use crate::body::Body;
use crate::call::{Answer, Call, Head};
use crate::core::{Core, Shared};
use crate::counts::count;
use crate::draft::Draft;
use crate::entry::Entry;
use crate::head::preferred_wait;
use crate::lane::{self, LaneNumber, Outcome, Release, Waiting, Wish};

/// Longer than this, nobody waits, whatever is preferred.
const LONGEST_WISH: Duration = Duration::from_mins(5);

/// Journals a write, and answers as soon as there is something to tell.
pub(crate) async fn write(core: &Arc<Core>, head: Head, incoming: Incoming) -> Response<Body> {
    let shared = &core.shared;
    count(&shared.counts.writes);
    let wish = preferred_wait(&head.headers).map(|seconds| Duration::from_secs(seconds).min(LONGEST_WISH));
    let before = Draft::room_for(&head);
    let (draft, room) = match bodies::take(shared, incoming, before).await {
        Ok((memory, room)) => (Draft::new(memory, before), room),
        Err(answer) => return *answer,
    };
    let (lane, head) = {
        let call = Call { head, body: draft.body() };
        (shared.settings.dialect.lane(&call, &shared.known), call.head)
    };
    let (entry, bytes) = draft.finish(lane, head);
    let number = LaneNumber::of(&entry.lane);
    let entry = Arc::new(entry);
    let ticket = match shared.lane(number).append(&shared.journal, bytes) {
        Ok(ticket) => ticket,
        Err(error) => return answer::not_journaled(&error),
    };
    let (client, told) = oneshot::channel();
    let patience = if wish.is_some() { Wish::Wait } else { Wish::Know };
    let waiting = Waiting { client, entry: Some((Arc::clone(&entry), room)), patience };
    // By itself, so that a client that leaves now does not keep its write from the servers.
    let arrival = tokio::spawn(arrive(Arc::clone(core), number, ticket, waiting));
    let seq = match arrival.await {
        Ok(Ok(seq)) => seq,
        Ok(Err(error)) => return answer::not_journaled(&error),
        Err(_) => return answer::no_upstream("the proxy is stopping"),
    };
    let mut told = told;
    let limit = wish.unwrap_or_default().max(patience_with(shared));
    let outcome = match timeout(limit, &mut told).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let (release, starts) = shared.lane(number).release(seq);
            lane::start(core, number, starts);
            match release {
                Release::Queued => Ok(Outcome::Queued),
                Release::Answered => told.await,
            }
        }
    };
    match outcome {
        Ok(Outcome::Answered(answer)) => answer,
        Ok(Outcome::Queued) | Err(_) => queued(core, &entry, (number, seq)).await,
    }
}

/// Long enough for a server that says nothing, and for the one that answers in its place.
fn patience_with(shared: &Shared) -> Duration {
    let times = &shared.settings.times;
    (times.connect + times.request) * 2
}

async fn arrive(
    core: Arc<Core>,
    number: LaneNumber,
    ticket: Ticket<Seq>,
    waiting: Waiting,
) -> Result<Seq, CommitError> {
    let outcome = ticket.await;
    let lane = core.shared.lane(number);
    match &outcome {
        Ok(seq) => lane::start(&core, number, lane.arrive(*seq, waiting)),
        Err(CommitError::Unknown(_)) => lane::start(&core, number, lane.expect_gap()),
        Err(_) => {}
    }
    outcome
}

/// The write is durable, and no server has answered.
async fn queued(core: &Arc<Core>, entry: &Entry, (number, seq): (LaneNumber, Seq)) -> Response<Body> {
    let shared = &core.shared;
    count(&shared.counts.queued);
    let id = shared.write_id(number, seq);
    if let Some(promised) = promised(shared, &shared.keyed(&entry.call, (number, seq))).await {
        return answer::promised(promised, &id);
    }
    let standing = shared.lane(number).standing(0);
    let state = if standing.doubt == Some(seq) { "unknown" } else { "queued" };
    answer::accepted(&Accepted { id: &id, lane: entry.lane.as_str(), state, pending: standing.backlog })
}

/// What the dialect can answer in a server's place, once what it promises is durable.
async fn promised(shared: &Shared, call: &Call) -> Option<Answer> {
    let dialect = &shared.settings.dialect;
    // Most writes need no promise, and need not wait for their turn.
    dialect.promise(call, &shared.known)?;
    let mut promised = None;
    let mut lessons = || {
        let promise = dialect.promise(call, &shared.known)?;
        promised = Some(promise.answer);
        Some(promise.lessons)
    };
    shared.teacher.teach(|| lessons().unwrap_or_default()).await.ok()?;
    promised
}
