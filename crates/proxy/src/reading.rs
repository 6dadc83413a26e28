//! A read on its way to a server that has what its client was told, and the answer back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use hyper::body::Incoming;

use crate::answer;
use crate::asking;
use crate::bodies;
use crate::body::Body;
use crate::call::{Answer, Call, Head};
use crate::chance;
use crate::core::{Core, Shared};
use crate::counts::count;
use crate::dialect::{Carriage, Interest, Outbound, Reach};
use crate::head::passed_back;
use crate::lane::LaneNumber;
use crate::settings::Feed;
use crate::upstream::{Attempt, Doubt, Outgoing, Route, says_absent, send, send_afresh};

/// Says that the server lacks so many writes of which clients were told.
const PENDING: HeaderName = HeaderName::from_static("seawall-pending");

/// The body of a read, and whether it can be sent more than once.
enum Load {
    Whole(Bytes),
    Once(Option<Body>),
}

/// A server that may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    number: usize,
    /// Writes that it lacks, of those of which clients were told.
    lacks: u64,
}

/// Asks one server after the other, the best one first.
pub(crate) async fn read(
    core: &Arc<Core>,
    head: Head,
    (reach, carriage): (Reach, Carriage),
    incoming: Incoming,
) -> Response<Body> {
    let shared = &core.shared;
    let mut room = None;
    let mut load = match carriage {
        Carriage::Whole => match bodies::take(shared, incoming, 0).await {
            Ok((body, taken)) => {
                room = Some(taken);
                Load::Whole(body.into())
            }
            Err(answer) => return *answer,
        },
        Carriage::Streamed => match Body::stream(incoming, shared.settings.times.stall) {
            Body::Whole(_) => Load::Whole(Bytes::new()),
            stream @ Body::Stream(_) => Load::Once(Some(stream)),
        },
    };
    let body = match &load {
        Load::Whole(body) => body.clone(),
        Load::Once(_) => Bytes::new(),
    };
    let call = Call { head, body };
    let mut last = None;
    for candidate in candidates(shared, &reach) {
        match ask(core, candidate, &call, &mut load).await {
            Ok(answer) => {
                drop(room);
                return answer;
            }
            Err(Some(answer)) => last = Some(answer),
            Err(None) => {}
        }
        if matches!(load, Load::Once(None)) {
            break;
        }
    }
    if let Some(promise) = shared.settings.dialect.promise(&call, &shared.known) {
        return answer::whole(promise.answer);
    }
    last.unwrap_or_else(|| answer::no_upstream("none of them is there"))
}

/// Asks one server. Without an answer, another may be asked; this one said what to answer if there is no other.
async fn ask(
    core: &Arc<Core>,
    candidate: Candidate,
    call: &Call,
    load: &mut Load,
) -> Result<Response<Body>, Option<Response<Body>>> {
    let shared = &core.shared;
    let Some(route) = core.routes.get(candidate.number) else { return Err(None) };
    let name = route.upstream.name();
    let outbound = match asking::outbound(shared, route, call).await {
        Ok(outbound) => outbound,
        Err(cause) => {
            core.upstream_failed(candidate.number, &cause);
            return Err(Some(answer::no_upstream(&format!("{name}: {cause}"))));
        }
    };
    let sent = match &outbound {
        Outbound::AsItIs => call,
        Outbound::Rewritten(other) => other,
        Outbound::Ask(_) => return Err(None),
        Outbound::NotYet(cause) | Outbound::Never(cause) => return Err(Some(answer::no_upstream(cause))),
    };
    match send_load(route, sent, load, shared).await {
        Attempt::Answered(response) => {
            let is_absent = says_absent(response.status());
            let (mut parts, body) = response.into_parts();
            passed_back(&call.head.method, &mut parts.headers);
            if candidate.lacks > 0 {
                parts.headers.insert(PENDING, HeaderValue::from(candidate.lacks));
            }
            let body = Body::arriving(body, shared.settings.times.stall);
            let response = Response::from_parts(parts, body);
            if is_absent {
                core.upstream_failed(candidate.number, &format!("it answered {}", response.status()));
                return Err(Some(response));
            }
            shared.upstream_answered(candidate.number);
            match shared.settings.dialect.interest(&call.head) {
                Interest::None => Ok(response),
                Interest::Body => inbound(shared, call, name, response).await.map_err(Some),
            }
        }
        Attempt::Absent(cause, _) | Attempt::Unknown(Doubt { cause, .. }) => {
            core.upstream_failed(candidate.number, &cause);
            Err(Some(answer::no_upstream(&format!("{name}: {cause}"))))
        }
    }
}

async fn send_load(route: &Route, call: &Call, load: &mut Load, shared: &Shared) -> Attempt {
    let limit = shared.settings.times.request;
    let outgoing = |body| Outgoing { head: &call.head, key: None, body };
    match load {
        Load::Whole(_) => match send(route, outgoing(Body::whole(call.body.clone())), limit).await {
            // Most often the server has closed an idle connection just then.
            Attempt::Unknown(doubt) if doubt.is_broken => {
                send_afresh(route, outgoing(Body::whole(call.body.clone())), limit).await
            }
            other => other,
        },
        Load::Once(stream) => {
            let body = stream.take().unwrap_or(Body::EMPTY);
            match send(route, outgoing(body), limit).await {
                Attempt::Absent(cause, Some(body)) => {
                    *stream = Some(body);
                    Attempt::Absent(cause, None)
                }
                other => other,
            }
        }
    }
}

/// The answer as a dialect that wants all of it gives it to the client.
async fn inbound(
    shared: &Shared,
    call: &Call,
    upstream: &str,
    response: Response<Body>,
) -> Result<Response<Body>, Response<Body>> {
    let dialect = &shared.settings.dialect;
    let (parts, body) = response.into_parts();
    match body.collect(shared.settings.limits.body_bytes).await {
        Ok(body) => {
            let answer = Answer { status: parts.status, headers: parts.headers, body };
            let lessons = || dialect.learn(call, upstream, &answer, &shared.known);
            // Most reads teach nothing, and need not wait for their turn.
            if answer.status.is_success() && !lessons().is_empty() {
                let taught = shared.teacher.teach(lessons).await;
                taught.map_err(|error| {
                    answer::no_upstream(&format!("what it teaches cannot be kept: {error}"))
                })?;
            }
            Ok(answer::whole(dialect.inbound(call, upstream, answer, &shared.known)))
        }
        Err(error) => Err(answer::no_upstream(&format!("{upstream}: its answer cannot be used: {error}"))),
    }
}

/// Servers that are there, the best first: those that have what clients were told, the share of replicas among them by
/// chance, and then those that lack least.
fn candidates(shared: &Shared, reach: &Reach) -> Vec<Candidate> {
    let lane = match reach {
        Reach::Lane(key) => Some(shared.lane(LaneNumber::of(key))),
        Reach::Everything => None,
    };
    let there = shared.upstreams.iter().enumerate().filter(|(_, upstream)| upstream.circuit.is_there());
    let judged = there.map(|(number, upstream)| {
        let is_current = match (upstream.server.feed, lane) {
            (Feed::Journal, Some(lane)) => lane.is_current(number),
            (Feed::Journal, None) => shared.tallies.is_current(number),
            (Feed::Primary, lane) => {
                let touched = lane.map_or_else(|| shared.tallies.touched(), crate::lane::Lane::touched);
                let window = shared.settings.reads.consistency_window;
                touched.is_none_or(|touched| touched.elapsed() >= window)
            }
        };
        let lacks =
            || lane.map_or_else(|| shared.tallies.backlog(number), |lane| lane.standing(number).backlog);
        Candidate { number, lacks: if is_current { 0 } else { lacks().max(1) } }
    });
    let mut judged: Vec<Candidate> = judged.collect();
    // The primary is first, unless chance says otherwise and a replica is as good.
    if judged.len() > 1 {
        let chance = shared.chance();
        if chance::share(chance) < shared.settings.reads.replica_ratio {
            let replicas = judged.iter().filter(|candidate| candidate.number != 0).count();
            let turn = usize::try_from(chance % replicas.max(1) as u64).unwrap_or_default();
            judged.rotate_left(1 + turn);
            // Rotation has put the primary somewhere between; it comes behind the replicas.
            judged.sort_by_key(|candidate| candidate.number == 0);
            if judged.first().is_some_and(|first| first.lacks > 0) {
                count(&shared.counts.overrides);
            }
        }
    }
    judged.sort_by_key(|candidate| candidate.lacks);
    judged
}
